"""Everything that is Discord: commands, buttons, words, delivery, and the local stand-in."""
