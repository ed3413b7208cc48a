"""The workers there are, and their devices: who is ready, who died, who comes and goes; decides nothing."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence

from engine.schedule.devices import Devices
from engine.schedule.meter import DeviceTimeMeter
from engine.workers.process import Died, LocalWorker
from engine.workers.protocol import Event, Status
from engine.workers.setup import Setup

Sink = Callable[[LocalWorker, Event | Died], None]


class Crew:
    """One worker a device. ``limits``: the models of a device, by its name, where they are limited."""

    def __init__(
        self,
        setups: Sequence[Setup],
        sink: Sink,
        limits: Mapping[str, Collection[str]],
        price: Mapping[str, float],
    ) -> None:
        self.workers: list[LocalWorker] = []
        self.devices = Devices(price)
        self.meters: dict[LocalWorker, DeviceTimeMeter] = {}
        self.drawn: Counter[str] = Counter()  # jobs finished, by device
        self._sink = sink
        self._limits = limits
        self._tasks: asyncio.TaskGroup | None = None
        for setup in setups:
            self.hire(LocalWorker(setup, sink))

    def start(self, tasks: asyncio.TaskGroup) -> None:
        """Let all work, and whoever is hired later."""
        self._tasks = tasks
        for worker in self.workers:
            tasks.create_task(worker.run())

    def hire(self, worker: LocalWorker) -> None:
        """Take a worker in; jobs go to it once it says that it is ready."""
        self.workers.append(worker)
        self.meters[worker] = DeviceTimeMeter()
        if self._tasks is not None:
            self._tasks.create_task(worker.run())

    def named(self, device: str) -> LocalWorker:
        """Return the worker of a device."""
        return next(worker for worker in self.workers if worker.name == device)

    def may(self, worker: LocalWorker, model: str) -> bool:
        """Say whether a worker's device may draw with a model."""
        return model in self._limits.get(worker.name, (model,))

    @property
    def ready(self) -> int:
        """How many can draw."""
        return sum(worker.ready for worker in self.workers)

    def seen(self, worker: LocalWorker, status: Status) -> None:
        """Note what a worker says of itself; one that looked for a device tells which others there are."""
        if not worker.ready:
            return
        if worker.name not in self.devices:
            self.devices.add(worker.name, self._limits.get(worker.name))
        self.devices.seen(worker.name, status.models, status.room)
        if not worker.setup.device:
            known = {one.name for one in self.workers}
            for name in status.there:
                if name not in known:
                    self.hire(LocalWorker(worker.setup.on(name), self._sink))

    def died(self, worker: LocalWorker) -> None:
        """Give a worker nothing more until it is seen again."""
        if worker.name in self.devices:
            self.devices.close(worker.name)
