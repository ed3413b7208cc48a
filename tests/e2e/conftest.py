"""A stand-in and the real bot in a process of its own; what happened is printed when a test fails."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from bot.demo.driver import BotProcess, Discord
from tests.bot.conftest import PATIENT
from tests.warm import warm_bot

DISCORD = pytest.StashKey[Discord]()
BOTS = pytest.StashKey[list[BotProcess]]()

MakeBot = Callable[..., BotProcess]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed and DISCORD in item.stash:
        report.sections.append(("what Discord saw", item.stash[DISCORD].transcript()))
        for process in item.stash.get(BOTS, []):
            report.sections.append(("what the bot wrote", process.output()))
    return report


@pytest.fixture
async def discord(request: pytest.FixtureRequest) -> AsyncIterator[Discord]:
    # the buckets are tested in tests/bot/demo; here they would only make the cycles wait
    async with Discord(rate_limits=False) as standin:
        standin.world.answer_within = PATIENT
        request.node.stash[DISCORD] = standin
        yield standin
        assert standin.checker.violations == []
        assert standin.rest.unbuilt == []


@pytest.fixture
def make_bot(request: pytest.FixtureRequest, discord: Discord, tmp_path: Path) -> MakeBot:
    """Return what makes a bot process; ``fake``: arguments for the renderer that draws with Pillow.

    ``warm``: it is started by forking, for tests that start it very often.
    """
    bots = request.node.stash.setdefault(BOTS, [])

    def make(
        *, fake: dict[str, Any] | None = None, config: str = "", warm: bool = False, **environment: str
    ) -> BotProcess:
        settings = tmp_path / "config.toml"
        settings.write_text(config)
        environment = {
            "LIMNER_CONFIG": str(settings),
            "LIMNER_DATA_DIR": str(tmp_path / "data"),
            "LIMNER_LIMITS_COMMANDS_A_MINUTE": "1000000",  # tests are quicker than people
            "LIMNER_PROVENANCE_MARK": "false",  # takes a fifth of a second; who looks turns it on
            **environment,
        }
        if fake is not None:
            environment["LIMNER_RENDERER"] = "engine.workers.fake:Renderer"
            environment["LIMNER_RENDERER_ARGUMENTS"] = json.dumps(fake)
        kind = warm_bot if warm else BotProcess
        process = kind(discord, environment=environment, log=tmp_path / f"bot-{len(bots)}.log")
        bots.append(process)
        return process

    return make
