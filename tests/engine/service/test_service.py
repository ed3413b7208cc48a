"""The front door, with a real worker process behind it."""

from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from engine.config import Config, EngineConfig, LimitsConfig, pocket
from engine.errors import ConfigError, EngineError, LimitError, NotFound, PromptError, UserError
from engine.jobs import Delivery, Kind, Role, Speed, State
from engine.moderation import BlockedError
from engine.service import Edit, FileOptions, Service, Snapshot
from engine.store import deliveries as store_deliveries
from tests.engine.conftest import FAKE, Open, asking, calling, drawn, editing, ended, submit


async def take(service: Service, count: int) -> list[Delivery]:
    found: list[Delivery] = []
    async for delivery in service.outbox.deliveries():
        found.append(delivery)
        if len(found) == count:
            return found
    raise AssertionError


async def test_a_prompt_becomes_four_pictures_and_a_promise(open_service: Open) -> None:
    async with open_service(step_seconds=0.01) as service:
        submitted = await submit(
            service, asking("1", "a red apple --ar 3:2 --seed 7 --steps 12", reply_to="55")
        )
        assert submitted.new
        (job,) = submitted.jobs
        assert await service.position(job.id) == 0
        seen: list[Snapshot] = [snapshot async for snapshot in service.progress(job.id)]
        assert [snapshot.state for snapshot in seen][-1] is State.RENDERED
        percents = [snapshot.percent for snapshot in seen if snapshot.state is State.RUNNING]
        assert percents == sorted(percents)
        assert seen[-1].percent == 100
        previews = {snapshot.preview for snapshot in seen} - {None}
        assert previews
        assert all(Image.open(io.BytesIO(preview or b"")).format == "JPEG" for preview in previews)
        done = seen[-1].job
        assert done.spec.seed == 7
        assert done.spec.steps == 12
        pictures = await service.pictures(job.id)
        assert len(pictures) == 4
        sizes = {Image.open(io.BytesIO(data)).size for data in pictures}
        assert sizes == {(done.spec.width, done.spec.height)}
        assert done.spec.width > done.spec.height
        (delivery,) = await take(service, 1)
        assert (delivery.job, delivery.kind, delivery.origin, delivery.owner) == (
            job.id, "grid", "discord:1/2", "anna",
        )  # fmt: skip
        assert delivery.reply_to == "55"


async def test_the_same_interaction_twice_is_one_job(service: Service) -> None:
    both = await asyncio.gather(*(submit(service, asking("press")) for _ in range(10)))
    assert sum(one.new for one in both) == 1
    assert len({one.jobs[0].id for one in both}) == 1
    await ended(service, both[0].jobs[0].id)
    assert len(await take(service, 1)) == 1
    assert len(await service.jobs_of("anna")) == 1


async def test_choices_make_a_job_each(service: Service) -> None:
    submitted = await submit(service, asking("1", "a {red, green} apple --repeat 2"))
    assert [job.spec.conditions[0].text for job in submitted.jobs] == ["a red apple"] * 2 + [
        "a green apple"
    ] * 2
    assert len({job.spec.seed for job in submitted.jobs}) == 4
    for job in submitted.jobs:
        assert (await ended(service, job.id)).state is State.RENDERED


async def test_settings_suffix_and_own_options_are_read_with_the_prompt(service: Service) -> None:
    await service.prefer("anna", "suffix", "--steps 3")
    await service.prefer("anna", "settings", "--chaos 9 --weird 5")
    await service.prefer("anna", "option:mine", "--chaos 20")
    await service.prefer("discord:1", "settings", "--weird 7 --exp 4")
    job = (await submit(service, asking("1", "a red apple --mine"))).jobs[0]
    # prompt (by way of her own option) before suffix before settings before the server
    assert (job.spec.steps, job.spec.chaos, job.spec.weird, job.spec.exp) == (3, 20, 5, 4)
    other = (await submit(service, asking("2", "a red apple", owner="ben"))).jobs[0]
    assert (other.spec.chaos, other.spec.weird, other.spec.exp) == (0, 7, 4)


async def test_a_bad_prompt_is_refused_and_leaves_nothing(service: Service) -> None:
    with pytest.raises(PromptError) as told:
        await submit(service, asking("1", "a red apple --stylize 50.5"))
    assert told.value.repaired == "a red apple --stylize 50"
    with pytest.raises(PromptError):
        await submit(service, asking("1", "   "))
    assert await service.jobs_of("anna") == []


async def test_speed_comes_from_the_prompt_or_the_door(service: Service) -> None:
    assert (await submit(service, asking("1", "a cat --relax"))).jobs[0].speed is Speed.RELAX
    assert (await submit(service, asking("2", "a cat", speed=Speed.TURBO))).jobs[0].speed is Speed.TURBO
    assert (await submit(service, asking("3", "a cat"))).jobs[0].speed is Speed.FAST


