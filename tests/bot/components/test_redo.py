"""The button beside a line that a refusal gives back: a press instead of copying."""

from __future__ import annotations

import pytest

from bot.demo.driver import BotProcess, Discord, faces
from tests.bot.conftest import is_grid

pytestmark = pytest.mark.e2e


async def test_a_repaired_line_is_a_press_away(discord: Discord, bot: BotProcess) -> None:
    alice = discord.user("alice")
    refused = await alice.slash("imagine", prompt="a cat --ar 3:2:1")
    assert faces(refused.message) == ["Draw this"]
    line = refused.message.data["content"].split("```")[1].strip()
    # the line stands in the message alone: a restart in between is no matter
    await bot.kill()
    await bot.start()
    await alice.click(refused.message, "Draw this")
    grid = await discord.wait_for_message(is_grid)
    assert grid.data["content"].startswith(f"**{line}** - <@{alice.id}>")
    model = await alice.slash("imagine", prompt="a cat --model poket")
    assert faces(model.message) == ["Use model pocket"]
    await alice.click(model.message, "Use model pocket")
    second = await discord.wait_for_message(is_grid, after=grid)
    assert second.data["content"].startswith("**a cat --model pocket** - ")
    # a dialog's line is repaired for the edit that it belongs to
    remix = await alice.slash("prefer remix")
    await discord.until(lambda: "Remix is on" in remix.message.data["content"], "the answer")
    opened = await alice.click(second, "V2")
    await alice.submit(opened, {"prompt": "a dog --ar 3:2:1"})
    told = await discord.wait_for_message(lambda said: faces(said) == ["Draw this"], after=second)
    await alice.click(told, "Draw this")
    varied = await discord.wait_for_message(is_grid, after=told)
    assert "a dog" in varied.data["content"]
    assert "- Variations (Strong) of image #2 by" in varied.data["content"]
    # nothing to repair, nothing to press
    empty = await alice.slash("imagine", prompt="\u200b\u2060")
    assert faces(empty.message) == []
