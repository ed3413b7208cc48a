"""Other machines, for tests: a head and nodes of Ray on this one, and a bot that draws on them."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from engine.config import Config, EngineConfig, ProvenanceConfig
from engine.jobs import Job, State
from engine.service import Service
from tests.engine.conftest import FAKE, asking, submit
from tests.engine.workers.test_several import until

NODE = {"num_cpus": 0, "num_gpus": 0, "include_log_monitor": False}
HEAD = {**NODE, "include_dashboard": False, "no_monitor": True}
QUICKER = {
    "RAY_health_check_period_ms": "500",  # Ray's own 3 s take 15 until a machine that is lost counts as lost
    "RAY_worker_niceness": "0",  # as `limner worker` has it
    "RAY_gcs_server_port_wait_time_s": "300",
}
STARTS_WITHIN = 40.0
"""Seconds until a machine that has not joined is tried anew: Ray's own helpers have 15 to start, whatever
else this one does, or the machine falls with them and nobody is told."""
TRIES = 10


class Machines:
    """A head that draws nothing, and nodes that `limner worker` would have joined."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        self.cluster: Any = Cluster()
        self._numbers = itertools.count()
        self._joining = threading.Lock()  # two at once would take each other's names
        self._port: int | None = None
        self._head()

    def _head(self) -> None:
        more = {} if self._port is None else {"gcs_server_port": self._port}
        self.cluster._shutdown_at_exit = True
        self.cluster.add_node(**HEAD, **more)
        # nodes end with their head: what Ray would do when this process is ended wants the main thread
        self.cluster._shutdown_at_exit = False
        self._port = int(self.address.rpartition(":")[2])

    @property
    def address(self) -> str:
        return str(self.cluster.address)

    def join(self, devices: int = 1) -> Any:
        sockets = f"{self.cluster.head_node.get_session_dir_path()}/sockets"
        with self._joining:
            for attempt in range(TRIES):
                number = next(self._numbers)
                try:
                    return self.cluster.add_node(
                        **NODE,
                        resources={"limner": devices},
                        raylet_socket_name=f"{sockets}/raylet-{number}",
                        plasma_store_socket_name=f"{sockets}/store-{number}",
                    )
                except Exception:
                    if attempt == TRIES - 1:
                        raise
        raise AssertionError

    async def joins(self, count: int = 1, devices: int = 1) -> list[Any]:
        """Let machines join, beside whatever else happens."""
        return [*await asyncio.gather(*(asyncio.to_thread(self.join, devices) for _ in range(count)))]

    @staticmethod
    def processes(node: Any) -> list[psutil.Process]:
        """Return a node's processes with all that they started: actors, and their worker processes."""
        found: dict[int, psutil.Process] = {}
        for _, one in node.live_processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process = psutil.Process(one.pid)
                found |= {each.pid: each for each in (process, *process.children(recursive=True))}
        return [*found.values()]

    def workers(self, node: Any) -> list[psutil.Process]:
        """Return those of a node that draw."""
        return [one for one in self.processes(node) if draws(one)]

    def lose(self, node: Any) -> None:
        """End all processes of a node with SIGKILL, as a power cut would."""
        ours = [one for _, one in node.live_processes()]
        for process in self.processes(node):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        for one in ours:
            one.wait()
        self.cluster.worker_nodes.discard(node)

    def restart_head(self) -> None:
        """End the head with SIGKILL and start another at its address, which knows of nothing."""
        self.lose(self.cluster.head_node)
        self.cluster.head_node = None
        self._head()

    def shutdown(self) -> None:
        self.cluster.shutdown()


async def at_work(service: Service, jobs: int) -> bool:
    """Wait until all that are there draw, and say so; False: it has drawn ``jobs`` by then, which is all."""
    drawing = drawn = False

    def look() -> bool:
        nonlocal drawing, drawn
        drawing = all(one["drawing"] for one in service.control.workers() if one["ready"])
        drawn = service.control.metrics.ended[State.RENDERED] >= jobs
        return drawing or drawn

    await until(look)
    return drawing


def draws(process: psutil.Process) -> bool:
    """Say whether this is a worker process that lives."""
    with contextlib.suppress(psutil.NoSuchProcess):
        alive = process.status() != psutil.STATUS_ZOMBIE
        return alive and "engine.workers.worker" in process.cmdline()
    return False


def patient(look: Callable[..., Any]) -> Callable[..., Any]:
    """Return what looks for a machine that joins until it is there: a busy machine is slow, not wrong."""

    def found(*asked: Any) -> Any:
        until = time.monotonic() + STARTS_WITHIN
        while time.monotonic() < until:
            with contextlib.suppress(RuntimeError):
                return look(*asked)
            time.sleep(0.1)
        return look(*asked)

    return found


@pytest.fixture
def machines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machines]:
    pytest.importorskip("ray", reason="Ray is an extra: pip install -c constraints.txt '.[ray]'")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")  # it is read once a process; the command line turns it on
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    for name, value in QUICKER.items():
        monkeypatch.setenv(name, value)
    from ray._private import services

    monkeypatch.setattr(services, "get_node", patient(services.get_node))
    found = Machines()
    try:
        yield found
    finally:
        found.shutdown()


@asynccontextmanager
async def bot(folder: Path, address: str, silent: float = 60.0, **arguments: Any) -> AsyncIterator[Service]:
    config = Config(
        data_dir=folder,
        engine=EngineConfig(ray=address, heartbeat_timeout=silent),
        provenance=ProvenanceConfig(mark=False),
    )
    async with Service.open(config, renderer=FAKE, arguments=arguments) as service:
        yield service


async def joined(service: Service, count: int) -> None:
    async with asyncio.timeout(240):
        while sum(one["ready"] for one in service.control.workers()) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def asked(service: Service, prefix: str, count: int, steps: int = 20) -> list[Job]:
    """Ask for so many jobs, which start together: none is done before the last is asked for."""
    lines = [f"cat {n} --steps {steps} --seed {n}" for n in range(count)]
    service.control.pause()
    done = [await submit(service, asking(f"{prefix}.{n}", line, f"p{n}")) for n, line in enumerate(lines)]
    service.control.pause(False)
    return [one.jobs[0] for one in done]
