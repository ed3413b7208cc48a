"""Every word that people read in Discord."""
