"""The workers there are, and their devices: who is ready, who died, who comes and goes; decides nothing."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from weakref import WeakKeyDictionary

from engine.schedule.devices import Devices
from engine.schedule.meter import DeviceTimeMeter
from engine.workers.fleet import Fleet
from engine.workers.handle import Died, Worker
from engine.workers.process import LocalWorker
from engine.workers.protocol import Event, Status
from engine.workers.setup import Setup

Sink = Callable[[Worker, Event | Died], None]


class Crew:
    """One worker a device. ``limits``: the models of a device, by its name, where they are limited."""

    def __init__(
        self,
        setups: Sequence[Setup],
        sink: Sink,
        limits: Mapping[str, Collection[str]],
        price: Mapping[str, float],
    ) -> None:
        self.workers: list[Worker] = []
        self.devices = Devices(price)
        self.meters: WeakKeyDictionary[Worker, DeviceTimeMeter] = WeakKeyDictionary()
        self.drawn: Counter[str] = Counter()  # jobs finished, by device
        self.sink = sink
        self._limits = limits
        self._tasks: asyncio.TaskGroup | None = None
        self._running: dict[Worker, asyncio.Task[None]] = {}
        self._leaving: set[Worker] = set()
        self.fleet: Fleet | None = None
        for setup in setups:
            self.hire(LocalWorker(setup, sink))

    def start(self, tasks: asyncio.TaskGroup) -> None:
        """Let all work, and whoever is hired later."""
        self._tasks = tasks
        for worker in self.workers:
            self._running[worker] = tasks.create_task(worker.run())
        if self.fleet is not None:
            tasks.create_task(self.fleet.run())

    def reach(self, address: str, setup: Setup, trouble: Callable[[str], None]) -> None:
        """Work with the devices of other machines, by their head's address; ``trouble`` is for the host."""
        self.fleet = Fleet(address, setup, self.sink, self.hire, self.dismiss, trouble)

    def hire(self, worker: Worker) -> None:
        """Take a worker in; jobs go to it once it says that it is ready."""
        self.workers.append(worker)
        self.meters[worker] = DeviceTimeMeter()
        if self._tasks is not None:
            self._running[worker] = self._tasks.create_task(worker.run())

    def dismiss(self, worker: Worker) -> None:
        """Let a worker go for good; what it had in hand goes back."""
        if worker not in self.workers:
            return  # it had left, and its machine is gone now
        self.workers.remove(worker)
        self._leaving.discard(worker)
        if worker.name in self.devices:
            self.devices.remove(worker.name)
        held, worker.jobs = tuple(worker.jobs), {}
        self.sink(worker, Died(held))
        if (task := self._running.pop(worker, None)) is not None:
            task.cancel()

    def leaving(self, worker: Worker) -> None:
        """Give a worker nothing more, and let it go once it has nothing in hand."""
        self._leaving.add(worker)
        self.died(worker)
        self._let_go(worker)

    def ended(self, worker: Worker, job: str) -> None:
        """Count a worker's job out."""
        self.devices.ended(worker.name, job)
        self._let_go(worker)

    def _let_go(self, worker: Worker) -> None:
        if worker in self._leaving and not worker.jobs:
            self.dismiss(worker)

    def named(self, device: str) -> Worker:
        """Return the worker of a device."""
        return next(worker for worker in self.workers if worker.name == device)

    def may(self, worker: Worker, model: str) -> bool:
        """Say whether a worker's device may draw with a model."""
        allowed = self._allowed(worker)
        return allowed is None or model in allowed

    def _allowed(self, worker: Worker) -> frozenset[str] | None:
        """Return the models a device may draw with: its placement, and whose weights are there; None: all."""
        placed = self._limits.get(worker.name)
        if placed is None:
            return worker.models
        return frozenset(placed) if worker.models is None else worker.models.intersection(placed)

    @property
    def ready(self) -> int:
        """How many can draw."""
        return sum(worker.ready for worker in self.workers)

    def seen(self, worker: Worker, status: Status) -> None:
        """Note what a worker says of itself; one that looked for a device tells which others there are."""
        if not worker.ready or worker in self._leaving or worker not in self.workers:
            return
        if worker.name not in self.devices:
            self.devices.add(worker.name, self._allowed(worker))
        self.devices.seen(worker.name, status.models, status.room)
        if not worker.setup.device:
            known = {one.name for one in self.workers}
            for name in status.there:
                if name not in known:
                    self.hire(LocalWorker(worker.setup.on(name), self.sink))

    def died(self, worker: Worker) -> None:
        """Give a worker nothing more until it is seen again."""
        if worker.name in self.devices:
            self.devices.close(worker.name)
