"""SQL: promised messages (the outbox). Plain functions of a connection; knows no Discord."""

from __future__ import annotations

import sqlite3

from engine.jobs import HOOK, Delivery, DeliveryState, Job, State

_TO_SHOW = f"state = 'pending' AND origin NOT LIKE '{HOOK}%'"


def is_delivered(origin: str, state: State) -> bool:
    """Say whether a job's end is brought to this origin; the command line and HTTP fetch theirs themselves.

    Nobody is told what they cancelled themselves, but their server.
    """
    if state is State.CANCELLED:
        return origin.startswith(HOOK)
    return not origin.startswith(("cli:", "http:", "find:"))


def promise(
    db: sqlite3.Connection,
    now: float,
    request: str,
    job: Job,
    kind: str,
    *,
    origin: str,
    owner: str,
    cell: int | None = None,
    reply_to: str | None = None,
    spoiler: bool = False,
) -> tuple[Delivery, bool]:
    """Promise a message without a new job; ``(delivery, new)``, idempotent by ``request``."""
    row = db.execute("SELECT * FROM delivery WHERE request = ?", (request,)).fetchone()
    if row is not None:
        return delivery_of(row), False
    new = _insert(
        db, now, job, kind, request=request, cell=cell, origin=origin, owner=owner, reply_to=reply_to,
        spoiler=spoiler,
    )  # fmt: skip
    return new, True


def promise_end(
    db: sqlite3.Connection, now: float, job: Job, *, reply_to: str | None, progress: str | None
) -> Delivery:
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
    return _insert(
        db, now, job, kind, cell=cell, origin=job.origin, owner=job.owner, reply_to=reply_to,
        progress=progress, spoiler=job.rated and job.adult == "spoiler",
    )  # fmt: skip


def _insert(
    db: sqlite3.Connection,
    now: float,
    job: Job,
    kind: str,
    *,
    origin: str,
    owner: str,
    request: str | None = None,
    cell: int | None = None,
    reply_to: str | None = None,
    progress: str | None = None,
    spoiler: bool = False,
) -> Delivery:
    row = db.execute(
        "INSERT INTO delivery (request, job, kind, cell, origin, reply_to, progress, owner, spoiler,"
        " created_at) VALUES (?,?,?,?,?,?,?,?,?,?) RETURNING *",
        (request, job.id, kind, cell, origin, reply_to, progress, owner, spoiler, now),
    ).fetchone()
    return delivery_of(row)


def pending(db: sqlite3.Connection, after: int = 0) -> list[Delivery]:
    """Return the promised messages not yet shown with an id above ``after``, oldest first; no webhooks."""
    rows = db.execute(
        f"SELECT * FROM delivery WHERE {_TO_SHOW} AND id > ? ORDER BY id",
        (after,),
    )
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
    changed = db.execute(
        "UPDATE delivery SET attempted_at = coalesce(attempted_at, ?) WHERE id = ? AND state = 'pending'",
        (now, delivery),
    )
    return changed.rowcount > 0


def book(db: sqlite3.Connection, delivery: int, message: str) -> bool:
    """PENDING → SENT as this message."""
    changed = db.execute(
        "UPDATE delivery SET state = 'sent', message = ? WHERE id = ? AND state = 'pending'",
        (message, delivery),
    )
    return changed.rowcount > 0


def give_up(db: sqlite3.Connection, delivery: int, why: str) -> bool:
    """PENDING → UNDELIVERABLE."""
    changed = db.execute(
        "UPDATE delivery SET state = 'undeliverable', why = ? WHERE id = ? AND state = 'pending'",
        (why, delivery),
    )
    return changed.rowcount > 0


def delivery_of(row: sqlite3.Row) -> Delivery:
    """Return a row of the table as a value."""
    return Delivery(
        id=row["id"],
        job=row["job"],
        kind=row["kind"],
        cell=row["cell"],
        origin=row["origin"],
        reply_to=row["reply_to"],
        progress=row["progress"],
        owner=row["owner"],
        spoiler=bool(row["spoiler"]),
        state=DeliveryState(row["state"]),
        message=row["message"],
        attempted_at=row["attempted_at"],
        tries=row["tries"],
        created_at=row["created_at"],
    )
