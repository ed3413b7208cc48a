"""Adult content in channels: drawn where Discord and the server agree, covered or refused elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bot.demo.driver import BotProcess, Discord, faces
from bot.demo.seed_data import AFTER_DARK_ID, GALLERY_ID, GENERAL_ID, GUILD_ID
from engine.rules.changes import Change
from engine.rules.rules import Rule
from engine.service.admin import Administration
from engine.store.connection import Store
from tests.bot.conftest import is_grid, is_picture

pytestmark = pytest.mark.e2e


async def test_each_channel_has_its_level(
    discord: Discord, make_bot: Callable[..., BotProcess], data: Path
) -> None:
    async with Store.open(data / "limner.db") as store:
        admin = await Administration.of(store)
        rules = [
            Rule("content", AFTER_DARK_ID, "", "restricted refuse"),
            Rule("content", GALLERY_ID, "", "strict spoiler"),
            Rule("content", GENERAL_ID, "", "restricted refuse"),  # Discord does not hold it to be restricted
        ]
        await admin.change("ada", GUILD_ID, Change("content", keep=rules))
    async with make_bot():
        alice = discord.user("alice")
        await alice.slash("imagine", prompt="a nude study")
        refused = await discord.wait_for_message(lambda m: "not drawn here" in m.data["content"])
        assert "nude" in refused.data["content"]

        await alice.slash("imagine", prompt="a nude study", channel="after-dark")
        grid = await discord.wait_for_message(is_grid, channel=AFTER_DARK_ID)
        assert not grid.data["attachments"][0]["filename"].startswith("SPOILER_")
        await alice.click(grid, "U1")
        one = await discord.wait_for_message(is_picture, channel=AFTER_DARK_ID, after=grid)
        assert not one.data["attachments"][0]["filename"].startswith("SPOILER_")

        await alice.slash("imagine", prompt="a nude study", channel="gallery")
        covered = await discord.wait_for_message(is_grid, channel=GALLERY_ID)
        assert covered.data["attachments"][0]["filename"].startswith("SPOILER_a-nude-study")
        await alice.click(covered, "U2")
        again = await discord.wait_for_message(is_picture, channel=GALLERY_ID, after=covered)
        assert again.data["attachments"][0]["filename"].startswith("SPOILER_")
        assert faces(again)[0] == "Vary (Subtle)"

        told = await alice.context_menu("DM results", grid, channel="after-dark")
        await discord.until(lambda: "does not show that" in told.message.data["content"], "a refusal")
