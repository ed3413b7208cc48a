"""SQL: what is kept of whom, and for how long. Plain functions of a connection, run by the store."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

LEDGER_KEPT = 62 * 86400.0
"""Seconds for which the ledger is kept: two months, so that a month's allowance can always be added up."""
REFUSALS_KEPT = 30 * 86400.0
"""Seconds a refusal is kept."""
MASKS_KEPT = 7 * 86400.0
"""Seconds a mask in the making is kept."""
UPLOADS_KEPT = 7 * 86400.0
"""Seconds a picture brought through the API can be named; what was drawn from it keeps it longer."""


class GalleryFile(NamedTuple):
    """A file of the gallery: its SHA-256 and ending."""

    sha256: str
    suffix: str


def personal(db: sqlite3.Connection) -> list[str]:
    """Return every table whose rows belong to a person: those with a column ``owner``."""
    return [
        row[0]
        for row in db.execute(
            "SELECT name FROM sqlite_schema AS tab WHERE type = 'table' AND EXISTS"
            " (SELECT 1 FROM pragma_table_info(tab.name) WHERE name = 'owner') ORDER BY name"
        )
    ]


def acting(db: sqlite3.Connection) -> list[tuple[str, str]]:
    """Return every (table, column) that says who did something in charge, or to whom."""
    return [
        (row[0], row[1])
        for row in db.execute(
            "SELECT tab.name, field.name FROM sqlite_schema AS tab JOIN pragma_table_info(tab.name) AS field"
            " WHERE tab.type = 'table' AND field.name IN ('actor', 'target', 'moderator')"
        )
    ]


def _whose(table: str) -> str:
    """Return the condition under which a row is somebody's: a key without an owner is a person of its own."""
    return "coalesce(owner, 'key:' || id) = ?" if table == "api_key" else "owner = ?"


def _told(row: sqlite3.Row) -> dict[str, Any]:
    """Return a row without hashes of secrets, which tell nobody anything."""
    return {name: value for name, value in dict(row).items() if not isinstance(value, bytes)}


def everything(db: sqlite3.Connection, owner: str) -> dict[str, list[dict[str, Any]]]:
    """Return every row about a person, by table."""
    looks = {table: f"SELECT * FROM {table} WHERE {_whose(table)}" for table in personal(db)}
    looks |= {
        "picture": "SELECT picture.* FROM picture JOIN job ON job.id = picture.job WHERE job.owner = ?"
        " ORDER BY job.created_at, job.id, cell",
        "input": "SELECT input.* FROM input JOIN job ON job.id = input.job WHERE job.owner = ?",
        "audit": "SELECT audit.* FROM audit, (SELECT ? AS whose) WHERE whose IN (actor, target) ORDER BY id",
    }
    return {table: [_told(row) for row in db.execute(look, (owner,))] for table, look in looks.items()}


def files_of(db: sqlite3.Connection, jobs: Collection[str]) -> set[GalleryFile]:
    """Return every file that these jobs need."""
    found: set[GalleryFile] = set()
    for job in jobs:
        for statement in (
            "SELECT sha256, '.png' FROM picture WHERE job = ?",
            "SELECT sha256, '.png' FROM input WHERE job = ?",
            "SELECT film, '.webp' FROM job WHERE id = ? AND film IS NOT NULL",
        ):
            found.update(GalleryFile(*row) for row in db.execute(statement, (job,)))
    return found


def unneeded(db: sqlite3.Connection, files: Iterable[GalleryFile]) -> list[GalleryFile]:
    """Return those of these files that nothing in the database names."""
    needed = (
        "SELECT EXISTS (SELECT 1 FROM picture WHERE sha256 = :sha)"
        " OR EXISTS (SELECT 1 FROM input WHERE sha256 = :sha)"
        " OR EXISTS (SELECT 1 FROM job WHERE film = :sha)"
        " OR EXISTS (SELECT 1 FROM mask WHERE picture = :sha OR instr(outline, :sha))"
        " OR EXISTS (SELECT 1 FROM upload WHERE sha256 = :sha)"
    )
    return [one for one in files if not db.execute(needed, {"sha": one.sha256}).fetchone()[0]]


