"""Two machines that draw for a bot, while one of all the parts fails, again and again: all is drawn once."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import sys
from pathlib import Path

import psutil
import pytest

from engine.jobs import Job, State
from engine.service import Service
from tests.engine.conftest import ended
from tests.engine.workers.machines import Machines, asked, bot, draws, joined, machines
from tests.engine.workers.test_faults import paid_once
from tests.engine.workers.test_several import until

__all__ = ["machines"]

ROUNDS = int(os.environ.get("LIMNER_RAY_ROUNDS", "5"))

pytestmark = pytest.mark.timeout(600 + 120 * ROUNDS)


async def all_drawn(service: Service, jobs: list[Job]) -> None:
    for job in jobs:
        assert (await ended(service, job.id)).state is State.RENDERED


async def at_work(service: Service) -> None:
    await until(lambda: all(one["drawing"] for one in service.control.workers()))


async def none_left(seen: set[psutil.Process]) -> None:
    """Wait until none of these workers lives: no orphan holds memory."""
    await until(lambda: not any(draws(one) for one in seen))


async def test_a_worker_is_killed(tmp_path: Path, machines: Machines) -> None:
    nodes = [machines.join(), machines.join()]
    dice, jobs = random.Random(1), list[Job]()
    seen: set[psutil.Process] = set()
    async with bot(tmp_path, machines.address, step_seconds=0.02) as service:
        for turn in range(ROUNDS):
            await joined(service, 2)
            more = await asked(service, f"{turn}", 4)
            await at_work(service)
            [victim] = machines.workers(dice.choice(nodes))
            seen.update((victim, *(one for node in nodes for one in machines.workers(node))))
            victim.kill()
            await all_drawn(service, more)
            jobs += more
        await until(lambda: sum(one["restarts"] for one in service.control.workers()) >= ROUNDS)
        await paid_once(service, jobs)
    await none_left(seen)


async def test_a_machine_is_lost(tmp_path: Path, machines: Machines) -> None:
    nodes = [machines.join(), machines.join()]
    dice, jobs = random.Random(2), list[Job]()
    seen: set[psutil.Process] = set()
    async with bot(tmp_path, machines.address, step_seconds=0.02) as service:
        for turn in range(ROUNDS):
            await joined(service, 2)
            more = await asked(service, f"{turn}", 4)
            await at_work(service)
            seen.update(one for node in nodes for one in machines.workers(node))
            lost = nodes.pop(dice.randrange(2))
            machines.lose(lost)
            await all_drawn(service, more)
            jobs += more
            nodes.append(machines.join())
        await joined(service, 2)
        await paid_once(service, jobs)
    await none_left(seen)


async def test_the_head_is_started_anew(tmp_path: Path, machines: Machines) -> None:
    jobs: list[Job] = []
    seen: set[psutil.Process] = set()
    async with bot(tmp_path, machines.address, step_seconds=0.02) as service:
        for turn in range(ROUNDS):
            nodes = [machines.join(), machines.join()]
            await joined(service, 2)
            more = await asked(service, f"{turn}", 4)
            await at_work(service)
            seen.update(one for node in nodes for one in machines.workers(node))
            for node in nodes:  # Ray ends them itself, a minute later: `limner worker` joins anew
                machines.lose(node)
            machines.restart_head()
            jobs += more
        nodes = [machines.join()]
        await joined(service, 1)
        await all_drawn(service, jobs)
        await paid_once(service, jobs)
        seen.update(machines.workers(nodes[0]))
    await none_left(seen)


async def test_the_bot_is_killed(tmp_path: Path, machines: Machines) -> None:
    nodes = [machines.join(), machines.join()]
    jobs: list[Job] = []
    for turn in range(ROUNDS):
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.engine.workers.far", tmp_path, machines.address, str(turn)),
            stdout=asyncio.subprocess.PIPE,
        )
        assert child.stdout is not None
        assert await child.stdout.readline() == b"drawing\n"
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


async def test_a_machine_freezes_and_is_woken_too_late(tmp_path: Path, machines: Machines) -> None:
    nodes = [machines.join(), machines.join()]
    dice, jobs = random.Random(3), list[Job]()
    seen: set[psutil.Process] = set()
    async with bot(tmp_path, machines.address, silent=4.0, step_seconds=0.02) as service:
        for turn in range(ROUNDS):
            await joined(service, 2)
            more = await asked(service, f"{turn}", 4)
            await at_work(service)
            seen.update(one for node in nodes for one in machines.workers(node))
            node = dice.choice(nodes)
            before = sum(one["restarts"] for one in service.control.workers())
            frozen = machines.processes(node)
            for process in frozen:
                process.send_signal(signal.SIGSTOP)
            try:
                await all_drawn(service, more)
            finally:
                for process in frozen:
                    with contextlib.suppress(psutil.NoSuchProcess):
                        process.send_signal(signal.SIGCONT)
            jobs += more
            # its worker is started anew only once what it said before was heard, and refused
            await until(
                lambda: sum(one["restarts"] for one in service.control.workers()) > before  # noqa: B023
                or not node.any_processes_alive()  # noqa: B023
            )
            if not node.any_processes_alive():  # Ray gave it up as well
                nodes[nodes.index(node)] = machines.join()
            await joined(service, 2)
            await paid_once(service, jobs)
    await none_left(seen)
