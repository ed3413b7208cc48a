"""`limner serve` in a process of its own on the fake renderer, to be stopped and killed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests import ROOT
from tests.engine.web.kept_secret import made

LIMNER = [sys.executable, "-m", "bot"]


class Served:
    """A server on one folder and one port, that may be started again and again."""

    def __init__(self, folder: Path, **arguments: Any) -> None:
        self.folder = folder
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        (folder / "config.toml").write_text("[provenance]\nsign = false\nmark = false\n")
        self._environment = {
            **os.environ,
            "LIMNER_CONFIG": str(folder / "config.toml"),
            "LIMNER_DATA_DIR": str(folder / "data"),
            "LIMNER_WEB_PORT": str(self.port),
            "LIMNER_RENDERER": "engine.workers.fake:Renderer",
            "LIMNER_RENDERER_ARGUMENTS": json.dumps(arguments),
            "PYTHONPATH": str(ROOT),
        }
        self.process: subprocess.Popen[bytes] | None = None

    def key(self, *options: str) -> str:
        """Make a key."""
        command = [*LIMNER, "keys", "create", "tests", "--json", *options]
        done = subprocess.run(
            command, cwd=self.folder, env=self._environment, capture_output=True, text=True, check=True
        )
        return made(str(json.loads(done.stdout)["key"]))

    @property
    def log(self) -> str:
        """Everything it said."""
        return (self.folder / "log").read_text()

    async def start(self) -> None:
        """Start it and wait until it draws."""
        with (self.folder / "log").open("a") as out:
            self.process = subprocess.Popen(  # noqa: ASYNC220 - takes no time
                [*LIMNER, "serve"], cwd=self.folder, env=self._environment, stderr=out, start_new_session=True
            )
        async with asyncio.timeout(600), httpx.AsyncClient(base_url=self.url, timeout=None) as client:
            while True:
                assert self.process.poll() is None, self.log
                try:
                    if (await client.get("/healthz")).status_code == 200:
                        return
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.05)

    async def until(self, good: Callable[[], bool]) -> None:
        """Wait until something is so."""
        async with asyncio.timeout(600):
            while not good():  # noqa: ASYNC110 - another process tells nobody
                await asyncio.sleep(0.02)

    def kill(self) -> None:
        """Kill it and its workers at once, as when the plug is pulled."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def ask_to_stop(self) -> None:
        """Send SIGTERM."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Look into its database."""
        with sqlite3.connect(self.folder / "data" / "limner.db", timeout=60) as db:
            return db.execute(statement).fetchall()


@contextmanager
def serving(folder: Path, **arguments: Any) -> Iterator[Served]:
    """Give a server that is not started yet; kill it at the end if it still runs."""
    served = Served(folder, **arguments)
    try:
        yield served
    finally:
        if served.process is not None and served.process.poll() is None:
            served.kill()
