"""Hearts and another model: marked by button and by reaction, drawn again with another model."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.components.buttons import ModelChoice
from bot.demo.driver import BotProcess, Discord, faces
from bot.demo.forms import walk
from tests.bot.conftest import is_grid, is_picture

MakeBot = Callable[..., BotProcess]


def test_the_list_of_models_keeps_its_form() -> None:
    item = ModelChoice("7h2k9q3v0x", 2)
    assert item.custom_id == "l1r:7h2k9q3v0x:2"
    assert item.template.fullmatch(item.custom_id) is not None


def hearts(data: Path) -> list[tuple[str, int]]:
    with sqlite3.connect(f"file:{data / 'limner.db'}?mode=ro", uri=True) as db:
        rows = db.execute("SELECT owner, cell FROM likes ORDER BY owner, cell").fetchall()
    db.close()
    return rows


async def until(look: Callable[[], bool]) -> None:
    while not look():  # noqa: ASYNC110 (a file tells nobody when it changes)
        await asyncio.sleep(0.1)


@pytest.mark.e2e
async def test_hearts_and_a_second_model(
    discord: Discord, make_bot: MakeBot, data: Path, tmp_path: Path
) -> None:
    (tmp_path / "config.toml").write_text(
        '[[models]]\nname = "pocket"\nsource = "pocket"\ndefault = true\n'
        '[[models]]\nname = "other"\nsource = "pocket"\n'
    )
    async with make_bot():
        alice, bob = discord.user("alice"), discord.user("bob")
        await alice.slash("imagine", prompt="a red apple")
        grid = await discord.wait_for_message(is_grid)
        await alice.click(grid, "U2")
        one = await discord.wait_for_message(is_picture, after=grid)
        told = await alice.click(one, "❤️")
        await discord.until(
            lambda: "Marked with ❤️. You have marked 1 picture" in told.message.data["content"]
        )
        again = await alice.click(one, "❤️")
        await discord.until(lambda: "No longer marked. You have marked 0" in again.message.data["content"])
        bob.react(one, "❤️")
        bob.react(grid, "❤️")
        bob.react(grid, "👍")
        await until(lambda: hearts(data) == [(bob.id, 0), (bob.id, 1), (bob.id, 2), (bob.id, 3)])
        bob.react(one, "❤️", add=False)
        await until(lambda: hearts(data) == [(bob.id, 0), (bob.id, 2), (bob.id, 3)])

        assert "Remaster" in faces(one)
        asked = await alice.click(one, "Remaster")
        await discord.until(lambda: asked.message.data["components"], "the list")
        [choice] = [part for part in walk(asked.message.data["components"]) if part["type"] == 3]
        assert [option["value"] for option in choice["options"]] == ["other"]
        await alice.click(asked.message, choice["custom_id"], ["other"])
        drawn = await discord.wait_for_message(is_grid, after=one)
        assert drawn.data["content"].startswith("**a red apple --model other** - Remaster of image #2 by")

    (tmp_path / "config.toml").write_text('[[models]]\nname = "pocket"\nsource = "pocket"\n')
    async with make_bot():
        asked = await alice.click(one, "Remaster")
        await discord.until(lambda: "no other model here any more" in asked.message.data["content"])
