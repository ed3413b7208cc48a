"""`limner worker`: what it says where it cannot join; joining is in tests/engine/workers/test_ray.py."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
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
node = [sys.executable, "-c", sys.argv[1], sys.argv[2]]
sys.exit(worker._joined(node, "127.0.0.1:1", "127.0.0.1", head=False))
"""


def test_whose_head_was_lost_joins_again_until_asked_to_leave(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KEEP, NODE, str(tmp_path / "started")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as kept:
        assert kept.stdout is not None
        lines = [kept.stdout.readline() for _ in range(2)]
        kept.terminate()
        assert kept.wait() == 0
    assert lines == ["This machine has joined the head at 127.0.0.1:1. Ctrl-C lets it leave.\n"] * 2
    assert (tmp_path / "started").read_text() == "xxx"


def test_who_never_joined_ends_with_the_status_of_ray(tmp_path: Path) -> None:
    (tmp_path / "started").write_text("x")
    command = [sys.executable, "-c", KEEP, NODE, str(tmp_path / "started")]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 3
    assert (tmp_path / "started").read_text() == "xx"
    assert done.stderr.endswith("limner: Ray did not start here; above is what it said.\n")


TELLS = """
import sys
sys.stdout.write("2026-11-30 03:35:59,915\\tINFO scripts.py:1043 -- Local node IP: 10.0.0.6\\n")
sys.stderr.write(sys.argv[1] + "\\n")
sys.exit(1)
"""


@pytest.mark.parametrize(
    ("says", "told"),
    [
        # as Ray 2.60 says it
        (
            "RPC error: InvalidAuthToken: Authentication token is missing or incorrect.",
            "limner: The head at 127.0.0.1:1 has another token than this machine. Copy `~/.ray/auth_token` "
            "from there (chmod 600).",
        ),
        ("No space left", "No space left\nlimner: Ray did not start here; above is what it said."),
    ],
)
def test_why_it_could_not_join_is_a_sentence_and_not_a_traceback(says: str, told: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KEEP, TELLS, says], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr.strip()) == (1, told)


def test_nobody_waits_for_a_head_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray", reason="Ray is an extra: pip install -c constraints.txt -e '.[ray]'")
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "0" * 64)
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]
    assert f"Nothing answers at 127.0.0.1:{port}." in said(f"127.0.0.1:{port}", "--ip", "127.0.0.1")
    assert "`10.0.0.5` is no address of a head" in said("10.0.0.5", "--ip", "127.0.0.1")


WAITS = """
import sys, time
from pathlib import Path
Path(sys.argv[1]).touch()
time.sleep(600)
"""


def test_who_has_not_joined_yet_leaves_at_once(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", KEEP, WAITS, str(tmp_path / "begun")]) as kept:
        while not (tmp_path / "begun").exists():
            time.sleep(0.05)
        kept.terminate()
        assert kept.wait() == 0


def test_nobody_joins_without_a_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray", reason="Ray is an extra: pip install -c constraints.txt -e '.[ray]'")
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "token"))
    assert "There is no token in" in said("10.0.0.5:6379", "--ip", "10.0.0.6")
