"""A stand-in for Discord and the bot in a process of its own, drawing discs instead of pictures."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from bot.demo.driver import BotProcess, Discord, faces
from bot.demo.shapes import Message
from tests import ROOT
from tests.warm import warm_bot

PATIENT = 60.0
"""Seconds that a bot has to answer in here, where Discord gives 3: a busy machine is slow, not wrong."""


def is_grid(message: Message) -> bool:
    return "U1" in faces(message)


def is_picture(message: Message) -> bool:
    return "Info" in faces(message)


def deliveries(data: Path) -> list[tuple[str, str, str | None]]:
    """Return (kind, state, message) of every promise in a data folder, oldest first."""
    with sqlite3.connect(f"file:{data / 'limner.db'}?mode=ro", uri=True) as db:
        rows = db.execute("SELECT kind, state, message FROM delivery ORDER BY id").fetchall()
    db.close()
    return rows


@pytest.fixture
async def discord() -> AsyncIterator[Discord]:
    async with Discord() as standin:
        standin.world.answer_within = PATIENT
        yield standin
        assert standin.checker.violations == []


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def make_bot(discord: Discord, data: Path, tmp_path: Path) -> Callable[..., BotProcess]:
    def make(*, warm: bool = False, **renderer: object) -> BotProcess:
        environment = {
            "LIMNER_DATA_DIR": str(data),
            "LIMNER_LIMITS_COMMANDS_A_MINUTE": "1000000",  # tests are quicker than people
            "LIMNER_WELCOME_HINTS": "false",  # who looks at them turns them on
            "LIMNER_PROVENANCE_MARK": "false",  # takes a fifth of a second; who looks turns it on
            "LIMNER_RENDERER": "engine.workers.fake:Renderer",
            "LIMNER_RENDERER_ARGUMENTS": json.dumps(renderer),
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        }
        kind = warm_bot if warm else BotProcess  # forked, where it is started very often
        return kind(discord, environment=environment, cwd=tmp_path, log=tmp_path / "bot.log")

    return make


@pytest.fixture
async def bot(make_bot: Callable[..., BotProcess]) -> AsyncIterator[BotProcess]:
    async with make_bot() as process:
        yield process
