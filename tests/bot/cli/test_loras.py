"""`limner loras` and `/imagine lora:`: what is added beside a bot that runs is there at once."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from bot.demo.driver import BotProcess, Discord
from tests import ROOT
from tests.bot.cli.test_cli import limner, refused
from tests.bot.conftest import is_grid

MakeBot = Callable[..., BotProcess]


def lora(file: Path, words: str = "") -> Path:
    tensors = {f"unet.mid.lora_{side}.weight": torch.ones(2, 2) for side in "AB"}
    save_file(tensors, file, metadata={"modelspec.trigger_phrase": words} if words else None)
    return file


async def beside(*arguments: str, cwd: Path, data: Path) -> tuple[int | None, str]:
    """Run a command beside the bot; return its exit code and all it said."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), "LIMNER_DATA_DIR": str(data)},
    )
    said, _ = await process.communicate()
    return process.returncode, said.decode()


def test_a_lora_is_written_into_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[limits]\nrunning = 2  # a host's own words stay")
    lora(tmp_path / "Ink Style v2.safetensors", "ink wash")
    assert b"There are none" in limner("loras", "list", cwd=tmp_path).stdout
    done = limner("loras", "add", "Ink Style v2.safetensors", "--model", "pocket", cwd=tmp_path)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.decode().splitlines()[-1] == "The bot offers it from its next start on."
    written = (tmp_path / "config.toml").read_text()
    assert written.startswith("[limits]\nrunning = 2  # a host's own words stay\n\n[[loras]]\n")
    [row] = json.loads(limner("loras", "list", "--json", cwd=tmp_path).stdout)
    source = str(tmp_path / "Ink Style v2.safetensors")
    assert (row["name"], row["model"], row["source"]) == ("ink-style-v2", "pocket", source)
    assert (row["trigger_words"], row["here"]) == (["ink wash"], True)
    told = limner("loras", "list", cwd=tmp_path).stdout.decode()
    assert "ink wash" in told
    for arguments, said in (
        (("add", source), "There is a LoRA `ink-style-v2` already"),
        (("add", source, "--name", "Ink!"), "cannot be a LoRA's name"),
        (("add", source, "--name", "b", "--model", "xl"), "There is no model `xl`"),
        (("add", str(tmp_path / "config.toml"), "--name", "b"), "cannot be used"),
        (("add", "./gone.safetensors"), "is not on this machine"),
        (("pull", "fur"), "There is no LoRA `fur`. There are `ink-style-v2`."),
    ):
        refused(limner("loras", *arguments, cwd=tmp_path), said)
    assert (tmp_path / "config.toml").read_text() == written


@pytest.mark.e2e
async def test_a_lora_added_is_offered_at_once(
    discord: Discord, make_bot: MakeBot, tmp_path: Path, data: Path
) -> None:
    (tmp_path / "config.toml").write_text("[[models]]\nname = 'pocket'\nsource = 'pocket'\n")
    lora(tmp_path / "ink.safetensors", "ink wash, brush")
    lora(tmp_path / "fur.safetensors")
    async with make_bot() as bot:
        alice = discord.user("alice")
        assert await alice.autocomplete("imagine", "lora", "") == []
        pid = bot.process and bot.process.pid
        for name in ("ink", "fur"):
            code, said = await beside("loras", "add", f"{name}.safetensors", cwd=tmp_path, data=data)
            assert (code, said.splitlines()[-1]) == (0, "Changed: loras."), said
        offered = await alice.autocomplete("imagine", "lora", "BRUSH")
        assert [(one["name"], one["value"]) for one in offered] == [("ink (say: ink wash, brush)", "ink")]
        second = await alice.autocomplete("imagine", "lora", "ink:0.5, f")
        assert [one["value"] for one in second] == ["ink:0.5, fur"]
        await alice.slash("imagine", prompt="a red apple", lora="ink:0.5, fur")
        grid = await discord.wait_for_message(is_grid)
        assert grid.data["content"].startswith("**a red apple --lora ink:0.5, fur** - ")
        assert (bot.process and bot.process.pid) == pid
