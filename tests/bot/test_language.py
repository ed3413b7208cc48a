"""A person is answered in the language of their Discord, also by what is posted later."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bot.demo.driver import BotProcess, Discord, faces
from bot.demo.seed_data import BOB_ID
from tests.bot.conftest import is_grid, is_picture

pytestmark = pytest.mark.e2e


async def test_each_is_answered_in_their_own_language(discord: Discord, bot: BotProcess) -> None:
    discord.world.locales[BOB_ID] = "de"
    alice, bob = discord.user("alice"), discord.user("bob")
    for person, command, given, told in (
        (bob, "queue", {}, "Nichts wartet. `/imagine` startet sofort."),
        (alice, "queue", {}, "Nothing is waiting. `/imagine` starts at once."),
        (bob, "imagine", {"prompt": "a red apple --model nothing"}, "Das Modell `nothing` gibt es nicht."),
    ):
        answer = await person.slash(command, **given)
        await discord.until(lambda: told in answer.message.data["content"], told)  # noqa: B023


async def test_a_picture_is_posted_in_the_language_of_whoever_asked(
    discord: Discord, make_bot: Callable[..., BotProcess]
) -> None:
    discord.world.locales[BOB_ID] = "de"
    alice, bob = discord.user("alice"), discord.user("bob")
    async with make_bot():
        await bob.slash("imagine", prompt="a red apple --ar 1/1 --sw 50 --tile yes")
        grid = await discord.wait_for_message(is_grid)
        title, *notes = grid.data["content"].splitlines()
        assert title.endswith("(schnell)")
        assert "-# `--ar 1/1` wurde als `--ar 1:1` gelesen." in notes  # kept with the job in English
        assert "-# `--sw` wirkt nicht ohne `--sref`." in notes
        [file] = grid.data["attachments"]
        assert file["description"] == (
            "Ein Raster aus 4 Bildern, gezeichnet aus dem Prompt: a red apple --ar 1/1 --sw 50 --tile yes"
        )
        await bob.click(grid, "U1")
        one = await discord.wait_for_message(is_picture, after=grid)
        assert "Variieren (Leicht)" in faces(one)
    async with make_bot():  # the language outlives a restart
        await alice.slash("imagine", prompt="a blue apple")
        english = await discord.wait_for_message(is_grid, after=one)
        assert english.data["content"].endswith("(fast)")
