"""The button beside a line that a refusal gives back: a press instead of copying."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

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
    # and so is that of a command that makes something of a picture, or asks about a prompt
    [picture, *_] = await alice.autocomplete("vary", "link", "dog")
    named = {"link": picture["value"], "strength": "vary_subtle"}
    await alice.slash("vary", prompt="a cow --ar 3:2:1", **named)
    told = await discord.wait_for_message(lambda said: faces(said) == ["Draw this"], after=varied)
    await alice.click(told, "Draw this")
    cow = await discord.wait_for_message(is_grid, after=told)
    assert "a cow" in cow.data["content"]
    assert "- Variations (Subtle) of image #1 by" in cow.data["content"]
    await alice.slash("shorten", prompt="a very old castle --ar 3:2:1")
    await discord.wait_for_message(lambda said: faces(said) == ["Draw this"], after=cow)
    # nothing to repair, nothing to press
    empty = await alice.slash("imagine", prompt="\u200b\u2060")
    assert faces(empty.message) == []


async def test_the_nearest_size_is_a_press_away(
    discord: Discord, make_bot: Callable[..., BotProcess], tmp_path: Path
) -> None:
    # 4 pictures in 10 steps of at most 128 x 96 pixels: 491,520 pixel-steps
    (tmp_path / "config.toml").write_text("[limits]\nmax_pixel_steps = 491520\n", encoding="utf-8")
    async with make_bot(memory="heavy"):
        alice = discord.user("alice")
        refused = await alice.slash("imagine", prompt="a cat --ar 4:3 --steps 10 --width 256 --height 192")
        assert faces(refused.message) == ["Draw in the nearest size"]
        line = "a cat --steps 10 --width 128 --height 96"
        assert f"```\n{line}\n```" in refused.message.data["content"]
        await alice.click(refused.message, "Draw in the nearest size")
        grid = await discord.wait_for_message(is_grid)
        assert grid.data["content"].startswith(f"**{line}** - <@{alice.id}>")
        # nothing smaller helps where it is the steps that are too many
        many = await alice.slash("imagine", prompt="a cat --steps 200")
        assert faces(many.message) == []
        # what failed for want of memory may do in half the pixels: 90.5 x 90.5, on multiples of 8
        await alice.slash("imagine", prompt="a heavy cat --steps 5 --width 128 --height 128")
        failed = await discord.wait_for_message(lambda said: "Try again" in faces(said), after=grid)
        assert faces(failed) == ["Draw in the nearest size", "Try again"]
        assert "```\na heavy cat --steps 5 --width 88 --height 88\n```" in failed.data["content"]
