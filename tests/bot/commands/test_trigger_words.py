"""The words that call what a model or LoRA was taught: read from its file, shown where people choose it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from bot.demo.driver import BotProcess, Discord
from bot.demo.forms import walk
from bot.demo.shapes import Message
from tests.bot.conftest import is_grid

pytestmark = pytest.mark.e2e

CONFIG = """
[[models]]
name = "large"
source = "./large.safetensors"
[[loras]]
name = "pen"
source = "./pen.safetensors"
[[loras]]
name = "fur"
source = "./fur.safetensors"
"""


@pytest.fixture
def taught(tmp_path: Path) -> None:
    """Leave a checkpoint and two LoRAs, of which one says nothing; the fake renderer draws without them."""
    tensor = {"unet.to_q.lora_down.weight": np.zeros((4, 8), np.float16)}
    said = {"modelspec.trigger_phrase": "ink person", "modelspec.resolution": "480x320"}
    save_file(tensor, tmp_path / "large.safetensors", said)
    tags = '{"5_pen": {"pen art": 8, "cat": 2}}'
    save_file(tensor, tmp_path / "pen.safetensors", {"ss_tag_frequency": tags})
    save_file(tensor, tmp_path / "fur.safetensors")
    (tmp_path / "config.toml").write_text(CONFIG)


def labels(message: Message) -> list[str]:
    parts = walk(message.data["components"])
    return [option["label"] for part in parts for option in part.get("options", ())]


@pytest.mark.usefixtures("taught")
async def test_trigger_words_are_shown_where_people_choose(
    discord: Discord, make_bot: Callable[..., BotProcess]
) -> None:
    async with make_bot():
        alice = discord.user("alice")
        told = await alice.slash("help", flag="lora")
        assert "**Here** `pen` (say: pen art), `fur`" in told.message.data["embeds"][0]["description"]
        told = await alice.slash("help", flag="model")
        assert "**Here** `large` (say: ink person)" in told.message.data["embeds"][0]["description"]
        [choice] = await alice.autocomplete("imagine", "model", "ink")
        assert (choice["name"], choice["value"]) == ("large (say: ink person)", "large")
        panel = await alice.slash("settings")
        await discord.until(lambda: "large (say: ink person)" in labels(panel.message), "the models")
        await alice.slash("imagine", prompt="a dog --lora pen --seed 3")
        grid = await discord.wait_for_message(is_grid)
        assert "taught with the words `pen art`" in grid.data["content"]
        await alice.slash("imagine", prompt="pen art of a dog --lora pen --seed 3")
        grid = await discord.wait_for_message(is_grid, after=grid)
        assert "taught with" not in grid.data["content"]
        # a grid of two by two, of the size that the checkpoint says
        [picture] = grid.data["attachments"]
        assert (picture["width"], picture["height"]) == (2 * 480, 2 * 320)
