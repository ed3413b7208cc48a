"""SQL: what people have settled for themselves. Plain functions of a connection; knows no flags."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from engine.jobs import Job
from engine.store import jobs


def of(db: sqlite3.Connection, owner: str) -> dict[str, str]:
    """Return everything a person has set."""
    return {
        row["key"]: row["value"]
        for row in db.execute("SELECT key, value FROM preference WHERE owner = ?", (owner,))
    }


def of_each(db: sqlite3.Connection, owners: Sequence[str]) -> list[dict[str, str]]:
    """Return what each of these has set."""
    return [of(db, owner) for owner in owners]


def around(
    db: sqlite3.Connection, job: str, owner: str, place: str
) -> tuple[Job | None, dict[str, str], dict[str, str]]:
    """Return a job, and what somebody (empty: its owner) and a place have set."""
    found = jobs.get(db, job)
    return found, of(db, owner or ("" if found is None else found.owner)), of(db, place)


def prefer(db: sqlite3.Connection, owner: str, key: str, value: str | None) -> None:
    """Keep a person's choice; None forgets it."""
    if value is None:
        db.execute("DELETE FROM preference WHERE owner = ? AND key = ?", (owner, key))
    else:
        db.execute(
            "INSERT INTO preference (owner, key, value) VALUES (?,?,?)"
            " ON CONFLICT (owner, key) DO UPDATE SET value = excluded.value WHERE value != excluded.value",
            (owner, key, value),
        )


def everybody(db: sqlite3.Connection, key: str) -> dict[str, str]:
    """Return what everybody has set for this, by owner."""
    rows = db.execute("SELECT owner, value FROM preference WHERE key = ?", (key,))
    return {row["owner"]: row["value"] for row in rows}


def note(db: sqlite3.Connection, owner: str, key: str, word: str) -> bool:
    """Put a word to those a person has there; False: it was there."""
    words = of(db, owner).get(key, "").split()
    if word in words:
        return False
    prefer(db, owner, key, " ".join([*words, word]))
    return True
