"""Lists of results: history, favorites, a server's gallery; turned, searched, opened, worked on."""

from __future__ import annotations

import datetime
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from bot.commands.browse import period
from bot.components.browse import OpenSelect, PageButton
from bot.custom_ids import CUSTOM_ID_LIMIT, ListPage
from bot.demo.driver import Answer, BotProcess, Discord, faces
from bot.demo.forms import walk
from bot.demo.seed_data import AFTER_DARK_ID, APP_ID, GALLERY_ID, GUILD_ID
from bot.demo.shapes import Message
from engine.errors import UserError
from tests.bot.components.test_likes import hearts, until
from tests.bot.conftest import deliveries, is_grid, is_picture

NOW = datetime.datetime(2026, 3, 1, 15, 30, tzinfo=datetime.UTC)
DAY = 86400


def at(*day: int) -> float:
    return datetime.datetime(*day, tzinfo=datetime.UTC).timestamp()  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(
    ("text", "since", "until"),
    [
        ("today", at(2026, 3, 1), None),
        (" Yesterday ", at(2026, 2, 28), at(2026, 3, 1)),
        ("last 7 days", at(2026, 2, 23), None),
        ("last 30 days", at(2026, 1, 31), None),
        ("2026-2-9", at(2026, 2, 9), at(2026, 2, 10)),
        ("2026-02", at(2026, 2, 1), at(2026, 3, 1)),
        ("2026-12", at(2026, 12, 1), at(2027, 1, 1)),
        ("2025", at(2025, 1, 1), at(2026, 1, 1)),
    ],
)
def test_dates_are_days_of_utc(text: str, since: float, until: float | None) -> None:
    assert period(text, NOW) == (since, until)


@pytest.mark.parametrize("text", ["soon", "2026-13", "2026-02-30", "0000", "9999-12-31-1", "26-1"])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="no date"):
        period(text, NOW)


def test_pages_keep_their_form() -> None:
    for page, custom_id in {
        ListPage("history"): "l1b:history:0:",
        ListPage("gallery", 3, "1573562412009783296"): "l1b:gallery:3:1573562412009783296",
        ListPage("favorites", 0, "", "7h2k9q3v0x"): "l1b:favorites:0::7h2k9q3v0x:",
        ListPage("favorites", 0, "", "7h2k9q3v0x", 9): "l1b:favorites:0::7h2k9q3v0x:9",
    }.items():
        button = PageButton(page)
        assert button.custom_id == custom_id
        found = button.template.fullmatch(custom_id)
        assert found is not None
        assert ListPage.of(found) == page
        assert len(custom_id) <= CUSTOM_ID_LIMIT
    assert OpenSelect(ListPage("history", 2, "7")).custom_id == "l1bo:history:2:7"
    assert OpenSelect(ListPage("history", 2, "7")).template.fullmatch("l1bo:history:2:7")


def texts(message: Message) -> str:
    return "\n".join(item["content"] for item in walk(message.data["components"]) if item["type"] == 10)


def thumbnails(message: Message) -> int:
    return sum(item["type"] == 11 for item in walk(message.data["components"]))


async def listed(discord: Discord, answer: Answer, what: str) -> Message:
    await discord.until(lambda: what in texts(answer.message), what)
    return answer.message


async def choose(discord: Discord, who: object, message: Message, label: str) -> None:
    [menu] = [item for item in walk(message.data["components"]) if item["type"] == 3]
    [value] = [option["value"] for option in menu["options"] if label in option["label"]]
    await who.click(message, menu["custom_id"], [value])  # type: ignore[attr-defined]
    await discord.until(lambda: "Back" in faces(message), "the entry")


