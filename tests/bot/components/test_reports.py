"""A picture is reported, hidden, put back, removed and appealed, by people over real sockets."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.demo.driver import BotProcess, Discord, faces
from bot.demo.seed_data import GALLERY_ID, GUILD_ID
from bot.demo.shapes import Message
from engine.rules.changes import Change
from engine.rules.rules import Rule
from engine.service.admin import Administration
from engine.store.connection import Store
from tests.bot.conftest import is_grid, is_picture

MakeBot = Callable[..., BotProcess]

pytestmark = pytest.mark.e2e


async def log_to_gallery(data: Path) -> None:
    """Name the channel where moderators read, as `/admin log` does."""
    async with Store.open(data / "limner.db") as store:
        admin = await Administration.of(store)
        await admin.change("ada", GUILD_ID, Change("log", keep=[Rule("log", "", "", GALLERY_ID)]))


def notice(number: int) -> Callable[[Message], bool]:
    return lambda message: f"**Report {number}**" in message.data["content"]


async def test_a_reported_picture_waits_for_a_moderator(
    discord: Discord, make_bot: MakeBot, data: Path
) -> None:
    await log_to_gallery(data)
    async with make_bot() as bot:
        alice, bob, ada = discord.user("alice"), discord.user("bob"), discord.user("ada")
        await alice.slash("imagine", prompt="a red apple")
        grid = await discord.wait_for_message(is_grid)
        await bob.click(grid, "U1")
        one = await discord.wait_for_message(is_picture, after=grid)
        before = (grid.data["content"], faces(grid))

        opened = await bob.context_menu("Report", one)
        assert opened.modal["title"] == "Report this picture"
        told = await bob.submit(opened, {"prompt": "not **nice**"})
        await discord.until(lambda: "hidden until" in told.message.data["content"], "thanks")
        for message in (grid, one):
            await discord.until(lambda m=message: not m.data["attachments"], "the picture to go")
            assert faces(message) == []
            assert "hidden until a moderator" in message.data["content"]
        read = await discord.wait_for_message(notice(1), channel=GALLERY_ID)
        assert "not \\*\\*nice\\*\\*" in read.data["content"]
        assert read.data["attachments"][0]["filename"].startswith("SPOILER_")
        assert read.data["mentions"] == []
        assert faces(read) == ["Put back", "Remove for good", "Remove, and ban the author"]

        # a restart forgets nothing; only those who manage the server decide
        await bot.kill()
        await bot.start()
        await bob.click(read, "Put back")
        await discord.until(
            lambda: any(
                "Only people who may manage" in m.data["content"] for m in discord.messages(GALLERY_ID)
            ),
            "a refusal",
        )
        await ada.click(read, "Put back")
        await discord.until(lambda: "**Put back** by" in read.data["content"], "the decision")
        await discord.until(lambda: grid.data["attachments"] and one.data["attachments"], "the pictures")
        assert (grid.data["content"], faces(grid)) == before
        assert faces(read) == []


async def test_a_removed_picture_can_be_appealed(discord: Discord, make_bot: MakeBot, data: Path) -> None:
    await log_to_gallery(data)
    async with make_bot():
        alice, bob, ada = discord.user("alice"), discord.user("bob"), discord.user("ada")
        await alice.slash("imagine", prompt="a red apple")
        grid = await discord.wait_for_message(is_grid)
        [choice] = await alice.autocomplete("show", "job", "red")
        told = await bob.slash("report", job=choice["value"], reason="odd")
        await discord.until(lambda: "hidden until" in told.message.data["content"], "thanks")
        read = await discord.wait_for_message(notice(1), channel=GALLERY_ID)
        await ada.click(read, "Remove for good")
        await discord.until(lambda: grid.id not in {m.id for m in discord.messages()}, "the grid to go")
        await discord.until(lambda: "**Removed for good** by" in read.data["content"], "the decision")
        assert not read.data["attachments"]
        letter = await discord.until(lambda: direct(discord, "removed your picture"), "a direct message")
        assert "The Studio" in letter.data["content"]
        gone = await alice.slash("show", job=choice["value"])
        await discord.until(lambda: "removed by a moderator" in gone.message.data["content"], "a refusal")

        opened = await alice.click(letter, "Appeal")
        assert opened.modal["title"] == "Appeal"
        sent = await alice.submit(opened, {"prompt": "it is only an apple"})
        await discord.until(lambda: "was sent" in sent.message.data["content"], "the answer")
        appeal = await discord.wait_for_message(
            lambda m: "**Appeal 2**" in m.data["content"], channel=GALLERY_ID
        )
        assert faces(appeal) == ["Accept", "Decline"]
        await ada.click(appeal, "Accept")
        await discord.until(lambda: direct(discord, "accepted your appeal"), "the decision")
        await alice.slash("show", job=choice["value"])
        await discord.wait_for_message(is_grid)


def direct(discord: Discord, words: str) -> Message | None:
    """Return a message of any channel that says this."""
    everything = [m for channel in discord.world.messages.values() for m in channel.values()]
    return next((m for m in everything if words in m.data["content"]), None)


async def test_a_refusal_carries_its_appeal(discord: Discord, make_bot: MakeBot, data: Path) -> None:
    await log_to_gallery(data)
    async with make_bot():
        alice, ada = discord.user("alice"), discord.user("ada")
        await alice.slash("imagine", prompt="a nude study")
        told = await discord.wait_for_message(lambda m: "not drawn here" in m.data["content"])
        assert faces(told) == ["Appeal"]
        opened = await alice.click(told, "Appeal")
        await alice.submit(opened, {"prompt": "it is art"})
        appeal = await discord.wait_for_message(lambda m: "**Appeal" in m.data["content"], channel=GALLERY_ID)
        assert "it is art" in appeal.data["content"]
        assert "adult: nude" in appeal.data["content"]
        await ada.click(appeal, "Decline")
        await discord.until(lambda: direct(discord, "left it as it was"), "the decision")
        await alice.slash("imagine", prompt="a nude child")
        never = await discord.wait_for_message(lambda m: "never drawn" in m.data["content"])
        assert faces(never) == []


async def test_an_accepted_appeal_lets_the_words_through(
    discord: Discord, make_bot: MakeBot, data: Path
) -> None:
    await log_to_gallery(data)
    async with make_bot() as bot:
        alice, ada = discord.user("alice"), discord.user("ada")
        blocked = await ada.slash("admin words block", words="teapot, lantern")
        await discord.until(lambda: "Not drawn here" in blocked.message.data["content"], "the list")
        await alice.slash("imagine", prompt="a t3apot")
        told = await discord.wait_for_message(lambda m: "does not draw `teapot`" in m.data["content"])
        opened = await alice.click(told, "Appeal")
        await alice.submit(opened, {"prompt": "only tea"})
        appeal = await discord.wait_for_message(lambda m: "**Appeal" in m.data["content"], channel=GALLERY_ID)
        assert "Accepting lets `teapot` through in this server" in appeal.data["content"]
        await bot.kill()
        await bot.start()
        await ada.click(appeal, "Accept")
        letter = await discord.until(lambda: direct(discord, "accepted your appeal"), "the decision")
        assert "its words are let through there now" in letter.data["content"]
        await alice.slash("imagine", prompt="a t3apot")
        await discord.wait_for_message(is_grid)
        listed = await ada.slash("admin words list")
        await discord.until(
            lambda: "**Blocked** (1)\n`lantern`\n**Allowed** (1)\n`teapot`" in listed.message.data["content"],
            "both lists",
        )


async def test_a_picture_that_was_not_shown_can_be_appealed(
    discord: Discord, make_bot: MakeBot, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await log_to_gallery(data)
    # none is there, and pictures that nobody could look at are not shown
    monkeypatch.setenv("LIMNER_MODERATION_CLASSIFIER", str(data / "no-classifier"))
    async with make_bot():
        alice = discord.user("alice")
        await alice.slash("imagine", prompt="a red apple")
        told = await discord.wait_for_message(lambda m: "picture check did not work" in m.data["content"])
        assert faces(told) == ["Try again", "Appeal"]
        assert not told.data["attachments"]
        opened = await alice.click(told, "Appeal")
        sent = await alice.submit(opened, {"prompt": "an apple is an apple"})
        await discord.until(lambda: "was sent" in sent.message.data["content"], "the answer")
        appeal = await discord.wait_for_message(lambda m: "**Appeal" in m.data["content"], channel=GALLERY_ID)
        assert "the picture classifier did not work" in appeal.data["content"]
    with sqlite3.connect(data / "limner.db") as db:
        [(noted,)] = db.execute("SELECT detail FROM audit WHERE action = 'trouble'").fetchall()
    assert "Pictures cannot be checked" in noted, "the host is told as well"
    assert not list((data / "pictures").rglob("*.png"))
