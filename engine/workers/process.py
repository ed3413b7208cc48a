"""A worker process on this machine: started, watched by its heartbeat, restarted; refuses to know stores."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import pickle
import struct
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from engine.config import LoraConfig
from engine.workers.protocol import Done, Event, Failed, OfferLoras, Order, Start, Status, Unfit
from engine.workers.setup import Setup
from engine.workers.worker import frame

log = logging.getLogger("limner.backends")


@dataclass(frozen=True, slots=True)
class Died:
    """The process is gone, and these jobs with it."""

    jobs: tuple[str, ...]


LOADING_GRACE = 10.0
"""Loading a model, or a step on a CPU, may take so many heartbeat timeouts; the process itself beats on."""


class LocalWorker:
    """One device's worker as the scheduler sees it.

    ``sink(worker, event)`` is called for every event, and with Died for the jobs that must be given again.
    """

    def __init__(self, setup: Setup, sink: Callable[[LocalWorker, Event | Died], None]) -> None:
        self.setup = setup
        self.name = setup.device
        """The device's name, kind and index; empty until a worker that looks for one has found it."""
        self.jobs: dict[str, str] = {}  # job → model
        self.status = Status(0, (), "starting", 0, 0)
        self.ready = False
        self.restarts = 0
        self._was_ready = False
        self._sink = sink
        self._process: asyncio.subprocess.Process | None = None
        self._heard = self._moved = time.monotonic()

    @property
    def pid(self) -> int | None:
        """The process's id, for the doctor and for tests."""
        return self._process.pid if self._process else None

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
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(ConnectionError, RuntimeError):
                self._process.stdin.write(frame(order))

    def offer_loras(self, loras: Sequence[LoraConfig]) -> None:
        """Tell the process, also one started later, which LoRAs there are; the same again is not told."""
        if self.setup.loras != tuple(loras):
            self.setup = replace(self.setup, loras=tuple(loras))
            self.send(OfferLoras(tuple(loras)))

    def kill(self) -> None:
        """End the process at once; it is started again."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

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
        self._process = process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "engine.workers.worker"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=os.environ | self.setup.environment,
            start_new_session=True,  # Ctrl-C is for the bot, which then closes the pipe
        )
        assert process.stdin is not None
        process.stdin.write(frame(self.setup))
        watch = asyncio.create_task(self._watch())
        try:
            await self._pump(process)
        finally:
            watch.cancel()
            self.ready = False
        self.kill()
        code = await process.wait()
        held, self.jobs = tuple(self.jobs), {}
        log.warning("worker %s ended (%s) with %d jobs in hand", process.pid, code, len(held))
        self._sink(self, Died(held))

    async def _pump(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        try:
            while True:
                (length,) = struct.unpack(">I", await process.stdout.readexactly(4))
                event: Event = pickle.loads(await process.stdout.readexactly(length))
                self._take(event)
        except (asyncio.IncompleteReadError, ConnectionError):
            return

    def _take(self, event: Event) -> None:
        self._heard = time.monotonic()
        if isinstance(event, Status):
            if event.beat != self.status.beat:
                self._moved = self._heard
            self.status = event
            self.name = self.name or next(iter(event.there), "")
            self._was_ready = self._was_ready or event.device != "starting"
            self.ready = event.device != "starting"
        elif isinstance(event, Unfit):
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
            loading = not self.ready or not set(self.jobs.values()) <= set(self.status.models)
            slow = loading or self.status.device.startswith("cpu")
            silent = now - self._heard > timeout * (LOADING_GRACE if loading else 1.0)
            stuck = bool(self.jobs) and now - self._moved > timeout * (LOADING_GRACE if slow else 1.0)
            if silent or stuck:
                log.error("worker %s hangs (%s); it is killed", self.pid, "silent" if silent else "stuck")
                self.kill()
                return

    async def _stop(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(2.0):
                await process.wait()
        except TimeoutError:
            self.kill()
            await process.wait()
