"""`python -m bot` is `limner`."""

from bot.cli import app

app()
