"""A picture in full size: where it is too large for its place, and by link where there is an address."""

from __future__ import annotations

import io
import re
import socket
import sqlite3
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest
from PIL import Image

from bot.demo.driver import BotProcess, Discord, faces
from bot.demo.shapes import Json, Message
from tests.bot.conftest import is_grid, is_picture

pytestmark = pytest.mark.e2e


def kept(data: Path) -> list[bytes]:
    """Return the pixels of every stored picture, in the order of its cells."""
    with sqlite3.connect(f"file:{data / 'limner.db'}?mode=ro", uri=True) as db:
        names = [row[0] for row in db.execute("SELECT sha256 FROM picture ORDER BY job, cell")]
    db.close()
    files = [data / "pictures" / name[:2] / name[2:4] / f"{name}.png" for name in names]
    return [Image.open(file).convert("RGB").tobytes() for file in files]


def pixels(discord: Discord, file: Json) -> bytes:
    with Image.open(io.BytesIO(discord.world.files.read(file["id"]) or b"")) as picture:
        return picture.convert("RGB").tobytes()


def everywhere(discord: Discord, text: str) -> list[Message]:
    """Return every message that says this, of whichever channel."""
    channels = discord.world.messages.values()
    return [message for found in channels for message in found.values() if text in message.data["content"]]


async def test_what_is_too_large_is_brought_in_parts_that_fit(
    discord: Discord, bot: BotProcess, data: Path
) -> None:
    limit = discord.world.upload_limit = 20_000
    alice, bob = discord.user("alice"), discord.user("bob")
    await alice.slash("imagine", prompt="a red apple")
    grid = await discord.wait_for_message(is_grid)
    assert faces(grid)[-1] == "Full size"
    assert "**Full size** gives all of it" in grid.data["content"]
    told = await bob.click(grid, "Full size")
    await discord.until(lambda: "to your direct messages" in told.message.data["content"], "the answer")
    parts = everywhere(discord, "Full size, ")
    assert [part.data["content"] for part in parts] == [f"Full size, {n} of 4:" for n in (1, 2, 3, 4)]
    files = [part.data["attachments"][0] for part in parts]
    assert all(file["size"] <= limit for file in files)
    assert all(file["description"].endswith("drawn from the prompt: a red apple") for file in files)
    assert [pixels(discord, file) for file in files] == kept(data)
    # one picture, enlarged for showing, is too large too; as it was drawn it fits, and is given here
    await alice.click(grid, "U1")
    one = await discord.wait_for_message(is_picture, after=grid)
    assert "Full size" in faces(one)
    own = await alice.click(one, "Full size")
    await discord.until(lambda: own.message.data["attachments"], "the file")
    assert pixels(discord, own.message.data["attachments"][0]) == kept(data)[0]


async def test_where_the_listener_has_an_address_it_is_a_link(
    discord: Discord, make_bot: Callable[..., BotProcess], data: Path, tmp_path: Path
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "config.toml").write_text(
        f'[web]\nenabled = true\nport = {port}\npublic_url = "http://127.0.0.1:{port}"\n', encoding="utf-8"
    )
    discord.world.upload_limit = 20_000
    async with make_bot():
        alice = discord.user("alice")
        await alice.slash("imagine", prompt="a red apple")
        grid = await discord.wait_for_message(is_grid)
        told = await alice.click(grid, "Full size")
        await discord.until(lambda: "for an hour" in told.message.data["content"], "the links")
        links = re.findall(r"\[image #\d\]\((\S+)\)", told.message.data["content"])
        assert len(links) == 4
        found = []
        async with aiohttp.ClientSession() as session:
            for link in links:
                async with session.get(link) as answer:
                    assert answer.status == 200
                    found.append(Image.open(io.BytesIO(await answer.read())).convert("RGB").tobytes())
            async with session.get(links[0].replace("/0/", "/1/", 1)) as stranger:
                assert stranger.status == 404, "a signature is good for one picture"
        assert found == kept(data)
