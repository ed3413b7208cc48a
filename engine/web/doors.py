"""What all doors share, and the list of them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Depends, Request

from engine.errors import NotFound
from engine.jobs import Job
from engine.rules.keys import Key, Scope
from engine.service import Service
from engine.web.auth import Gate
from engine.web.bodies import Budget
from engine.web.drawing import DrawingDoor
from engine.web.errors import Fault
from engine.web.protocol import HEADERS_WITHIN, READS_WITHIN

STREAMS_MOST = 4
"""Streams one key may have open."""


@dataclass
class Doors:
    """The service and what stands before it. ``draining``: nothing new is taken."""

    service: Service
    gate: Gate
    drawing: DrawingDoor
    budget: Budget = field(default_factory=Budget)
    draining: bool = False
    url: str = ""
    """Where clients reach the listener, without a slash at the end."""
    streams: Counter[int] = field(default_factory=Counter)
    clock: Callable[[], float] = time.time
    """Unix seconds: until when links are good."""
    headers_within: float = HEADERS_WITHIN
    """Seconds a request's headers may take."""
    reads_within: float = READS_WITHIN
    """Seconds in which at least something of an answer must be read."""

    @classmethod
    def of(cls, service: Service, clock: Callable[[], float] = time.monotonic) -> Doors:
        """Return the doors of a service. ``clock``: seconds by which rates are counted."""
        config = service.config.api
        gate = Gate(service, config, clock)
        return cls(service, gate, DrawingDoor(service, config), clock=service.store.now)

    @contextmanager
    def streaming(self, key: Key) -> Iterator[None]:
        """Count a stream of a key while inside. Raises Fault: it has as many as it may."""
        if self.streams[key.id] >= STREAMS_MOST:
            sentence = f"This key has {STREAMS_MOST} streams open, which is the most."
            raise Fault("rate", sentence, retry_after=5)
        self.streams[key.id] += 1
        try:
            yield
        finally:
            self.streams[key.id] -= 1

    async def left(self, key: Key) -> float | None:
        """Return how many seconds of the device a key may still use; None: as many as it likes."""
        caller = self.drawing.caller(key, "", waited_for=True)
        balances = await self.service.prices.balances(key.owner, caller.member)
        return min((one.left for one in balances), default=None)


class Door:
    """What every door's endpoints stand on."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._service = doors.service
        self._drawing = doors.drawing

    async def _own(self, key: Key, job_id: str, missing: str) -> Job:
        """Return a job of the key's own; another's does not exist. Raises Fault with the sentence."""
        try:
            job = await self._service.find(job_id)
        except NotFound:
            raise Fault("missing", missing) from None
        if job.owner != key.owner:
            raise Fault("missing", missing)
        return job


def cell_of(job: Job, number: str) -> int | None:
    """Return which cell of a job a number names that counts from 1; None: none that there is."""
    good = number.isascii() and number.isdecimal() and len(number) < 3
    return int(number) - 1 if good and 1 <= int(number) <= len(job.pictures) else None


def let_in(scope: Scope, *, raw: bool = False, basic: bool = False) -> Any:
    """Return the dependency by which an endpoint has the key of its request: see ``Gate.key``."""

    async def key(request: Request) -> Key:
        doors: Doors = request.app.state.doors
        return await doors.gate.key(request, scope, raw=raw, basic=basic)

    return Depends(key)


Draws = Annotated[Key, let_in("draw")]
Reads = Annotated[Key, let_in("read")]
