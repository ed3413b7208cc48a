"""The SQL of pictures brought through the API: whose they are. Plain functions of a connection."""

from __future__ import annotations

import sqlite3


def keep(db: sqlite3.Connection, now: float, owner: str, sha256: str) -> None:
    """Note that somebody brought a picture; brought again, it is as new."""
    db.execute(
        "INSERT INTO upload (owner, sha256, at) VALUES (?, ?, ?)"
        " ON CONFLICT (owner, sha256) DO UPDATE SET at = excluded.at",
        (owner, sha256, now),
    )


def own(db: sqlite3.Connection, owner: str, beginning: str) -> str | None:
    """Return the one picture of somebody's own whose SHA-256 begins so: brought, drawn, or drawn from."""
    rows = db.execute(
        "SELECT sha256 FROM upload WHERE owner = :owner AND sha256 >= :from AND sha256 < :to"
        " UNION SELECT picture.sha256 FROM picture JOIN job ON job.id = picture.job"
        " WHERE picture.sha256 >= :from AND picture.sha256 < :to AND job.owner = :owner"
        " UNION SELECT input.sha256 FROM input JOIN job ON job.id = input.job"
        " WHERE input.sha256 >= :from AND input.sha256 < :to AND job.owner = :owner LIMIT 2",
        {"owner": owner, "from": beginning, "to": beginning + "g"},
    ).fetchall()
    return str(rows[0][0]) if len(rows) == 1 else None
