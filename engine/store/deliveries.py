"""SQL: promised messages (the outbox). Plain functions of a connection; knows no Discord."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from engine.jobs import HOOK, Delivery, Job, State
from engine.store.rows import insert, inserted, read

_TO_SHOW = f"state = 'pending' AND origin NOT LIKE '{HOOK}%'"


def is_delivered(origin: str, state: State) -> bool:
    """Say whether a job's end is brought to this origin; the command line and HTTP fetch theirs themselves.

    Nobody is told what they cancelled themselves, but their server.
    """
    if state is State.CANCELLED:
        return origin.startswith(HOOK)
    return not origin.startswith(("cli:", "http:", "find:"))


def promise(db: sqlite3.Connection, new: Mapping[str, Any]) -> tuple[Delivery, bool]:
    """Promise a message without a new job, by its columns; ``(delivery, new)``, once for a ``request``."""
    row = db.execute("SELECT * FROM delivery WHERE request = ?", (new["request"],)).fetchone()
    if row is not None:
        return delivery_of(row), False
    return delivery_of(inserted(db, "delivery", new)), True


def promise_end(
    db: sqlite3.Connection, now: float, job: Job, *, reply_to: str | None, progress: str | None
) -> None:
    """Promise the message that ends a job, where it was asked. ``progress``: the message it replaces."""
    cell = None
    if job.state is not State.RENDERED:
        kind = "failure"
    elif job.texts and not job.pictures:
        kind = "text"
    elif len(job.pictures) == 1:
        kind, cell = "picture", 0
    else:
        kind = "grid"
    new = {
        "job": job.id,
        "kind": kind,
        "cell": cell,
        "origin": job.origin,
        "owner": job.owner,
        "reply_to": reply_to,
        "progress": progress,
        "spoiler": job.rated and job.adult == "spoiler",
        "created_at": now,
    }
    insert(db, "delivery", new)


def pending(db: sqlite3.Connection, after: int = 0) -> list[Delivery]:
    """Return the promised messages not yet shown with an id above ``after``, oldest first; no webhooks."""
    rows = db.execute(f"SELECT * FROM delivery WHERE {_TO_SHOW} AND id > ? ORDER BY id", (after,))
    return [delivery_of(row) for row in rows]


def count_pending(db: sqlite3.Connection) -> int:
    """Return how many promised messages have not been shown yet; no webhooks."""
    return int(db.execute(f"SELECT count(*) FROM delivery WHERE {_TO_SHOW}").fetchone()[0])


def get(db: sqlite3.Connection, delivery: int) -> Delivery | None:
    """Return the promise, or None."""
    row = db.execute("SELECT * FROM delivery WHERE id = ?", (delivery,)).fetchone()
    return delivery_of(row) if row else None


def attempted(db: sqlite3.Connection, now: float, delivery: int) -> bool:
    """Note the time of the first send of a promise, before it is sent."""
    return _change(db, delivery, "attempted_at = coalesce(attempted_at, ?)", now)


def book(db: sqlite3.Connection, delivery: int, message: str) -> bool:
    """PENDING → SENT as this message."""
    return _change(db, delivery, "state = 'sent', message = ?", message)


def give_up(db: sqlite3.Connection, delivery: int, why: str) -> bool:
    """PENDING → UNDELIVERABLE."""
    return _change(db, delivery, "state = 'undeliverable', why = ?", why)


def _change(db: sqlite3.Connection, delivery: int, columns: str, value: float | str) -> bool:
    """Change a promise that is pending; False: it is not."""
    statement = f"UPDATE delivery SET {columns} WHERE id = ? AND state = 'pending'"
    return db.execute(statement, (value, delivery)).rowcount > 0


def delivery_of(row: sqlite3.Row) -> Delivery:
    """Return a row of the table as a value."""
    return read(Delivery, row)
