"""What the bot answers comes from the catalogue: with all entries of a language framed, the rest shows."""

from __future__ import annotations

import io
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bot.demo.driver import BotProcess, Discord, faces
from bot.demo.seed_data import ADMIN_CHANNEL_ID, ADMIN_ID, ADMIN_ROLE_ID, BOB_ID, GUILD_ID
from bot.demo.shapes import Json, Message, Upload
from engine.words.catalogue import FOLDER, Entry, read
from tests import ROOT
from tests.bot.conftest import is_grid
from tests.catalogue import FIELD, sentences, written

pytestmark = pytest.mark.e2e
SHORT = 40
"""Letters of a sentence without fields that are framed: labels and titles of dialogs stay short enough."""
FRAMED = re.compile(r"⟦[^⟦⟧]*⟧")
NAMES = re.compile(
    r"```.*?```|`[^`]*`|<[@#:/t][^>\s]*>|https?://\S+|\S+\.(?:png|webp|zip|csv)|--[a-z]+"
    r"|xyzzy|pocket|Apache-2\.0|\b(?:Raw|Stylize|Remix)\b|\(fake\)|cpu|(?<=· )[0-9a-z]{10}\b"
    r"|\d discs on a plain ground",
    re.DOTALL,
)
"""What is called so in every language: code, mentions, addresses, files, flags, models, ids, prompts."""
WORD = re.compile(r"[^\W\d_]{3,}")
SHOWN = ("content", "description", "label", "name", "placeholder", "text", "title")
PERSON: tuple[tuple[str, Json], ...] = (
    *((name, {}) for name in ("queue", "cancel", "show", "history", "favorites", "gallery", "info", "help")),
    *((name, {}) for name in ("settings", "fast", "relax", "turbo", "prefer remix", "prefer variability")),
    ("prefer option list", {}),
    ("prefer option set", {"option": "--mine", "value": "--ar 3:2"}),
    ("prefer suffix", {"new_value": "--ar 3:2"}),
    ("prefer suffix", {}),
    ("help", {"flag": "ar"}),
    ("report", {"job": "0123456789", "reason": "xyzzy"}),
    ("shorten", {"prompt": "xyzzy"}),
    *((name, {"image": ...}) for name in ("verify", "info", "describe", "inpaint", "vary", "upscale")),
    ("edit", {"instruction": "xyzzy", "image": ...}),
    *(
        ("imagine", {"prompt": prompt})
        for prompt in ("xyzzy --model nope", "xyzzy --nope", "nude xyzzy", "xyzzy --ar nope", "xyzzy --sref",
                       "http://nope.test/a.txt xyzzy", "{a,b,c,d,e,f,g,h,i,j,k} xyzzy", "xyzzy --style nope")
    ),
)  # fmt: skip
ADMIN: tuple[tuple[str, Json], ...] = (
    ("admin log", {"channel": f"<#{ADMIN_CHANNEL_ID}>"}),
    ("admin defaults settings", {"flags": "--ar 3:2"}),
    ("admin defaults label", {"where": "message"}),
    ("admin defaults show", {}),
    ("admin styles set", {"name": "foo", "adds": "xyzzy"}),
    ("admin words block", {"words": "xyzzz"}),
    ("admin words try", {"prompt": "xyzzz"}),
    ("admin channels content", {"level": "restricted"}),
    ("admin roles size", {"role": ADMIN_ROLE_ID, "side": 512}),
    ("admin roles allowance", {"role": ADMIN_ROLE_ID, "seconds": 50.0, "per": "day"}),
    ("admin timeout", {"person": BOB_ID, "length": "30m", "reason": "xyzzy"}),
    ("admin unban", {"person": BOB_ID}),
    *((f"admin {name} list", {}) for name in ("styles", "words", "channels", "roles", "jobs", "models")),
    *((f"admin {name}", {}) for name in ("bans", "stats", "export", "audit")),
    ("admin pause", {"until": "30m"}),
    ("queue", {}),
    ("admin drain", {}),
    ("imagine", {"prompt": "xyzzy"}),
    ("admin resume", {}),
)