async def test_what_may_not_be_drawn_is_refused_at_every_door_into_the_queue(open_service: Open) -> None:
    async with open_service(blocked=("teapot",)) as service:
        with pytest.raises(BlockedError, match="does not draw `teapot`"):
            await submit(service, asking("1", "a {cup, t3apot}"))
        first = await drawn(service)
        with pytest.raises(BlockedError, match="never drawn"):
            await submit(service, press("m", first.id, "remix", 0, line="a nude schoolgirl"))
        assert len(await service.jobs_of("anna")) == 1  # not even the harmless half of the choices


# ---- buttons -----


def press(key: str, job: str, name: str, cell: int | None = None, **more: Any) -> Edit:
    return editing(key, "ben", "discord:1/3", job, name, cell, **more)


async def test_variations_start_from_the_stored_cell_and_belong_to_who_pressed(service: Service) -> None:
    first = await drawn(service)
    model = pocket()
    for verb, strength in (("vary_subtle", model.subtle_strength), ("vary_strong", model.strong_strength)):
        job = (await submit(service, press(verb, first.id, verb, 2))).jobs[0]
        assert (job.owner, job.origin, job.parent, job.parent_cell) == ("ben", "discord:1/3", first.id, 2)
        assert job.spec.kind is Kind.VARY
        assert job.spec.strength == strength
        assert [(one.sha256, one.role) for one in job.spec.inputs] == [(first.pictures[2], Role.INIT)]
        assert len((await ended(service, job.id)).pictures) == 4


async def test_a_reroll_changes_the_seed_and_nothing_else(service: Service) -> None:
    first = await drawn(service, line="a red apple --chaos 20 --no worms")
    job = (await submit(service, press("r", first.id, "reroll"))).jobs[0]
    assert job.spec.seed != first.spec.seed
    assert job.spec.model_copy(update={"seed": first.spec.seed}) == first.spec


async def test_an_upscale_is_one_larger_picture(service: Service) -> None:
    first = await drawn(service)
    job = await ended(service, (await submit(service, press("u", first.id, "upscale_2x", 1))).jobs[0].id)
    assert job.spec.kind is Kind.UPSCALE
    assert (job.spec.width, job.spec.count) == (2 * first.spec.width, 1)
    (delivery,) = [one for one in await take(service, 2) if one.job == job.id]
    assert (delivery.kind, delivery.cell) == ("picture", 0)


async def test_a_remix_draws_new_words_from_the_old_picture(service: Service) -> None:
    first = await drawn(service)
    job = (await submit(service, press("m", first.id, "remix", 0, line="a green pear --chaos 7"))).jobs[0]
    assert job.prompt == "a green pear --chaos 7"
    assert job.spec.conditions[0].text == "a green pear"
    assert (job.spec.kind, job.spec.chaos) == (Kind.VARY, 7)
    assert job.spec.inputs[0].sha256 == first.pictures[0]


@pytest.mark.parametrize("verb", ["reroll", "vary", "pan_left"])
async def test_a_changed_prompt_brings_its_notes_and_its_speed(service: Service, verb: Any) -> None:
    first = await drawn(service)
    cell = None if verb == "reroll" else 0
    line = "a green pear --stylize 20 --stylize 30 --relax"
    job = (await submit(service, press("m", first.id, verb, cell, line=line))).jobs[0]
    assert any("more than once" in note for note in job.notes)
    assert ("stylize", "prompt") in job.sources
    assert (first.speed, job.speed) == (Speed.FAST, Speed.RELAX)


async def test_a_button_is_served_at_the_speed_of_whoever_presses(service: Service) -> None:
    parent = await drawn(service, line="a red apple --turbo")
    first = (await submit(service, press("v", parent.id, "vary", 0))).jobs[0]
    await service.prefer(first.owner, "settings", "--relax")
    second = (await submit(service, press("w", parent.id, "vary", 0))).jobs[0]
    # turbo costs double: a press must not inherit it from somebody else's prompt
    assert (parent.speed, first.speed, second.speed) == (Speed.TURBO, Speed.FAST, Speed.RELAX)


async def test_a_button_pressed_twice_makes_one_job(service: Service) -> None:
    first = await drawn(service)
    made = await asyncio.gather(*(submit(service, press("same", first.id, "vary", 0)) for _ in range(5)))
    assert len({one.jobs[0].id for one in made}) == 1


