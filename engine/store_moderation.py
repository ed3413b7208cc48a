"""The SQL of what was refused, what a picture comes from, and what people report; decides nothing."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from engine import moderation, store_admin
from engine.jobs import JobSpec

LINEAGE = """
WITH RECURSIVE up (id) AS (
    SELECT value FROM json_each(?)
    UNION SELECT job FROM picture WHERE sha256 IN (SELECT value FROM json_each(?))
    UNION SELECT job.parent FROM up JOIN job ON job.id = up.id
        WHERE job.parent IS NOT NULL AND json_array_length(job.spec, '$.inputs') > 0
    UNION SELECT picture.job FROM up JOIN job ON job.id = up.id, json_each(job.spec, '$.inputs') AS one
        JOIN picture ON picture.sha256 = json_extract(one.value, '$.sha256')
)
SELECT job.spec, job.rated FROM up JOIN job ON job.id = up.id
"""


def lineage(db: sqlite3.Connection, jobs: Sequence[str], pictures: Sequence[str]) -> tuple[list[str], bool]:
    """Return the texts of every job whose pixels may be in these pictures; whether one is adult content."""
    rows = db.execute(LINEAGE, (json.dumps(jobs), json.dumps(pictures))).fetchall()
    texts = [moderation.wanted(JobSpec.model_validate_json(row[0])) for row in rows]
    return list(dict.fromkeys(texts)), any(row[1] for row in rows)


KEPT = 30 * 86400.0
"""Seconds a refusal is kept."""


def refuse(
    db: sqlite3.Connection,
    at: float,
    owner: str,
    guild: str | None,
    job: str | None,
    prompt: str,
    why: str,
    absolute: bool = False,
) -> int:
    """Note what was refused to whom and why, in the record of those in charge too; return its number."""
    db.execute("DELETE FROM refusal WHERE at < ?", (at - KEPT,))
    row = db.execute(
        "INSERT INTO refusal (at, owner, guild, job, prompt, why, absolute) VALUES (?,?,?,?,?,?,?)"
        " RETURNING id",
        (at, owner, guild, job, prompt, why, absolute),
    ).fetchone()
    number = int(row[0])
    detail = {"why": why, "prompt": prompt[:500], "refusal": number} | ({"job": job} if job else {})
    store_admin.audit(db, at, "limner", "blocked", guild, owner, detail)
    return number
