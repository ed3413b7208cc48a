"""``limner keys`` as a host types it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli.main import app
from engine.rules import keys


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LIMNER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def limner(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["keys", *words])
    assert done.exit_code == code, done.output
    return done.output


def test_a_key_is_shown_once_listed_and_revoked_by_name_on_a_fresh_machine(folder: Path) -> None:
    made = json.loads(limner("create", "gallery", "--scope", "read", "--days", "30", "--json"))
    assert keys.well_formed(made["key"])
    [listed] = json.loads(limner("list", "--json"))
    assert listed["scopes"] == ["read"]
    assert listed["expires_at"] - listed["created_at"] == pytest.approx(30 * 86400)
    assert made["key"] not in limner("list")
    assert made["key"][: keys.START] in limner("list")
    limner("revoke", "gallery")
    assert json.loads(limner("list", "--json"))[0]["state"] == "revoked"
    assert "no key `gallery`" in limner("revoke", "gallery", code=2)
    assert not [
        path for path in folder.rglob("*") if path.is_file() and made["key"].encode() in path.read_bytes()
    ]
    assert (folder / "data").stat().st_mode & 0o077 == 0


def test_a_whole_key_can_be_revoked_by_pasting_it() -> None:
    secret = json.loads(limner("create", "leaked", "--json"))["key"]
    assert secret not in limner("revoke", secret)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("create", "x", "--scope", "write"), "There are draw, read, metrics"),
        (("create", "x", "--model", "nosuch"), "There is no model `nosuch`"),
        (("create", "x", "--person", "bob"), "`bob`"),
        (("revoke", "7"), "no key `7`"),
    ],
)
def test_a_mistake_gets_a_sentence(words: tuple[str, ...], says: str) -> None:
    assert says in limner(*words, code=2)


def test_keys_of_one_name_are_told_apart_by_number() -> None:
    limner("create", "twin")
    limner("create", "twin")
    assert "1, 2" in limner("revoke", "twin", code=2)
    limner("revoke", "2")


def test_a_key_is_banned_exported_and_forgotten(folder: Path) -> None:
    limner("create", "gallery")
    limner("create", "bot", "--person", "123456789012345678")
    for words in (("ban", "key:1", "--reason", "loud"), ("unban", "key:1")):
        done = CliRunner().invoke(app, ["admin", *words])
        assert done.exit_code == 0, done.output
    assert "1 file" in limner("export", "gallery", str(folder / "out"))
    [file] = (folder / "out").iterdir()
    with zipfile.ZipFile(file) as archive:
        told = json.loads(archive.read("data-1.json"))
    assert [row["name"] for row in told["api_key"]] == ["gallery"]
    assert {row["action"] for row in told["audit"]} == {"key create", "ban", "unban"}
    limner("forget", "gallery")
    assert [one["state"] for one in json.loads(limner("list", "--json"))] == ["revoked", "good"]
    for verb in (("forget", "bot"), ("export", "bot", str(folder / "out"))):
        assert "/privacy" in limner(*verb, code=2)
