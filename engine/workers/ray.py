"""What reaches other machines: a process of its own that knows Ray, and the actor that stands on each device.

``python -m engine.workers.ray`` reads and writes frames as a worker does; its other end is ``workers.fleet``.
The actor starts the same worker process as on one machine and passes its frames on.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import pickle
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any, BinaryIO

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from engine.workers.alike import compared, found_here
from engine.workers.fleet import Begin, End, Give, Gone, Joined, Look, Over, Refused, Said, knock, unreachable
from engine.workers.protocol import Leaving
from engine.workers.setup import Setup
from engine.workers.worker import frame, read_frame

NAMESPACE = "limner"
RESOURCE = "limner"
"""Each machine that ``limner worker`` joins has as many of it as devices."""
EVERY = 1.0  # seconds between two looks at who joined
ANSWERS_WITHIN = 60.0  # seconds a machine may take to say what it has
AGAIN = 10.0  # seconds until one that did not is asked again


class Hand:
    """Stands on a device: starts the worker process there, and passes on what it is told and what it says."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._frames: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._life = 0

    @ray.method(concurrency_group="control")
    def version(self) -> str:
        """Return Limner's version here: another one may read no message of ours but this."""
        return version("limner")

    @ray.method(concurrency_group="control")
    def found(self, setup: Setup) -> dict[str, str]:
        """Return the hashes of the weights here."""
        return found_here(setup)

    @ray.method(concurrency_group="loop")
    def serve(self, life: int, setup: Setup) -> Iterator[bytes]:
        """Run a worker process and yield each of its events, until it ends."""
        environment = dict(os.environ)
        if not setup.engine.threads:
            environment.pop("OMP_NUM_THREADS", None)  # Ray's, which knows only of the CPUs it counts
        self._process = process = subprocess.Popen(
            [sys.executable, "-m", "engine.workers.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )
        self._life, self._frames = life, queue.SimpleQueue()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(frame(setup))
        process.stdin.flush()
        threading.Thread(target=_read, args=(process.stdout, self._frames), daemon=True).start()
        while (event := self._frames.get()) is not None:
            yield event
        process.wait()

    @ray.method(concurrency_group="control")
    def order(self, life: int, data: bytes) -> None:
        """Hand an order on, where it is meant for the present process."""
        if life == self._life and self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError, ValueError):
                self._process.stdin.write(data)
                self._process.stdin.flush()

    @ray.method(concurrency_group="control")
    def end(self, life: int) -> None:
        """End the process of this life, or of an earlier one."""
        if life >= self._life and self._process is not None:
            self._process.kill()

    @ray.method(concurrency_group="control")
    def drain(self) -> None:
        """Say that this device leaves: it ends what it draws and takes nothing new."""
        self._frames.put(pickle.dumps(Leaving()))


HAND: Any = ray.remote(concurrency_groups={"loop": 1, "control": 1})(Hand)


def _read(stream: BinaryIO, frames: queue.SimpleQueue[bytes | None]) -> None:
    try:
        while True:
            frames.put(pickle.dumps(read_frame(stream)))
    except (EOFError, OSError, ValueError):
        frames.put(None)


class Helper:
    """The process between the bot and the cluster."""

    def __init__(self, look: Look, out: BinaryIO) -> None:
        self._look = look
        self._out = out
        self._ours = version("limner"), found_here(look.setup)
        self._hands: dict[str, Any] = {}
        self._nodes: dict[str, list[str]] = {}  # by node: its devices; empty: refused, or left
        self._serving: dict[str, asyncio.Task[None]] = {}

    def tell(self, message: object) -> None:
        """Write to the bot."""
        try:
            self._out.write(frame(message))
            self._out.flush()
        except OSError:
            os._exit(0)  # the bot is gone

    async def run(self) -> None:
        """Watch who joins and who is gone."""
        while True:
            nodes = {node["NodeID"]: node for node in await asyncio.to_thread(ray.nodes) if node["Alive"]}
            for node_id in [one for one in self._nodes if one not in nodes]:
                for device in self._nodes.pop(node_id):
                    self._forget(device)
                    self.tell(Gone(device))
            for node_id, node in nodes.items():
                if node_id not in self._nodes and node["Resources"].get(RESOURCE, 0) >= 1:
                    self._nodes[node_id] = []
                    asyncio.get_running_loop().create_task(self._join(node_id, node))
            await asyncio.sleep(EVERY)

    async def _join(self, node_id: str, node: Mapping[str, Any]) -> None:
        machine = f"{node['NodeManagerHostname']}-{node_id[:4]}"
        kind = "cuda" if node["Resources"].get("GPU", 0) >= 1 else "cpu"
        names = [model.name for model in self._look.setup.models]
        for index in range(int(node["Resources"][RESOURCE])):
            device = f"{machine}/{kind}:{index}"
            while (asked := await self._asked(device, machine, node_id, kind)) is None:
                await asyncio.sleep(AGAIN)
                if node_id not in self._nodes:
                    return
            hand, other, found = asked
            try:
                models = compared(machine, self._ours, (other, found), names)
            except ValueError as error:
                self.tell(Refused(str(error)))
                ray.kill(hand)
                return
            self._hands[device] = hand
            self._nodes[node_id].append(device)
            self.tell(Joined(device, models))

    async def _asked(
        self, device: str, machine: str, node_id: str, kind: str
    ) -> tuple[Any, str, dict[str, str]] | None:
        """Return a hand on a device, with the version and the weights there; None: it does not answer."""
        hand = None
        try:
            async with asyncio.timeout(ANSWERS_WITHIN):
                hand = HAND.options(
                    name=device,
                    namespace=NAMESPACE,
                    num_cpus=0,
                    num_gpus=int(kind == "cuda"),
                    resources={RESOURCE: 1},
                    max_restarts=-1,
                    max_task_retries=0,
                    scheduling_strategy=NodeAffinitySchedulingStrategy(node_id, soft=False),
                ).remote()
                other = await hand.version.remote()
                alike = other == self._ours[0]
                return hand, other, await hand.found.remote(self._look.setup) if alike else {}
        except Exception as error:
            self.tell(Refused(f"{machine} does not answer ({type(error).__name__}); it is asked again."))
            if hand is not None:
                with contextlib.suppress(Exception):
                    ray.kill(hand)
            return None

    def obey(self, message: object) -> None:
        """Do what the bot asks."""
        match message:
            case Begin(device, life, setup):
                task = asyncio.get_running_loop().create_task(self._serve(device, life, setup))
                self._serving[device] = task
            case Give(device, life, order):
                if (hand := self._hands.get(device)) is not None:
                    hand.order.remote(life, order)
            case End(device, life, for_good):
                if for_good:
                    self._forget(device)
                elif (hand := self._hands.get(device)) is not None:
                    hand.end.remote(life)

    async def _serve(self, device: str, life: int, setup: Setup) -> None:
        hand, why = self._hands.get(device), "gone"
        if hand is not None:
            try:
                events = hand.serve.options(num_returns="streaming").remote(life, setup)
                async for event in events:
                    self.tell(Said(device, life, await event))
                why = "ended"
            except Exception as error:
                why = type(error).__name__
        self.tell(Over(device, life, why))

    def _forget(self, device: str) -> None:
        hand, serving = self._hands.pop(device, None), self._serving.pop(device, None)
        if serving is not None:
            serving.cancel()
        if hand is not None:
            with contextlib.suppress(Exception):
                ray.kill(hand)


def _reached(address: str) -> None:
    """Connect to the cluster. Raises where nobody answers; Ray would wait for the head without end."""
    knock(address)
    ray.init(address=address, namespace=NAMESPACE, log_to_driver=False, logging_level=logging.WARNING)


async def _main(orders: BinaryIO, out: BinaryIO) -> None:
    look: Look = await asyncio.to_thread(read_frame, orders)
    helper = Helper(look, out)
    loop = asyncio.get_running_loop()

    def listen() -> None:
        try:
            while True:
                loop.call_soon_threadsafe(helper.obey, read_frame(orders))
        except (EOFError, RuntimeError):
            ray.shutdown()  # its actors end with it, and their processes with them
            os._exit(0)

    try:
        _reached(look.address)
    except Exception as error:
        helper.tell(Refused(unreachable(look.address, error)))
        os._exit(1)
    threading.Thread(target=listen, daemon=True).start()
    await helper.run()


def leave(address: str, ip: str) -> None:
    """Ask the devices of this machine, by its address in the cluster, to leave, and wait until they have."""
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "WARNING"}
    ray.init(address=address, namespace=NAMESPACE, _node_ip_address=ip, **quiet)
    machines = tuple(
        f"{one['NodeManagerHostname']}-{one['NodeID'][:4]}/"
        for one in ray.nodes()
        if one["Alive"] and one["NodeManagerAddress"] == ip
    )
    asked: set[str] = set()
    while True:
        names = {one["name"] for one in ray.util.list_named_actors(all_namespaces=True)}
        mine = {name for name in names if name.startswith(machines)}
        if not mine:
            return
        for name in mine - asked:
            with contextlib.suppress(ValueError):
                ray.get_actor(name, namespace=NAMESPACE).drain.remote()
                asked.add(name)
        time.sleep(0.5)


def main() -> None:
    """Serve until the bot is gone, or (``leave ADDRESS IP``) let this machine leave."""
    if sys.argv[1:2] == ["leave"]:
        leave(*sys.argv[2:4])
        return
    orders = os.fdopen(os.dup(0), "rb", buffering=0x10000)
    out = os.fdopen(os.dup(1), "wb", buffering=0x10000)
    os.dup2(2, 1)  # a stray print of some library must not look like a frame
    asyncio.run(_main(orders, out))


if __name__ == "__main__":
    # the actor's class must be known by this module's real name, on every machine
    from engine.workers import ray as module

    module.main()
