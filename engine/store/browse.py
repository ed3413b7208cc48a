"""SQL: what was drawn, page by page. Plain functions of a connection, run by the store; knows no pictures."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.jobs import Job
from engine.store.jobs import select

Row = tuple[str, int | None, int]
"""A job, one of its pictures (None: all together), and how many people marked it."""

_NEXT = "SELECT min(origin) FROM delivery WHERE state = 'sent' AND origin"
_SHOWN = (
    "job.state = 'rendered' AND job.origin NOT LIKE 'find:%'"
    " AND EXISTS (SELECT 1 FROM picture WHERE picture.job = job.id)"
    " AND NOT EXISTS (SELECT 1 FROM report WHERE report.job = job.id AND report.kind = 'report'"
    " AND (report.state = 'removed' OR (report.state = 'open' AND report.hides)))"
)


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for. ``words``: all of them stand in the prompt. ``since``, ``until``: Unix seconds.

    ``liked``: only what the person marked. ``rated``: adult content too.
    """

    words: str = ""
    model: str | None = None
    since: float | None = None
    until: float | None = None
    liked: bool = False
    rated: bool = False


def drawn(
    db: sqlite3.Connection, owner: str, search: Search, limit: int, offset: int
) -> tuple[list[Row], int]:
    """Return a person's results, newest first, and how many there are in all."""
    where, values = _where(search)
    if search.liked:
        where += " AND EXISTS (SELECT 1 FROM likes WHERE likes.job = job.id AND likes.owner = ?)"
        values.append(owner)
    found = f"FROM job WHERE job.owner = ? AND {where}"
    count = db.execute(f"SELECT count(*) {found}", (owner, *values)).fetchone()[0]
    rows = db.execute(
        "SELECT job.id, (SELECT count(DISTINCT owner) FROM likes WHERE likes.job = job.id) AS hearts"
        f" {found} ORDER BY job.created_at DESC, job.nth DESC LIMIT ? OFFSET ?",
        (owner, *values, limit, offset),
    )
    return [(row["id"], None, row["hearts"]) for row in rows], int(count)


def liked(
    db: sqlite3.Connection, owner: str, search: Search, limit: int, offset: int
) -> tuple[list[Row], int]:
    """Return the pictures a person marked, the newest mark first, and how many there are in all."""
    where, values = _where(search)
    found = f"FROM likes JOIN job ON job.id = likes.job WHERE likes.owner = ? AND {where}"
    return _pictures(db, found, (owner, *values), limit, offset)


def admired(
    db: sqlite3.Connection, origins: Sequence[str], search: Search, limit: int, offset: int
) -> tuple[list[Row], int]:
    """Return marked pictures that were posted uncovered at these addresses, the newest mark first."""
    where, values = _where(search)
    found = (
        f"FROM likes JOIN job ON job.id = likes.job WHERE {where} AND EXISTS (SELECT 1 FROM delivery"
        " WHERE delivery.job = likes.job AND delivery.state = 'sent' AND NOT delivery.spoiler"
        " AND (delivery.kind = 'grid' OR (delivery.kind = 'picture' AND delivery.cell = likes.cell))"
        " AND delivery.origin IN (SELECT value FROM json_each(?)))"
    )
    return _pictures(db, found, (*values, json.dumps(list(origins))), limit, offset)


def beside(db: sqlite3.Connection, job: str) -> list[Job]:
    """Return all jobs of the request that made this one, in order."""
    return select(db, "WHERE request = (SELECT request FROM job WHERE id = ?) ORDER BY nth", job)


def admired_at(db: sqlite3.Connection, guild: str) -> list[str]:
    """Return every address in a server where a picture was posted that somebody marked."""
    # from one address to the next: what was posted there is passed over by the index, however much it is
    rows = db.execute(
        f"WITH RECURSIVE place (origin) AS (SELECT ({_NEXT} >= :first AND origin < :end)"
        f" UNION ALL SELECT ({_NEXT} > place.origin AND origin < :end) FROM place WHERE place.origin NOTNULL)"
        " SELECT origin FROM place WHERE origin NOTNULL AND EXISTS (SELECT 1 FROM delivery JOIN likes"
        " ON likes.job = delivery.job WHERE delivery.state = 'sent' AND delivery.origin = place.origin)",
        {"first": f"discord:{guild}/", "end": f"discord:{guild}0"},  # "0" follows "/"
    )
    return [str(row[0]) for row in rows]


def _pictures(
    db: sqlite3.Connection, found: str, values: Sequence[Any], limit: int, offset: int
) -> tuple[list[Row], int]:
    grouped = f"{found} GROUP BY likes.job, likes.cell"
    count = db.execute(f"SELECT count(*) FROM (SELECT 1 {grouped})", values).fetchone()[0]
    rows = db.execute(
        "SELECT likes.job, likes.cell, (SELECT count(*) FROM likes AS every WHERE every.job = likes.job"
        f" AND every.cell = likes.cell) AS hearts {grouped}"
        " ORDER BY max(likes.at) DESC, likes.job DESC, likes.cell LIMIT ? OFFSET ?",
        (*values, limit, offset),
    )
    return [(row["job"], row["cell"], row["hearts"]) for row in rows], int(count)


def _where(search: Search) -> tuple[str, list[Any]]:
    """Return the conditions of a search on ``job``, and their values."""
    parts: list[str] = [_SHOWN]
    values: list[Any] = []
    for word in search.words.split():
        parts.append("job.prompt LIKE ? ESCAPE '\\'")
        values.append(f"%{_literal(word)}%")
    if search.model is not None:
        parts.append("json_extract(job.spec, '$.model') = ?")
        values.append(search.model)
    if search.since is not None:
        parts.append("job.created_at >= ?")
        values.append(search.since)
    if search.until is not None:
        parts.append("job.created_at < ?")
        values.append(search.until)
    if not search.rated:
        parts.append("NOT job.rated")
    return " AND ".join(parts), values


def _literal(text: str) -> str:
    """Return text of which LIKE takes every character as it is."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
