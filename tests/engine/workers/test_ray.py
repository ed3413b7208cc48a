"""Workers on other machines: two nodes of Ray on this one, joined, killed, frozen, drained, refused."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from engine.config import Config, EngineConfig, ProvenanceConfig
from engine.jobs import Job, State
from engine.service import Service
from engine.workers import fleet
from engine.workers.protocol import Status
from engine.workers.setup import Setup
from engine.workers.worker import frame
from tests.engine.conftest import FAKE, asking, ended, submit
from tests.engine.workers.test_faults import alive, paid_once
from tests.engine.workers.test_several import fares, until

ROUNDS = int(os.environ.get("LIMNER_RAY_ROUNDS", "1"))


class Machines:
    """A head that draws nothing, and nodes that `limner worker` would have joined."""

    def __init__(self, cluster: Any) -> None:
        self.cluster = cluster
        self.nodes: list[Any] = []

    @property
    def address(self) -> str:
        return str(self.cluster.address)

    def join(self, devices: int = 1) -> Any:
        try:
            node = self.cluster.add_node(num_cpus=1, num_gpus=0, resources={"limner": devices})
        except Exception as error:  # as in the fixture
            pytest.skip(f"a node of Ray did not start here: {error}")
        self.nodes.append(node)
        return node

    def processes(self, node: Any) -> list[psutil.Process]:
        """Return a node's raylet with all that it started: actors, and their worker processes."""
        [raylet] = [psutil.Process(one.pid) for kind, one in node.live_processes() if kind == "raylet"]
        return [raylet, *raylet.children(recursive=True)]


@pytest.fixture
def machines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machines]:
    pytest.importorskip("ray", reason="Ray is an extra: pip install -c constraints.txt '.[ray]'")
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")  # it is read once a process; the command line turns it on
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    try:
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    except Exception as error:  # Ray gives its own start 30 seconds, whatever else the machine does
        pytest.skip(f"Ray did not start here: {error}")
    try:
        yield Machines(cluster)
    finally:
        cluster.shutdown()


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
            await asyncio.sleep(0.1)


async def asked(service: Service, prefix: str, count: int, steps: int = 20) -> list[Job]:
    return [
        (await submit(service, asking(f"{prefix}.{n}", f"cat {n} --steps {steps} --seed {n}", f"p{n}"))).jobs[
            0
        ]
        for n in range(count)
    ]


@pytest.mark.timeout(600 + 200 * ROUNDS)
async def test_machines_join_draw_leave_and_are_lost(tmp_path: Path, machines: Machines) -> None:
    machines.join()
    seen: set[psutil.Process] = set()
    jobs: list[Job] = []
    async with bot(tmp_path, machines.address, step_seconds=0.02) as service:
        await joined(service, 1)
        jobs += await asked(service, "one", 1)
        previews = 0
        async for snapshot in service.progress(jobs[0].id):
            previews += snapshot.preview is not None
        assert snapshot.state is State.RENDERED
        assert previews  # they come through
        node = machines.join()  # while it runs
        await joined(service, 2)
        for turn in range(ROUNDS):
            # its machine is killed while it draws: all its processes at once
            more = await asked(service, f"kill{turn}", 4)
            await until(lambda: all(one["drawing"] for one in service.control.workers()))
            lost = machines.processes(node)
            seen.update(lost)
            for process in lost:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            for job in more:
                assert (await ended(service, job.id)).state is State.RENDERED
            jobs += more
            await until(lambda: len(fares(service)) == 1)
            node = machines.join()
            await joined(service, 2)
        await paid_once(service, jobs)
        # a cancelled job stops there
        [long] = await asked(service, "cancel", 1, steps=150)
        await until(lambda: any(one["drawing"] for one in service.control.workers()))
        await service.cancel(long.id, "p0")
        await until(lambda: not any(one["drawing"] for one in service.control.workers()))
        seen.update(machines.processes(node))
    await until(lambda: not any(alive(one.pid) for one in seen if "engine.workers.worker" in _command(one)))


def _command(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.NoSuchProcess):
        return " ".join(process.cmdline())
    return ""


@pytest.mark.full
@pytest.mark.timeout(600 + 200 * ROUNDS)
async def test_a_machine_that_froze_is_woken_too_late(tmp_path: Path, machines: Machines) -> None:
    nodes = [machines.join() for _ in range(2)]
    jobs: list[Job] = []
    async with bot(tmp_path, machines.address, silent=4.0, step_seconds=0.02) as service:
        for turn in range(ROUNDS):
            await joined(service, 2)
            more = await asked(service, f"{turn}", 4)
            jobs += more
            await until(lambda: all(one["drawing"] for one in service.control.workers()))
            frozen = machines.processes(nodes[1])
            for process in frozen:
                process.send_signal(signal.SIGSTOP)
            try:
                for job in more:
                    assert (await ended(service, job.id)).state is State.RENDERED
            finally:
                for process in frozen:
                    with contextlib.suppress(psutil.NoSuchProcess):
                        process.send_signal(signal.SIGCONT)
            await asyncio.sleep(2.0)  # whatever it still says is heard, and refused
            await paid_once(service, jobs)


async def test_what_an_earlier_life_says_is_refused(tmp_path: Path) -> None:
    heard: list[object] = []
    told = fleet.Fleet("", Setup(FAKE, (), EngineConfig()), *[lambda *_: None] * 3, lambda why: None)
    setup = Setup(FAKE, (), EngineConfig(), device="far/cpu:0")
    worker = fleet.RemoteWorker(setup, lambda _, event: heard.append(event), told)
    running = asyncio.create_task(worker.run())
    await asyncio.sleep(0)
    await asyncio.sleep(0.05)
    status = frame(Status(8, (), "cpu", 0, 1))[4:]
    life = worker._life
    worker.said(life, status)
    await until(lambda: worker.ready)
    worker.over(life, "lost")
    await until(lambda: worker._life != life)
    heard.clear()
    worker.said(life, status)  # woken after another took over
    await asyncio.sleep(0.05)
    assert not worker.ready
    assert heard == []
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


def test_another_version_or_other_weights_are_refused_with_a_sentence() -> None:
    pytest.importorskip("ray", reason="Ray is an extra: pip install -c constraints.txt '.[ray]'")
    from engine.workers.ray import compared

    ours = ("1.0", {"a": "1", "b": "2"})
    assert compared("far", ours, ("1.0", {"a": "1", "b": "2"}), ["a", "b"]) == {"a", "b"}
    assert compared("far", ours, ("1.0", {"a": "1"}), ["a", "b"]) == {"a"}  # not there: not drawn there
    assert compared("far", ("1.0", {}), ("1.0", {}), ["a"]) == {"a"}  # a renderer that needs none
    with pytest.raises(ValueError, match=r"far has Limner 0\.9, and this is 1\.0"):
        compared("far", ours, ("0.9", {"a": "1"}), ["a"])
    with pytest.raises(ValueError, match="The weights of `b` on far are others"):
        compared("far", ours, ("1.0", {"a": "1", "b": "3"}), ["a", "b"])
