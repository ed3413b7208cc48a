"""``limner reload`` with the real bot: what may change does, what may not is named, mistakes harm nothing."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from bot.demo.driver import Discord
from engine.config import Config, EngineConfig, LimitsConfig, ModelConfig
from engine.service.reload import compare
from tests.e2e.conftest import MakeBot

pytestmark = pytest.mark.e2e


def heard(discord: Discord, words: str) -> bool:
    """Say whether some message holds these words."""
    return any(words in message.data["content"] for message in discord.messages())


async def limner(*arguments: str, **environment: str) -> tuple[int | None, str]:
    """Run a command beside the bot; return its exit code and all it said."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=os.environ | environment,
    )
    said, _ = await process.communicate()
    return process.returncode, said.decode()


async def test_what_changes_at_once_and_what_waits(
    discord: Discord, make_bot: MakeBot, tmp_path: Path
) -> None:
    settings = tmp_path / "config.toml"
    settings.write_text("")
    data = {"LIMNER_DATA_DIR": str(tmp_path / "data"), "LIMNER_CONFIG": str(settings)}
    code, said = await limner("reload", **data)
    assert (code, "No bot is running" in said) == (2, True)
    alice = discord.user("alice")
    async with make_bot(fake={}, config="[limits]\npermutations = 2"):
        await alice.slash("imagine", prompt="a {red, green, blue} cat")
        await discord.until(lambda: heard(discord, "at most 2"), "the refusal")
        settings.write_text("[limits]\npermutations = 8\nconfirm_above = 1\n[engine]\nmax_rows = 4\n")
        code, said = await limner("reload", **data)
        assert code == 0
        assert "limits.permutations" in said.splitlines()[0]
        assert said.splitlines()[1] == "Needs a restart: engine.max_rows."
        await alice.slash("imagine", prompt="a {red, green, blue} cat")
        await discord.until(lambda: heard(discord, "This makes 3 jobs"), "the question")
        settings.write_text("[limits]\npermutation = 9\n")
        code, said = await limner("reload", **data)
        assert code == 2
        assert "Did you mean `limits.permutations`?" in said


def test_only_what_differs_is_named() -> None:
    old = Config(limits=LimitsConfig(running=3))
    assert compare(old, old).sentences() == ["Nothing has changed."]
    new = Config(
        limits=LimitsConfig(running=5),
        engine=EngineConfig(max_rows=2),
        models=(ModelConfig(name="m", source="./m"),),
        log_level="DEBUG",
    )
    found = compare(old, new)
    assert found.changed == ("log_level", "limits.running")
    assert found.restart == ("engine.max_rows", "models")
    assert found.config == old.model_copy(update={"log_level": "DEBUG", "limits": new.limits})
