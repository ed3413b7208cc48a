"""Allowances: set aside at acceptance, settled at the end, never below zero, whatever comes at once."""

from __future__ import annotations

import asyncio
import os

import pytest

from engine.config import AllowanceConfig
from engine.errors import LimitError, PromptError
from engine.jobs import Speed, State
from engine.planning.cost import work
from engine.rules.allowance import FIRST_PACE, Balance, check, limits, period
from engine.rules.people import Requester
from engine.rules.rules import Allowance
from engine.schedule.meter import DeviceTimeMeter
from engine.schedule.queue import FairQueue
from engine.schedule.tickets import QueueEntry
from engine.service import Imagine, Service
from tests.engine.conftest import Open, asking, drawn, editing, submit
from tests.engine.schedule.one_device import pick

ROUNDS = int(os.environ.get("LIMNER_ALLOWANCE_ROUNDS", "100"))
ANNA = Requester("anna", guild="1", roles=("1", "77"))


def wish(key: str, line: str = "a red apple", owner: str = "anna", guild: str = "1") -> Imagine:
    return asking(key, line, owner, f"discord:{guild}/2", requester=Requester(owner, guild=guild))


async def used(service: Service, owner: str = "anna", guild: str = "1") -> list[float]:
    return [one.used for one in await service.prices.balances(owner, Requester(owner, guild=guild))]


@pytest.mark.parametrize(
    ("now", "per", "expected"),
    [
        (1_772_323_199.0, "day", (1_772_236_800.0, 1_772_323_200.0)),  # 2026-02-28 23:59:59
        (1_772_323_199.0, "month", (1_769_904_000.0, 1_772_323_200.0)),  # February 2026 has 28 days
        (1_772_323_200.0, "month", (1_772_323_200.0, 1_775_001_600.0)),
    ],
)
def test_days_and_months_are_the_calendars(now: float, per: str, expected: tuple[float, float]) -> None:
    assert period(now, per) == expected


@pytest.mark.parametrize(
    ("requester", "by_role", "of_server", "expected"),
    [
        (None, None, None, [("you", 10, "day")]),
        (Requester("anna"), None, None, [("you", 10, "day")]),
        (Requester("anna", roles=("77", "78")), None, None, [("you", 50, "day")]),
        (Requester("anna", roles=("77", "79")), None, None, []),  # 0 = no limit
        (Requester("anna", "1"), None, None, [("you", 10, "day"), ("server", 100, "day")]),
        (Requester("anna", "5"), None, None, [("you", 10, "day")]),
        (
            Requester("anna", "1", roles=("77",)),
            Allowance(900, "month"),
            Allowance(20),
            [("you", 900, "month"), ("server", 100, "day"), ("server", 20, "day")],
        ),
        (Requester("anna"), Allowance(0), None, [("you", 0, "day")]),  # those in charge may give nothing
    ],
)
def test_the_nearest_rule_decides_and_both_of_a_server_hold(
    requester: Requester | None,
    by_role: Allowance | None,
    of_server: Allowance | None,
    expected: list[tuple[str, float, str]],
) -> None:
    config = AllowanceConfig(seconds=10, roles={"77": 50, "78": 20, "79": 0}, server=100, servers={"5": 0})
    assert list(limits(config, requester, by_role, of_server)) == expected


def test_a_refusal_says_the_limit_what_is_left_and_when_it_frees() -> None:
    balance = Balance("you", 600.0, 590.0, "day", 7200.0)
    check(10.0, (balance,), 0.0, "a cat")
    with pytest.raises(LimitError) as told:
        check(12.0, (balance,), 0.0, "a cat")
    assert str(told.value) == (
        "This takes about 12 s of the engine, and you have 10 s of 600 s a day left. "
        "It resets in 2 hours; with `--relax` it costs nothing."
    )
    assert told.value.prompt == "a cat"
    check(0.0, (Balance("you", 600.0, 700.0, "day", 7200.0),), 0.0, "free is free")


def test_a_devices_time_is_shared_by_rows() -> None:
    now = 0.0
    meter = DeviceTimeMeter(lambda: now)
    meter.begin("a", 8)
    now = 2.0  # alone for two seconds
    meter.begin("b", 4)
    now = 5.0  # three seconds together: two thirds and one third
    assert meter.end("a") == pytest.approx(2.0 + 2.0)
    now = 6.0
    assert meter.end("b") == pytest.approx(1.0 + 1.0)
    now = 9.0  # nobody's
    meter.begin("c", 1)
    now = 10.0
    assert meter.end("c") == pytest.approx(1.0)
    assert meter.end("c") == 0.0


