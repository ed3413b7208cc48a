"""kill -9 of the whole process at random moments: nothing accepted is lost, nothing is delivered twice."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import sqlite3
from pathlib import Path

import pytest

from tests.warm import Child, Warm

CYCLES = int(os.environ.get("LIMNER_RELIABILITY_CYCLES", "10"))
SEED = int(os.environ.get("LIMNER_SEED", str(random.SystemRandom().randrange(2**32))))


async def start(warm: Warm, folder: Path, keys: list[str]) -> tuple[Child, asyncio.StreamReader]:
    """Start a door; return it with what it says."""
    reader = asyncio.StreamReader()
    ours, theirs = os.pipe()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(ours, "rb")
    )
    try:
        door = await warm.start(
            *("tests.engine.door", str(folder), *keys), environment=os.environ, streams=(0, theirs, 2)
        )
    finally:
        os.close(theirs)
    return door, reader


@pytest.mark.timeout(600 + 60 * CYCLES)
async def test_killed_at_any_moment_nothing_is_lost_and_nothing_doubled(tmp_path: Path) -> None:
    """Each cycle: two jobs, one kill at a random moment of their lives, one run to the end."""
    dice = random.Random(SEED)
    warm = Warm("engine.service", "tests.engine.conftest")
    for cycle in range(CYCLES):
        keys = [f"{cycle}.{number}" for number in range(2)]
        process, said = await start(warm, tmp_path, keys)
        # the first line comes when the first job is accepted; then anything may be under way
        heard = await said.readline()
        await asyncio.sleep(dice.random() * 0.6)
        process.kill()
        heard += await said.read()
        await process.wait()
        again, said = await start(warm, tmp_path, keys)
        async with asyncio.timeout(60):
            told = await said.read()
        assert await again.wait() == 0, f"seed {SEED}, cycle {cycle}: {told!r}"
        with contextlib.closing(sqlite3.connect(tmp_path / "data" / "limner.db")) as db:
            jobs = db.execute(
                "SELECT id, state, request FROM job WHERE request LIKE ?", (f"{cycle}.%",)
            ).fetchall()
            assert {state for _, state, _ in jobs} == {"rendered"}, f"seed {SEED}, cycle {cycle}: {jobs}"
            accepted = {
                line.split()[1] for line in heard.decode().splitlines() if line.startswith("accepted")
            }
            assert accepted <= {request for _, _, request in jobs}
            assert len(jobs) == 2
    await warm.end()
    with contextlib.closing(sqlite3.connect(tmp_path / "data" / "limner.db")) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        jobs = {row[0] for row in db.execute("SELECT id FROM job")}
        ledger = db.execute("SELECT count(*), count(DISTINCT job), min(settled > 0) FROM ledger").fetchone()
        assert ledger == (len(jobs), len(jobs), 1)
        stored = {row[0] for row in db.execute("SELECT sha256 FROM picture")}
    assert len(jobs) == 2 * CYCLES
    messages = [json.loads(line) for line in (tmp_path / "channel.jsonl").read_text().splitlines()]
    assert sorted(message["job"] for message in messages) == sorted(jobs), f"seed {SEED}"
    kept = {path.stem for path in (tmp_path / "data" / "pictures").rglob("*.png")}
    assert stored <= kept
