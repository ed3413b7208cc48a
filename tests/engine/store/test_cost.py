"""What is looked up for every request, and at each start, costs no more where more is kept."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.jobs import Condition, Job, JobSpec, State, new_job_id
from engine.store import jobs
from engine.store.connection import Store
from engine.store.jobs import Draft

SPEC = JobSpec(
    model="pocket", conditions=(Condition(text="a red apple"),), width=64, height=64, steps=20,
    guidance_scale=5, sampler="ddim", seed=7,
)  # fmt: skip


def steps(db: sqlite3.Connection, work: Callable[[sqlite3.Connection], Any]) -> int:
    """Return how many instructions of its virtual machine SQLite runs for some work."""
    count = 0

    def one() -> int:
        nonlocal count
        count += 1
        return 0

    db.set_progress_handler(one, 1)
    try:
        work(db)
    finally:
        db.set_progress_handler(None, 1)
    return count


def copied(db: sqlite3.Connection, table: str, count: int, prefix: str, **values: Any) -> None:
    """Add rows like the table's first, each with names of its own."""
    columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
    named = {name: f":{name}" for name in values}
    named |= dict.fromkeys(("id", "request", "job"), f"'{prefix}' || n.value")
    fields = [named.get(name, name) for name in columns]
    db.execute(
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(fields)}"
        f" FROM (SELECT * FROM {table} LIMIT 1), generate AS n",
        values,
    )


@pytest.mark.parametrize(
    ("what", "look"),
    [
        ("waiting", lambda db: jobs.usage(db, "anna", "1", {"day": 0.0})),
        ("waiting", lambda db: jobs.open_of(db, "anna")),
        ("drawn", jobs.queued),
        ("drawn", lambda db: jobs.recover(db, 5.0)),
        ("drawn", lambda db: jobs.open_of(db, "ben")),
        ("charged", lambda db: jobs.usage(db, "anna", "1", {"day": 1e9})),
    ],
)
async def test_what_others_have_costs_nothing(
    tmp_path: Path, what: str, look: Callable[[sqlite3.Connection], Any]
) -> None:
    """``waiting``: jobs of others; ``drawn``: jobs that are over; ``charged``: a server's settled charges."""
    async with Store.open(tmp_path / "limner.db") as store:
        where: Any = {"owner": "anna", "guild": "1", "origin": "cli:", "created_at": 1.0}
        job = Job(id=new_job_id(), state=State.QUEUED, spec=SPEC, prompt="a red apple", **where)
        await store.write(jobs.submit, "first", [Draft(job, 1.0)])

        def grow(db: sqlite3.Connection, prefix: str) -> None:
            count = 400
            db.execute("CREATE TEMP TABLE IF NOT EXISTS generate (value INTEGER)")
            db.execute("DELETE FROM generate")
            db.executemany("INSERT INTO generate VALUES (?)", [(number,) for number in range(count)])
            if what == "waiting":
                copied(db, "job", count, prefix, owner="ben")
            elif what == "drawn":
                copied(db, "job", count, prefix, owner="ben", state="failed", finished_at=2.0)
            else:
                copied(db, "ledger", count, prefix, settled=3.0, paid=1.0)

        await store.write(grow, "a")
        once = await store.write(steps, look)
        await store.write(grow, "b")
        assert await store.write(steps, look) <= once * 1.2 + 50
