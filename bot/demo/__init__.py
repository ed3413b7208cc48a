"""A local stand-in for Discord: a toy to try the bot with, and the bench its tests stand on."""
