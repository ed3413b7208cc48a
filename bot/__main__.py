"""`python -m bot` is `limner`."""

from bot.cli.main import app

app()
