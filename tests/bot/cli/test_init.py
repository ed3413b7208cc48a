"""`limner init` driven as a person drives it: at a terminal, one answer after the other."""

from __future__ import annotations

import os
import pty
import re
import select
import sqlite3
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from bot.cli.offers import OFFERS
from engine import config
from tests import ROOT
from tests.bot.cli.test_cli import limner, refused

# in the form of the example in Discord's documentation; its first part is 1198622483471925248 in base64
TOKEN = "MTE5ODYyMjQ4MzQ3MTkyNTI0OA.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs"
SERVER, ROLE = "123456789012345678", "223456789012345678"


def typed(folder: Path, *answers: str) -> tuple[int, str]:
    """Run `limner init` at its own terminal, answer its questions; return exit code and what is shown."""
    here, there = pty.openpty()
    environment = os.environ | {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "TERM": "dumb"}
    child = subprocess.Popen(
        [sys.executable, "-m", "bot", "init"],
        cwd=folder,
        env=environment,
        stdin=there,
        stdout=there,
        stderr=there,
        start_new_session=True,
    )
    os.close(there)
    shown, left = "", list(answers)
    while True:
        if select.select([here], [], [], 1.0)[0]:
            try:
                new = os.read(here, 65536).decode()
            except OSError:
                break  # the other end is closed: it has ended
            shown += new
            # a question ends in a colon and a space, and waits
            if left and re.search(r"(: |\]: )$", shown):
                os.write(here, f"{left.pop(0)}\n".encode())
        elif child.poll() is not None:
            break
    os.close(here)
    assert not left, shown
    return child.wait(), shown


def test_six_answers_make_a_configuration_that_works(tmp_path: Path) -> None:
    code, shown = typed(tmp_path, "cpu", "pocket", "", TOKEN, SERVER, ROLE, "spoiler")
    assert code == 0, shown
    assert TOKEN not in shown
    assert [f"{number}. " in shown for number in range(1, 7)] == [True] * 6
    assert "client_id=1198622483471925248" in shown
    assert shown.strip().endswith("Open that link and choose your server; then: limner check")

    loaded = config.load(tmp_path / "config.toml", {})
    assert loaded.engine.device == "cpu"
    assert [model.name for model in loaded.models] == ["pocket"]
    assert loaded.discord.guilds == (int(SERVER),)
    assert loaded.moderation.direct_messages == "spoiler"
    assert config.token(loaded, {}).get_secret_value() == TOKEN
    assert (tmp_path / "token").stat().st_mode & 0o777 == 0o600
    with sqlite3.connect(tmp_path / "data/limner.db") as db:
        rules = db.execute("SELECT guild, kind, target, name, value FROM rule ORDER BY kind").fetchall()
    assert rules == [
        (SERVER, "content", "", "", "restricted spoiler"),
        (SERVER, "model", "pocket", ROLE, ""),
    ]
    refused(limner("init", cwd=tmp_path), "is there already", "--force")


def test_answers_that_make_no_sense_are_asked_for_again(tmp_path: Path) -> None:
    code, shown = typed(
        tmp_path,
        *("a card", "", "gpt", "", "secret", "hello", TOKEN, "my server", "", "anybody", "", "sure", ""),
    )
    assert code == 0, shown
    for said in (
        "Answer with one of auto, cuda, mps, cpu.",
        "Answer with one of pocket, sd15, sdxl, sdxl-turbo.",
        "three parts with dots",
        "A server's id is 17 to 20 digits",
        "Answer everybody, or with a role's id",
        "Answer with one of refuse, spoiler, allow.",
    ):
        assert said in shown
    assert "hello" not in shown
    loaded = config.load(tmp_path / "config.toml", {})
    assert (loaded.engine.device, loaded.discord.guilds) == ("auto", ())
    assert loaded.discord.token_file == str(tmp_path / "secret")


def test_a_model_is_shown_with_its_licence_before_it_is_fetched(tmp_path: Path) -> None:
    code, shown = typed(tmp_path, "auto", "sdxl", "n", "", TOKEN, "", "", "")
    assert code == 0, shown
    assert "licence CreativeML Open RAIL++-M" in shown
    assert "Do you accept the licence" in shown
    assert not (tmp_path / "hub").exists()
    assert config.load(tmp_path / "config.toml", {}).models[0].name == "sdxl"


@pytest.mark.parametrize("name", OFFERS)
def test_what_is_offered_is_what_the_example_shows(name: str) -> None:
    example = tomllib.loads((ROOT / "config.example.toml").read_text())
    [shown] = [model for model in example["models"] if model["name"] == name]
    assert OFFERS[name].values == shown