def forget(db: sqlite3.Connection, owner: str, mark: str) -> list[GalleryFile]:
    """Delete everything about a person; return the files nobody else needs.

    What is left stands under ``mark``, a keyed hash of their id: a ban, seconds charged (an allowance is not
    had again by deleting), and records of what was done in charge.
    """
    jobs = [row[0] for row in db.execute("SELECT id FROM job WHERE owner = ?", (owner,))]
    files = files_of(db, jobs)
    for statement in (
        "SELECT picture FROM mask WHERE owner = ?",
        "SELECT sha256 FROM upload WHERE owner = ?",
    ):
        files.update(GalleryFile(row[0], ".png") for row in db.execute(statement, (owner,)))
    db.execute("UPDATE ledger SET owner = ? WHERE owner = ?", (mark, owner))
    db.execute("UPDATE ban SET owner = NULL WHERE owner = ?", (owner,))
    db.execute("UPDATE audit SET detail = json_remove(detail, '$.prompt') WHERE target = ?", (owner,))
    for table, column in acting(db):
        db.execute(f"UPDATE {table} SET {column} = ? WHERE {column} = ?", (mark, owner))
    db.execute("UPDATE audit SET detail = replace(detail, ?, ?) WHERE instr(detail, ?)", (owner, mark, owner))
    # what somebody reported stays hidden or removed
    db.execute("UPDATE report SET owner = ?, words = '' WHERE owner = ?", (mark, owner))
    keys = f"SELECT id FROM api_key WHERE {_whose('api_key')}"
    db.execute(f"DELETE FROM api_request WHERE key IN ({keys})", (owner,))
    for table in personal(db):
        if table not in ("ledger", "ban", "report"):
            db.execute(f"DELETE FROM {table} WHERE {_whose(table)}", (owner,))
    return unneeded(db, files)


def old(
    db: sqlite3.Connection, before: float, after: tuple[float, str], most: int
) -> list[tuple[float, str]]:
    """Return the next jobs that ended before a time and nobody kept since, as (when, id), oldest first.

    Kept: what somebody likes; what was shown or made into something else since then.
    """
    rows = db.execute(
        "SELECT finished_at, id FROM job WHERE (finished_at, id) > (?, ?) AND finished_at < ?"
        " AND NOT EXISTS (SELECT 1 FROM delivery WHERE delivery.job = job.id AND delivery.created_at >= ?)"
        " AND NOT EXISTS (SELECT 1 FROM likes WHERE likes.job = job.id)"
        " AND NOT EXISTS (SELECT 1 FROM job AS child WHERE child.parent = job.id AND child.created_at >= ?)"
        " ORDER BY finished_at, id LIMIT ?",
        (*after, before, before, before, most),
    )
    return [(float(row[0]), str(row[1])) for row in rows]


def drop(db: sqlite3.Connection, jobs: Collection[str]) -> list[GalleryFile]:
    """Delete jobs that are over, with what was promised of them; return the files nobody needs any more."""
    files = files_of(db, jobs)
    db.executemany(
        "DELETE FROM job WHERE id = ? AND state NOT IN ('queued', 'running')", [(job,) for job in jobs]
    )
    return unneeded(db, files)


def prune(db: sqlite3.Connection, now: float) -> None:
    """Delete charges no allowance counts any more, and refusals, masks and uploads nobody went on with."""
    db.execute("DELETE FROM ledger WHERE settled IS NOT NULL AND at < ?", (now - LEDGER_KEPT,))
    db.execute("DELETE FROM refusal WHERE at < ?", (now - REFUSALS_KEPT,))
    db.execute("DELETE FROM mask WHERE created_at < ?", (now - MASKS_KEPT,))
    db.execute("DELETE FROM upload WHERE at < ?", (now - UPLOADS_KEPT,))


def newest(db: sqlite3.Connection) -> float | None:
    """Return the time of the newest row, in Unix seconds; None: there is none."""
    (at,) = db.execute(
        "SELECT max(at) FROM (SELECT max(created_at) AS at FROM job"
        " UNION ALL SELECT max(finished_at) FROM job UNION ALL SELECT max(created_at) FROM delivery"
        " UNION ALL SELECT max(at) FROM ledger"
        " UNION ALL SELECT max(at) FROM audit)"
    ).fetchone()
    return None if at is None else float(at)
