"""Telling somebody's own server how a job ended (webhooks): promises like any other, tried for a day."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from engine.errors import UserError
from engine.jobs import HOOK, Delivery
from engine.library.clock import AGREES
from engine.store import deliveries as store_deliveries
from engine.store import hooks as store_hooks
from engine.store.connection import Store

log = logging.getLogger("limner.hooks")

PAUSES = (5.0, 60.0, 300.0, 1800.0, 7200.0, 18_000.0, 28_800.0, 28_800.0)
"""Seconds before each further try; the last one comes 23 hours and a half after the first."""
GONE = 410
"""What a server answers that wants to hear no more."""


class Hooks:
    """Sends what was promised. ``stand_in``: the one loopback origin let through, as for links."""

    def __init__(self, store: Store, stand_in: str = "") -> None:
        self._store = store
        self._stand_in = stand_in
        self.changed = asyncio.Event()
        """Set where there may be something new to send."""

    def origin(self, key: int, url: str) -> str:
        """Return the return address of a job whose end is told there. Raises UserError."""
        from engine.intake.posting import checked_hook  # brings aiohttp, which few need

        return f"{HOOK}{key}/{checked_hook(url, self._stand_in)}"

    async def due(self, most: int) -> list[Delivery]:
        """Return what is to be sent now."""
        now = self._store.now()
        return await self._store.read(store_hooks.due, now, now + max(PAUSES) + AGREES, most)

    async def pause(self) -> float | None:
        """Return in how many seconds the next one is due; None: there is none."""
        now = self._store.now()
        at = await self._store.read(store_hooks.next_due, now)
        return None if at is None else min(max(0.0, at - now), max(PAUSES))

    async def send(self, delivery: Delivery, body: bytes, headers: Mapping[str, str]) -> None:
        """Send a message once, and note what came of it. Any answer of 200 to 299 will do."""
        from engine.intake.posting import post

        try:
            status = await post(address(delivery)[1], body, headers, self._stand_in)
        except UserError as error:
            await self._failed(delivery, str(error))
            return
        if 200 <= status < 300:
            await self._store.write(store_deliveries.book, delivery.id, str(status))
        elif status == GONE:
            await self.give_up(delivery, f"the server answered {GONE}: it wants no more")
        else:
            await self._failed(delivery, f"the server answered {status}")

    async def give_up(self, delivery: Delivery, why: str) -> None:
        """Send it no more."""
        log.warning("webhook %d of job %s: given up: %s", delivery.id, delivery.job, why)
        await self._store.write(store_deliveries.give_up, delivery.id, why)

    async def _failed(self, delivery: Delivery, why: str) -> None:
        if delivery.tries >= len(PAUSES):
            await self.give_up(delivery, why)
            return
        pause = PAUSES[delivery.tries]
        log.info("webhook %d of job %s: %s; again in %.0f s", delivery.id, delivery.job, why, pause)
        await self._store.write(store_hooks.postpone, delivery.id, self._store.now() + pause)
        self.changed.set()


def address(delivery: Delivery) -> tuple[int, str]:
    """Return the number of the key that asked, and where its message goes."""
    key, _, url = delivery.origin.removeprefix(HOOK).partition("/")
    return int(key), url
