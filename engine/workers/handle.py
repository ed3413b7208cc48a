"""A worker as the scheduler sees it, wherever it runs: its state, jobs and heartbeat; knows no store."""

from __future__ import annotations

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from engine.config import LoraConfig
from engine.workers.protocol import Done, Event, Failed, Leaving, OfferLoras, Order, Start, Status, Unfit
from engine.workers.setup import Setup

log = logging.getLogger("limner.backends")


@dataclass(frozen=True, slots=True)
class Died:
    """The process is gone, and these jobs with it."""

    jobs: tuple[str, ...]


GRACE = 10.0
"""Loading a model, or a step on a CPU, may take so many heartbeat timeouts; the process itself beats on."""


def hangs(timeout: float, unheard: float, unmoved: float, *, ready: bool, busy: bool, slow: bool) -> str:
    """Say of a worker why it hangs, ``silent`` or ``stuck``, or nothing.

    ``timeout``, and the seconds since it was last ``unheard`` of and its work ``unmoved``. Loading a model,
    or a step on a CPU, is ``slow``, but the process beats beside it, so that a lost machine shows no later
    than any other; until it is ``ready`` it may be reading libraries, which leaves no time for beats.
    """
    if unheard > timeout * (1.0 if ready else GRACE):
        return "silent"
    if busy and unmoved > timeout * (GRACE if slow else 1.0):
        return "stuck"
    return ""


class Worker(ABC):
    """One device's worker. What carries orders and events is a subclass's affair.

    ``sink(worker, event)`` is called for every event, and with Died for the jobs that must be given again.
    """

    def __init__(self, setup: Setup, sink: Callable[[Worker, Event | Died], None]) -> None:
        self.setup = setup
        self.name = setup.device
        """The device's name, kind and index; empty until a worker that looks for one has found it."""
        self.models: frozenset[str] | None = None
        """Those whose weights are where it runs; None: all."""
        self.jobs: dict[str, str] = {}  # job → model
        self.status = Status(0, (), "starting", 0, 0)
        self.ready = False
        self.restarts = 0
        self._was_ready = False
        self._sink = sink
        self._heard = self._moved = time.monotonic()

    @property
    @abstractmethod
    def pid(self) -> int | None:
        """The process's id, where it runs on this machine: for the doctor and for tests."""

    @abstractmethod
    async def _start(self) -> None:
        """Start a process and send it the setup."""

    @abstractmethod
    def _order(self, order: Order) -> None:
        """Send an order; what cannot be sent any more is dropped."""

    @abstractmethod
    async def _pump(self) -> None:
        """Hand every event to ``_take``, until the process is gone or was killed."""

    @abstractmethod
    def kill(self) -> None:
        """End the process at once; it is started again."""

    @abstractmethod
    async def _ended(self) -> object:
        """Wait until the process is gone; return how it ended, for the log."""

    @abstractmethod
    async def _stop(self) -> None:
        """End the process for good, in good order where that takes no longer than a moment."""

    @property
    def silence(self) -> float:
        """Seconds since the process was last heard of."""
        return time.monotonic() - self._heard

    def send(self, order: Order) -> None:
        """Give an order. A job given to a worker that is not ready comes back as Died."""
        if isinstance(order, Start):
            if not self.ready:
                self._sink(self, Died((order.job,)))
                return
            if not self.jobs:
                self._moved = time.monotonic()  # an idle worker's clock starts with its first job
            self.jobs[order.job] = order.spec.model
        self._order(order)

    def offer_loras(self, loras: Sequence[LoraConfig]) -> None:
        """Tell the process, also one started later, which LoRAs there are; the same again is not told."""
        if self.setup.loras != tuple(loras):
            self.setup = replace(self.setup, loras=tuple(loras))
            self.send(OfferLoras(tuple(loras)))

    async def run(self) -> None:
        """Keep a worker process alive until cancelled."""
        pause = 0.0
        try:
            while True:
                await asyncio.sleep(pause)
                began = time.monotonic()
                await self._live()
                self.restarts += 1
                # one that dies young is started again ever more slowly
                young = time.monotonic() - began < 30
                pause = min(60.0, max(0.5, pause * 2)) if young and not self._was_ready else 0.0
        finally:
            await self._stop()

    async def _live(self) -> None:
        self.jobs = {}
        self.ready = self._was_ready = False
        self.status = Status(0, (), "starting", 0, 0)
        self._heard = self._moved = time.monotonic()
        await self._start()
        watch = asyncio.create_task(self._watch())
        try:
            await self._pump()
        finally:
            watch.cancel()
            self.ready = False
        self.kill()
        code = await self._ended()
        held, self.jobs = tuple(self.jobs), {}
        log.warning("worker of %s ended (%s) with %d jobs in hand", self.name, code, len(held))
        self._sink(self, Died(held))

    def _take(self, event: Event) -> None:
        self._heard = time.monotonic()
        if isinstance(event, Status):
            if event.beat != self.status.beat:
                self._moved = self._heard
            self.status = event
            self.name = self.name or next(iter(event.there), "")
            self._was_ready = self._was_ready or event.device != "starting"
            self.ready = event.device != "starting"
        elif isinstance(event, Unfit | Leaving):
            pass
        elif event.job not in self.jobs:
            return  # of a job that was taken away from it
        elif isinstance(event, (Done, Failed)):
            del self.jobs[event.job]
        self._sink(self, event)

    async def _watch(self) -> None:
        """Kill a process that says nothing, or has work and does not move."""
        timeout = self.setup.engine.heartbeat_timeout
        while True:
            await asyncio.sleep(min(1.0, timeout / 4))
            now = time.monotonic()
            loading = not set(self.jobs.values()) <= set(self.status.models)
            why = hangs(
                timeout,
                now - self._heard,
                now - self._moved,
                ready=self.ready,
                busy=bool(self.jobs),
                slow=loading or self.status.device.startswith("cpu"),
            )
            if why:
                log.error("worker of %s hangs (%s); it is killed", self.name, why)
                self.kill()
                return
