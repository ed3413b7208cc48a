"""The SQL of a person's jobs a page at a time, however many there are. Plain functions of a connection."""

from __future__ import annotations

import sqlite3

from engine.jobs import Job
from engine.store.jobs import select


def page(
    db: sqlite3.Connection,
    owner: str,
    limit: int,
    at: str | None = None,
    *,
    newer: bool = False,
    pictures: bool = False,
) -> list[Job]:
    """Return somebody's jobs that follow ``at``, newest first; ``newer``: those before it, nearest first.

    ``pictures``: only those that have any. None follow a job of somebody else, or one that is gone. What
    only looks for a mask is nobody's result.
    """
    than, order = (">", "ASC") if newer else ("<", "DESC")
    where, values = "WHERE owner = ? AND origin NOT LIKE 'find:%'", [owner]
    if pictures:
        where += " AND EXISTS (SELECT 1 FROM picture WHERE picture.job = job.id)"
    if at is not None:
        where += f" AND (created_at, nth, id) {than}"
        where += " (SELECT created_at, nth, id FROM job WHERE id = ? AND owner = ?)"
        values += [at, owner]
    by = f"created_at {order}, nth {order}, id {order}"
    return select(db, f"{where} ORDER BY {by} LIMIT ?", *values, limit)
