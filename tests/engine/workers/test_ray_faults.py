"""Two machines that draw for a bot, while one of all the parts fails, again and again: all is drawn once."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from engine.jobs import Job, State
from engine.service import Service
from tests.engine.conftest import ended
from tests.engine.workers.machines import Machines, asked, at_work, bot, draws, joined, machines
from tests.engine.workers.test_faults import paid_once
from tests.engine.workers.test_several import until

__all__ = ["machines"]

Record = Callable[[str, object], None]

ROUNDS = int(os.environ.get("LIMNER_RAY_ROUNDS", "5"))

pytestmark = [
    pytest.mark.timeout(600 + 120 * ROUNDS),
    # a machine of Ray's that failed to start, and was tried anew, forgets the processes it had begun
    pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning"),
]


async def all_drawn(service: Service, jobs: list[Job]) -> None:
    for job in jobs:
        assert (await ended(service, job.id)).state is State.RENDERED


def told(record: Record, jobs: list[Job], met: int) -> None:
    """Note what was counted: ``met`` rounds in which the fault met both workers at work."""
    record("rounds", ROUNDS)
    record("at work", met)
    record("jobs, each drawn, posted and charged once", len(jobs))


async def none_left(seen: set[psutil.Process]) -> None:
    """Wait until none of these workers lives: no orphan holds memory."""
    await until(lambda: not any(draws(one) for one in seen))


async def test_a_worker_is_killed(tmp_path: Path, machines: Machines, record_property: Record) -> None:
    nodes = await machines.joins(2)
    dice, jobs = random.Random(1), list[Job]()
    seen: set[psutil.Process] = set()
    met = 0
    async with bot(tmp_path, machines.address, step_seconds=0.02) as service:
        for turn in range(ROUNDS):
            await joined(service, 2)
            more = await asked(service, f"{turn}", 4)
            met += await at_work(service, len(jobs) + 4)
            [victim] = machines.workers(dice.choice(nodes))
            seen.update((victim, *(one for node in nodes for one in machines.workers(node))))
            victim.kill()
            await all_drawn(service, more)
            jobs += more
        await until(lambda: sum(one["restarts"] for one in service.control.workers()) >= ROUNDS)
        await paid_once(service, jobs)
    await none_left(seen)
    told(record_property, jobs, met)


async def test_a_machine_is_lost(tmp_path: Path, machines: Machines, record_property: Record) -> None:
    nodes = await machines.joins(2)
    dice, jobs = random.Random(2), list[Job]()
    seen: set[psutil.Process] = set()
    met = 0
    async with bot(tmp_path, machines.address, step_seconds=0.02) as service:
        for turn in range(ROUNDS):
            await joined(service, 2)
            more = await asked(service, f"{turn}", 4)
            met += await at_work(service, len(jobs) + 4)
            seen.update(one for node in nodes for one in machines.workers(node))
            machines.lose(nodes.pop(dice.randrange(2)))
            _, new = await asyncio.gather(all_drawn(service, more), machines.joins())
            jobs += more
            nodes += new
        await joined(service, 2)
        await paid_once(service, jobs)
    await none_left(seen)
    told(record_property, jobs, met)


async def test_the_head_is_started_anew(tmp_path: Path, machines: Machines, record_property: Record) -> None:
    jobs, more = list[Job](), list[Job]()
    seen: set[psutil.Process] = set()
    met = 0
    async with bot(tmp_path, machines.address, step_seconds=0.02) as service:
        for turn in range(ROUNDS):
            [node] = await machines.joins(devices=2)
            await all_drawn(service, more)
            await joined(service, 2)
            more = await asked(service, f"{turn}", 4)
            met += await at_work(service, len(jobs) + 4)
            seen.update(machines.workers(node))
            machines.lose(node)  # Ray ends it itself, a minute later: `limner worker` joins anew
            machines.restart_head()
            jobs += more
        [node] = await machines.joins()
        await joined(service, 1)
        await all_drawn(service, more)
        await paid_once(service, jobs)
        seen.update(machines.workers(node))
    await none_left(seen)
    told(record_property, jobs, met)


async def test_the_bot_is_killed(tmp_path: Path, machines: Machines, record_property: Record) -> None:
    nodes = await machines.joins(2)
    jobs: list[Job] = []
    met = 0
    for turn in range(ROUNDS):
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.engine.workers.far", tmp_path, machines.address, str(turn)),
            stdout=asyncio.subprocess.PIPE,
        )
        assert child.stdout is not None
        said = await child.stdout.readline()
        assert said in (b"drawing\n", b"drawn\n")
        met += said == b"drawing\n"
        seen = {one for node in nodes for one in machines.workers(node)}
        assert seen
        child.kill()
        await child.wait()
        await none_left(seen)  # what drew for it ends with it
    async with bot(tmp_path, machines.address, step_seconds=0.02) as service:
        await joined(service, 2)
        for turn in range(ROUNDS):
            jobs += await asked(service, f"{turn}", 4)  # asked before: the same jobs
        await all_drawn(service, jobs)
        await paid_once(service, jobs)
    told(record_property, jobs, met)


async def test_a_machine_freezes_and_is_woken_too_late(
    tmp_path: Path, machines: Machines, record_property: Record
) -> None:
    nodes = await machines.joins(2)
    dice, jobs = random.Random(3), list[Job]()
    seen: set[psutil.Process] = set()
    met = 0
    async with bot(tmp_path, machines.address, silent=4.0, step_seconds=0.02) as service:
        for turn in range(ROUNDS):
            await joined(service, 2)
            more = await asked(service, f"{turn}", 4)
            met += await at_work(service, len(jobs) + 4)
            seen.update(one for node in nodes for one in machines.workers(node))
            node = dice.choice(nodes)
            before = sum(one["restarts"] for one in service.control.workers())
            frozen = machines.processes(node)
            for process in frozen:
                process.send_signal(signal.SIGSTOP)
            try:
                await all_drawn(service, more)
                await until(
                    lambda: sum(one["restarts"] for one in service.control.workers()) > before  # noqa: B023
                )
            finally:
                for process in frozen:
                    with contextlib.suppress(psutil.NoSuchProcess):
                        process.send_signal(signal.SIGCONT)
            jobs += more
            if not node.any_processes_alive():  # Ray gave it up as well
                nodes[nodes.index(node)] = (await machines.joins())[0]
            # its worker is there anew only once what it said before was heard, and refused
            await joined(service, 2)
        await paid_once(service, jobs)
    await none_left(seen)
    told(record_property, jobs, met)
