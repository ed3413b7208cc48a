"""Models of today, tiny with random weights and the one that ships, through the whole bot: all one can do."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bot.demo.driver import Actor, Discord, faces, walk
from bot.demo.shapes import Message
from tests.e2e.conftest import MakeBot
from tests.engine.render import tiny_flow

pytestmark = pytest.mark.e2e

SIDE = 64
WAIT = 200
MODEL = """
[[models]]
name = "{name}"
source = "{source}"
width = 64
height = 64
multiple = 16
steps = 2
guidance_scale = 1.0
sampler = "euler"
"""


def is_grid(message: Message) -> bool:
    return "U1" in faces(message)


def is_single(message: Message) -> bool:
    return bool(message.attachments) and "Info" in faces(message)


def pixels(data: Path, message: Message, cell: int) -> np.ndarray:
    """Return a cell (from 1) of a message's job as it is kept: small pictures are shown enlarged."""
    found = re.search(r"l1:\w+:([0-9a-z]{10})", str(message.data["components"]))
    assert found
    with contextlib.closing(sqlite3.connect(f"file:{data / 'limner.db'}?mode=ro", uri=True)) as db:
        query = "SELECT sha256 FROM picture WHERE job = ? AND cell = ?"
        [(name,)] = db.execute(query, (found[1], cell - 1)).fetchall()
    file = next(path for path in data.rglob(f"*{name}*") if path.suffix == ".png")
    with Image.open(file) as image:
        return np.asarray(image.convert("RGB"))


async def alone(discord: Discord, who: Actor, grid: Message, cell: int) -> Message:
    """Show one cell of a grid by itself."""
    await who.click(grid, f"U{cell}")
    return await discord.wait_for_message(is_single, after=grid, seconds=WAIT)


async def made(discord: Discord, after: Message, words: str) -> Message:
    return await discord.wait_for_message(
        lambda m: is_grid(m) and words in m.content, after=after, seconds=WAIT
    )


async def everything(
    discord: Discord, alice: Actor, data: Path, name: str, side: int = SIDE
) -> tuple[Message, Message]:
    """Draw, vary, repaint, zoom, pan and upscale; return a picture and the last message."""
    await alice.slash("imagine", prompt=f"a red apple --model {name} --seed 3")
    grid = await discord.wait_for_message(is_grid, seconds=WAIT)
    one = await alone(discord, alice, grid, 2)
    parent = pixels(data, one, 2)
    assert parent.shape == (side, side, 3)
    assert parent.std() > 5, "not one flat colour"

    await alice.click(grid, "V3")
    varied = await made(discord, one, "Variations (Strong) of image #3")
    await alice.click(one, "Vary (Subtle)")
    varied = await made(discord, varied, "Variations (Subtle) of image #2")

    opened = await alice.click(one, "Vary (Region)")
    await discord.until(lambda: "Which part" in str(opened.message.data), "the mask", WAIT)
    select = next(part["custom_id"] for part in walk(opened.message.data["components"]) if part["type"] == 3)
    await alice.click(opened.message, select, ["left half"])
    await discord.until(lambda: "50% of" in str(opened.message.data), "the half", WAIT)
    await alice.submit(await alice.click(opened.message, "Repaint…"), {"prompt": "a blue pear"})
    painted = await made(discord, varied, "Repaint of image #2")
    after = pixels(data, await alone(discord, alice, painted, 1), 1)
    half = side // 2
    edge = half + max(2, side // 64)  # so much may fade
    assert np.array_equal(after[:, edge:], parent[:, edge:]), "kept to the bit"
    assert not np.array_equal(after[:, :half], parent[:, :half])

    last = await alone(discord, alice, painted, 2)
    for button, words in (("Zoom Out 2x", "Zoom Out 2x"), ("➡️", "Pan right")):
        await alice.click(one, button)
        last = await made(discord, last, f"{words} of image #2")
    wide = pixels(data, await alone(discord, alice, last, 1), 1)
    assert wide.shape == (side, side + half, 3)
    assert np.array_equal(wide[:, :side], parent), "kept to the bit"

    for button, words in (
        ("Upscale (Subtle)", "Upscale (Subtle)"),
        ("Upscale (Creative)", "Upscale (Creative)"),
    ):
        await alice.click(one, button)
        last = await discord.wait_for_message(
            lambda m, words=words: is_single(m) and words in m.content, after=last, seconds=WAIT
        )
        assert pixels(data, last, 1).shape == (2 * side, 2 * side, 3)
    return one, last


@pytest.mark.parametrize("name", ["z", "klein"])
async def test_all_that_can_be_done_to_a_picture_is_delivered(
    discord: Discord, make_bot: MakeBot, tmp_path: Path, name: str
) -> None:
    for model, make in (("z", tiny_flow.z_image), ("klein", tiny_flow.klein)):
        make(tmp_path / "tokens").save_pretrained(tmp_path / model, safe_serialization=True)
    config = "".join(MODEL.format(name=model, source=tmp_path / model) for model in ("z", "klein"))
    alice, data = discord.user("alice"), tmp_path / "data"
    async with make_bot(config=f"[engine]\nthreads = 1\n{config}"):
        one, last = await everything(discord, alice, data, name)
        parent = pixels(data, one, 2)
        await alice.submit(await alice.click(one, "Edit"), {"prompt": "make it night"})
        edited = await made(discord, last, '**Edit: "make it night"**')
        night = pixels(data, await alone(discord, alice, edited, 1), 1)
        assert night.shape == parent.shape
        assert not np.array_equal(night, parent)


async def test_the_flow_model_that_ships_does_all_that_too(
    discord: Discord, make_bot: MakeBot, tmp_path: Path
) -> None:
    entries = "".join(
        f'[[models]]\nname = "{name}"\nsource = "{name}"\nsteps = 4\ndefault = {default}\n'
        for name, default in (("pocket", "true"), ("pocket-flow", "false"))
    )
    alice = discord.user("alice")
    async with make_bot(config=f"[engine]\nthreads = 1\n{entries}"):
        await everything(discord, alice, tmp_path / "data", "pocket-flow", 512)  # as they are handed out
