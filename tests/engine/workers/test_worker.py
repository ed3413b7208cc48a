"""A worker that dies, hangs or is poisoned: its jobs are drawn again, delivered once; nobody else suffers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal

import pytest

from engine.config import EngineConfig
from engine.jobs import State
from engine.schedule.scheduler import OUT_OF_MEMORY
from engine.service import Service
from engine.store import deliveries as store_deliveries
from engine.store.jobs import GIVEN_UP
from engine.workers.handle import hangs
from tests.engine.conftest import Open, asking, drawn, ended, submit

CYCLES = int(os.environ.get("LIMNER_RELIABILITY_CYCLES", "10"))


async def ready(service: Service) -> int:
    """Wait for a worker and return its process id."""
    async with asyncio.timeout(60):
        while not service.control.workers()[0]["ready"]:  # noqa: ASYNC110 (nothing tells us)
            await asyncio.sleep(0.02)
    return int(service.control.workers()[0]["pid"])


@pytest.mark.timeout(600 + 60 * CYCLES)
async def test_killed_at_any_moment_every_job_is_drawn_and_promised_once(open_service: Open) -> None:
    async with open_service(step_seconds=0.004) as service:
        jobs = []
        for cycle in range(CYCLES):
            pid = await ready(service)
            job = (await submit(service, asking(f"{cycle}", f"cat {cycle} --steps 20 --seed {cycle}"))).jobs[
                0
            ]
            jobs.append(job.id)
            await asyncio.sleep(0.13 * cycle / CYCLES)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            done = await ended(service, job.id)
            assert done.state is State.RENDERED
            assert len(done.pictures) == 4
        promised = [delivery.job for delivery in await service.store.read(store_deliveries.pending)]
        assert sorted(promised) == sorted(jobs)
        # a kill that meets a worker whose death is not noticed yet makes no restart of its own
        assert sum(worker["restarts"] for worker in service.control.workers()) >= CYCLES // 2


async def test_drawn_again_it_is_the_same_picture(open_service: Open) -> None:
    async with open_service(step_seconds=0.01) as service:
        calm = await drawn(service, "calm", "a cat --steps 20 --seed 5")
        job = (await submit(service, asking("killed", "a cat --steps 20 --seed 5"))).jobs[0]
        async for snapshot in service.progress(job.id):
            if snapshot.step >= 10 and snapshot.job.attempts == 1:
                os.kill(await ready(service), signal.SIGKILL)
        assert snapshot.job.attempts == 2
        one = [data.split(b"IDAT", 1)[1] for data in await service.files.originals(calm.id)]
        other = [data.split(b"IDAT", 1)[1] for data in await service.files.originals(job.id)]
        assert one == other  # the recipe before the pixels names the job


async def test_a_worker_that_hangs_is_killed_and_its_job_drawn(open_service: Open) -> None:
    """A stopped process neither dies nor says anything, like a driver that hangs."""
    engine = EngineConfig(heartbeat_timeout=8.0)
    async with open_service(engine=engine, step_seconds=0.02) as service:
        pid = await ready(service)
        job = (await submit(service, asking("1", "a cat --steps 20"))).jobs[0]
        async for snapshot in service.progress(job.id):
            if snapshot.step >= 5 and snapshot.job.attempts == 1:
                with contextlib.suppress(ProcessLookupError):  # killed already, and this told late
                    os.kill(pid, signal.SIGSTOP)
        assert snapshot.state is State.RENDERED
        assert service.control.workers()[0]["pid"] != pid


@pytest.mark.parametrize(
    ("unheard", "unmoved", "how", "why"),
    [
        (59, 59, {"busy": True}, ""),
        (61, 0, {}, "silent"),
        (61, 0, {"busy": True, "slow": True}, "silent"),  # lost while it loads: the process would beat
        (2, 61, {"busy": True}, "stuck"),
        (2, 61, {"busy": True, "slow": True}, ""),
        (2, 601, {"busy": True, "slow": True}, "stuck"),
        (2, 601, {}, ""),  # nothing to do
        (599, 0, {"ready": False}, ""),
        (601, 0, {"ready": False}, "silent"),
    ],
)
def test_nobody_waits_longer_than_the_timeout_for_a_worker_that_says_nothing(
    unheard: float, unmoved: float, how: dict[str, bool], why: str
) -> None:
    assert hangs(60.0, unheard, unmoved, **{"ready": True, "busy": False, "slow": False} | how) == why


async def test_a_step_that_never_ends_is_noticed_though_the_process_still_beats(open_service: Open) -> None:
    engine = EngineConfig(heartbeat_timeout=8.0)
    async with open_service(engine=engine, hang_after=8) as service:
        job = (await submit(service, asking("1", "a cat --steps 6"))).jobs[0]
        assert (await ended(service, job.id)).attempts == 1
        second = await drawn(service, "2", "a cat --steps 6")  # hangs at its second step, then is drawn anew
        assert (second.state, second.attempts) == (State.RENDERED, 2)


async def test_a_job_that_kills_its_worker_three_times_is_given_up_alone(open_service: Open) -> None:
    async with open_service(step_seconds=0.01, poison="deadly") as service:
        await ready(service)
        bad = (await submit(service, asking("bad", "a deadly mushroom --steps 4"))).jobs[0]
        good = (await submit(service, asking("good", "an apple --steps 10", owner="ben"))).jobs[0]
        failed, fine = await ended(service, bad.id), await ended(service, good.id)
        assert (failed.state, failed.attempts, failed.failure) == (State.FAILED, 3, GIVEN_UP)
        # it shared the first call with the bad one at most: a suspect then runs alone
        assert fine.state is State.RENDERED
        assert fine.attempts <= 2
        kinds = {
            delivery.job: delivery.kind for delivery in await service.store.read(store_deliveries.pending)
        }
        assert kinds == {bad.id: "failure", good.id: "grid"}


async def test_out_of_memory_fails_the_guilty_job_only(open_service: Open) -> None:
    async with open_service(step_seconds=0.01, memory="huge") as service:
        both = [
            (await submit(service, asking(line, line, owner=line))).jobs[0]
            for line in ("a huge wall", "a small cup")
        ]
        bad, good = [await ended(service, job.id) for job in both]
        assert (bad.state, bad.failure) == (State.FAILED, OUT_OF_MEMORY)
        assert good.state is State.RENDERED
        assert service.control.workers()[0]["restarts"] == 0


async def test_a_worker_without_its_parent_ends_by_itself(open_service: Open) -> None:
    async with open_service(step_seconds=0.01) as service:
        pid = await ready(service)
        await submit(service, asking("1", "a cat --steps 100"))
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_renderer_that_cannot_start_is_tried_again_ever_more_slowly(open_service: Open) -> None:
    async with open_service(nonsense=True) as service:
        job = (await submit(service, asking("1"))).jobs[0]
        for _ in range(600):
            if service.control.workers()[0]["restarts"]:
                break
            await asyncio.sleep(0.1)
        assert service.control.workers()[0]["restarts"]
        await asyncio.sleep(2.5)
        assert service.control.workers()[0]["restarts"] <= 5
        assert (await service.find(job.id)).state is State.QUEUED
        assert (await service.cancel(job.id, "anna")).state is State.CANCELLED
