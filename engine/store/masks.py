"""SQL: masks being made. Plain functions of a connection, run by the store; knows no pictures."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace


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
    asker: str | None = None  # JSON
    ticket: str | None = None
    ticket_until: float | None = None


def _row(row: sqlite3.Row | None) -> MaskRow | None:
    return None if row is None else MaskRow(**dict(row))


def add(db: sqlite3.Connection, row: MaskRow) -> None:
    """Keep a new one."""
    db.execute(
        "INSERT INTO mask (key, owner, origin, picture, job, cell, line, outline, created_at, asker)"
        " VALUES (:key, :owner, :origin, :picture, :job, :cell, :line, :outline, :created_at, :asker)",
        asdict(row),
    )


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


def issue(
    db: sqlite3.Connection, key: str, ticket: str, now: float, until: float, least: float
) -> str | None:
    """Return the ticket of the mask's open link, a new one where it has less than ``least`` seconds left."""
    row = find(db, key)
    if row is None:
        return None
    if row.ticket is not None and (row.ticket_until or 0.0) >= now + least:
        return row.ticket
    db.execute("UPDATE mask SET ticket = ?, ticket_until = ? WHERE key = ?", (ticket, until, key))
    return ticket


def spend(db: sqlite3.Connection, key: str, ticket: str) -> bool:
    """Close the link; False: it had been closed."""
    done = db.execute("UPDATE mask SET ticket = NULL WHERE key = ? AND ticket = ?", (key, ticket))
    return done.rowcount == 1


def remove(db: sqlite3.Connection, key: str) -> None:
    """Forget one."""
    db.execute("DELETE FROM mask WHERE key = ?", (key,))
