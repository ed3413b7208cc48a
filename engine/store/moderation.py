"""SQL: refusals, what a picture comes from, reports and appeals; decides nothing."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from engine import moderation
from engine.jobs import JobSpec
from engine.rules.people import Refusal, Report
from engine.store import audit as store_audit
from engine.store.rows import inserted, read

LINEAGE = """
WITH RECURSIVE up (id) AS (
    SELECT value FROM json_each(?)
    UNION SELECT job FROM picture WHERE sha256 IN (SELECT value FROM json_each(?))
    UNION SELECT job.parent FROM up JOIN job ON job.id = up.id
        WHERE job.parent IS NOT NULL AND json_array_length(job.spec, '$.inputs') > 0
    UNION SELECT picture.job FROM up JOIN job ON job.id = up.id, json_each(job.spec, '$.inputs') AS needed
        JOIN picture ON picture.sha256 = json_extract(needed.value, '$.sha256')
        WHERE json_extract(needed.value, '$.role') <> 'taste'
)
SELECT job.spec, job.rated, job.id FROM up JOIN job ON job.id = up.id
"""


def lineage(
    db: sqlite3.Connection, jobs: Sequence[str], pictures: Sequence[str], guild: str | None
) -> tuple[list[str], bool, bool]:
    """Return the texts of every job whose pixels may be in these pictures.

    And whether one of them is adult content, and whether one is hidden or removed in a server.
    """
    rows = db.execute(LINEAGE, (json.dumps(jobs), json.dumps(pictures))).fetchall()
    texts = [moderation.wanted(JobSpec.model_validate_json(row["spec"])) for row in rows]
    covered = any(hidden(db, row["id"], guild) for row in rows)
    return list(dict.fromkeys(texts)), any(row["rated"] for row in rows), covered


def refuse(
    db: sqlite3.Connection,
    at: float,
    *,
    owner: str,
    guild: str | None,
    job: str | None = None,
    prompt: str,
    why: str,
    absolute: bool = False,
) -> int:
    """Note what was refused to whom and why, in the record of those in charge too; return its number."""
    row = {"at": at, "owner": owner, "guild": guild, "job": job, "prompt": prompt, "why": why}
    number = int(inserted(db, "refusal", row | {"absolute": absolute})["id"])
    detail = {"why": why, "prompt": prompt[:500], "refusal": number} | ({"job": job} if job else {})
    store_audit.audit(db, at, "limner", "blocked", guild, owner, detail)
    return number


# ---- reports and appeals -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewReport:
    """A report or an appeal as somebody makes it; its fields are those of ``Report``."""

    kind: str
    guild: str | None
    owner: str
    words: str
    job: str | None = None
    refusal: int | None = None
    hides: bool = False


def _report(row: sqlite3.Row) -> Report:
    return read(Report, row, hides=bool(row["hides"]))


def counts(db: sqlite3.Connection, person: str, kind: str, since: float) -> tuple[int, int, int]:
    """Return how many somebody made since a time, and of all of theirs how many were upheld, returned."""
    row = db.execute(
        "SELECT count(*) FILTER (WHERE at >= ?) AS lately,"
        " count(*) FILTER (WHERE state = 'removed') AS upheld,"
        " count(*) FILTER (WHERE state = 'returned') AS returned FROM report WHERE owner = ? AND kind = ?",
        (since, person, kind),
    ).fetchone()
    return int(row["lately"]), int(row["upheld"]), int(row["returned"])


def file(db: sqlite3.Connection, at: float, new: NewReport) -> tuple[Report, bool]:
    """Keep a report or an appeal; ``(report, new)``: the same from the same person is kept once."""
    row = db.execute(
        "SELECT * FROM report WHERE kind = ? AND owner = ? AND coalesce(job, '') = ? AND"
        " coalesce(refusal, 0) = ?",
        (new.kind, new.owner, new.job or "", new.refusal or 0),
    ).fetchone()
    if row is not None:
        return _report(row), False
    row = inserted(db, "report", {**asdict(new), "at": at, "todo": "hide" if new.hides else None})
    about = {"job": new.job} if new.job else {"refusal": new.refusal}
    detail = {"report": row["id"], "words": new.words, **about}
    store_audit.audit(db, at, new.owner, new.kind, new.guild, new.job, detail)
    return _report(row), True


def decide(
    db: sqlite3.Connection,
    at: float,
    report: int,
    state: str,
    *,
    moderator: str,
    todo: str,
    change: store_audit.AdminAction | None = None,
) -> list[Report]:
    """Decide an open report; return every report that was decided with it. Empty: it was decided before.

    Reports of the same picture by others are decided alike; a granted appeal lifts the removal. ``change``:
    of rules, made with it.
    """
    first = db.execute("SELECT * FROM report WHERE id = ? AND state = 'open'", (report,)).fetchone()
    if first is None:
        return []
    same = "id = ?"
    values: tuple[object, ...] = (report,)
    if first["kind"] == "report":
        same = "kind = 'report' AND job = ? AND guild IS ? AND state = 'open'"
        values = (first["job"], first["guild"])
    rows = db.execute(
        f"UPDATE report SET state = ?, moderator = ?, decided_at = ?, todo = ? WHERE {same} RETURNING *",
        (state, moderator, at, todo, *values),
    ).fetchall()
    if state == "granted" and first["job"] is not None:
        db.execute(
            "UPDATE report SET state = 'returned' WHERE kind = 'report' AND job = ? AND guild IS ?"
            " AND state = 'removed'",
            (first["job"], first["guild"]),
        )
    detail = {"report": report} | ({"refusal": first["refusal"]} if first["refusal"] else {})
    store_audit.audit(db, at, moderator, f"{first['kind']} {state}", first["guild"], first["job"], detail)
    if change is not None:
        store_audit.decide(db, at, change)
    return [_report(row) for row in rows]


def hidden(db: sqlite3.Connection, job: str, guild: str | None) -> str | None:
    """Return ``reported`` or ``removed`` where a job's pictures are not shown in a server, else None."""
    states = {
        row[0]
        for row in db.execute(
            "SELECT state FROM report WHERE kind = 'report' AND job = ? AND (guild IS ? OR guild IS NULL)"
            " AND (state = 'removed' OR (state = 'open' AND hides))",
            (job, guild),
        )
    }
    return "removed" if "removed" in states else "reported" if states else None