async def test_a_cell_that_is_not_there_is_said_so(service: Service) -> None:
    first = await drawn(service)
    with pytest.raises(NotFound, match="4 pictures, and no number 5"):
        await submit(service, press("v", first.id, "vary", 4))
    with pytest.raises(NotFound):
        await service.show(calling("k", "ben"), first.id, 9)
    with pytest.raises(NotFound):
        await service.find("nothing")


async def test_showing_a_picture_promises_a_message_and_no_job(service: Service) -> None:
    first = await drawn(service)
    await take(service, 1)
    for _ in range(2):  # the same press twice
        await service.show(calling("press", "ben", "discord:9/8", reply_to="77"), first.id, 1)
    shown = (await take(service, 2))[1]
    assert (shown.kind, shown.cell, shown.origin, shown.owner, shown.reply_to) == (
        "picture", 1, "discord:9/8", "ben", "77",
    )  # fmt: skip
    assert len(await service.jobs_of("ben")) == 0


# ---- files -----


async def test_a_cell_leaves_as_one_file_each_time_and_a_grid_with_the_recipe(service: Service) -> None:
    first = await drawn(service)
    assert (await service.files.file(first.id, 2)).data == (await service.pictures(first.id))[2]
    grid = (await service.files.file(first.id)).data
    sheet = Image.open(io.BytesIO(grid))
    sheet.load()
    assert sheet.size == (2 * first.spec.width, 2 * first.spec.height)
    assert json.loads(sheet.text["limner"])["job"] == first.id  # type: ignore[attr-defined]
    enlarged = await service.files.file(first.id, wanted=FileOptions(least=1000))
    assert max(enlarged.width, enlarged.height) >= 1000 or enlarged.width == 8 * sheet.width
    small = await service.files.file(first.id, wanted=FileOptions(limit=3000))
    assert len(small.data) <= 3000


# ---- order, limits, cancelling -----


async def test_a_waiting_job_is_cancelled_by_its_owner_only(open_service: Open) -> None:
    async with open_service(start_seconds=30) as service:
        job = (await submit(service, asking("1"))).jobs[0]
        with pytest.raises(UserError, match="somebody else"):
            await service.cancel(job.id, "ben")
        assert (await service.cancel(job.id, "anna")).state is State.CANCELLED
        assert (await service.queue()).waiting == ()
        assert (await service.cancel(job.id, "anna")).state is State.CANCELLED  # again: as it ended


async def test_a_running_job_stops_at_its_next_step(open_service: Open) -> None:
    async with open_service(step_seconds=0.02) as service:
        job = (await submit(service, asking("1", "a cat --steps 500"))).jobs[0]
        async for snapshot in service.progress(job.id):
            if snapshot.step >= 3 and snapshot.state is State.RUNNING:
                assert 3 / 500 <= service.share(job.id) <= 1
                await service.cancel(job.id, "anna")
        assert snapshot.state is State.CANCELLED
        assert await service.control.drained(300)
        assert service.share(job.id) == 0, "it runs no more"
        assert (await service.find(job.id)).pictures == ()


async def test_cancelled_at_any_moment_it_neither_hangs_nor_delivers(open_service: Open) -> None:
    async with open_service(step_seconds=0.002) as service:
        for number in range(25):
            job = (await submit(service, asking(str(number), "a cat --steps 5"))).jobs[0]
            await asyncio.sleep(number * 0.002)
            state = (await service.cancel(job.id, "anna")).state
            assert state in (State.CANCELLED, State.RENDERED)
        assert await service.control.drained(300)
        cancelled = [job for job in await service.jobs_of("anna") if job.state is State.CANCELLED]
        pending = await service.store.read(store_deliveries.pending)
        assert not {job.id for job in cancelled} & {one.job for one in pending}
        service.control.pause(False)
        assert (await drawn(service, "after")).state is State.RENDERED


async def test_too_many_waiting_are_refused_with_the_prompt_given_back(open_service: Open) -> None:
    limits = LimitsConfig(running=1, waiting=3)  # one runs and three wait
    async with open_service(limits=limits, start_seconds=30) as service:
        for number in range(4):
            await submit(service, asking(str(number)))
        with pytest.raises(LimitError) as told:
            await submit(service, asking("more", "a blue `pear`"))
        said = str(told.value)
        assert "have 0 running and 4 waiting; one person may have 1 running and 3 waiting" in said
        assert told.value.prompt == "a blue `pear`"
        assert "A place frees when your next picture is done" in said
        await submit(service, asking("ben", owner="ben"))  # his own places
        again = await submit(service, asking("0"))  # accepted before: not refused now
        assert not again.new


