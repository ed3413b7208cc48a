"""What takes much of an allowance is priced before it starts, whichever door it comes through."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bot.demo.driver import BotProcess, Discord, faces
from bot.demo.shapes import Message
from tests.bot.conftest import is_grid, is_picture

MakeBot = Callable[..., BotProcess]

pytestmark = pytest.mark.e2e


def is_question(message: Message) -> bool:
    return faces(message) == ["Start", "Cancel"]


async def test_a_press_that_takes_much_is_priced_first(
    discord: Discord, make_bot: MakeBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a second of the device a day: by the first pace, which no job has corrected, a grid takes 0.4 s of it
    monkeypatch.setenv("LIMNER_ALLOWANCE_SECONDS", "1")
    async with make_bot() as bot:
        alice = discord.user("alice")
        await alice.slash("imagine", prompt="a red apple --relax")
        grid = await discord.wait_for_message(is_grid)  # what costs nothing is not asked about
        told = await alice.slash("turbo")
        await discord.until(lambda: "ahead of others" in told.message.data["content"], "the speed")
        await alice.click(grid, "V2")
        asked = await discord.wait_for_message(is_question, after=grid)
        assert "This makes 1 job with 4 pictures together." in asked.data["content"]
        assert "You have 1.0 s left today." in asked.data["content"]
        assert "a red apple" in asked.data["content"]
        await bot.kill()
        await bot.start()
        await alice.click(asked, "Start")
        varied = await discord.wait_for_message(is_grid, after=asked)
        assert "Variations (Strong) of image #2" in varied.data["content"]
        assert varied.data["message_reference"]["message_id"] == grid.id
        # answered once: the same question starts nothing more
        await alice.click(grid, "U1")
        one = await discord.wait_for_message(is_picture, after=varied)
        await alice.click(one, "Vary (Strong)")
        again = await discord.wait_for_message(is_question, after=one)
        await alice.click(again, "Cancel")
        await discord.until(lambda: again.data["content"] == "Nothing was started.", "the answer")
        slow = await alice.slash("relax")
        await discord.until(lambda: "Relax is on" in slow.message.data["content"], "the speed")
        await alice.click(one, "Vary (Subtle)")
        await discord.wait_for_message(is_grid, after=again)
