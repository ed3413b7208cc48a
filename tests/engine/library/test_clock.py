"""A machine's clock that is wrong at boot deletes nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.config import RetentionConfig
from engine.jobs import Condition, Job, JobSpec, State, new_job_id
from engine.library.clock import CertainClock, Clock
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
        mask = {"key": "mask", "owner": "anna", "origin": "", "picture": "a" * 64, "outline": "{}"}
        await store.write(masks.add, mask | {"created_at": TODAY - DAY})
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


# ------------------------------------------------------------------------------------ the time of everything

HOUR = 3600.0


def test_the_time_is_the_machines_where_nobody_says_otherwise() -> None:
    machine, ran = [TODAY], [0.0]
    clock = Clock(lambda: machine[0], lambda: ran[0])
    clock.begins_at(TODAY - DAY)
    for at in (TODAY, TODAY + 40 * DAY, TODAY - 40 * DAY):  # jumps: who says which is right?
        machine[0] = at
        assert clock.now() == at


@pytest.mark.parametrize("off", [31 * DAY, -31 * DAY, HOUR, -HOUR, -TODAY, 2**31 - TODAY])
def test_a_time_that_was_told_twice_holds_whatever_the_machine_shows(off: float) -> None:
    """A month, an hour (summer time), 1970 and 2038, at boot or while running."""
    machine, ran = [TODAY + off], [0.0]
    clock = Clock(lambda: machine[0], lambda: ran[0])
    clock.told(TODAY)
    ran[0] = 1.0
    assert clock.told(TODAY + 1)
    assert clock.now() == TODAY + 1
    ran[0] = 1 + 5 * HOUR
    assert clock.now() == TODAY + 1 + 5 * HOUR
    machine[0] = TODAY + 1 + 5 * HOUR + 3  # set right: from here on it is the machine's again
    assert clock.now() == machine[0]
    machine[0] += off  # and wrong again
    assert clock.now() == TODAY + 1 + 5 * HOUR


def test_one_wrong_answer_among_right_ones_changes_no_time() -> None:
    machine, ran = [TODAY], [0.0]
    clock = Clock(lambda: machine[0], lambda: ran[0])
    for second, told in enumerate((0, 0, -900 * DAY, 0, 60 * DAY, -900 * DAY, 0, 0)):
        ran[0], machine[0] = float(second), TODAY + second
        clock.told(TODAY + second + told)
        assert clock.now() == TODAY + second


def test_an_event_that_arrives_late_turns_no_time_back_and_one_that_is_ahead_brings_it_on() -> None:
    machine, ran = [TODAY], [0.0]
    clock = Clock(lambda: machine[0], lambda: ran[0])
    for _ in range(3):  # of a connection that was lost for an hour
        clock.told_late(TODAY - HOUR)
    assert clock.now() == TODAY
    machine[0] = TODAY - 31 * DAY
    clock.told_late(TODAY)
    assert clock.now() == machine[0]
    clock.told_late(TODAY + 1)
    assert clock.now() == TODAY + 1


def test_a_clock_from_before_this_program_begins_at_the_newest_row() -> None:
    machine, ran = [0.0], [0.0]
    clock = Clock(lambda: machine[0], lambda: ran[0])
    assert clock.now() == 0.0  # nothing was ever written here
    clock.begins_at(TODAY)
    machine[0] = ran[0] = 60.0
    assert clock.now() == TODAY + 60
    machine[0] = TODAY + 9 * DAY  # set right
    assert clock.now() == machine[0]


async def test_a_wrong_date_told_over_and_over_deletes_nothing(tmp_path: Path) -> None:
    """The machine is right, and what stands between it and Discord is a month ahead, or at the year 1994."""
    clock = Clock(lambda: TODAY)
    async with Store.open(tmp_path / "limner.db", clock=clock.now) as store:
        await add(store, "old", 29 * DAY)
        for wrong in (TODAY + 31 * DAY, 784111777.0):
            retention = await Retention.of(store, Gallery(tmp_path / "pictures"), clock)
            for _ in range(3):
                retention.told(wrong)
            assert await retention.tidy(RetentionConfig(days=30), rest=0) == 0
