"""Memory that was freed leaves the process."""

from __future__ import annotations

import platform
import subprocess
import sys

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
