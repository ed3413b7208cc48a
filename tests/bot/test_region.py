"""Saying where, over real sockets: squares, lists, files and words make a mask; pressing on repaints it."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from PIL import Image

from bot.demo.driver import Answer, BotProcess, Discord, faces
from bot.demo.forms import walk
from bot.demo.world import Message
from bot.region import AreaSelect, MaskButton
from bot.wire import MASK, Part, mask_id
from tests.bot.conftest import is_grid, is_picture

MakeBot = Callable[..., BotProcess]

KEY = "7h2k9q3v0x"

# Ephemeral messages hold these for a while only, but a bot may be brought up to date in between.
GOLDEN = {
    "l1k:c:7h2k9q3v0x:19": (Part.SQUARE, 19),
    "l1k:a:7h2k9q3v0x": (Part.AREAS, None),
    "l1k:w:7h2k9q3v0x": (Part.WIDEN, None),
    "l1k:s:7h2k9q3v0x": (Part.SHRINK, None),
    "l1k:i:7h2k9q3v0x": (Part.INVERT, None),
    "l1k:f:7h2k9q3v0x": (Part.FEATHER, None),
    "l1k:r:7h2k9q3v0x": (Part.REREAD, None),
    "l1k:g:7h2k9q3v0x": (Part.GO, None),
    "l1k:x:7h2k9q3v0x": (Part.LEAVE, None),
    "l1k:t:7h2k9q3v0x": (Part.SAY, None),
    "l1k:b:7h2k9q3v0x": (Part.BRING, None),
    "l1k:q:7h2k9q3v0x": (Part.TAP, None),
}


@pytest.mark.parametrize(("custom_id", "meaning"), GOLDEN.items(), ids=list(GOLDEN))
def test_old_controls_mean_what_they_meant(custom_id: str, meaning: tuple[Part, int | None]) -> None:
    match = MASK.fullmatch(custom_id)
    assert match is not None
    assert mask_id(meaning[0], KEY, meaning[1]) == custom_id
    assert (Part(match["part"]), match["key"]) == (meaning[0], KEY)
    item = AreaSelect(KEY) if meaning[0] is Part.AREAS else MaskButton(*(meaning[0], KEY, meaning[1]))
    assert item.template.fullmatch(item.custom_id) is not None


def text(message: Message) -> str:
    return "\n".join(part["content"] for part in walk(message.data["components"]) if part["type"] == 10)


def media(message: Message) -> str:
    """Return which file shows the overlay."""
    [file] = message.data["attachments"]
    return str(file["id"])


async def single(discord: Discord) -> Message:
    alice = discord.user("alice")
    await alice.slash("imagine", prompt="a red apple --ar 3:2")
    grid = await discord.wait_for_message(is_grid)
    await alice.click(grid, "U1")
    return await discord.wait_for_message(is_picture, after=grid)


async def region(discord: Discord, one: Message) -> Answer:
    opened = await discord.user("alice").click(one, "Vary (Region)")
    await discord.until(lambda: "Which part" in text(opened.message), "the mask")
    return opened


async def said(discord: Discord, answer: Answer, words: str) -> None:
    await discord.until(lambda: words in text(answer.message), words)


@pytest.mark.e2e
async def test_squares_are_tapped_across_a_restart_and_the_prompt_is_changed(
    discord: Discord, make_bot: MakeBot
) -> None:
    async with make_bot() as bot:
        alice = discord.user("alice")
        one = await single(discord)
        opened = await region(discord, one)
        assert opened.message.ephemeral
        assert faces(opened.message)[:20] == [str(number) for number in range(1, 21)]
        assert [item["label"] for item in _buttons(opened.message) if item.get("disabled")] == ["Go on"]
        await alice.click(opened.message, "7")
        await said(discord, opened, "5% of")
        before = media(opened.message)
        await bot.kill()
        await bot.start()
        await alice.click(opened.message, "8")
        await said(discord, opened, "10% of")
        assert media(opened.message) != before
        await alice.click(opened.message, "7")
        await said(discord, opened, "5% of")
        await alice.click(opened.message, _select(opened.message), ["left half", "centre"])
        # the half, and of the centre the part right of it: 1/2 + 1/4 · 1/2, with square 8 inside that
        await said(discord, opened, "62% of")
        for name, fact in (("Widen", "widened 1×"), ("Feather", "edge fades over"), ("Invert", "inverted")):
            await alice.click(opened.message, name)
            await said(discord, opened, fact)
        dialog = await alice.click(opened.message, "Go on")
        assert dialog.modal["title"] == "What should be there?"
        assert _default(dialog) == "a red apple --ar 3:2"
        await bot.kill()
        await bot.start()
        await alice.submit(dialog, {"prompt": "a blue pear"})
        painted = await discord.wait_for_message(is_grid, after=one)
        assert painted.data["content"].startswith("**a blue pear** - Repaint of image #1 by")
        # the mask stays for another try, with the parent's own prompt
        dialog = await alice.click(opened.message, "Go on")
        await alice.submit(dialog)
        again = await discord.wait_for_message(is_grid, after=painted)
        assert again.data["content"].startswith("**a red apple --ar 3:2** - Repaint of image #1 by")
        await alice.click(opened.message, "Cancel")
        await said(discord, opened, "Nothing was painted")
        assert faces(opened.message) == []


def _buttons(message: Message) -> list[dict[str, object]]:
    return [part for part in walk(message.data["components"]) if part["type"] == 2]


def _select(message: Message) -> str:
    [found] = [part["custom_id"] for part in walk(message.data["components"]) if part["type"] == 3]
    return str(found)


def _default(dialog: Answer) -> str:
    [box] = [part for part in walk(dialog.modal["components"]) if part["type"] == 4]
    return str(box.get("value"))


def file(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()