def report(db: sqlite3.Connection, number: int) -> Report | None:
    """Return a report, or None."""
    row = db.execute("SELECT * FROM report WHERE id = ?", (number,)).fetchone()
    return _report(row) if row else None


def undone(db: sqlite3.Connection) -> list[Report]:
    """Return the reports that moderators were not told of, and those with something left to do in Discord."""
    rows = db.execute("SELECT * FROM report WHERE todo IS NOT NULL OR (notice IS NULL AND state = 'open')")
    return [_report(row) for row in rows.fetchall()]


def done(db: sqlite3.Connection, number: int, todo: str | None) -> None:
    """Note that what was left to do in Discord was done."""
    db.execute("UPDATE report SET todo = NULL WHERE id = ? AND todo = ?", (number, todo))


def telling(db: sqlite3.Connection, at: float, number: int) -> None:
    """Note that moderators are being told."""
    db.execute("UPDATE report SET attempted_at = coalesce(attempted_at, ?) WHERE id = ?", (at, number))


def told(db: sqlite3.Connection, number: int, *, channel: str, notice: str) -> None:
    """Note by which message moderators were told."""
    db.execute("UPDATE report SET channel = ?, notice = ? WHERE id = ?", (channel, notice, number))


def refusal(db: sqlite3.Connection, number: int | None, job: str | None) -> Refusal | None:
    """Return a refusal by its number, or the one that ended a job; None where it is not kept."""
    row = db.execute("SELECT * FROM refusal WHERE id = ? OR job = ?", (number, job)).fetchone()
    return None if row is None else read(Refusal, row, absolute=bool(row["absolute"]))


def shown(db: sqlite3.Connection, job: str, guild: str | None) -> list[int]:
    """Return the deliveries that showed a job's pictures in a server (None: anywhere), in order."""
    where = "discord:%" if guild is None else f"discord:{guild}/%"
    rows = db.execute(
        "SELECT id FROM delivery WHERE job = ? AND state = 'sent' AND kind IN ('grid', 'picture', 'text')"
        " AND origin LIKE ? ORDER BY id",
        (job, where),
    )
    return [int(row[0]) for row in rows]
