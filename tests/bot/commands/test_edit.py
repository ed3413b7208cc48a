"""A picture changed by saying what to change: the command, the button, the menu; and where nothing can."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.demo.driver import BotProcess, Discord, faces
from bot.demo.shapes import Message
from tests.bot.conftest import is_grid, is_picture
from tests.bot.test_pictures import told, upload

MakeBot = Callable[..., BotProcess]

pytestmark = pytest.mark.e2e


@pytest.fixture
def klein(tmp_path: Path) -> None:
    """Configure a model that edits beside the shipped one: of its folder, only the index is looked at."""
    (tmp_path / "klein").mkdir()
    (tmp_path / "klein" / "model_index.json").write_text(json.dumps({"_class_name": "Flux2KleinPipeline"}))
    (tmp_path / "config.toml").write_text(
        "[[models]]\nname = 'pocket'\nsource = 'pocket'\ndefault = true\n"
        "[[models]]\nname = 'klein'\nsource = './klein'\nwidth = 64\nheight = 64\nmultiple = 16\nsteps = 2\n"
    )


def newest_job(data: Path) -> dict[str, Any]:
    """Return the last job that was accepted: its spec, and what was done to which picture."""
    with sqlite3.connect(f"file:{data / 'limner.db'}?mode=ro", uri=True) as db:
        row = db.execute(
            "SELECT spec, edit, parent, parent_cell, prompt FROM job ORDER BY created_at DESC LIMIT 1"
        ).fetchone()
    db.close()
    return {"spec": json.loads(row[0])} | dict(
        zip(("edit", "parent", "cell", "prompt"), row[1:], strict=True)
    )


def names(spec: dict[str, Any]) -> list[str]:
    return [one["role"] for one in spec["inputs"]]


async def edited(discord: Discord, after: Message | None = None) -> Message:
    return await discord.wait_for_message(
        lambda m: is_grid(m) and m.data["content"].startswith("**Edit: "), after=after, seconds=30
    )


async def test_the_command_takes_up_to_four_pictures(
    discord: Discord, make_bot: MakeBot, klein: None, data: Path
) -> None:
    async with make_bot():
        alice = discord.user("alice")
        await alice.slash(
            "edit",
            instruction="put the hat on the fox",
            image=upload(),
            image2=upload("blue"),
            image3=upload("green"),
            image4=upload("white"),
        )
        grid = await edited(discord)
        assert grid.data["content"] == f'**Edit: "put the hat on the fox"** - <@{alice.id}> (fast)'
        made = newest_job(data)
        assert (made["edit"], made["spec"]["kind"], made["spec"]["model"]) == ("edit", "edit", "klein")
        assert names(made["spec"]) == ["init"] * 4
        # 60 x 40 pixels, on sixteens: of 64 x 48 and 64 x 32 the first is nearer to 3:2
        assert (made["spec"]["width"], made["spec"]["height"]) == (64, 48)
        # what is shown, copied, asks for the same again
        await alice.slash("edit", instruction=grid.data["content"], image=upload())
        again = await edited(discord, grid)
        assert again.data["content"].startswith(grid.data["content"])  # and a note about that
        assert names(newest_job(data)["spec"]) == ["init"]

        await alice.slash("edit", instruction="make it night", picture="0000000000.1")
        assert "make it night" in (await told(discord, "no such job")).data["content"]
        await alice.slash("edit", instruction="make it dawn --model pocket", image=upload())
        refusal = await told(discord, "`pocket` does not edit by instruction. Here does: `klein`.")
        assert "make it dawn" in refusal.data["content"]


async def test_the_button_and_the_menu_ask_what_to_change(
    discord: Discord, make_bot: MakeBot, klein: None, data: Path
) -> None:
    async with make_bot():
        alice, bob = discord.user("alice"), discord.user("bob")
        await alice.slash("imagine", prompt="a red fox")
        grid = await discord.wait_for_message(is_grid)
        await alice.click(grid, "U2")
        one = await discord.wait_for_message(is_picture, after=grid)
        assert faces(one).count("Edit") == 1
        opened = await bob.click(one, "Edit")
        await bob.submit(opened, {"prompt": "make it night", "file": [upload("blue"), upload("green")]})
        night = await edited(discord)
        assert f'**Edit: "make it night"** - <@{bob.id}>' in night.data["content"]
        made = newest_job(data)
        assert (made["cell"], names(made["spec"]), made["prompt"]) == (1, ["init"] * 3, "make it night")
        assert night.data["message_reference"]["message_id"] == one.id

        # of a grid the menu asks which; what it makes can be worked on like anything else
        opened = await alice.context_menu("Edit", night)
        await alice.submit(opened, {"prompt": "add a moon", "number": "3"})
        moon = await edited(discord, night)
        assert newest_job(data)["cell"] == 2
        await alice.click(moon, "V1")
        varied = await discord.wait_for_message(is_grid, after=moon)
        assert "Variations (Strong) of image #1" in varied.data["content"]
        assert newest_job(data)["spec"]["model"] == "klein"
        await alice.click(moon, "🔄")
        again = await edited(discord, varied)
        assert again.data["content"] == moon.data["content"]
        assert newest_job(data)["spec"]["kind"] == "edit"

        # an enlarged picture has the button too
        await alice.click(moon, "U1")
        single = await discord.wait_for_message(is_picture, after=again)
        await alice.click(single, "Upscale (Subtle)")
        large = await discord.wait_for_message(is_picture, after=single)
        assert "Upscale (Subtle)" in large.data["content"]
        assert "Edit" in faces(large)


async def test_where_no_model_edits_the_button_is_not_there(discord: Discord, bot: BotProcess) -> None:
    alice = discord.user("alice")
    await alice.slash("imagine", prompt="a red fox")
    grid = await discord.wait_for_message(is_grid)
    await alice.click(grid, "U1")
    one = await discord.wait_for_message(is_picture, after=grid)
    assert "Edit" not in faces(one)
    await alice.slash("edit", instruction="make it night", image=upload())
    refusal = await told(discord, "Whoever runs this bot can add a model that does: FLUX.2 klein")
    assert refusal.ephemeral
    assert "make it night" in refusal.data["content"]
    await alice.context_menu("Edit", one)
    await discord.until(
        lambda: sum("No model here can change" in m.data["content"] for m in discord.messages()) == 2,
        "the same from the menu",
    )
