"""SQL: facts about this installation, by key. Plain functions of a connection; knows not what they mean."""

from __future__ import annotations

import sqlite3


def get(db: sqlite3.Connection, key: str) -> str | None:
    """Return a fact (such as the hash of the registered commands), or None."""
    row = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return None if row is None else str(row["value"])


def put(db: sqlite3.Connection, key: str, value: str) -> None:
    """Keep a fact, in place of what was known."""
    db.execute(
        "INSERT INTO meta (key, value) VALUES (?,?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (key, value),
    )


def put_first(db: sqlite3.Connection, key: str, value: str) -> str:
    """Keep a fact unless there is one already; return the one that is kept."""
    row = db.execute(
        "INSERT INTO meta (key, value) VALUES (?,?) ON CONFLICT (key) DO UPDATE SET value = value"
        " RETURNING value",
        (key, value),
    ).fetchone()
    return str(row["value"])
