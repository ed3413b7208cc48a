"""Our own earlier message is found whatever the clock said that stamped it."""

from __future__ import annotations

import datetime
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from bot.publish.search import both_ends

NOW = 1_700_000_000.0
MONTH = 31 * 86400.0


@dataclass
class Message:
    """A message of a channel, by when it was sent."""

    id: int
    at: float


class Channel:
    """A channel of ``count`` messages, a minute apart, the last of them now; ``asked``: requests for them."""

    def __init__(self, count: int) -> None:
        self.messages = [Message(number, NOW - 60.0 * (count - number)) for number in range(1, count + 1)]
        self.asked = 0

    async def history(
        self, *, limit: int, after: datetime.datetime | None = None, oldest_first: bool | None = None
    ) -> AsyncIterator[Message]:
        """As discord.py: from ``after`` on, or else the newest first."""
        self.asked += 1
        if after is None:
            found = self.messages[::-1]
        else:
            assert after.year >= 2015  # no message has an earlier one: Discord refuses its id
            found = [one for one in self.messages if one.at > after.timestamp()]
        for one in found[:limit]:
            yield one


async def seen(channel: Channel, at: float, depth: int = 300) -> list[int]:
    anything: Any = channel
    return [message.id async for message in both_ends(anything, at, depth)]


@pytest.mark.parametrize("off", [0.0, MONTH, -MONTH, -NOW, 2**31 - NOW])
async def test_a_recent_message_is_met_whatever_the_clock_said(off: float) -> None:
    channel = Channel(1000)
    met = await seen(channel, NOW - 600.0 + off)
    assert {991, 1000} <= set(met)
    assert len(met) == len(set(met))


async def test_a_quiet_channel_is_asked_once() -> None:
    channel = Channel(1000)
    assert await seen(channel, NOW - 600.0) == [*range(990, 1001)]
    assert channel.asked == 1
