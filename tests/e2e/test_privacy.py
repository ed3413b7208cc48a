"""``/privacy`` with the real bot: everything comes as files only the person sees, and goes for good."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest

from bot.demo.driver import Discord
from tests.e2e.conftest import MakeBot
from tests.e2e.test_kills import delivered

pytestmark = pytest.mark.e2e


async def test_export_and_delete(discord: Discord, make_bot: MakeBot, tmp_path: Path) -> None:
    alice = discord.user("alice")
    async with make_bot(fake={}) as bot:
        first = await alice.slash("imagine", prompt="a secret apple")
        await delivered(discord, 1, first)
        await alice.slash("privacy export")
        sent = await discord.until(
            lambda: [one for one in discord.messages() if "That is all: 1 file" in one.data["content"]],
            "the export's end",
        )
        assert sent
        [part] = [one for one in discord.messages() if "part 1" in one.data["content"]]
        assert int(part.data["flags"]) & 64  # only she sees it
        [attached] = part.attachments
        archive = zipfile.ZipFile(io.BytesIO(discord.world.file(attached["id"]) or b""))
        rows = json.loads(archive.read("data-1.json"))
        assert [row["prompt"] for row in rows["job"]] == ["a secret apple"]
        assert sum(name.startswith("pictures/") for name in archive.namelist()) == 4
        gone = await alice.slash("privacy delete", confirm="Delete everything about me for good")
        await discord.until(lambda: "Deleted: your jobs" in gone.message.data["content"], "the deletion")
        assert list((tmp_path / "data" / "pictures").rglob("*.png")) == []
        assert await bot.stop() == 0
    files = [file for file in (tmp_path / "data").rglob("*") if file.is_file()]
    assert files
    assert not [file for file in files if str(first.interaction.user_id).encode() in file.read_bytes()]
    assert not [file for file in files if b"secret apple" in file.read_bytes()]
