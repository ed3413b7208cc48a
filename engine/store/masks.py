"""SQL: masks being made. Plain functions of a connection, run by the store; knows no pictures.

A mask is its row by column: ``outline`` and ``asker`` are JSON; ``job`` is None for a picture from outside.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

from engine.store.rows import inserted


def add(db: sqlite3.Connection, row: Mapping[str, Any]) -> dict[str, Any]:
    """Keep a new one and return it."""
    return dict(inserted(db, "mask", row))


def find(db: sqlite3.Connection, key: str) -> dict[str, Any] | None:
    """Return one, or None."""
    row = db.execute("SELECT * FROM mask WHERE key = ?", (key,)).fetchone()
    return None if row is None else dict(row)


def change(db: sqlite3.Connection, key: str, turn: Callable[[str], str]) -> dict[str, Any] | None:
    """Put ``turn(outline)`` in place of the outline; None: there is no such mask."""
    row = find(db, key)
    if row is not None:
        row["outline"] = turn(row["outline"])
        db.execute("UPDATE mask SET outline = :outline WHERE key = :key", row)
    return row


def issue(
    db: sqlite3.Connection, key: str, ticket: str, now: float, until: float, least: float
) -> str | None:
    """Return the ticket of the mask's open link, a new one where it has less than ``least`` seconds left."""
    row = find(db, key)
    if row is None:
        return None
    if row["ticket"] is not None and (row["ticket_until"] or 0.0) >= now + least:
        return str(row["ticket"])
    db.execute("UPDATE mask SET ticket = ?, ticket_until = ? WHERE key = ?", (ticket, until, key))
    return ticket


def spend(db: sqlite3.Connection, key: str, ticket: str) -> bool:
    """Close the link; False: it had been closed."""
    done = db.execute("UPDATE mask SET ticket = NULL WHERE key = ? AND ticket = ?", (key, ticket))
    return done.rowcount == 1


def remove(db: sqlite3.Connection, key: str) -> None:
    """Forget one."""
    db.execute("DELETE FROM mask WHERE key = ?", (key,))
