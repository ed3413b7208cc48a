"""What is looked up for every request, and at each start, costs no more where more is kept."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.jobs import Condition, Job, JobSpec, State, new_job_id
from engine.store import browse, deliveries, jobs, likes, pages
from engine.store.connection import Store
from engine.store.database import open_to_write
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


ALL = browse.Search()


@pytest.mark.parametrize(
    "look",
    [
        lambda db: browse.drawn(db, "anna", ALL, 5, 0),
        lambda db: browse.liked(db, "anna", ALL, 5, 0),
        lambda db: browse.admired_at(db, "1"),
        lambda db: browse.beside(db, "a"),
        lambda db: pages.page(db, "anna", 20, pictures=True),
        lambda db: pages.page(db, "anna", 20, "a"),
        lambda db: pages.page(db, "anna", 20, "a", newer=True),
        lambda db: likes.newest(db, "anna"),
        lambda db: pages.page(db, "anna", 50),
        deliveries.count_pending,
        jobs.unended,
    ],
    ids=[
        "history",
        "favorites",
        "places",
        "request",
        "web",
        "older",
        "newer",
        "marked",
        "of",
        "pending",
        "open",
    ],
)
def test_no_list_passes_over_a_whole_table(tmp_path: Path, look: Callable[[sqlite3.Connection], Any]) -> None:
    with contextlib.closing(open_to_write(tmp_path / "limner.db")) as db:
        asked: list[str] = []
        db.set_trace_callback(asked.append)
        look(db)
        db.set_trace_callback(None)
        steps = [row[3] for one in asked for row in db.execute(f"EXPLAIN QUERY PLAN {one}")]
    assert any("SEARCH" in step or "delivery_pending" in step for step in steps)
    tables = ("SCAN job", "SCAN delivery", "SCAN picture", "SCAN likes", "SCAN ledger")
    # what is not shown yet has an index of its own, and is little
    assert [step for step in steps if step.startswith(tables) and "delivery_pending" not in step] == []


def test_places_are_those_of_the_server_where_something_shown_was_marked(tmp_path: Path) -> None:
    posted = ["1/5", "1/5", "1/9", "10/5", "1/7", "11/2", "1/8"]
    with contextlib.closing(open_to_write(tmp_path / "limner.db")) as db:
        db.execute("PRAGMA foreign_keys = OFF")
        for number, place in enumerate(posted):
            db.execute(
                "INSERT INTO delivery (job, kind, origin, owner, state, created_at)"
                " VALUES (?, 'grid', ?, 'anna', ?, 1)",
                (f"job{number}", f"discord:{place}", "pending" if place == "1/8" else "sent"),
            )
        for number in (0, 2, 3, 6):
            db.execute("INSERT INTO likes VALUES ('ben', ?, ?, 0, 1)", (f"sha{number}", f"job{number}"))
        assert browse.admired_at(db, "1") == ["discord:1/5", "discord:1/9"]
