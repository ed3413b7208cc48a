"""Reports and appeals: what they hide, who decides, how often one may."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

import pytest

from engine.errors import LimitError, NotFound, UserError
from engine.moderation import BlockedError
from engine.rules.changes import Change
from engine.rules.people import Requester
from engine.rules.rules import Rule
from engine.service import Service
from tests.engine.conftest import asking, calling, drawn, editing, ended, submit

Open = Callable[..., AbstractAsyncContextManager[Service]]

ANNA = Requester("anna", "1", "2")
BOB = Requester("bob", "1", "2")
BOSS = Requester("boss", "1", "2", manager=True)
STRANGER = Requester("eve", "9", "8", manager=True)
HOST = Requester("host", "9", "8", host=True)


async def shows(service: Service, job: str, requester: Requester) -> bool:
    try:
        key = f"{requester.owner}-{len(await service.admin.audits())}"
        await service.show(calling(key, requester.owner, requester=requester), job, 0)
    except UserError as error:
        return not ("was reported" in str(error) or "was removed" in str(error))
    return True


async def test_reports_from_the_first_word_to_the_last(open_service: Open) -> None:
    async with open_service(blocked=("lantern",)) as service:
        reports = service.reports
        await service.admin.change("boss", "1", Change("words block", keep=[Rule("word", "block", "teapot")]))
        job = await drawn(service, "a", requester=ANNA)
        with pytest.raises(UserError, match="drawn elsewhere"):
            await reports.report(job, STRANGER, "not mine", seen=False)

        press = editing("v", "anna", "discord:1/2", job.id, "vary", 0, requester=ANNA)
        varied = await ended(service, (await submit(service, press)).jobs[0].id)

        # a report hides the picture in that server, whoever asks, for new pictures of it too
        first = await reports.report(job, BOB, "odd", seen=True)
        assert (first.state, first.hides, first.todo) == ("open", True, "hide")
        assert (await reports.report(job, BOB, "again", seen=True)).id == first.id, "once each"
        second = await reports.report(job, replace(BOB, owner="carl"), "me too", seen=False)
        assert [one.id for one in await reports.undone()] == [first.id, second.id]
        assert not await shows(service, job.id, ANNA)
        with pytest.raises(UserError, match="hidden until"):
            await submit(service, editing("b", "bob", "discord:1/2", job.id, "vary", 0, requester=BOB))

        with pytest.raises(UserError, match="starts from a picture that was reported"):
            await submit(service, editing("w", "anna", "discord:1/2", varied.id, "vary", 0, requester=ANNA))

        # only those who manage that server decide, and the bot's owner
        for other in (BOB, STRANGER):
            with pytest.raises(UserError, match="Only people who may manage"):
                await reports.decide(first.id, other, "returned")
        back = await reports.decide(first.id, BOSS, "returned")
        assert (back.state, back.todo, back.moderator) == ("returned", "restore", "boss")
        assert (await reports.find(second.id)).state == "returned", "the same picture, decided once"
        with pytest.raises(UserError, match="decided already"):
            await reports.decide(first.id, HOST, "removed")
        assert await shows(service, job.id, ANNA)

        # removed, with a ban; an appeal that is granted brings it back
        third = await reports.report(job, replace(BOB, owner="dora"), "worse", seen=True)
        await reports.decide(third.id, BOSS, "removed", ban=True)
        assert [ban.owner for ban in service.admin.bans("1")] == ["anna"]
        await service.admin.unban("boss", "1", "anna")
        assert not await shows(service, job.id, ANNA)
        with pytest.raises(UserError, match="Only the person"):
            await reports.appeal(BOB, "why", report=third.id)
        appeal = await reports.appeal(replace(ANNA, guild=None), "it is an apple", report=third.id)
        assert (appeal.kind, appeal.guild, appeal.hides) == ("appeal", "1", False)
        await reports.decide(appeal.id, HOST, "granted")
        assert await shows(service, job.id, ANNA)

        # a refused prompt can be appealed, the refusal that nobody can lift cannot
        with pytest.raises(BlockedError) as told:
            await submit(service, asking("c", "a teapot", requester=ANNA))
        refused = await reports.appeal(ANNA, "only tea", refusal=told.value.number)
        assert (refused.refusal, refused.job) == (told.value.number, None)
        await reports.decide(refused.id, BOSS, "granted")
        with pytest.raises(BlockedError) as told:
            await submit(service, asking("d", "a nude child", requester=ANNA))
        with pytest.raises(UserError, match="nobody can lift"):
            await reports.appeal(ANNA, "please", refusal=told.value.number)
        with pytest.raises(NotFound, match="too old"):
            await reports.appeal(ANNA, "please", refusal=999)
        done = {entry.action for entry in await service.admin.audits("1")}
        assert {"report", "report returned", "report removed", "appeal", "appeal granted", "ban"} <= done


async def test_accepting_lifts_what_was_appealed_and_no_more(open_service: Open) -> None:
    async with open_service(blocked=("lantern",)) as service:
        for server in "19":
            await service.admin.change(
                "boss", server, Change("words", keep=[Rule("word", "block", "teapot")])
            )
        numbers = iter(range(100))

        async def asked(line: str, who: Requester) -> bool:
            where = "discord:@me/8" if who.guild is None else f"discord:{who.guild}/2"
            request = asking(f"request {next(numbers)}", line, who.owner, where, requester=who)
            return (await submit(service, request)).new

        async def granted(line: str, who: Requester, by: Requester) -> None:
            with pytest.raises(BlockedError) as told:
                await asked(line, who)
            appeal = await service.reports.appeal(who, "please", refusal=told.value.number)
            await service.reports.decide(appeal.id, by, "granted")

        # a server's word is let through in that server
        await granted("a t3apot", ANNA, BOSS)
        assert await asked("a teapot", BOB)
        elsewhere = Requester("carl", "9", "8")
        with pytest.raises(BlockedError, match="teapot"):
            await asked("a teapot", elsewhere)
        # a phrase that only sounds like adult content is let through, the word itself is not
        await granted("a naked  skeleton --seed 3", ANNA, BOSS)
        assert service.admin.rules("1").allowed == ("a naked skeleton", "teapot")
        assert service.admin.rules("1").blocked == ()
        assert await asked("a naked skeleton in a hat", BOB)
        await granted("nude", BOB, BOSS)
        await service.admin.change("boss", "1", Change("words", keep=[Rule("word", "allow", "nude")]))
        with pytest.raises(BlockedError, match="Adult content"):
            await asked("nude", BOB)
        # the host's words are the host's to let through, whatever a server's admins allow
        await service.admin.change("boss", "1", Change("words", keep=[Rule("word", "allow", "lantern")]))
        await granted("a lantern", ANNA, BOSS)
        alone = Requester("bob")
        with pytest.raises(UserError, match="Only people who may manage"):
            await granted("a lantern", alone, BOSS)
        await granted("lanterns", alone, HOST)
        assert await asked("a lantern", elsewhere)
        done = {(one.action, str(one.detail.get("words"))) for one in await service.admin.audits()}
        assert {("words allow", "['teapot']"), ("words allow", "['lantern']")} <= done


async def test_floods_are_slowed_and_false_alarms_hide_nothing(open_service: Open) -> None:
    async with open_service() as service:
        reports = service.reports
        jobs = [await drawn(service, f"k{n}", requester=ANNA) for n in range(4)]
        for job in jobs[:3]:
            report = await reports.report(job, BOB, "", seen=True)
            await reports.decide(report.id, BOSS, "returned")
        doubted = await reports.report(jobs[3], BOB, "", seen=True)
        assert not doubted.hides
        assert await shows(service, jobs[3].id, ANNA)
        believed = await reports.report(jobs[3], replace(BOB, owner="carl"), "", seen=True)
        assert believed.hides

        busy = replace(BOB, owner="dora")
        for n in range(10):
            fake = jobs[0].model_copy(update={"id": f"{n:010d}"})
            await reports.report(fake, busy, "", seen=True)
        with pytest.raises(LimitError, match="reported 10 pictures today"):
            await reports.report(jobs[0], busy, "", seen=True)
