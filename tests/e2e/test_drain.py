"""SIGTERM at any moment: what can end in time ends and is posted, the rest is handed back, nothing doubles.

``LIMNER_RELIABILITY_CYCLES`` sets how often (2; ``make reliability`` runs 200).
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from pathlib import Path

import pytest

from bot.demo.driver import Discord
from bot.demo.seed_data import GENERAL_ID
from tests.e2e.conftest import MakeBot
from tests.e2e.test_kills import delivered, grids

CYCLES = int(os.environ.get("LIMNER_RELIABILITY_CYCLES", "2"))
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600 + 60 * CYCLES)]


def jobs(tmp_path: Path) -> list[tuple[str, int]]:
    """Return state and attempts of every job in the bot's database."""
    db = sqlite3.connect(tmp_path / "data" / "limner.db")
    try:
        return db.execute("SELECT state, attempts FROM job ORDER BY created_at, nth").fetchall()
    finally:
        db.close()


async def until(tmp_path: Path, *states: str) -> None:
    """Wait until the jobs stand like this."""
    while [state for state, _ in jobs(tmp_path)] != list(states):  # noqa: ASYNC110 (a file tells nobody)
        await asyncio.sleep(0.05)


async def test_what_is_being_drawn_ends_and_is_posted_and_nothing_new_starts(
    discord: Discord, make_bot: MakeBot, tmp_path: Path
) -> None:
    alice = discord.user("alice")
    # four rows fit: one job without guidance at a time, the second waits
    bot = make_bot(fake={"step_seconds": 0.1}, config="[engine]\nmax_rows = 4")
    async with bot:
        first = await alice.slash("imagine", prompt="one --steps 20")
        second = await alice.slash("imagine", prompt="two --steps 20")
        await until(tmp_path, "running", "queued")
        assert await bot.stop() == 0
        assert [state for state, _ in jobs(tmp_path)] == ["rendered", "queued"]
        assert sum(grids(discord).values()) == 1
        await bot.start()
        await delivered(discord, 2, second)
        assert first.interaction.original not in discord.world.messages[GENERAL_ID]


async def test_what_takes_too_long_is_handed_back_without_blame(
    discord: Discord, make_bot: MakeBot, tmp_path: Path
) -> None:
    alice = discord.user("alice")
    bot = make_bot(fake={"step_seconds": 1.5})
    async with bot:
        answer = await alice.slash("imagine", prompt="slow --steps 100")
        await until(tmp_path, "running")
        assert await bot.stop() == 0
        assert jobs(tmp_path) == [("queued", 0)]
        bot.environment["LIMNER_RENDERER_ARGUMENTS"] = "{}"
        await bot.start()
        await delivered(discord, 1, answer)
        assert jobs(tmp_path) == [("rendered", 1)]


async def test_a_second_signal_stops_at_once(discord: Discord, make_bot: MakeBot, tmp_path: Path) -> None:
    alice = discord.user("alice")
    bot = make_bot(fake={"step_seconds": 0.05}, warm=True)
    async with bot:
        for cycle in range(CYCLES):
            answer = await alice.slash("imagine", prompt=f"cycle {cycle} --steps 15")
            await asyncio.sleep(0.07 * (cycle % 15))  # waiting, starting, drawing, posting
            assert await bot.stop(at_once=True) == 0
            await bot.start()
            await delivered(discord, cycle + 1, answer)
    assert {attempts for _, attempts in jobs(tmp_path)} == {1}