def framed(text: str) -> str:
    return f"⟦{text if FIELD.search(text) else text[:SHORT]}⟧"


def framed_german(folder: Path) -> None:
    """Write a German of English sentences in frames, and what makes a process speak it."""
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    header, *_ = read((FOLDER / "de.po").read_text("utf-8"))
    entries = {
        key: Entry(key, one.many, {0: framed(key), 1: framed(one.many or "")})
        for key, one in sentences().items()
    }
    (folder / "de.po").write_text(written(header, entries, 2), "utf-8")
    (folder / "sitecustomize.py").write_text(
        "from pathlib import Path\n"
        "from engine.words import catalogue\n"
        "catalogue.FOLDER = Path(__file__).parent\n"
    )


def texts(part: Any) -> Iterator[str]:
    """Yield what a message or a dialog shows."""
    if isinstance(part, dict):
        for key, value in part.items():
            if isinstance(value, str):
                yield from [value] if key in SHOWN else []
            elif key not in ("author", "mentions", "emoji", "user", "interaction_metadata"):
                yield from texts(value)
    elif isinstance(part, list):
        for one in part:
            yield from texts(one)


def loose(part: Json) -> list[str]:
    """Return the texts that hold words outside of every frame."""
    found = []
    for text in texts(part):
        rest, before = NAMES.sub("", text), ""
        while rest != before:
            rest, before = FRAMED.sub("", rest), rest
        found += [text] if WORD.search(rest) else []
    return found


def test_what_is_loose_is_seen() -> None:
    assert loose({"content": "⟦told ⟦inside⟧⟧ `code` xyzzy <@1>", "title": "⟦a⟧ left over"}) == [
        "⟦a⟧ left over"
    ]


async def test_every_answer_is_in_the_catalogue(
    discord: Discord, make_bot: Callable[..., BotProcess], tmp_path: Path
) -> None:
    framed_german(tmp_path / "framed")
    process = make_bot()
    process.environment["LIMNER_WELCOME_STARTERS"] = '["xyzzy"]'
    process.environment["PYTHONPATH"] = os.pathsep.join([str(tmp_path / "framed"), str(ROOT)])
    discord.world.guilds[GUILD_ID]["preferred_locale"] = "de"  # which the log channel speaks
    for person in (BOB_ID, ADMIN_ID):
        discord.world.locales[person] = "de"
    bob, ada = discord.user("bob"), discord.user("ada")
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), (200, 40, 50)).save(buffer, "PNG")
    left: dict[str, list[str]] = {}

    async def look(what: str, message: Message) -> None:
        await discord.until(lambda: any(texts(message.data)), what)
        if found := loose(message.data):
            left[what] = found

    async with process:
        await bob.slash("imagine", prompt="xyzzy --ar 16/9 --seed -1 --sw 3 --stylize 2000")
        grid = await discord.wait_for_message(is_grid)
        assert "⟦`--sw` has no effect without `--sref`.⟧" in grid.data["content"]
        await bob.click(grid, "U1")
        one = await discord.wait_for_message(lambda m: "⟦Info⟧" in faces(m), after=grid)
        await look("picture", one)
        for press in faces(one):
            if press.startswith(("⟦Info", "⟦Vary (Region)", "⟦Custom")):
                answer = await bob.click(one, press)
                if answer.interaction.modal is None:
                    await look(press, answer.message)
                else:
                    assert loose(answer.modal) == []
        for who, commands in ((bob, PERSON), (ada, ADMIN)):
            for name, options in commands:
                given = {
                    key: Upload("photo.png", buffer.getvalue()) if value is ... else value
                    for key, value in options.items()
                }
                answer = await who.send(name, given)
                await look(f"{name} {options}", answer.message)
        await ada.submit(await ada.context_menu("Report", grid), {"prompt": "xyzzy"})
        room = ADMIN_CHANNEL_ID
        told = await discord.wait_for_message(lambda m: "**resume**" in m.data["content"], channel=room)
        report = await discord.wait_for_message(faces, channel=room)
        for what, message in (("log", told), ("report", report), *enumerate(discord.messages())):
            await look(str(what), message)
    assert left == {}
