"""The `limner` command line."""