async def test_a_person_with_many_waits_behind_one_with_few(open_service: Open) -> None:
    limits = LimitsConfig(running=3, waiting=50)
    engine = EngineConfig(max_rows=8)  # one job at a time
    async with open_service(limits=limits, engine=engine, step_seconds=0.001) as service:
        service.control.pause()
        greedy = [(await submit(service, asking(f"g{n}", "a cat --steps 4"))).jobs[0] for n in range(12)]
        modest = (await submit(service, asking("m", "a cat --steps 4", owner="ben"))).jobs[0]
        assert await service.position(modest.id) == 1
        service.control.pause(False)
        for job in [*greedy, modest]:
            await ended(service, job.id)
        starts = sorted([*greedy, modest], key=lambda job: job.id)
        started = {job.id: (await service.find(job.id)).started_at or 0.0 for job in starts}
        before = sum(started[job.id] < started[modest.id] for job in greedy)
        assert before <= 2


async def test_requests_of_different_people_run_together(open_service: Open) -> None:
    async with open_service(step_seconds=0.02) as service:
        service.control.pause()
        jobs = [(await submit(service, asking(f"{n}", "a cat", owner=f"p{n}"))).jobs[0] for n in range(2)]
        service.control.pause(False)
        together = 0
        async for _ in service.progress(jobs[1].id):
            together = max(together, len((await service.queue()).running))
        assert together == 2  # eight rows each, sixteen fit


async def test_a_paused_engine_starts_nothing_and_goes_on_afterwards(service: Service) -> None:
    service.control.pause()
    job = (await submit(service, asking("1"))).jobs[0]
    await asyncio.sleep(0.4)
    assert (await service.find(job.id)).state is State.QUEUED
    service.control.pause(False)
    assert (await ended(service, job.id)).state is State.RENDERED


# ---- opening and closing -----


async def test_it_answers_before_the_worker_is_there(open_service: Open) -> None:
    async with open_service(start_seconds=3600) as service:
        job = (await submit(service, asking("1"))).jobs[0]
        assert await service.position(job.id) == 0
        assert not (await service.queue()).ready


async def test_an_orderly_stop_hands_the_running_job_back_unharmed(open_service: Open) -> None:
    async with open_service(step_seconds=0.05) as service:
        job = (await submit(service, asking("1", "a cat --steps 150"))).jobs[0]
        async for snapshot in service.progress(job.id):
            if snapshot.step >= 2:
                break
    async with open_service() as service:
        done = await ended(service, job.id)
        assert (done.state, done.attempts) == (State.RENDERED, 1)
        assert len(await take(service, 1)) == 1


async def test_two_on_one_folder_are_refused(service: Service) -> None:
    with pytest.raises(ConfigError, match="Another Limner"):
        async with Service.open(service.config, renderer=FAKE):
            pass


async def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigError, match="cannot be"):
        async with Service.open(Config(data_dir=tmp_path / "file"), renderer=FAKE):
            pass


async def test_the_command_line_needs_no_message(service: Service) -> None:
    submitted = await submit(service, asking("1", owner="cli", origin="cli:"))
    assert (await ended(service, submitted.jobs[0].id)).state is State.RENDERED
    assert await service.store.read(store_deliveries.pending) == []


async def test_a_job_knows_who_chose_what(service: Service) -> None:
    await service.prefer("anna", "suffix", "--chaos 5")
    await service.prefer("anna", "settings", "--stop 60")
    [job] = (await submit(service, asking("who", "a cat --ar 3:2"))).jobs
    found = await service.find(job.id)
    assert dict(found.sources).items() >= {
        ("ar", "prompt"), ("chaos", "suffix"), ("stop", "settings"), ("model", "model"), ("steps", "model")
    }  # fmt: skip


async def test_a_disk_that_fills_up_loses_nothing_and_needs_no_restart(open_service: Open) -> None:
    """SQLite is told that the disk has no page left, while a job runs and another waits."""

    async def room(service: Service, pages: int) -> None:
        await service.store.write(lambda db: db.execute(f"PRAGMA max_page_count = {pages}").fetchall())

    limits = LimitsConfig(running=1)
    async with open_service(step_seconds=0.02, limits=limits) as service:
        first = (await submit(service, asking("1", "a cat --steps 20"))).jobs[0]
        second = (await submit(service, asking("2", "a cat --steps 20"))).jobs[0]
        async for snapshot in service.progress(first.id):
            if snapshot.step >= 2:
                break
        await room(service, 1)
        refused = None
        for number in range(200):  # until the pages in use are full too
            try:
                await submit(service, asking(f"more{number}", "a cat " * 300, owner=f"p{number}"))
            except EngineError as error:
                refused = error
                break
        assert refused is not None
        assert "disk is full" in refused.apology
        await asyncio.sleep(1.5)
        await room(service, 1_000_000)
        for job in (first, second):
            assert (await ended(service, job.id)).state is State.RENDERED
        assert service.control.workers()[0]["restarts"] == 0
