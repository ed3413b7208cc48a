"""Saying where, over real sockets: squares, lists, files and words make a mask; pressing on repaints it."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable

import pytest
from PIL import Image

from bot.components.mask_editor import AreaSelect, MaskButton
from bot.custom_ids import MASK, MaskControl, mask_id
from bot.demo.driver import Answer, BotProcess, Discord, faces
from bot.demo.forms import walk
from bot.demo.shapes import Message, Upload
from tests.bot.conftest import is_grid, is_picture

MakeBot = Callable[..., BotProcess]

KEY = "7h2k9q3v0x"

# Ephemeral messages hold these for a while only, but a bot may be brought up to date in between.
GOLDEN = {
    "l1k:c:7h2k9q3v0x:19": (MaskControl.SQUARE, 19),
    "l1k:a:7h2k9q3v0x": (MaskControl.AREAS, None),
    "l1k:w:7h2k9q3v0x": (MaskControl.WIDEN, None),
    "l1k:s:7h2k9q3v0x": (MaskControl.SHRINK, None),
    "l1k:i:7h2k9q3v0x": (MaskControl.INVERT, None),
    "l1k:f:7h2k9q3v0x": (MaskControl.FEATHER, None),
    "l1k:r:7h2k9q3v0x": (MaskControl.REREAD, None),
    "l1k:g:7h2k9q3v0x": (MaskControl.GO, None),
    "l1k:x:7h2k9q3v0x": (MaskControl.LEAVE, None),
    "l1k:t:7h2k9q3v0x": (MaskControl.SAY, None),
    "l1k:b:7h2k9q3v0x": (MaskControl.BRING, None),
    "l1k:q:7h2k9q3v0x": (MaskControl.TAP, None),
    "l1k:o:7h2k9q3v0x": (MaskControl.LOOK, None),
}


@pytest.mark.parametrize(("custom_id", "meaning"), GOLDEN.items(), ids=list(GOLDEN))
def test_old_controls_mean_what_they_meant(custom_id: str, meaning: tuple[MaskControl, int | None]) -> None:
    match = MASK.fullmatch(custom_id)
    assert match is not None
    assert mask_id(meaning[0], KEY, meaning[1]) == custom_id
    assert (MaskControl(match["part"]), match["key"]) == (meaning[0], KEY)
    item = AreaSelect(KEY) if meaning[0] is MaskControl.AREAS else MaskButton(*(meaning[0], KEY, meaning[1]))
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
        assert [item["label"] for item in _buttons(opened.message) if item.get("disabled")] == ["Repaint…"]
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
        dialog = await alice.click(opened.message, "Repaint…")
        assert dialog.modal["title"] == "What should be there?"
        assert _default(dialog) == "a red apple --ar 3:2"
        await bot.kill()
        await bot.start()
        await alice.submit(dialog, {"prompt": "a blue pear"})
        painted = await discord.wait_for_message(is_grid, after=one)
        assert painted.data["content"].startswith("**a blue pear** - Repaint of image #1 by")
        # the mask stays for another try, with the parent's own prompt
        dialog = await alice.click(opened.message, "Repaint…")
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


def upload(picture: Image.Image, name: str = "mask.png") -> Upload:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return Upload(name, buffer.getvalue())


def spot(size: tuple[int, int], ground: str, colour: str) -> Image.Image:
    """Return a picture whose upper left quarter has another colour."""
    picture = Image.new("RGB", size, ground)
    picture.paste(colour, (0, 0, size[0] // 2, size[1] // 2))
    return picture


@pytest.mark.e2e
async def test_a_mask_is_brought_by_command_or_into_the_dialog(discord: Discord, make_bot: MakeBot) -> None:
    async with make_bot() as bot:
        alice = discord.user("alice")
        photo = upload(Image.new("RGB", (120, 80), "navy"), "photo.png")
        opened = await alice.slash(
            "inpaint", image=photo, prompt="a red apple", mask=upload(spot((120, 80), "white", "black"))
        )
        await said(discord, opened, "black repaints in your mask")
        assert "25% of 120 × 80 pixels marked" in text(opened.message)
        assert "1" not in faces(opened.message)
        await alice.click(opened.message, "Black repaints")
        await said(discord, opened, "white repaints in your mask")
        assert "75% of" in text(opened.message)
        wrong = await alice.click(opened.message, "Upload a mask…")
        await alice.submit(wrong, {"file": [upload(Image.new("L", (80, 120)))]})
        told = await discord.wait_for_message(
            lambda m: "80 × 120 pixels and the picture 120 × 80" in m.data["content"]
        )
        assert told.ephemeral
        dialog = await alice.click(opened.message, "Upload a mask…")
        await bot.kill()
        await bot.start()
        await alice.submit(dialog, {"file": [upload(spot((240, 160), "black", "white"))]})
        await said(discord, opened, "25% of")
        assert "white repaints" in text(opened.message)
        # the prompt came with the command, so nothing is asked any more
        await alice.click(opened.message, "Repaint…")
        told = "Repainting the marked part: “a red apple”. The pictures appear here"
        await discord.until(
            lambda: any(told in line for line in discord.transcript().splitlines()), "what began"
        )
        painted = await discord.wait_for_message(is_grid)
        assert painted.data["content"].startswith("**a red apple** - Repaint by")
        await alice.click(opened.message, "Use squares")
        await said(discord, opened, "Which part")


@pytest.mark.e2e
async def test_words_say_where_and_looking_outlives_a_restart(discord: Discord, make_bot: MakeBot) -> None:
    async with make_bot(step_seconds=1.0) as bot:
        alice = discord.user("alice")
        photo = upload(Image.new("RGB", (120, 80), "navy"), "photo.png")
        opened = await alice.slash("inpaint", image=photo, region="the *hat*")
        await said(discord, opened, "Looking for “the \\*hat\\*”")
        await bot.kill()
        await bot.start()
        # what it drew for was not lost; the button shows it once it is there
        await discord.until(lambda: "Show" in faces(opened.message), "the button")
        while "Show" in faces(opened.message):
            await alice.click(opened.message, "Show")
            await asyncio.sleep(0.5)
        await said(discord, opened, "matched: “\\*hat\\*”")
        # a quarter of the picture is more than a hat takes
        assert "25% is marked: that looks like more than the hat" in text(opened.message)
        assert "25% of 120 × 80 pixels marked" in text(opened.message)
        dialog = await alice.click(opened.message, "Say where…")
        await alice.submit(dialog, {"prompt": "the dog"})
        await said(discord, opened, "matched: “dog”")
        assert "looks like more" not in text(opened.message), "a dog may well take a quarter"
        info = await alice.slash("info")
        await discord.until(lambda: info.message.data["embeds"], "the info")
        assert "the dog" not in str(info.message.data["embeds"]), "looking is no result"


@pytest.mark.e2e
async def test_pictures_are_varied_and_enlarged_by_command(discord: Discord, bot: BotProcess) -> None:
    alice, bob = discord.user("alice"), discord.user("bob")
    await alice.slash("imagine", prompt="a red apple")
    grid = await discord.wait_for_message(is_grid)
    [first, *_] = await alice.autocomplete("vary", "link", "apple")
    await alice.slash("vary", link=first["value"], strength="vary_subtle", prompt="a green pear")
    varied = await discord.wait_for_message(is_grid, after=grid)
    assert varied.data["content"].startswith("**a green pear** - Variations (Subtle) of image #1 by")

    photo = upload(Image.new("RGB", (120, 80), "navy"), "photo.png")
    await bob.slash("upscale", image=photo)
    large = await discord.wait_for_message(is_picture, after=varied)
    assert "Upscale (Subtle)" in large.data["content"]
    [file] = large.data["attachments"]
    assert file["filename"].startswith("an-uploaded-picture-")
    await bob.slash("vary", image=photo)
    told = await discord.wait_for_message(
        lambda m: "what the picture shows" in m.data["content"], after=large
    )
    assert told.viewer == bob.id
    await bob.slash("vary", image=photo, prompt="a boat")
    boat = await discord.wait_for_message(is_grid, after=large)
    assert boat.data["content"].startswith("**a boat** - Variations (Strong) by")
    none = await bob.slash("upscale")
    await discord.wait_for_message(lambda m: "Which picture?" in m.data["content"], after=boat)
    assert none.interaction.answered == 4, "refused before anybody else sees anything"
