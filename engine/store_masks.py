"""The SQL of masks being made: plain functions of a connection, run by the store. Knows no pictures."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace

KEPT = 7 * 24 * 3600.0
"""Seconds a mask in the making is kept."""


@dataclass(frozen=True, slots=True)
class MaskRow:
    """A mask being made. ``outline`` is JSON; ``job`` is None for a picture from outside."""

    key: str
    owner: str
    origin: str
    picture: str
    job: str | None
    cell: int | None
    line: str | None
    outline: str
    created_at: float


def _row(found: sqlite3.Row | None) -> MaskRow | None:
    return None if found is None else MaskRow(**dict(found))


def add(db: sqlite3.Connection, row: MaskRow) -> None:
    """Keep a new one, and forget those that are too old."""
    db.execute("DELETE FROM mask WHERE created_at < ?", (row.created_at - KEPT,))
    db.execute(
        "INSERT INTO mask (key, owner, origin, picture, job, cell, line, outline, created_at)"
        " VALUES (?,?,?,?,?,?,?,?,?)",
        (row.key, row.owner, row.origin, row.picture, row.job, row.cell, row.line, row.outline,
         row.created_at),
    )  # fmt: skip


def find(db: sqlite3.Connection, key: str) -> MaskRow | None:
    """Return one, or None."""
    return _row(db.execute("SELECT * FROM mask WHERE key = ?", (key,)).fetchone())


def change(db: sqlite3.Connection, key: str, turn: Callable[[str], str]) -> MaskRow | None:
    """Put ``turn(outline)`` in place of the outline; None: there is no such mask."""
    row = find(db, key)
    if row is None:
        return None
    outline = turn(row.outline)
    db.execute("UPDATE mask SET outline = ? WHERE key = ?", (outline, key))
    return replace(row, outline=outline)


def remove(db: sqlite3.Connection, key: str) -> None:
    """Forget one."""
    db.execute("DELETE FROM mask WHERE key = ?", (key,))
