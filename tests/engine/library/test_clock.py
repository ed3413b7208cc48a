"""A machine's clock that is wrong at boot deletes nothing."""

from __future__ import annotations

import os
from pathlib import Path

from engine.config import RetentionConfig
from engine.jobs import Condition, Job, JobSpec, State, new_job_id
from engine.library.clock import CertainClock
from engine.library.gallery import Gallery
from engine.library.retention import Retention
from engine.store import jobs, masks, moderation
from engine.store.connection import Store
from engine.store.jobs import Draft, Result

DAY = 86400.0
TODAY = 1_800_000_000.0
SPEC = JobSpec(
    model="pocket", conditions=(Condition(text="a red apple"),), width=64, height=64, steps=20,
    guidance_scale=5, sampler="ddim", seed=7,
)  # fmt: skip


def test_no_more_has_passed_than_ran_since_the_newest_row() -> None:
    machine, ran = [TODAY + 30 * DAY], [0.0]
    clock = CertainClock(lambda: machine[0], TODAY, lambda: ran[0])
    assert clock.now() == TODAY
    ran[0] += 3600
    machine[0] += 3600
    assert clock.now() == TODAY + 3600
    machine[0] = TODAY + 3600 - 5  # the clock is set right, and is a little behind
    assert clock.now() == TODAY + 3600 - 5


def test_whoever_knows_the_time_is_believed() -> None:
    machine, ran = [TODAY + 9 * DAY], [0.0]
    clock = CertainClock(lambda: machine[0], TODAY, lambda: ran[0])
    clock.told(TODAY + 9 * DAY)  # the bot was off for nine days
    assert clock.now() == TODAY + 9 * DAY
    machine[0] += 60 * DAY  # the clock jumps while it runs
    ran[0] += 60
    assert clock.now() == TODAY + 9 * DAY + 60


def test_the_first_start_believes_the_machine_and_no_jump_after_it() -> None:
    machine, ran = [TODAY], [0.0]
    clock = CertainClock(lambda: machine[0], None, lambda: ran[0])
    assert clock.now() == TODAY
    machine[0] += 60 * DAY
    assert clock.now() == TODAY


async def add(store: Store, key: str, age: float) -> str:
    """Keep a job that ended ``age`` seconds before today."""
    at = TODAY - age
    job = Job(
        id=new_job_id(), owner="anna", origin="cli:", state=State.QUEUED, spec=SPEC, prompt="a red apple",
        created_at=at,
    )  # fmt: skip
    await store.write(jobs.submit, key, [Draft(job, 1.0)])
    await store.write(jobs.claim, at, job.id)
    await store.write(jobs.finish, at, job.id, Result(["a" * 64]))
    return job.id


async def test_a_clock_a_month_ahead_at_boot_deletes_nothing_and_the_right_time_what_is_old(
    tmp_path: Path,
) -> None:
    machine = [TODAY]
    path, gallery = tmp_path / "limner.db", Gallery(tmp_path / "pictures")
    async with Store.open(path, clock=lambda: machine[0]) as store:
        young, old = await add(store, "young", DAY), await add(store, "old", 29 * DAY)
        mask = masks.MaskRow(
            key="mask", owner="anna", origin="", picture="a" * 64, job=None, cell=None, line=None,
            outline="{}", created_at=TODAY - DAY,
        )  # fmt: skip
        await store.write(masks.add, mask)
        refusal = await store.write(
            moderation.refuse, TODAY, owner="anna", guild=None, prompt="words", why="why"
        )
    machine[0] = TODAY + 31 * DAY
    config = RetentionConfig(days=30)
    async with Store.open(path, clock=lambda: machine[0]) as store:
        retention = await Retention.of(store, gallery)
        upload = gallery.path(await gallery.keep(b"what somebody has just brought"))
        os.utime(upload, (TODAY, TODAY))
        # what is written meanwhile bears the wrong time, and proves nothing
        await add(store, "now", -31 * DAY)
        await store.write(moderation.refuse, store.now(), owner="ben", guild=None, prompt="words", why="why")
        assert await retention.tidy(config, rest=0) == 0
        retention.clock.told(TODAY)
        assert await retention.tidy(config, rest=0) == 0
        assert await store.read(masks.find, "mask") is not None
        assert await store.read(moderation.refusal, refusal, None) is not None
        assert upload.exists()
        # and then a month passes
        retention.clock.told(machine[0])
        assert await retention.tidy(config, rest=0) == 2
        assert await store.read(jobs.get, old) is None
        assert await store.read(jobs.get, young) is None
        assert await store.read(masks.find, "mask") is None
        assert await store.read(moderation.refusal, refusal, None) is None
