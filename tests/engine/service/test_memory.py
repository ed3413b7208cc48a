"""Memory that was freed leaves the process; what stays is not looked through."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from tests import ROOT

CODE = """
import asyncio, psutil
from engine.service import memory

async def main():
    size = lambda: psutil.Process().memory_info().rss / 2**20
    # a hundred pieces of what every client holds, and one that stays behind each: no heap gets shorter
    pieces, last = [(bytes(2**16), bytes(2**10)) for _ in range(1600)], None
    kept, most = [small for _, small in pieces], size()
    pieces.clear()
    assert most - size() < 32, "this malloc keeps nothing"
    memory.EVERY = 0.01
    task = asyncio.create_task(memory.give_back())
    async with asyncio.timeout(60):
        while most - size() < 64:
            await asyncio.sleep(0.01)
    task.cancel()

asyncio.run(main())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="malloc_trim is glibc's")
def test_what_is_free_is_given_back() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr


SETTLED = """
import asyncio, gc
from engine.config import Config
from engine.service import Service, memory

async def main():
    async with Service.open(Config(data_dir="data"), renderer="engine.workers.fake:Renderer") as service:
        before = len(gc.get_objects())
        await memory.settle(service.origin.prepared)
        # a round of the collector looks through what is made from here on
        print(before, gc.get_freeze_count(), len(gc.get_objects()))

asyncio.run(main())
"""


def test_the_collector_does_not_look_through_what_was_loaded_at_the_start(tmp_path: Path) -> None:
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", SETTLED], capture_output=True, text=True, cwd=tmp_path, check=True,
        env=os.environ | {"PYTHONPATH": path},
    )  # fmt: skip
    before, frozen, left = map(int, done.stdout.split())
    assert before > 20_000
    assert frozen >= before / 2
    assert left < before / 20
