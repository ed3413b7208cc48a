"""Other machines, for tests: a head and nodes of Ray on this one, and a bot that draws on them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from engine.config import Config, EngineConfig, ProvenanceConfig
from engine.jobs import Job
from engine.service import Service
from tests.engine.conftest import FAKE, asking, submit

NODE = {"num_cpus": 0, "num_gpus": 0, "include_log_monitor": False}


class Machines:
    """A head that draws nothing, and nodes that `limner worker` would have joined."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        self.cluster: Any = Cluster()
        self._port: int | None = None
        self._head()

    def _head(self) -> None:
        more = {} if self._port is None else {"gcs_server_port": self._port}
        self._add(num_cpus=0, include_dashboard=False, **more)
        self._port = int(self.address.rpartition(":")[2])

    def _add(self, tries: int = 3, **more: Any) -> Any:
        try:
            return self.cluster.add_node(**more)
        except Exception as error:  # Ray gives its own start 30 seconds, whatever else the machine does
            if tries == 1:
                pytest.skip(f"Ray did not start here: {error}")
            return self._add(tries - 1, **more)

    @property
    def address(self) -> str:
        return str(self.cluster.address)

    def join(self, devices: int = 1) -> Any:
        return self._add(**NODE, resources={"limner": devices})

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
        for process in self.processes(node):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.cluster.worker_nodes.discard(node)

    def restart_head(self) -> None:
        """End the head with SIGKILL and start another at its address, which knows of nothing."""
        self.lose(self.cluster.head_node)
        self.cluster.head_node = None
        self._head()

    def shutdown(self) -> None:
        self.cluster.shutdown()


def draws(process: psutil.Process) -> bool:
    """Say whether this is a worker process that lives."""
    with contextlib.suppress(psutil.NoSuchProcess):
        alive = process.status() != psutil.STATUS_ZOMBIE
        return alive and "engine.workers.worker" in process.cmdline()
    return False


@pytest.fixture
def machines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machines]:
    pytest.importorskip("ray", reason="Ray is an extra: pip install -c constraints.txt '.[ray]'")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")  # it is read once a process; the command line turns it on
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
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
    lines = [f"cat {n} --steps {steps} --seed {n}" for n in range(count)]
    done = [await submit(service, asking(f"{prefix}.{n}", line, f"p{n}")) for n, line in enumerate(lines)]
    return [one.jobs[0] for one in done]
