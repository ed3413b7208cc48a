"""SQL: what jobs cost, in seconds of the device, and how far people are served; knows no allowances."""

from __future__ import annotations

import sqlite3
from typing import Literal

from engine.jobs import Job
from engine.store.rows import insert


def reserve(db: sqlite3.Connection, job: Job, *, work: float, price: float) -> None:
    """Set a job's work and price aside."""
    row = {"job": job.id, "owner": job.owner, "guild": job.guild, "reserved": work, "price": price}
    insert(db, "ledger", row | {"at": job.created_at})


def settle(db: sqlite3.Connection, job: str, work: float, cost: float | None, at: float) -> None:
    """Charge what was given, never more than was set aside; None: all of that. Only once."""
    db.execute(
        "UPDATE ledger SET settled = ?, paid = min(price, coalesce(?, price)), at = ?"
        " WHERE job = ? AND settled IS NULL",
        (work, cost, at, job),
    )


def spent(
    db: sqlite3.Connection, since: float, value: str, column: Literal["owner", "guild"] = "owner"
) -> float:
    """Return the seconds a person or a server was charged since then, with those set aside for open jobs."""
    (paid,) = db.execute(
        f"SELECT total(paid) FROM ledger WHERE {column} = ? AND at >= ?", (value, since)
    ).fetchone()
    (reserved,) = db.execute(
        f"SELECT total(price) FROM ledger WHERE settled IS NULL AND {column} = ?", (value,)
    ).fetchone()
    return float(paid) + float(reserved)


def stand(db: sqlite3.Connection, owner: str, now: float, counter: float) -> None:
    """Keep how far a person has been served, in the queue's virtual time, and that time."""
    db.executemany(
        "INSERT INTO standing (owner, counter) VALUES (?,?)"
        " ON CONFLICT (owner) DO UPDATE SET counter = excluded.counter",
        [("", now), (owner, counter)],
    )


def standings(db: sqlite3.Connection) -> tuple[float, dict[str, float]]:
    """Return virtual time and everybody served beyond it; who is owed nothing is forgotten."""
    counters = {
        row["owner"]: float(row["counter"]) for row in db.execute("SELECT owner, counter FROM standing")
    }
    now = counters.pop("", 0.0)
    db.execute("DELETE FROM standing WHERE owner != '' AND counter <= ?", (now,))
    return now, {owner: counter for owner, counter in counters.items() if counter > now}


def refund(db: sqlite3.Connection, owner: str, charge: float) -> None:
    """Take back what a person's standing was charged for a job that will be charged again."""
    db.execute("UPDATE standing SET counter = counter - ? WHERE owner = ?", (charge, owner))
