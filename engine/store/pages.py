"""The SQL of a person's jobs a page at a time, however many there are. Plain functions of a connection."""

from __future__ import annotations

import sqlite3

from engine.jobs import Job
from engine.store.jobs import select


def page(
    db: sqlite3.Connection, owner: str, limit: int, after: str | None = None, *, pictures: bool = False
) -> list[Job]:
    """Return somebody's jobs, newest first, from the one that follows ``after``; ``pictures``: that have any.

    None follow a job of somebody else, or one that is gone. What only looks for a mask is nobody's result.
    """
    where, values = "WHERE owner = ? AND origin NOT LIKE 'find:%'", [owner]
    if pictures:
        where += " AND EXISTS (SELECT 1 FROM picture WHERE picture.job = job.id)"
    if after is not None:
        where += " AND (created_at, nth, id) <"
        where += " (SELECT created_at, nth, id FROM job WHERE id = ? AND owner = ?)"
        values += [after, owner]
    return select(db, f"{where} ORDER BY created_at DESC, nth DESC, id DESC LIMIT ?", *values, limit)
