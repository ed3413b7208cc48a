"""The SQL of those in charge: the record of what they did; refuses to know who may do it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from engine.people import AuditEntry


def audit(
    db: sqlite3.Connection,
    at: float,
    actor: str,
    action: str,
    guild: str | None,
    target: str | None,
    detail: Mapping[str, Any],
) -> int:
    """Add a line to the record; return its number."""
    row = db.execute(
        "INSERT INTO audit (at, actor, action, guild, target, detail) VALUES (?,?,?,?,?,?) RETURNING id",
        (at, actor, action, guild, target, json.dumps(detail, ensure_ascii=False)),
    ).fetchone()
    return int(row[0])


def audits(db: sqlite3.Connection, guild: str | None, limit: int, after: int | None) -> list[AuditEntry]:
    """Return the newest lines of a server (None: of all), newest first; or those after a number, in order."""
    where, values = ("guild = ?", [guild]) if guild is not None else ("1", [])
    if after is None:
        statement, tail = f"SELECT * FROM audit WHERE {where} ORDER BY id DESC LIMIT ?", [limit]
    else:
        statement = f"SELECT * FROM audit WHERE {where} AND id > ? ORDER BY id LIMIT ?"
        tail = [after, limit]
    return [
        AuditEntry(
            id=row["id"],
            at=row["at"],
            guild=row["guild"],
            actor=row["actor"],
            action=row["action"],
            target=row["target"],
            detail=json.loads(row["detail"]),
        )
        for row in db.execute(statement, [*values, *tail])
    ]