async def test_what_is_drawn_is_charged_and_never_more_than_was_said(open_service: Open) -> None:
    async with open_service(allowance=AllowanceConfig(seconds=1e6), step_seconds=0.01) as service:
        assert (await service.plan(wish("p"))).seconds is None  # nothing was timed yet
        job = await drawn(service)
        (paid,) = await used(service)
        assert 0 < paid <= work(job.spec) * FIRST_PACE + 1e-9
        # its 20 steps took 0.2 s; the renderer's start is nobody's
        assert paid == pytest.approx(min(0.2, work(job.spec) * FIRST_PACE), rel=0.9)
        await drawn(service, "second")
        seconds = (await service.plan(wish("p"))).seconds
        assert seconds is not None
        assert 0.2 <= seconds < 5


async def test_relax_is_free_and_turbo_is_double(open_service: Open) -> None:
    generous = AllowanceConfig(seconds=1e6, server=1e6)
    async with open_service(allowance=generous, start_seconds=20) as service:
        fast = (await submit(service, wish("fast"))).jobs[0]
        one = work(fast.spec) * FIRST_PACE
        assert await used(service) == pytest.approx([one, one])
        await submit(service, wish("relax", "a red apple --relax"))
        assert await used(service) == pytest.approx([one, one])
        await submit(service, wish("turbo", "a red apple --turbo --steps 20"))
        assert await used(service) == pytest.approx([3 * one, 3 * one])
        assert await used(service, "ben") == pytest.approx([0, 3 * one])
        assert await used(service, "anna", "2") == pytest.approx([3 * one, 0])  # one ledger per person


async def test_turbo_in_few_steps_is_double_the_work_it_is(open_service: Open) -> None:
    # four pictures: 20 steps of two rows and 4 decodes of 2 are 168; 4 steps of one row and the decodes, 24
    async with open_service(allowance=AllowanceConfig(seconds=1e6), start_seconds=20) as service:
        fast = (await submit(service, wish("fast"))).jobs[0]
        one = work(fast.spec) * FIRST_PACE
        await submit(service, wish("turbo", "a red apple --turbo"))
        assert (await used(service))[0] == pytest.approx(one + 2 * one * 24 / 168)


async def test_what_fails_is_refused_or_is_cancelled_before_its_start_costs_nothing(
    open_service: Open,
) -> None:
    limited = AllowanceConfig(seconds=1e6)
    async with open_service(allowance=limited, memory="huge", step_seconds=0.01) as service:
        failed = await drawn(service, "fails", "a huge apple")
        assert failed.state is State.FAILED
        with pytest.raises(PromptError):
            await submit(service, wish("bad", "a cat --stylize 50.5"))
        service.control.pause()
        waiting = (await submit(service, wish("waits"))).jobs[0]
        assert (await used(service))[0] > 0
        await service.cancel(waiting.id, "anna")
        assert await used(service) == [0.0]


async def test_what_is_cancelled_halfway_costs_what_it_was_given(open_service: Open) -> None:
    async with open_service(allowance=AllowanceConfig(seconds=1e6), step_seconds=0.02) as service:
        job = (await submit(service, wish("1", "a cat --steps 100"))).jobs[0]
        async for snapshot in service.progress(job.id):
            if snapshot.step >= 10:
                await service.cancel(job.id, "anna")
        (paid,) = await used(service)
        assert 0 < paid < 0.9 * work(job.spec) * FIRST_PACE


async def test_what_somebody_else_takes_back_costs_nothing(open_service: Open) -> None:
    async with open_service(allowance=AllowanceConfig(seconds=1e6), step_seconds=0.02) as service:
        job = (await submit(service, wish("1", "a cat --steps 100"))).jobs[0]
        async for snapshot in service.progress(job.id):
            if snapshot.step >= 10:
                await service.cancel(job.id, "boss", force=True)
        assert (await service.find(job.id)).state is State.CANCELLED
        assert await used(service) == [0.0]


