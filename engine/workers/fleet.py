"""Workers on other machines, as the scheduler sees them: a helper process speaks to them; knows no Ray.

The library that reaches them may end its process when its head is gone, so it never runs in the bot's.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import pickle
import socket
from collections.abc import Callable
from dataclasses import dataclass

from engine.workers.handle import Died, Worker
from engine.workers.process import Child
from engine.workers.protocol import Event, Order
from engine.workers.setup import Setup
from engine.workers.worker import frame

log = logging.getLogger("limner.backends")

AGAIN = 3.0
"""Seconds until the helper process is started again where it ended."""


@dataclass(frozen=True, slots=True)
class Joined:
    """A device joined: its name, and the models whose weights are there."""

    device: str
    models: frozenset[str]


@dataclass(frozen=True, slots=True)
class Gone:
    """A device left, or its machine was lost."""

    device: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A machine may not draw; ``why`` is a sentence for the host."""

    why: str


@dataclass(frozen=True, slots=True)
class _Life:
    """A worker's process; ``life`` tells the present one from those before."""

    device: str
    life: int


@dataclass(frozen=True, slots=True)
class Said(_Life):
    """A worker's event, as it was framed there."""

    event: bytes


@dataclass(frozen=True, slots=True)
class Over(_Life):
    """A worker's process, of this life, ended."""

    why: str


@dataclass(frozen=True, slots=True)
class Begin(_Life):
    """Start a worker's process."""

    setup: Setup


@dataclass(frozen=True, slots=True)
class Give(_Life):
    """Hand an order to a worker's process of this life."""

    order: bytes


@dataclass(frozen=True, slots=True)
class End(_Life):
    """End a worker's process of this life, or of an earlier one; for good: nothing more is asked of it."""

    for_good: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """The first message: the cluster's address, and what its devices are compared with."""

    address: str
    setup: Setup


Told = Joined | Gone | Refused | Said | Over


HEAD_WITHIN = 10.0
"""Seconds the head may take to accept a connection."""


def knock(address: str) -> None:
    """Connect to a head at ``host:port``, and hang up. Raises OSError, or ValueError for no such address."""
    host, _, port = address.rpartition(":")
    socket.create_connection((host.strip("[]"), int(port)), HEAD_WITHIN).close()


def unreachable(address: str, error: object) -> str:
    """Return why a head cannot be joined, by what Ray or the system said: a sentence for the host."""
    if "InvalidAuthToken" in str(error):
        return (
            f"The head at {address} has another token than this machine. Copy `~/.ray/auth_token` from there "
            "(chmod 600)."
        )
    if isinstance(error, OSError | ValueError):
        return (
            f"Nothing answers at {address}. Start the head there (`limner worker --head`), and let this "
            "machine reach its port."
        )
    return f"The head at {address} cannot be joined: {error}"


class Fleet:
    """The helper process, and the workers it tells of."""

    def __init__(
        self,
        address: str,
        setup: Setup,
        sink: Callable[[Worker, Event | Died], None],
        hire: Callable[[Worker], None],
        dismiss: Callable[[Worker], None],
        trouble: Callable[[str], None],
    ) -> None:
        self._look = Look(address, setup)
        self._sink, self._hire, self._dismiss, self._trouble = sink, hire, dismiss, trouble
        self._workers: dict[str, RemoteWorker] = {}
        self._child = Child()
        self._alone = False
        self._refused: set[str] = set()  # what was said since a machine joined

    @property
    def pid(self) -> int | None:
        """The helper's process id, for tests."""
        return self._child.pid

    async def run(self) -> None:
        """Keep the helper process alive until cancelled; where it ends, all its workers are gone."""
        try:
            while True:
                await self._live()
                if not self._alone:
                    self._alone = True  # said once, until a machine has joined
                    log.error("nothing reaches the other machines; that is tried again every few seconds")
                await asyncio.sleep(AGAIN)
        finally:
            await self._child.close(5.0)

    async def _live(self) -> None:
        await self._child.start("engine.workers.ray", {"RAY_DEDUP_LOGS": "0"}, self._look)
        async for told in self._child.said():
            self._take(told)
        self._child.kill()
        await self._child.ended()
        for device in [*self._workers]:
            self._gone(device)

    def write(self, message: object) -> None:
        """Tell the helper something; what cannot be told any more is dropped."""
        self._child.write(message)

    def _take(self, told: Told) -> None:
        match told:
            case Joined(device, models):
                log.info("%s joined, with %s", device, ", ".join(sorted(models)) or "no model")
                self._alone, self._refused = False, set()
                worker = RemoteWorker(self._look.setup.on(device), self._sink, self)
                worker.models = models
                self._workers[device] = worker
                self._hire(worker)
            case Gone(device):
                self._gone(device)
            case Refused(why):
                if why not in self._refused:
                    self._refused.add(why)
                    log.error("%s", why)
                    self._trouble(why)
            case Said(device, life, event):
                if device in self._workers:
                    self._workers[device].said(life, event)
            case Over(device, life, why):
                if device in self._workers:
                    self._workers[device].over(life, why)

    def _gone(self, device: str) -> None:
        worker = self._workers.pop(device, None)
        if worker is not None:
            log.warning("%s is gone", device)
            self._dismiss(worker)


class RemoteWorker(Worker):
    """A worker on another machine. Whatever an earlier life of it says is refused."""

    _lives = itertools.count(1)

    def __init__(self, setup: Setup, sink: Callable[[Worker, Event | Died], None], fleet: Fleet) -> None:
        super().__init__(setup, sink)
        self._fleet = fleet
        self._life = 0
        self._events: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._why = ""

    @property
    def pid(self) -> int | None:
        """None: the process is not on this machine."""
        return None

    def said(self, life: int, event: bytes) -> None:
        """Take an event of the present life."""
        if life == self._life:
            self._events.put_nowait(event)

    def over(self, life: int, why: str) -> None:
        """Take that the present life is over."""
        if life == self._life:
            self._why = why
            self._events.put_nowait(None)

    async def _start(self) -> None:
        self._life = next(self._lives)
        self._events = asyncio.Queue()
        self._fleet.write(Begin(self.name, self._life, self.setup))

    def _order(self, order: Order) -> None:
        self._fleet.write(Give(self.name, self._life, frame(order)))

    async def _pump(self) -> None:
        while (event := await self._events.get()) is not None:
            self._take(pickle.loads(event))

    def kill(self) -> None:
        """End the process at once; it is started again."""
        self._fleet.write(End(self.name, self._life))
        self._events.put_nowait(None)  # a machine that is frozen does not answer: nobody waits for it

    async def _ended(self) -> object:
        return self._why or "killed"

    async def _stop(self) -> None:
        self._fleet.write(End(self.name, self._life, for_good=True))
