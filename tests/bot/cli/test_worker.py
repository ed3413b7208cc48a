"""`limner worker`: what it says where it cannot join; joining is in tests/engine/workers/test_ray.py."""

from __future__ import annotations

import subprocess
import sys
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


NODE = """
import sys, time
from pathlib import Path
started = Path(sys.argv[1])
turn = len(started.read_text()) if started.exists() else 0
started.write_text("x" * (turn + 1))
if turn in {0, 2}:  # the head is there, then lost; is away; is there
    print("Ray runtime started.", flush=True)
if turn < 2:
    sys.exit(3)
time.sleep(600)
"""
"""Stands for ``ray start --block``."""
KEEP = """
import sys
from bot.cli import worker
worker.FIRST_PAUSE = 0.0
sys.exit(worker._joined([sys.executable, "-c", sys.argv[1], sys.argv[2]], "10.0.0.5:6379", head=False))
"""


def test_whose_head_was_lost_joins_again_until_asked_to_leave(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KEEP, NODE, str(tmp_path / "started")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as kept:
        assert kept.stdout is not None
        lines = [kept.stdout.readline() for _ in range(2)]
        kept.terminate()
        assert kept.wait() == 0
    assert lines == ["Ray runtime started.\n"] * 2
    assert (tmp_path / "started").read_text() == "xxx"


def test_who_never_joined_ends_with_the_status_of_ray(tmp_path: Path) -> None:
    (tmp_path / "started").write_text("x")
    command = [sys.executable, "-c", KEEP, NODE, str(tmp_path / "started")]
    assert subprocess.run(command, check=False).returncode == 3
    assert (tmp_path / "started").read_text() == "xx"


def test_nobody_joins_without_a_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray", reason="Ray is an extra: pip install -c constraints.txt -e '.[ray]'")
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "token"))
    assert "There is no token in" in said("10.0.0.5:6379", "--ip", "10.0.0.6")
