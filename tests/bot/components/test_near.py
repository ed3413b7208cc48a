"""What the shipped model was never taught: said under the grid, near things on buttons, help."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bot.demo.driver import BotProcess, Discord, faces
from bot.demo.forms import walk
from bot.demo.shapes import Message
from engine.pocket import knows
from tests.bot.conftest import is_grid, is_picture

pytestmark = pytest.mark.e2e

GRID = ["U1", "U2", "U3", "U4", "🔄", "V1", "V2", "V3", "V4"]


async def test_an_unknown_subject_is_said_and_near_things_are_a_press_away(
    discord: Discord, bot: BotProcess
) -> None:
    alice, bob = discord.user("alice"), discord.user("bob")
    await alice.slash("imagine", prompt="a big seismograph on a beach --ar 3:2")
    grid = await discord.wait_for_message(is_grid)
    near = list(knows.near("seismograph"))
    assert len(near) == 3
    assert faces(grid) == [*GRID, *near]
    assert "never learned “seismograph”" in grid.data["content"]
    # the blue mark of a pressed button leaves them where they are
    await bob.click(grid, "U2")
    one = await discord.wait_for_message(is_picture, after=grid)
    assert faces(grid) == [*GRID, *near]
    assert "never learned" not in one.data["content"]
    await bot.kill()
    await bot.start()
    await bob.click(grid, near[1])
    drawn = await discord.wait_for_message(is_grid, after=one)
    bare = near[1].partition(" ")[2]
    assert drawn.data["content"].startswith(f"**a big {bare} on a beach --ar 3:2** - <@{bob.id}>")
    assert faces(drawn) == GRID, "nothing is unknown any more"


async def test_the_second_model_says_so_of_more_words_and_names_the_one_that_was_taught_them(
    discord: Discord, make_bot: Callable[..., BotProcess], tmp_path: Path
) -> None:
    both = '[[models]]\nname = "pocket"\nsource = "pocket"\ndefault = true\n'
    flow = '[[models]]\nname = "flow"\nsource = "pocket-flow"\n'
    (tmp_path / "config.toml").write_text(both + flow, encoding="utf-8")
    async with make_bot():
        alice = discord.user("alice")
        await alice.slash("imagine", prompt="a shark on a beach --model flow")
        grid = await discord.wait_for_message(is_grid)
        near = list(knows.near("shark", model="pocket-flow"))
        assert faces(grid) == [*GRID, *near]
        assert "never learned “shark”; `--model pocket` did" in grid.data["content"]
        await alice.click(grid, near[0])
        drawn = await discord.wait_for_message(is_grid, after=grid)
        assert drawn.data["content"].startswith(f"**{near[0]} on a beach --model flow** - ")
        assert faces(drawn) == GRID
        offered = await alice.autocomplete("imagine", "prompt", "a wol", model="flow")
        assert offered == [], "it knows no wolf"
        help_ = await alice.slash("help", topic="things")
        heading, *_ = [field["name"] for field in help_.message.data["embeds"][0]["fields"]][::-1]
        assert heading == "With `--model flow`"


async def test_typing_is_completed_and_help_lists_the_things(
    discord: Discord, bot: BotProcess
) -> None:
    alice = discord.user("alice")
    offered = [choice["value"] for choice in await alice.autocomplete("imagine", "prompt", "a cas")]
    assert offered[:2] == ["a cas", "a castle"], "what was typed leads"
    assert await alice.autocomplete("imagine", "prompt", "a castle --ar") == []
    help_ = await alice.slash("help")
    [menu] = [item for item in walk(help_.message.data["components"]) if item["type"] == 3]
    assert [option["label"] for option in menu["options"]][-1] == "What this model draws well"
    await alice.click(help_.message, "l1h:", ["seed"])
    await discord.until(lambda: title(help_.message) == "How it is drawn", "the section")
    assert "`--seed`" in help_.message.data["embeds"][0]["fields"][0]["value"]
    await alice.click(help_.message, "l1h:", ["things"])
    await discord.until(lambda: title(help_.message) == "What this model draws well", "the sheet")
    typed = await alice.slash("help", topic="things")
    assert "castle" in str(typed.message.data["embeds"][0]["fields"])
    wrong = await alice.slash("help", topic="nothing")
    assert "no help about `nothing`" in wrong.message.data["content"]


def title(message: Message) -> str:
    return str(message.data["embeds"][0]["title"])


async def test_other_models_say_nothing_of_it(
    discord: Discord, make_bot: Callable[..., BotProcess], tmp_path: Path
) -> None:
    (tmp_path / "config.toml").write_text(
        '[[models]]\nname = "large"\nsource = "somebody/large"\ndefault = true\n'
        "width = 512\nheight = 512\n",
        encoding="utf-8",
    )
    async with make_bot():
        alice = discord.user("alice")
        await alice.slash("imagine", prompt="a seismograph")
        grid = await discord.wait_for_message(is_grid)
        assert faces(grid) == GRID
        assert "never learned" not in grid.data["content"]
        assert await alice.autocomplete("imagine", "prompt", "a cas") == []
        refused = await alice.slash("help", topic="things")
        assert "no help about" in refused.message.data["content"]
