"""Where in a channel our own earlier message may stand; knows neither jobs nor reports."""

from __future__ import annotations

import datetime
import time
from collections.abc import AsyncIterator

import discord

OPENED = 1_420_070_400.0
"""The year 2015, in Unix seconds: Discord's ids begin there."""
APART = 60.0
"""Seconds by which our clock and Discord's may differ without being wrong."""


async def both_ends(
    channel: discord.abc.Messageable, at: float, depth: int
) -> AsyncIterator[discord.Message]:
    """Yield the ``depth`` messages from a time on (Unix seconds), and the newest where those are not all.

    That time may be a wrong clock's: of one that ran behind the first are too old, of one that ran ahead
    there are none.
    """
    since = datetime.datetime.fromtimestamp(max(OPENED, at - APART), datetime.UTC)
    met: set[int] = set()
    async for message in channel.history(limit=depth, after=since, oldest_first=True):
        met.add(message.id)
        yield message
    if met and len(met) < depth and at <= time.time():
        return
    async for message in channel.history(limit=depth):
        if message.id not in met:
            yield message
