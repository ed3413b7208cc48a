"""Rules, bans and errands in a running service, changed by it and by another process."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.errors import NotFound
from engine.jobs import State
from engine.moderation import BlockedError
from engine.rules.changes import Change
from engine.rules.people import Requester
from engine.rules.permissions import PermissionCheck
from engine.rules.rules import Rule
from engine.schedule.queue import FairQueue
from engine.schedule.tickets import QueueEntry, ticket
from engine.service import Imagine, Service, server
from engine.service.admin import Administration, RefusedError
from engine.store import audit as store_audit
from engine.store.audit import AdminAction
from engine.store.connection import Store
from tests.engine.conftest import Open, asking, calling, drawn, editing, ended, submit
from tests.engine.schedule.one_device import pick

ANNA = Requester("anna", "100", "111", roles=("100",))
BOSS = Requester("boss", "100", "111", roles=("100",), manager=True)


def ask(key: str, line: str = "a red apple", requester: Requester = ANNA) -> Imagine:
    return asking(key, line, requester.owner, "discord:100/111", requester=requester)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with Store.open(tmp_path / "limner.db", clock=lambda: 1000.0) as opened:
        yield opened


async def test_what_stands_already_is_not_recorded_again(store: Store) -> None:
    admin = await Administration.of(store)
    rule = Rule("channel", "111", value="no")
    assert await admin.change("boss", "100", Change("channels deny", keep=[rule]))
    assert not await admin.change("boss", "100", Change("channels deny", keep=[rule]))
    assert await admin.change("boss", "100", Change("channels reset", drop=[rule]))
    assert not await admin.change("boss", "100", Change("channels reset", drop=[rule]))
    assert [one.action for one in await admin.audits("100")] == ["channels reset", "channels deny"]


async def test_another_process_is_heard(store: Store) -> None:
    ours, theirs = await Administration.of(store), await Administration.of(store)
    await theirs.ban("cli", "100", "anna", "spam")
    ours.require(ANNA, PermissionCheck("imagine"))  # not looked yet
    assert await ours.refresh()
    assert not await ours.refresh()
    with pytest.raises(RefusedError, match="spam"):
        ours.require(ANNA, PermissionCheck("imagine"))


async def test_a_ban_outlives_the_deletion_of_everything_else_about_a_person(store: Store) -> None:
    admin = await Administration.of(store)
    await admin.ban("boss", "100", "anna", "spam")
    await admin.ban("boss", "100", "bert", seconds=60)

    def forget(db: sqlite3.Connection) -> None:
        db.execute("UPDATE ban SET owner = NULL WHERE owner = 'anna'")

    await store.write(forget)
    again = await Administration.of(store)
    assert {ban.owner for ban in again.bans("100")} == {None, "bert"}
    assert "anna" not in str(again.rules("100").bans)
    with pytest.raises(RefusedError):
        again.require(ANNA, PermissionCheck("imagine"))
    assert await again.unban("boss", "100", "anna")
    assert not await again.unban("boss", "100", "anna")
    again.require(ANNA, PermissionCheck("imagine"))


async def test_the_mark_of_a_person_needs_the_key_of_this_installation(store: Store, tmp_path: Path) -> None:
    async with Store.open(tmp_path / "other.db") as other:
        marks = {(await Administration.of(one)).mark("anna") for one in (store, store, other)}
    assert len(marks) == 2
    assert all(len(mark) == 64 for mark in marks)


@pytest.mark.parametrize(
    ("rules", "line", "said"),
    [
        ([Rule("channel", "111", value="no")], "cat", "I do not draw in this channel"),
        ([Rule("command", "imagine", "501")], "cat", "`/imagine` is for people with the role <@&501>"),
        ([Rule("model", "pocket", "501")], "cat", "The model `pocket` is for people"),
        ([Rule("speed", "turbo", "501")], "cat --turbo", "The speed `turbo` is for people"),
        ([Rule("pixels", "100", value="100")], "cat", "draw up to 10 × 10 pixels"),
        ([Rule("off", "pocket")], "cat", "The model `pocket` is switched off"),
        ([Rule("state", value="draining")], "cat", "No new pictures are taken in this server"),
    ],
)
async def test_a_request_is_held_to_the_rules(
    service: Service, rules: list[Rule], line: str, said: str
) -> None:
    await service.admin.change("boss", "100", Change("set up", keep=rules))
    with pytest.raises(RefusedError, match=said):
        await submit(service, ask("1", line))
    with pytest.raises(RefusedError, match=said):
        await service.plan(ask("1", line))
    await service.admin.change("boss", "100", Change("set up", drop=rules))
    assert (await submit(service, ask("1", line))).new


async def test_a_button_stands_under_its_commands_rules(service: Service) -> None:
    job = await drawn(service)
    await service.admin.change(
        "boss",
        "100",
        Change("roles command", keep=[Rule("command", "vary", "501"), Rule("command", "upscale", "501")]),
    )
    for verb in ("vary_strong", "vary_subtle", "upscale_2x"):
        action = editing(f"{verb}", "anna", "discord:100/111", job.id, verb, 0, requester=ANNA)
        with pytest.raises(RefusedError):
            await submit(service, action)
    boss = editing("by boss", "boss", "discord:100/111", job.id, "vary_strong", 0, requester=BOSS)
    assert (await submit(service, boss)).new
    again = editing("again", "anna", "discord:100/111", job.id, "reroll", requester=ANNA)
    assert (await submit(service, again)).new
    await service.admin.ban("boss", "100", "anna")
    with pytest.raises(RefusedError):
        await service.show(calling("u", "anna", "discord:100/111", ANNA), job.id, 0)


async def test_a_servers_words_hold_in_that_server(service: Service) -> None:
    await service.admin.change("boss", "100", Change("words block", keep=[Rule("word", "block", "apple")]))
    with pytest.raises(BlockedError, match="apple"):
        await submit(service, ask("1"))
    elsewhere = Requester("anna", "200", "211", roles=("200",))
    assert (
        await submit(service, asking("2", "a red apple", "anna", "discord:200/211", requester=elsewhere))
    ).new
    await service.admin.change("boss", "100", Change("words allow", keep=[Rule("word", "allow", "apple")]))
    assert (await submit(service, ask("3"))).new


async def test_the_servers_defaults_come_after_ones_own_and_before_the_models(service: Service) -> None:
    await service.prefer(server("100"), "settings", "--ar 1:2 --chaos 7 --stop 90")
    await service.prefer(server("100"), "suffix", "--stop 80")
    await service.prefer("anna", "settings", "--chaos 9")
    # by its token alone a job does not know the server; whoever asks does
    asked = asking("1", "cat --weird 3", "anna", "token:1/secret", requester=ANNA)
    [job] = (await submit(service, asked)).jobs
    assert job.spec.width < job.spec.height
    assert (job.spec.weird, job.spec.chaos, job.spec.stop) == (3, 9, 80)
    told = dict(job.sources)
    assert [told[flag] for flag in ("weird", "chaos", "stop", "ar", "steps")] == [
        "prompt", "settings", "server", "server", "model",
    ]  # fmt: skip


async def test_a_servers_style_adds_its_words(service: Service) -> None:
    await service.admin.change(
        "boss", "100", Change("styles set", keep=[Rule("style", "house", value="in blue ink")])
    )
    [job] = (await submit(service, ask("1", "cat --style House"))).jobs
    assert job.spec.style == "in blue ink"


async def test_a_paused_server_waits_and_others_go_on(service: Service) -> None:
    await service.admin.change("boss", "100", Change("pause", keep=[Rule("state", value="paused")]))
    await service.control.decided()
    [held] = (await submit(service, ask("1"))).jobs
    elsewhere = Requester("bert", "200", "211", roles=("200",))
    [free] = (await submit(service, asking("2", "cat", "bert", "discord:200/1", requester=elsewhere))).jobs
    assert (await ended(service, free.id)).state is State.RENDERED
    assert (await service.find(held.id)).state is State.QUEUED
    assert held.id not in (await service.queue()).waiting
    await service.admin.change("boss", "100", Change("resume", drop=[Rule("state")]))
    await service.control.decided()
    assert (await ended(service, held.id)).state is State.RENDERED


async def test_a_pause_outlives_a_restart_and_a_drain_of_the_process_outlives_a_resume(
    open_service: Open,
) -> None:
    async with open_service() as service:
        await service.admin.change("cli", None, Change("pause", keep=[Rule("state", value="paused")]))
        await service.control.decided()
        [job] = (await submit(service, ask("1"))).jobs
        assert (await service.queue()).paused
    async with open_service() as service:
        assert (await service.queue()).paused
        assert (await service.find(job.id)).state is State.QUEUED
        await service.admin.change("cli", None, Change("resume", drop=[Rule("state")]))
        service.control.pause()
        await service.control.decided()
        assert (await service.queue()).paused
        service.control.pause(False)
        assert (await ended(service, job.id)).state is State.RENDERED


async def test_errands_of_another_process_are_run(open_service: Open) -> None:
    async with open_service() as service:
        service.control.pause()
        jobs = [(await submit(service, ask(str(n)))).jobs[0] for n in range(3)]
        async with Store.open(service.store.path) as theirs:
            other = await Administration.of(theirs)
            for verb, target in (
                ("front", jobs[2].id), ("cancel", jobs[0].id), ("load", "pocket"), ("load", "nothing"),
                ("cancel", "nothing"),
            ):  # fmt: skip
                await other.decide(AdminAction("cli", verb, "", target, errand=(verb, target)))
        while await service.store.read(store_audit.errands):  # noqa: ASYNC110  another process tells nobody
            await asyncio.sleep(0.05)
        assert (await service.find(jobs[0].id)).state is State.CANCELLED
        assert (await service.queue()).waiting == (jobs[2].id, jobs[1].id)


async def test_models_are_loaded_and_dropped_on_demand(service: Service) -> None:
    async def until(models: list[str]) -> None:
        # a worker tells its models with its beat only
        while not (worker := service.control.workers()[0])["ready"] or worker["models"] != models:  # noqa: ASYNC110
            await asyncio.sleep(0.05)

    await until([])
    service.control.load("pocket")
    await until(["pocket"])
    service.control.load("pocket", False)
    await until([])


def test_a_moved_job_goes_first_or_last_and_is_charged_all_the_same() -> None:
    from engine.jobs import JobSpec, Speed

    spec = JobSpec(model="m", width=512, height=512, steps=10, guidance_scale=1, sampler="ddim", seed=0)
    queue = FairQueue()
    for owner in "abc":
        for n in "12":
            queue.push(ticket(owner + n, owner, spec, Speed.FAST))
    assert queue.move("c2", -1)
    assert queue.move("a1", 1)
    assert not queue.move("nothing", -1)
    order = []
    while (chosen := pick(queue)) is not None:
        order.append(chosen.job)
        queue.done(chosen.owner)
    # c was served out of turn, so c's other job comes after those of b
    assert order == ["c2", "a2", "b1", "b2", "c1", "a1"]


def test_whoever_was_moved_last_goes_before_those_moved_earlier() -> None:
    queue = FairQueue()
    for owner in "abcdef":
        queue.push(QueueEntry(owner, owner, 1.0))
    for job, moved in (("e", -1), ("f", -2), ("a", 1), ("b", 2)):
        assert queue.move(job, moved)
    queue.push(QueueEntry("late", "g", 1.0, urgency=0))
    assert [one.job for one in queue.waiting()] == ["f", "e", "c", "d", "late", "a", "b"]
    assert [one.job for one in iter(lambda: pick(queue), None)] == ["f", "e", "c", "d", "late", "a", "b"]


async def test_a_moved_job_keeps_its_place_through_restarts_and_pauses(open_service: Open) -> None:
    async with open_service() as service:
        service.control.pause()
        jobs = [(await submit(service, ask(str(n)))).jobs[0].id for n in range(4)]
        await service.control.move(jobs[2], front=True, by="boss")
        await service.control.move(jobs[3], front=True)
        await service.control.move(jobs[0], front=False)
        order = (jobs[3], jobs[2], jobs[1], jobs[0])
        assert (await service.queue()).waiting == order
        [entry] = await service.admin.audits("100")
        assert (entry.actor, entry.action, entry.target) == ("boss", "jobs move", "anna")
        assert entry.detail == {"job": jobs[2], "to": "front"}
        # what is held back by its server's pause is moved too, and comes in at its place
        await service.admin.change("boss", "100", Change("pause", keep=[Rule("state", value="paused")]))
        await service.control.decided()
        assert (await service.queue()).waiting == ()
        await service.control.move(jobs[1], front=True)
    async with open_service() as service:
        service.control.pause()
        await service.admin.change("boss", "100", Change("resume", drop=[Rule("state")]))
        await service.control.decided()
        assert (await service.queue()).waiting == (jobs[1], jobs[3], jobs[2], jobs[0])
        service.control.pause(False)
        finished = [await ended(service, job) for job in jobs]
        with pytest.raises(NotFound, match="nothing to move"):
            await service.control.move(jobs[0], front=True)
    began = sorted(finished, key=lambda job: job.started_at or 0.0)
    assert [job.id for job in began] == [jobs[1], jobs[3], jobs[2], jobs[0]]
