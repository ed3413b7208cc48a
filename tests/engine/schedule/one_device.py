"""The queue before a single device, which is how most of its rules show."""

from __future__ import annotations

from collections.abc import Collection
from math import inf

from engine.schedule.devices import Devices
from engine.schedule.queue import FairQueue
from engine.schedule.tickets import QueueEntry


def pick(
    queue: FairQueue, warm: Collection[str] = (), room: float = inf, *, idle: bool = True
) -> QueueEntry | None:
    """Let one device draw the next: with these models loaded, this room, and nothing to do."""
    devices = Devices()
    devices.add("one")
    if not idle:
        devices.give(devices["one"], QueueEntry("before", "somebody", 1.0, next(iter(warm), ""), rows=0))
    devices.seen("one", warm, room)
    chosen = queue.pick(devices)
    return None if chosen is None else chosen[0]
