"""`limner worker`: what it says where it cannot join; joining is in tests/engine/workers/test_ray.py."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli import main


def said(*arguments: str) -> str:
    done = CliRunner().invoke(main.app, ["worker", *arguments])
    assert done.exit_code == 2
    return " ".join(done.output.split())


def test_what_is_missing_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Name the head to join" in said()
    assert "Name the head to join" in said("10.0.0.5:6379", "--head")
    assert "--ip 10.0.0.6" in said("10.0.0.5:6379")
    assert "No `limner worker` runs on this machine" in said("--drain")


def test_nobody_joins_without_a_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray", reason="Ray is an extra: pip install -c constraints.txt -e '.[ray]'")
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "token"))
    assert "There is no token in" in said("10.0.0.5:6379", "--ip", "10.0.0.6")
