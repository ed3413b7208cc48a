"""Messages that must still be shown: made with a job's end, kept until a publisher has sent them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from engine.jobs import Delivery, Job
from engine.service.pictures import found
from engine.service.requests import Caller
from engine.store import deliveries as store_deliveries
from engine.store import preferences as store_preferences
from engine.store.connection import Store


class Outbox:
    """The deliveries, for those who publish them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._publishers: set[asyncio.Event] = set()
        self._shown = asyncio.Event()  # a delivery was sent, or given up

    async def deliveries(self) -> AsyncIterator[Delivery]:
        """Yield every delivery not yet shown: those left from before, then each as it is made.

        Each once: whoever takes it calls ``mark_attempted`` before sending, then ``mark_sent`` or
        ``mark_undeliverable``, and tries again in between; what it leaves comes again at the next start.
        """
        waker, last = asyncio.Event(), 0
        self._publishers.add(waker)
        try:
            while True:
                waker.clear()  # clear, then look: a delivery made in between is kept
                for delivery in await self._store.read(store_deliveries.pending, last):
                    last = delivery.id
                    yield delivery
                await waker.wait()
        finally:
            self._publishers.discard(waker)

    def notify_publishers(self) -> None:
        """Say that there may be new deliveries."""
        for waker in self._publishers:
            waker.set()

    async def enqueue(
        self, caller: Caller, job: Job, kind: str, *, cell: int | None = None, spoiler: bool = False
    ) -> Delivery:
        """Promise a message about a job to somebody; idempotent by the caller's key."""
        row = {
            "request": caller.key,
            "job": job.id,
            "kind": kind,
            "cell": cell,
            "origin": caller.origin,
            "owner": caller.owner,
            "reply_to": caller.reply_to,
            "spoiler": spoiler,
            "created_at": self._store.now(),
        }
        delivery, new = await asyncio.shield(self._store.write(store_deliveries.promise, row))
        if new:
            self.notify_publishers()
        return delivery

    async def addressed(
        self, delivery: Delivery, place: str | None
    ) -> tuple[Job, dict[str, str], dict[str, str]]:
        """Return a delivery's job, and what its reader and the place (``server(guild)``) have set.

        All in one look. Raises NotFound.
        """
        job, own, here = await self._store.read(
            store_preferences.around, delivery.job, delivery.owner, place or ""
        )
        return found(job), own, here

    async def mark_attempted(self, delivery_id: int) -> None:
        """Note that a delivery is about to be sent."""
        await self._store.write(store_deliveries.attempted, self._store.now(), delivery_id)

    async def mark_sent(self, delivery_id: int, message_id: str) -> bool:
        """Note that a delivery was shown, as this message."""
        done = await asyncio.shield(self._store.write(store_deliveries.book, delivery_id, message_id))
        self._shown.set()
        return done

    async def mark_undeliverable(self, delivery_id: int, why: str) -> bool:
        """Note that a delivery cannot be shown (the channel is gone, we may not speak there)."""
        done = await asyncio.shield(self._store.write(store_deliveries.give_up, delivery_id, why))
        self._shown.set()
        return done

    async def undelivered(self) -> int:
        """Return how many deliveries have not been shown yet."""
        return await self._store.read(store_deliveries.count_pending)

    async def emptied(self) -> None:
        """Wait until everything was shown, as long as somebody publishes."""
        while self._publishers:
            self._shown.clear()  # clear, then look: what is shown in between is kept
            if not await self._store.read(store_deliveries.count_pending):
                return
            await self._shown.wait()
