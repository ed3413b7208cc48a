"""First use: the host's rules are accepted before the first picture, starters draw, a button is told once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bot.demo.driver import BotProcess, Discord, faces
from tests.bot.conftest import is_grid, is_picture

pytestmark = pytest.mark.e2e

RULES = "Be kind.\n1. Nothing about real people.\n2. **No** adverts."
STARTERS = ["a fox", "a boat on a lake"]


@pytest.fixture
def config(tmp_path: Path) -> Callable[[str], None]:
    def write(rules: str) -> None:
        (tmp_path / "config.toml").write_text(
            f'[welcome]\nrules = """{rules}"""\nstarters = {STARTERS}\n'.replace("'", '"'), encoding="utf-8"
        )

    return write


async def test_the_rules_come_first_and_once(
    discord: Discord, make_bot: Callable[..., BotProcess], config: Callable[[str], None]
) -> None:
    config(RULES)
    alice, bob = discord.user("alice"), discord.user("bob")
    async with make_bot() as bot:
        asked = await alice.slash("imagine", prompt="a red apple --seed 7")
        assert RULES in asked.message.data["content"]
        assert asked.message.data["flags"] & 64
        assert faces(asked.message) == ["Accept"]
        # what draws nothing needs no rules
        for command in ("help", "queue", "info"):
            told = await alice.slash(command)
            assert RULES not in told.message.data["content"]
        await bot.kill()
        await bot.start()
        await alice.click(asked.message, "Accept")
        await discord.until(lambda: "Thank you" in asked.message.data["content"], "the welcome")
        assert faces(asked.message) == ["Draw this", *STARTERS]
        await alice.click(asked.message, "Draw this")
        grid = await discord.wait_for_message(is_grid)
        assert grid.data["content"].startswith(f"**a red apple --seed 7** - <@{alice.id}>")
        await alice.click(asked.message, "a boat on a lake")
        second = await discord.wait_for_message(is_grid, after=grid)
        assert second.data["content"].startswith("**a boat on a lake** - ")
        # everybody for themselves: buttons too
        refused = await bob.click(second, "U1")
        assert RULES in refused.message.data["content"]
        assert not [one for one in discord.messages() if is_picture(one)]
        await bot.kill()
        await bot.start()
        await alice.slash("imagine", prompt="a third")
        third = await discord.wait_for_message(is_grid, after=second)
        await bot.stop()
        # other rules are accepted anew
        config("Be kinder.")
        await bot.start()
        again = await alice.slash("imagine", prompt="a fourth")
        assert "Be kinder." in again.message.data["content"]
        assert not [one for one in discord.messages() if is_grid(one) and int(one.id) > int(third.id)]


async def test_a_button_is_told_the_first_time(
    discord: Discord, make_bot: Callable[..., BotProcess]
) -> None:
    bot = make_bot()
    bot.environment["LIMNER_WELCOME_HINTS"] = "true"

    def hints(text: str) -> int:
        return sum(text in one.data["content"] for one in discord.messages() if one.data["flags"] & 64)

    async with bot:
        alice, bob = discord.user("alice"), discord.user("bob")
        front = await alice.slash("help")
        assert faces(front.message)[1:] == [
            "a red fox in the snow, watercolor",
            "a lighthouse at sunset",
            "a village at night, pixel art",
        ]
        await alice.slash("imagine", prompt="a red apple")
        grid = await discord.wait_for_message(is_grid)
        await alice.click(grid, "U2")
        one = await discord.wait_for_message(is_picture, after=grid)
        await discord.until(lambda: hints("**U1–U4** post") == 1, "the first time")
        await alice.click(one, "Vary (Subtle)")
        varied = await discord.wait_for_message(is_grid, after=one)
        # beside the progress message, never in its place: that was removed with the grid, this is there
        await discord.until(lambda: hints("**Vary** draws four more") == 1, "the first time")
        await bot.kill()
        await bot.start()
        await alice.click(grid, "U1")
        two = await discord.wait_for_message(is_picture, after=varied)
        await alice.click(two, "Vary (Strong)")
        last = await discord.wait_for_message(is_grid, after=two)
        assert (hints("**U1–U4** post"), hints("**Vary** draws four more")) == (1, 1), "once each"
        await bob.click(grid, "U3")
        await discord.wait_for_message(is_picture, after=last)
        await discord.until(lambda: hints("**U1–U4** post") == 2, "bob's first time")
