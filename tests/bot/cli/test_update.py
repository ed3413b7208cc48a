"""`limner update` on a clone of this very repository, with an upstream that has something new."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from engine.config import Config
from engine.service import Service
from tests import ROOT
from tests.engine.conftest import drawn

pytestmark = [
    pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a git clone"),
    pytest.mark.timeout(900),
]


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=host", "-c", "user.email=host@example.com"]
    command = ["git", *identity, *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


class Host:
    """A host's machine: a clone, its upstream, and a systemctl that notes what is asked of it."""

    def __init__(self, folder: Path) -> None:
        self.upstream, self.clone, self.asked = folder / "upstream", folder / "clone", folder / "asked"
        git(folder, "clone", "--quiet", "--depth", "1", ROOT.as_uri(), str(self.upstream))
        git(folder, "clone", "--quiet", str(self.upstream), str(self.clone))
        # the same packages; newer than what it is made from, so that nothing is installed
        (self.clone / ".venv").mkdir()
        for name in ("bin", "lib", "pyvenv.cfg"):
            (self.clone / ".venv" / name).symlink_to(ROOT / ".venv" / name)
        stamps = [line for line in (ROOT / "Makefile").read_text().splitlines() if line.startswith("STAMP")]
        self.stamp = self.clone / stamps[0].split("=")[1].strip()
        self.stamp.touch()
        tools = folder / "tools"
        tools.mkdir()
        (tools / "systemctl").write_text(f'#!/bin/sh\necho "$@" >> {self.asked}\n')
        (tools / "systemctl").chmod(0o755)
        self.path = f"{tools}:{os.environ['PATH']}"

    def release(self, file: str, text: str) -> None:
        """Publish something new."""
        (self.upstream / file).write_text(text)
        git(self.upstream, "add", "-A")
        git(self.upstream, "commit", "--quiet", "-m", "new")

    def update(self, **environment: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"PATH": self.path, "PYTHONPATH": str(self.clone), **environment}
        command = [sys.executable, "-m", "bot", "update"]
        return subprocess.run(command, cwd=self.clone, env=environment, capture_output=True, text=True)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    (tmp_path / "host").mkdir()
    return Host(tmp_path / "host")


async def test_an_update_backs_up_upgrades_checks_and_restarts_in_that_order(
    host: Host, tmp_path: Path
) -> None:
    config = Config(data_dir=tmp_path / "data")
    async with Service.open(config, renderer="engine.workers.fake:Renderer") as service:
        await drawn(service)
    nobody = {"LIMNER_DISCORD_API": "http://127.0.0.1:9/api", "LIMNER_DISCORD_GATEWAY": "ws://127.0.0.1:9"}
    data = {"LIMNER_DATA_DIR": str(tmp_path / "data"), **nobody}
    done = host.update(**data)
    assert done.returncode == 0, done.stderr
    assert "newest version already" in done.stdout
    with sqlite3.connect(tmp_path / "backup/limner.db") as db:
        assert db.execute("SELECT count(*) FROM job").fetchone() == (1,)

    # without a token check finds something wrong: upgraded, not restarted, and how to go back
    before = git(host.clone, "rev-parse", "HEAD")
    host.release("NEWS", "something new")
    done = host.update(**data)
    assert done.returncode == 2
    assert (host.clone / "NEWS").exists()
    assert "not restarted" in done.stderr
    assert f"reset --keep {before[:12]}" in done.stderr
    assert not host.asked.exists()

    host.release("NEWS", "something newer")
    done = host.update(**data, LIMNER_TOKEN="MTE5ODYyMjQ4MzQ3MTkyNTI0OA.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "Restarted: limner."
    assert host.asked.read_text().splitlines() == ["is-active --quiet limner", "restart limner"]


def test_what_a_host_changed_is_left_alone(host: Host) -> None:
    (host.clone / "README.md").write_text("mine")
    host.release("README.md", "theirs")
    done = host.update()
    assert done.returncode == 2
    assert "Nothing was changed." in done.stderr
    assert (host.clone / "README.md").read_text() == "mine"
