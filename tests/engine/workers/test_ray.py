"""Workers on other machines: two nodes of Ray on this one, joined, drawn on, left, refused."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path

import psutil
import pytest

from engine.config import EngineConfig
from engine.jobs import Job, State
from engine.workers import fleet
from engine.workers.alike import compared
from engine.workers.protocol import Status
from engine.workers.setup import Setup
from engine.workers.worker import frame
from tests.engine.conftest import FAKE, ended
from tests.engine.workers.machines import Machines, asked, at_work, bot, draws, joined, machines
from tests.engine.workers.test_faults import paid_once
from tests.engine.workers.test_several import until

__all__ = ["machines"]


async def test_machines_join_while_it_runs_and_draw(tmp_path: Path, machines: Machines) -> None:
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
        jobs += await asked(service, "two", 4)
        await until(lambda: all(one["drawing"] for one in service.control.workers()))
        for job in jobs:
            assert (await ended(service, job.id)).state is State.RENDERED
        await paid_once(service, jobs)
        # a cancelled job stops there
        [long] = await asked(service, "cancel", 1, steps=150)
        await until(lambda: any(one["drawing"] for one in service.control.workers()))
        await service.cancel(long.id, "p0")
        await until(lambda: not any(one["drawing"] for one in service.control.workers()))
        seen.update(machines.workers(node))
    await until(lambda: not any(draws(one) for one in seen))


async def test_who_leaves_ends_what_it_draws_and_its_machine_may_go(
    tmp_path: Path, machines: Machines
) -> None:
    node = machines.join()
    async with bot(tmp_path, machines.address, step_seconds=0.02) as service:
        await joined(service, 1)
        [last] = await asked(service, "last", 1, steps=60)
        await at_work(service, 1)
        command = ("-m", "engine.workers.ray", "leave", machines.address, node.node_ip_address)
        leave = await asyncio.create_subprocess_exec(sys.executable, *command)
        assert await leave.wait() == 0
        drawn = await service.find(last.id)
        assert (drawn.state, drawn.attempts) == (State.RENDERED, 1)
        assert service.control.workers() == []
        [waits] = await asked(service, "waits", 1)
        machines.lose(node)  # and the bot, which has let it go, goes on
        await machines.joins()
        assert (await ended(service, waits.id)).state is State.RENDERED
        await paid_once(service, [last, waits])


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
    ours = ("1.0", {"a": "1", "b": "2"})
    assert compared("far", ours, ("1.0", {"a": "1", "b": "2"}), ["a", "b"]) == {"a", "b"}
    assert compared("far", ours, ("1.0", {"a": "1"}), ["a", "b"]) == {"a"}  # not there: not drawn there
    assert compared("far", ("1.0", {}), ("1.0", {}), ["a"]) == {"a"}  # a renderer that needs none
    with pytest.raises(ValueError, match=r"far has Limner 0\.9, and this is 1\.0"):
        compared("far", ours, ("0.9", {"a": "1"}), ["a"])
    with pytest.raises(ValueError, match="The weights of `b` on far are others"):
        compared("far", ours, ("1.0", {"a": "1", "b": "3"}), ["a", "b"])
