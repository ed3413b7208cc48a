"""SQL: promised messages that go to somebody's own server (webhooks), and when each is tried next."""

from __future__ import annotations

import sqlite3

from engine.jobs import HOOK, Delivery
from engine.store.deliveries import delivery_of

_WAITING = f"state = 'pending' AND origin LIKE '{HOOK}%'"


def due(db: sqlite3.Connection, now: float, latest: float, most: int) -> list[Delivery]:
    """Return what is to be sent now, the longest due first; nothing is put off until after ``latest``.

    What seems to be was put off by a clock that ran ahead, and would wait for as long as that did.
    """
    rows = db.execute(
        f"SELECT * FROM delivery WHERE {_WAITING} AND (due <= ? OR due > ?) ORDER BY due, id LIMIT ?",
        (now, latest, most),
    )
    return [delivery_of(row) for row in rows]


def next_due(db: sqlite3.Connection, now: float) -> float | None:
    """Return when the next one after now is due, in Unix seconds; None: there is none."""
    (at,) = db.execute(f"SELECT min(due) FROM delivery WHERE {_WAITING} AND due > ?", (now,)).fetchone()
    return None if at is None else float(at)


def postpone(db: sqlite3.Connection, delivery: int, due: float) -> None:
    """Note a try that failed, and when the next one is due."""
    db.execute("UPDATE delivery SET tries = tries + 1, due = ? WHERE id = ?", (due, delivery))
