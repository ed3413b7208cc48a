"""Bad weather at Discord: whatever it answers or breaks off, each promise is kept once and the ban stays far.

The rows R6, R7 and R8 of the fault table. The bot's clock runs ten times as fast, so that discord.py's and
our own back-offs are waited for rather than skipped. ``LIMNER_RELIABILITY_CYCLES`` sets how many jobs meet
each kind of weather (4 in ``make test``, which meets the worst kinds only; 200 in ``make reliability``).
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from bot.demo.driver import BotProcess, Discord, NoAnswer
from bot.demo.state import ANSWER_WITHIN
from tests import ROOT
from tests.e2e.conftest import MakeBot
from tests.e2e.test_kills import grids, job_of

JOBS = int(os.environ.get("LIMNER_RELIABILITY_CYCLES", "4"))
COMMANDS = 10 * JOBS if JOBS >= 100 else 30
HASTE = 10
WAVE = 4  # jobs at once: two people, each with two
MESSAGES = r"/messages"  # every message sent, edited or removed, by channel or by token
BAN = 10_000 / 600  # invalid requests a second at which Discord bans an address (discord.md, section 6)
LIMITS = "[limits]\nrunning = 8\nwaiting = 20\n"

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600 + 60 * JOBS)]

Rule = dict[str, Any]
Record = Callable[[str, object], None]

WEATHER: dict[str, list[Rule]] = {
    "429 with fractions": [{"kind": "status", "status": 429, "retry_after": 0.731}],
    "429 without a time": [{"kind": "status", "status": 429, "retry_after": None}],
    "429 of zero": [{"kind": "status", "status": 429, "retry_after": 0}],
    "429 for everybody": [{"kind": "status", "status": 429, "retry_after": 0.2, "is_global": True}],
    "429 of the proxy": [{"kind": "status", "status": 429, "retry_after": 1, "via": False}],
    "429 of a minute": [{"kind": "status", "status": 429, "retry_after": 60, "chance": 0.03}],
    "500 to 504, 520": [{"kind": "status", "status": status} for status in (500, 502, 503, 504, 520)],
    "503 though stored": [{"kind": "status", "status": 503, "stored": True}],
    "reset before storing": [{"kind": "reset_before"}],
    "reset after storing": [{"kind": "reset_after"}],
    "half an answer": [{"kind": "truncate"}],
    "stalls of a minute": [  # by the bot's clock
        {"kind": "stall", "seconds": 6.0, "chance": 0.03},
        {"kind": "stall", "seconds": 6.0, "chance": 0.03, "stored": True},
    ],
    "stalls": [{"kind": "stall", "seconds": 0.5}, {"kind": "stall", "seconds": 0.5, "stored": True}],
}


def hasty(discord: Discord, make_bot: MakeBot, haste: float = HASTE) -> BotProcess:
    bot = make_bot(fake={}, config=LIMITS, HASTE=str(haste), PYTHONPATH=str(ROOT))
    bot.command = [sys.executable, "-m", "tests.e2e.hasty", "run", "--attached"]
    return bot


async def wave(discord: Discord, first: int) -> list[str]:
    """Let two people ask for something; return the ids of the interactions that were answered."""
    people = (discord.user("alice"), discord.user("bob"))
    asked = [people[n % 2].slash("imagine", prompt=f"number {first + n}") for n in range(WAVE)]
    answers = await asyncio.gather(*asked)
    return [answer.interaction.id for answer in answers]


WORST = {"429 without a time", "503 though stored", "reset after storing"}


@pytest.mark.parametrize(
    "weather", [pytest.param(name, marks=() if name in WORST else pytest.mark.full) for name in WEATHER]
)
async def test_rest_in_bad_weather(
    discord: Discord, make_bot: MakeBot, weather: str, record_property: Record
) -> None:
    share = 0.5 / len(WEATHER[weather])
    async with hasty(discord, make_bot):
        began, made = time.monotonic(), 0
        while made < JOBS:
            for rule in WEATHER[weather]:
                discord.faults.add(**{"path": MESSAGES, "chance": share, "times": None, **rule})
            await wave(discord, made)
            made += WAVE
            await asyncio.sleep(0.5)
            discord.faults.clear()  # what is open must now arrive soon
            await discord.until(lambda: len(grids(discord)) == made, "every grid")  # noqa: B023
        took = (time.monotonic() - began) * HASTE
        await asyncio.sleep(0.3)
    assert set(grids(discord).values()) == {1}, "doubled"
    record_property("seed", discord.faults.seed)
    record_property("requests", discord.rest.requests)
    record_property("invalid", discord.rest.invalid)
    if "429" not in weather:
        assert discord.rest.invalid < max(0.01 * BAN * took, 1)


@pytest.mark.full
async def test_a_long_ban_of_the_proxy_does_not_become_worse(
    discord: Discord, make_bot: MakeBot, record_property: Record
) -> None:
    """While Discord answers nothing but 429, we ask less than a hundredth as often as would be punished."""
    haste = 40
    async with hasty(discord, make_bot, haste):
        await discord.user("alice").slash("imagine", prompt="an apple")
        await discord.until(lambda: len(grids(discord)) == 1, "a grid")
        discord.faults.add("status", path=MESSAGES, times=None, status=429, retry_after=2.0, via=False)
        await wave(discord, 1)
        await asyncio.sleep(2.0)
        before = discord.rest.invalid
        await asyncio.sleep(8.0)
        asked = discord.rest.invalid - before
        record_property("invalid, share of the ban's line", round(asked / (BAN * 8.0 * haste), 5))
        assert 0 < asked < 0.01 * BAN * 8.0 * haste
        discord.faults.clear()
        await discord.until(lambda: len(grids(discord)) == 1 + WAVE, "every grid")
    assert set(grids(discord).values()) == {1}


GATEWAY = (
    "drop_gateway", "reconnect", "invalid_session", "mute_gateway", "duplicate_dispatch", "swap_dispatch",
)  # fmt: skip
EVENTS = {"duplicate_dispatch": 30, "swap_dispatch": WAVE // 2}  # how many of a wave's go wrong
WORST_LINES = {"reconnect", "invalid_session", "duplicate_dispatch"}


@pytest.mark.parametrize(
    "what", [pytest.param(name, marks=() if name in WORST_LINES else pytest.mark.full) for name in GATEWAY]
)
async def test_gateway_in_bad_weather(
    discord: Discord, make_bot: MakeBot, what: str, record_property: Record
) -> None:
    # beats in the bot's own haste: after a minute of silence by its clock it gives a line up
    discord.gateway.heartbeat_ms //= HASTE
    async with hasty(discord, make_bot):
        made = 0
        while made < JOBS:
            if what in EVENTS:
                discord.act(what, count=EVENTS[what])
            await wave(discord, made)
            made += WAVE
            if what not in EVENTS:
                sessions = discord.gateway.identifies + discord.gateway.resumes
                discord.act(what)
                await discord.until(
                    lambda: discord.gateway.identifies + discord.gateway.resumes > sessions,  # noqa: B023
                    "the bot to come back",
                    60,
                )
            await discord.until(lambda: len(grids(discord)) == made, "every grid")  # noqa: B023
        await asyncio.sleep(0.3)
        record_property("IDENTIFY", discord.gateway.identifies)
        record_property("RESUME", discord.gateway.resumes)
        jobs = {job_of(message) for message in discord.messages() if message.data["components"]}
        assert len(jobs) == made, "a command was carried out twice"
        assert set(grids(discord).values()) == {1}
        # only a session that Discord itself declares void costs an IDENTIFY
        assert discord.gateway.identifies == 1 + (made // WAVE if what == "invalid_session" else 0)


async def test_discords_buckets_are_obeyed(discord: Discord, make_bot: MakeBot) -> None:
    """With Discord's limits in force, eight pictures with their progress cost next to no refused request.

    Not quite none: discord.py counts what is left by the headers, and of two answers that overtake each other
    the older one makes it count one too many. It then waits as told and sends again.
    """
    discord.limits.enabled = True
    async with make_bot(fake={"step_seconds": 0.02}, config=LIMITS):
        await wave(discord, 0)
        await wave(discord, WAVE)
        await discord.until(lambda: len(grids(discord)) == 2 * WAVE, "every grid")
    assert set(grids(discord).values()) == {1}
    assert discord.rest.invalid <= 2


@pytest.mark.full
async def test_every_command_is_acknowledged_with_work_to_spare(
    discord: Discord, make_bot: MakeBot, record_property: Record
) -> None:
    """R8: 20 commands a second while pictures are encoded cost the bot less than one core.

    What is asked for is processor time: how soon an answer comes depends on who else is busy here, and is
    shown beside the 3 s that Discord gives.
    """
    people = [discord.user(name) for name in ("alice", "bob", "ada")]
    times: list[float] = []

    async def ask(number: int) -> None:
        began = time.monotonic()
        try:
            answer = await people[number % 3].slash("imagine", prompt=f"number {number}")
        except NoAnswer:  # too late for Discord, as on a machine where others work
            times.append(ANSWER_WITHIN)
            return
        times.append(time.monotonic() - began)
        assert answer.interaction.answered == 5

    discord.world.answer_within = ANSWER_WITHIN
    async with make_bot(fake={}) as bot:
        assert bot.process is not None
        process = psutil.Process(bot.process.pid)
        before = process.cpu_times()
        async with asyncio.TaskGroup() as group:
            for number in range(COMMANDS):
                group.create_task(ask(number))
                await asyncio.sleep(0.05)
        after = process.cpu_times()
    spent = (after.user + after.system - before.user - before.system) / COMMANDS
    record_property("later than the 3 s that Discord gives", times.count(ANSWER_WITHIN))
    record_property("slowest, s", round(max(times), 3))
    record_property("99th of 100, s", round(sorted(times)[len(times) * 99 // 100], 3))
    record_property("the bot's processor time a command, s", round(spent, 4))
    assert len(times) == COMMANDS
    assert spent < 1 / 20
