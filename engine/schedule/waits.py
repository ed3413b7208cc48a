"""In how many seconds jobs will be done, as people ask it again and again; knows no workers."""

from __future__ import annotations

import copy
import itertools
import time
from collections.abc import Callable, Sequence

from engine.schedule.devices import Devices
from engine.schedule.estimates import Estimates
from engine.schedule.forecast import Running, forecast, seconds
from engine.schedule.queue import FairQueue
from engine.schedule.tickets import QueueEntry

GOOD_FOR, SHARE = 0.5, 50
"""Seconds a forecast is good for at least; and for so many times what it took to make."""


class Waits:
    """Forecasts of the queue as it stands, each made once for all who ask. ``running``: as it is now."""

    def __init__(
        self,
        queue: FairQueue,
        devices: Devices,
        estimates: Estimates,
        running: Callable[[float], Running],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queue, self._devices, self._estimates = queue, devices, estimates
        self._running = running
        self._clock = clock
        self._at = self._until = 0.0  # when the last forecast was made, and how long it is good
        self._said: dict[str, float] = {}

    def left(self, job: str) -> float | None:
        """Return in about how many seconds a job is done, were nothing paused; None: that is unknown."""
        now = self._clock()
        if now >= self._until:
            running = self._running(self._clock())
            self._at, self._said = now, forecast(self._queue, self._devices, running, self._estimates)
            self._until = now + max(GOOD_FOR, SHARE * (self._clock() - now))
        said = self._said.get(job)
        return None if said is None else max(0.0, said - (now - self._at))

    def beyond(self, most: float, more: Sequence[QueueEntry]) -> float | None:
        """Return in about how many seconds all of these would be done, too; None: in ``most``, or unknown.

        What would take no longer one after another, each with its model to load, needs no forecast.
        """
        running = self._running(self._clock())
        left = sum(still for jobs in running.values() for _, still in jobs)
        waiting = itertools.chain(self._queue.tickets(), more)
        if left + sum(seconds(one, self._estimates, warm=False) for one in waiting) <= most:
            return None
        queue = copy.deepcopy(self._queue)
        for ticket in more:
            queue.push(ticket)
        said = forecast(queue, self._devices, running, self._estimates)
        ends = [said.get(ticket.job, 0.0) for ticket in more]
        return max(ends) if max(ends, default=0.0) > most else None
