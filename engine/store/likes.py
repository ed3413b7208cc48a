"""SQL: marked pictures. Plain functions of a connection, run by the store; knows no pictures."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence


def shown(db: sqlite3.Connection, message: str) -> tuple[str, int | None] | None:
    """Return the job a message shows, and which cell alone; None: it shows no result of ours."""
    row = db.execute(
        "SELECT job, kind, cell FROM delivery WHERE message = ? AND kind IN ('grid', 'picture')", (message,)
    ).fetchone()
    return None if row is None else (row["job"], row["cell"] if row["kind"] == "picture" else None)


def mark(
    db: sqlite3.Connection, owner: str, job: str, cells: Sequence[tuple[int, str]], at: float, on: bool | None
) -> bool:
    """Mark (``on``), unmark, or (None) turn these cells (number and picture); return whether they are marked.

    Turned together, they are unmarked only where all of them were marked.
    """
    if on is None:
        there = "SELECT 1 FROM likes WHERE owner = ? AND picture = ?"
        on = not all(db.execute(there, (owner, picture)).fetchone() for _, picture in cells)
    if on:
        db.executemany(
            "INSERT INTO likes (owner, picture, job, cell, at) VALUES (?,?,?,?,?) ON CONFLICT DO NOTHING",
            [(owner, picture, job, cell, at) for cell, picture in cells],
        )
    else:
        db.executemany(
            "DELETE FROM likes WHERE owner = ? AND picture = ?", [(owner, picture) for _, picture in cells]
        )
    return on


def newest(db: sqlite3.Connection, owner: str) -> list[str]:
    """Return the pictures (SHA-256) a person has marked, the newest first; those hidden nowhere."""
    rows = db.execute(
        "SELECT picture FROM likes WHERE owner = ?"
        " AND NOT EXISTS (SELECT 1 FROM report WHERE report.job = likes.job AND kind = 'report'"
        " AND hides AND state IN ('open', 'removed'))"
        " ORDER BY at DESC, job DESC, cell",
        (owner,),
    )
    return [str(row[0]) for row in rows]


def count(db: sqlite3.Connection, owner: str) -> int:
    """Return how many pictures a person has marked."""
    return int(db.execute("SELECT count(*) FROM likes WHERE owner = ?", (owner,)).fetchone()[0])
