"""One command too many within a minute is refused, with what was typed and the time of the next."""

from __future__ import annotations

import re

import pytest

from bot.demo.driver import Discord
from tests.e2e.conftest import MakeBot

pytestmark = pytest.mark.e2e


async def test_a_flood_is_refused_and_nothing_typed_is_lost(discord: Discord, make_bot: MakeBot) -> None:
    alice, bob = discord.user("alice"), discord.user("bob")
    async with make_bot(fake={}, LIMNER_LIMITS_COMMANDS_A_MINUTE="2"):
        for _ in range(2):
            await alice.slash("queue")
        answer = await alice.slash("imagine", prompt="a *cat* --ar 3:2")
        text = answer.message.data["content"]
        assert re.search(r"more than 2 commands .* Try again in \d+ s\.", text)
        assert "```\na *cat* --ar 3:2\n```" in text
        other = await bob.slash("queue")
        await discord.until(lambda: "Nothing is waiting" in other.message.data["content"], "bob's answer")