async def test_an_allowance_that_is_used_up_refuses_every_door_but_the_free_one(open_service: Open) -> None:
    async with open_service(allowance=AllowanceConfig(roles={"77": 1e-6}), start_seconds=0.1) as service:
        parent = await drawn(service, owner="ben")
        request = asking("1", "a red apple", "anna", "discord:1/2", requester=ANNA)
        with pytest.raises(LimitError, match="of the engine, and you have") as told:
            await submit(service, request)
        assert told.value.prompt == "a red apple"
        press = editing("2", "anna", "discord:1/2", parent.id, "reroll", requester=ANNA)
        with pytest.raises(LimitError):
            await submit(service, press)
        assert (await service.plan(request)).large
        relaxed = asking("3", "a red apple --relax", "anna", "discord:1/2", requester=ANNA)
        assert (await submit(service, relaxed)).jobs[0].speed is Speed.RELAX
        await submit(service, asking("4", "a red apple", "ben", "discord:1/2"))  # has no such role


@pytest.mark.timeout(600 + 60 * ROUNDS)
async def test_fifty_at_once_for_one_credit_get_one_job(open_service: Open) -> None:
    """As many rounds as LIMNER_ALLOWANCE_ROUNDS says (100; `make reliability` runs 1,000)."""
    async with open_service(start_seconds=3600) as service:
        one = work((await submit(service, asking("price"))).jobs[0].spec) * FIRST_PACE
        limited = {"allowance": AllowanceConfig(seconds=1.5 * one, server=1.5 * one)}
        await service.reload(service.config.model_copy(update=limited))
        for turn in range(ROUNDS):
            owners = ["anna"] if turn % 2 else [f"p{number}" for number in range(50)]  # a person, a server
            who = [f"{owners[n % len(owners)]}{turn}" for n in range(50)]
            asked = [submit(service, wish(f"{turn}.{n}", owner=who[n], guild=f"g{turn}")) for n in range(50)]
            answers = await asyncio.gather(*asked, return_exceptions=True)
            accepted = [answer for answer in answers if not isinstance(answer, BaseException)]
            assert len(accepted) == 1
            assert all(isinstance(answer, LimitError) for answer in answers if answer is not accepted[0])
            job = accepted[0].jobs[0]
            assert await used(service, job.owner, f"g{turn}") == pytest.approx([one, one])
            await service.cancel(job.id, job.owner)
            assert await used(service, job.owner, f"g{turn}") == [0.0, 0.0]


def test_a_queue_goes_on_where_an_earlier_one_ended() -> None:
    queue = FairQueue()
    for job, owner in (("c1", "carl"), ("d1", "dora"), ("e1", "ella")):
        queue.push(QueueEntry(job, owner, 10.0))
    assert [taken.job for taken in (pick(queue),) if taken] == ["c1"]
    now, counter = queue.standing("carl")
    assert counter > now  # he was served, and the others wait
    after = FairQueue()
    after.restore(now, {"carl": counter})
    after.push(QueueEntry("c2", "carl", 10.0))
    after.push(QueueEntry("b1", "ben", 10.0))
    assert [one.job for one in after.waiting()] == ["b1", "c2"]


async def test_whose_turn_it_is_outlives_a_restart(open_service: Open) -> None:
    async with open_service(step_seconds=0.01) as service:
        first = (await submit(service, asking("a1", "a cat --steps 40"))).jobs[0]
        async for snapshot in service.progress(first.id):
            if snapshot.state is State.RUNNING and not (await service.queue()).paused:
                service.control.pause()  # it goes on; what comes now waits
                await submit(service, asking("a2"))
        before = service._scheduler.queue.standing("anna")
        assert before[1] == pytest.approx(work(first.spec))
    async with open_service(start_seconds=20) as service:
        assert service._scheduler.queue.standing("anna") == before


async def test_what_was_handed_back_is_not_charged_to_its_owners_turn(open_service: Open) -> None:
    async with open_service(step_seconds=1.0) as service:
        first = (await submit(service, asking("a1", "a cat --steps 100"))).jobs[0]
        async for snapshot in service.progress(first.id):
            if snapshot.state is State.RUNNING:
                break
    async with open_service(start_seconds=20) as service:
        await submit(service, asking("b1", owner="ben"))
        waiting = [(await service.find(one)).owner for one in (await service.queue()).waiting]
        assert waiting == ["anna", "ben"]  # she came first, and was given nothing yet