@pytest.mark.e2e
async def test_history_is_turned_searched_and_opened(discord: Discord, bot: BotProcess) -> None:
    alice, bob = discord.user("alice"), discord.user("bob")
    empty = await alice.slash("history")
    await listed(discord, empty, "You have drawn nothing yet")
    last: Message | None = None
    for number in range(8):
        word = "barn" if number == 2 else "tree"
        await alice.slash("imagine", prompt=f"a {word} number {number}")
        last = await discord.wait_for_message(is_grid, after=last)
    page = await listed(discord, await alice.slash("history"), "8 results · page 1 of 2")
    assert page.data["flags"] & 64, "seen by whoever asks alone"
    assert thumbnails(page) == 6
    assert "a tree number 7" in texts(page)
    assert "number 1\n" not in texts(page)
    await alice.click(page, "Older")
    await discord.until(lambda: "page 2 of 2" in texts(page), "the second page")
    assert thumbnails(page) == 2
    assert faces(page)[-1] == "Newer"
    # what was looked for outlives a restart
    found = await listed(discord, await alice.slash("history", words="number BARN"), "1 result:")
    await bot.kill()
    await bot.start()
    await choose(discord, alice, found, "a barn number 2")
    assert faces(found) == ["1", "2", "3", "4", "Post here", "Info", "Download", "❤️", "Back"]
    await alice.click(found, "3")
    await discord.until(lambda: "Vary (Subtle)" in faces(found), "what is done with one picture")
    assert "image #3" in texts(found)
    await alice.click(found, "Post here")
    posted = await discord.wait_for_message(is_picture, after=found)
    assert posted.data["content"].startswith(f"**a barn number 2** - Image #3 <@{alice.id}>")
    told = await alice.click(found, "Info")
    await discord.until(lambda: told.message.data["embeds"], "the facts")
    [facts] = told.message.data["embeds"]
    assert facts["description"] == "a barn number 2"
    assert facts["thumbnail"]["url"]
    assert [facts["fields"][0]["name"], facts["fields"][-1]["name"]] == ["Picture", "Job"]
    given = await alice.click(found, "Download")
    await discord.until(lambda: given.message.data["attachments"], "the file")
    [file] = given.message.data["attachments"]
    with Image.open(io.BytesIO(discord.world.files.read(file["id"]) or b"")) as picture:
        assert picture.format == "PNG"
        assert picture.size == (128, 128), "as it was drawn, not as it was shown"
    await alice.click(found, "Vary (Strong)")
    varied = await discord.wait_for_message(is_grid, after=posted)
    assert "- Variations (Strong) of image #3 by" in varied.data["content"]
    await alice.click(found, "Back")
    await discord.until(lambda: "2 results:" in texts(found), "the page again")
    # nobody else's
    await listed(discord, await bob.slash("history"), "You have drawn nothing yet")
    for search in ({"words": "nowhere"}, {"model": "other"}, {"date": "2001"}, {"liked": True}):
        nothing = await alice.slash("history", **search)  # type: ignore[arg-type]
        await listed(discord, nothing, "Nothing fits that")
    await listed(discord, await alice.slash("history", date="today", model="pocket"), "9 results")
    wrong = await alice.slash("history", date="whenever")
    assert "`whenever` is no date" in wrong.message.data["content"]
    # an older search is not mistaken for a newer
    older = await listed(discord, await alice.slash("history", words="number"), "9 results")
    await listed(discord, await alice.slash("history", words="barn"), "2 results:")
    refused = await alice.click(older, "Older")
    await discord.wait_for_message(lambda said: "That list is too old" in said.data["content"])
    assert refused.interaction.failed is False
    # /show without a job looks through all of them
    await listed(discord, await alice.slash("show"), "9 results")
    told = await alice.slash("info")
    await discord.until(lambda: told.message.data["embeds"], "about alice")
    [about] = told.message.data["embeds"]
    assert about["thumbnail"]["url"]
    newest = next(field["value"] for field in about["fields"] if field["name"] == "Your newest results")
    assert newest.startswith("a barn number 2 (done) · `")


@pytest.mark.e2e
async def test_a_gallery_holds_only_what_everybody_could_see(
    discord: Discord, make_bot: Callable[..., BotProcess], data: Path
) -> None:
    # VIEW_CHANNEL (1 << 10) is taken from everybody, and given to the bot
    discord.world.channels[GALLERY_ID]["permission_overwrites"] = [
        {"id": GUILD_ID, "type": 0, "allow": "0", "deny": "1024"},
        {"id": APP_ID, "type": 1, "allow": "1024", "deny": "0"},
    ]
    async with make_bot():
        alice, bob, ada = discord.user("alice"), discord.user("bob"), discord.user("ada")
        await alice.slash("imagine", prompt="a red apple")
        public = await discord.wait_for_message(is_grid)
        await ada.slash("imagine", prompt="a secret plan", channel="gallery")
        hidden = await discord.wait_for_message(is_grid, channel=GALLERY_ID)
        await alice.slash("imagine", prompt="a dark night", channel="after-dark")
        dark = await discord.wait_for_message(is_grid, channel=AFTER_DARK_ID)
        # a heart is known by the message that it is on, which is noted once it was sent
        await until(lambda: [state for _, state, _ in deliveries(data)] == ["sent"] * 3)
        for who, message in ((ada, hidden), (ada, public), (bob, public), (alice, dark)):
            who.react(message, "❤️")
        await until(lambda: len(hearts(data)) == 16)  # four of each grid
        own = await listed(discord, await ada.slash("favorites"), "8 pictures")
        assert "a secret plan" in texts(own)
        here = await listed(discord, await bob.slash("gallery"), "4 pictures")
        assert "a red apple" in texts(here)
        assert f"<@{alice.id}>" in texts(here)
        assert "❤️ 2" in texts(here)
        # also those who may see that channel: it is about where a picture was posted
        assert "a secret plan" not in texts(await listed(discord, await ada.slash("gallery"), "4 pictures"))
        # what was posted where adults look is seen there
        there = await bob.slash("gallery", channel="after-dark")
        assert "a dark night" in texts(await listed(discord, there, "8 pictures"))
        # what was reported stands in no list, and a list from before opens it no more
        opened = await bob.context_menu("Report", public)
        told = await bob.submit(opened, {"prompt": "not nice"})
        await discord.until(lambda: "hidden until" in told.message.data["content"], "thanks")
        await listed(discord, await bob.slash("gallery"), "Nothing here was marked yet")
        [menu] = [item for item in walk(here.data["components"]) if item["type"] == 3]
        await bob.click(here, menu["custom_id"], [menu["options"][0]["value"]])
        await discord.wait_for_message(lambda said: "was reported" in said.data["content"], after=here)
