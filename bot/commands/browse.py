"""``/history``, ``/favorites``, ``/gallery``: what was drawn, page by page."""

from __future__ import annotations

import datetime
import re
from typing import Any

from discord import app_commands
from discord.app_commands import Choice, Range

from bot import interactions
from bot.components import browse
from bot.custom_ids import ListPage
from bot.interactions import Interaction
from bot.messages import browse as messages_browse
from engine.errors import UserError
from engine.service import FAVORITES, GALLERY, HISTORY, Search

_WORDS = "Only those whose prompt holds these words."
_DAY = datetime.timedelta(days=1)
_DATE = re.compile(r"([0-9]{4})(?:-([0-9]{1,2})(?:-([0-9]{1,2}))?)?")


def period(text: str, now: datetime.datetime) -> tuple[float, float | None]:
    """Return when a date begins and ends, in Unix seconds; None: it has not ended. Days are those of UTC.

    Raises UserError.
    """
    wanted = " ".join(text.lower().split())
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    since = {
        "today": today,
        "yesterday": today - _DAY,
        "last 7 days": today - 6 * _DAY,
        "last 30 days": today - 29 * _DAY,
    }.get(wanted)
    if since is not None:
        return since.timestamp(), today.timestamp() if wanted == "yesterday" else None
    found = _DATE.fullmatch(wanted)
    try:
        if found is None:
            raise ValueError
        year, month, day = found.groups()
        begins = datetime.datetime(int(year), int(month or "1"), int(day or "1"), tzinfo=datetime.UTC)
        if day is not None:
            ends = begins + _DAY
        elif month is not None:
            ends = (begins + 31 * _DAY).replace(day=1)
        else:
            ends = begins.replace(year=begins.year + 1)
        return begins.timestamp(), ends.timestamp()
    except (ValueError, OverflowError):
        raise UserError(messages_browse.bad_date(text)) from None


async def listed(interaction: Interaction, which: str, search: Search | None = None) -> None:
    """Show the first page of a list to whoever asks."""
    await interactions.acknowledge(interaction, ephemeral=True)
    key = ""
    if search is not None and search != Search():
        key = str(interaction.id)
        await interaction.client.service.browse.keep(str(interaction.user.id), which, key, search)
    await browse.show(interaction, ListPage(which, 0, key))


@app_commands.command(name="history", description="What you have drawn, page by page.")
@app_commands.describe(
    words=_WORDS,
    model="Only those that this model drew.",
    date="Only from then: today, last 7 days, 2026-11-24, 2026-11.",
    liked="Only those you marked with ❤️.",
)
@app_commands.autocomplete(model=interactions.models)
async def history(
    interaction: Interaction,
    words: Range[str, 1, 200] | None = None,
    model: Range[str, 1, 64] | None = None,
    date: Range[str, 1, 40] | None = None,
    liked: bool = False,
) -> None:
    """Show a person's results."""
    since, until = (None, None) if date is None else period(date, interaction.created_at)
    name = None if model is None else model.strip()
    await listed(interaction, HISTORY, Search(words or "", name, since, until, liked))


@app_commands.command(name="favorites", description="The pictures you marked with ❤️.")
@app_commands.describe(words=_WORDS)
async def favorites(interaction: Interaction, words: Range[str, 1, 200] | None = None) -> None:
    """Show what a person marked."""
    await listed(interaction, FAVORITES, Search(words or ""))


@app_commands.command(name="gallery", description="What people of this server marked with ❤️.")
@app_commands.describe(words=_WORDS)
@app_commands.guild_only()
async def gallery(interaction: Interaction, words: Range[str, 1, 200] | None = None) -> None:
    """Show what a server likes, as far as it was posted where everybody can see it."""
    await listed(interaction, GALLERY, Search(words or ""))


@history.autocomplete("date")
async def _dates(interaction: Interaction, typed: str) -> list[Choice[str]]:
    return interactions.choices(typed, messages_browse.DATES)


COMMANDS: tuple[Any, ...] = (history, favorites, gallery)
