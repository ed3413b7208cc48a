"""Anybody can ask where a picture comes from: by command, by the message's menu, at the command line."""

from __future__ import annotations

import asyncio
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from bot.demo.driver import BotProcess, Discord
from bot.demo.shapes import Upload
from tests import ROOT
from tests.bot.conftest import is_grid
from tests.engine.provenance.pictures import photograph
from tests.engine.provenance.test_recipes import PARAMETERS, png

pytestmark = pytest.mark.e2e


def jpeg(data: bytes, side: int) -> bytes:
    """Return a picture as a stranger has it: smaller, and a JPEG."""
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(data)) as picture:
        picture.convert("RGB").resize((side, side)).save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


async def test_verify_knows_what_left_and_gives_recipes_back(
    discord: Discord, make_bot: Callable[..., BotProcess], tmp_path: Path
) -> None:
    bot = make_bot()
    bot.environment["LIMNER_PROVENANCE_MARK"] = "true"
    async with bot:
        alice, bob = discord.user("alice"), discord.user("bob")
        await alice.slash("imagine", prompt="a red apple")
        grid = await discord.wait_for_message(is_grid)
        posted = discord.world.file(grid.data["attachments"][0]["id"])
        assert posted is not None

        async def said(who: object, data: bytes, command: str = "verify") -> str:
            answer = await who.slash(command, image=Upload("x.png", data))  # type: ignore[attr-defined]
            await discord.until(lambda: answer.message.data["content"], "an answer")
            return str(answer.message.data["content"])

        whole = await said(alice, posted)
        assert whole.startswith("Made by this Limner.\nJob `")
        assert "Signature: valid, by this host" in whole
        assert "a red apple --" in whole
        resent = jpeg(posted, 400)
        assert (await said(alice, resent)).startswith("Made by this Limner.\nJob `")
        others = await said(bob, resent)
        assert others.startswith("Made by this Limner.\nInvisible mark: found (")
        assert "Job" not in others
        buffer = io.BytesIO()
        photograph(1, 300, 200).save(buffer, "PNG")
        assert (await said(bob, buffer.getvalue())).startswith("Nothing was found in this picture")
        foreign = await said(bob, png(parameters=PARAMETERS), "info")
        assert "--negative blurry, text" in foreign
        assert "--seed 42" in foreign
        again = await bob.slash("verify", image=Upload("x.png", posted))
        await discord.until(lambda: again.message.data["components"], "the button")
        await bob.click(again.message, "Draw this")
        redrawn = await discord.wait_for_message(is_grid, after=grid)
        assert redrawn.data["content"].startswith("**a red apple --")
    files = {"ours.png": posted, "resent.jpg": resent, "none.png": buffer.getvalue()}
    await asyncio.to_thread(at_the_command_line, tmp_path, files)


def at_the_command_line(folder: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        (folder / name).write_bytes(data)
    environment = {"LIMNER_DATA_DIR": str(folder / "data"), "PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}

    def said(*words: str) -> str:
        command = [sys.executable, "-m", "bot", *words]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    found = [json.loads(line) for line in said("verify", *files, "--json").splitlines()]
    assert [one["ours"] for one in found] == [True, True, False]
    assert "to draw it again: a red apple --" in said("info", "ours.png")
    for name in ("ours.png", "resent.jpg"):  # the second says its job by its mark alone
        assert re.search(r"Job `[a-z0-9]{10}`, 20\d\d-\d\d-\d\d\.", said("verify", name))
