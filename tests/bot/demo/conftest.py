"""A stand-in with a throwaway discord.py bot online; the transcript is printed when a test fails."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.demo.driver import BotProcess, Discord

TRACER = Path(__file__).parent / "tracer.py"


@pytest.fixture
async def discord(request: pytest.FixtureRequest) -> AsyncIterator[Discord]:
    async with Discord() as standin:
        yield standin
        assert standin.checker.violations == []
        assert standin.rest.unbuilt == []


@pytest.fixture
async def tracer(discord: Discord, tmp_path: Path) -> AsyncIterator[BotProcess]:
    process = BotProcess(discord, command=[sys.executable, str(TRACER)], log=tmp_path / "tracer.log")
    async with process:
        yield process
    assert "Traceback" not in process.output(), process.output()
