"""The connection to Discord: in as many shards as it recommends, each of which comes back by itself.

discord.py's own client of many shards ends as a whole over one event it cannot read, and asks for nothing
that it missed while a line was down: a command sent meanwhile would get no answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from typing import Any

import discord
import yarl
from discord.gateway import ReconnectWebSocket
from discord.shard import EventItem, EventType

log = logging.getLogger(__name__)

LOGIN_EVERY = 5.5
"""Seconds between two logins of one group of shards: Discord wants 5, and the line's delay varies."""
LONGEST_PAUSE = 60.0
STEADY = 300.0
"""Seconds a connection must have lasted for the next pause to be short: Discord allows 1,000 logins a day."""


class ShardedClient(discord.AutoShardedClient):
    """A client with a connection for each shard. ``shards``: how many; 0 = as many as Discord recommends."""

    def __init__(self, *, shards: int = 0, **options: Any) -> None:
        super().__init__(**options)
        self._wanted = shards
        self._at_once = 1  # groups of shards: one of each may log in at the same time
        self._next_login: dict[int, float] = {}  # by group

    async def launch_shards(self) -> None:
        """Connect all shards, as many at once as Discord allows. Raises GatewayNotFound."""
        recommended, url, limits = await self.http.get_bot_gateway()
        count = self._wanted or recommended
        self._at_once = limits["max_concurrency"]
        self.shard_count = self._connection.shard_count = count
        self._connection.shard_ids = range(count)
        if count > 1:
            log.info("connecting in %d shards", count)
        for first in range(0, count, self._at_once):
            async with asyncio.TaskGroup() as group:
                for number in range(first, min(first + self._at_once, count)):
                    group.create_task(self.launch_shard(yarl.URL(url), number))

    async def launch_shard(self, gateway: yarl.URL, shard_id: int, *, initial: bool = False) -> None:
        """Connect one shard."""
        await super().launch_shard(gateway, shard_id, initial=initial)
        info = self.get_shard(shard_id)
        assert info is not None
        shard = info._parent
        if not isinstance(shard._queue_put, _Return):  # where the first try failed it was done by the second
            shard._queue_put = _Return(shard._queue_put)

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Wait until this shard's group may log in."""
        group, now = (shard_id or 0) % self._at_once, time.monotonic()
        at = max(now, self._next_login.get(group, 0.0))
        self._next_login[group] = at + LOGIN_EVERY
        await asyncio.sleep(at - now)

    async def connect(self, *, reconnect: bool = True) -> None:
        """Serve until closed or cancelled: nothing is read after that."""
        try:
            await super().connect(reconnect=reconnect)
        finally:
            for info in self.shards.values():
                info._parent._cancel_task()


class _Return:
    """How one shard comes back. Stands before the queue of what has become of all shards."""

    def __init__(self, put: Callable[[EventItem], None]) -> None:
        self._put = put
        self._pause = 1.0
        self._since = time.monotonic()
        self._waiting: asyncio.Task[None] | None = None

    def __call__(self, item: EventItem) -> None:
        if item.shard is not None and item.type == EventType.reconnect and item.shard.ws.session_id:
            item = _resume(item)
        elif item.type == EventType.terminate and not isinstance(item.error, discord.ClientException):
            self._waiting = asyncio.get_running_loop().create_task(self._later(item))
            return
        self._put(item)

    async def _later(self, item: EventItem) -> None:
        """Let a shard go on after an event that discord.py cannot read: the next may be readable."""
        assert item.shard is not None
        pause = 1.0 if time.monotonic() - self._since > STEADY else self._pause
        log.error(
            "the connection to Discord broke (shard %d); connecting again in %.0f s",
            *(item.shard.id, pause),
            exc_info=item.error,
        )
        with contextlib.suppress(Exception):
            await item.shard.ws.close(code=4000)  # any other would end the session
        await asyncio.sleep(pause)
        self._pause, self._since = min(LONGEST_PAUSE, pause * 2), time.monotonic()
        self._put(_resume(item))


def _resume(item: EventItem) -> EventItem:
    """Return the same with a wish for all that was missed; Discord has it for a few minutes."""
    assert item.shard is not None
    return EventItem(EventType.resume, item.shard, ReconnectWebSocket(item.shard.id, resume=True))
