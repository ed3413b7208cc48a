"""SQL: rules, bans, the audit log, queued admin commands; refuses to know who may do what."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from engine.jobs import State
from engine.rules.people import AuditEntry
from engine.rules.rules import Ban, Rule
from engine.rules.stats import FinishedJob
from engine.store.rows import inserted, read


@dataclass(frozen=True, slots=True)
class AdminAction:
    """One thing somebody in charge did: how it stands in the record, and what it changes with it."""

    actor: str
    action: str
    guild: str  # "" = everywhere
    target: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    keep: tuple[Rule, ...] = ()
    drop: tuple[Rule, ...] = ()  # whatever their values
    ban: Ban | None = None
    unban: str | None = None  # a mark
    errand: tuple[str, str] | None = None  # verb, target


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
    told = json.dumps(dict(detail), ensure_ascii=False)
    row = {"at": at, "actor": actor, "action": action, "guild": guild, "target": target, "detail": told}
    return int(inserted(db, "audit", row)["id"])


def audits(db: sqlite3.Connection, guild: str | None, limit: int, after: int | None) -> list[AuditEntry]:
    """Return the newest lines of a server (None: of all), newest first; or those after a number, in order."""
    where, values = ("guild = ?", [guild]) if guild is not None else ("1", [])
    if after is None:
        statement, tail = f"SELECT * FROM audit WHERE {where} ORDER BY id DESC LIMIT ?", [limit]
    else:
        statement = f"SELECT * FROM audit WHERE {where} AND id > ? ORDER BY id LIMIT ?"
        tail = [after, limit]
    rows = db.execute(statement, [*values, *tail])
    return [read(AuditEntry, row, detail=json.loads(row["detail"])) for row in rows]


def decide(db: sqlite3.Connection, at: float, decision: AdminAction) -> bool:
    """Make a decision and record it, as one change. False: it changes nothing, and nothing is recorded."""
    changed = 0
    for rule in decision.drop:
        changed += db.execute(
            "DELETE FROM rule WHERE guild = ? AND kind = ? AND target = ? AND name = ?",
            (decision.guild, rule.kind, rule.target, rule.name),
        ).rowcount
    for rule in decision.keep:
        changed += db.execute(
            "INSERT INTO rule (guild, kind, target, name, value) VALUES (?,?,?,?,?)"
            " ON CONFLICT (guild, kind, target, name) DO UPDATE SET value = excluded.value"
            " WHERE value IS NOT excluded.value",
            (decision.guild, rule.kind, rule.target, rule.name, rule.value),
        ).rowcount
    if decision.ban is not None:
        changed += db.execute(
            "INSERT OR REPLACE INTO ban (guild, mark, owner, reason, actor, since, until)"
            " VALUES (:guild, :mark, :owner, :reason, :actor, :since, :until)",
            {"guild": decision.guild, **asdict(decision.ban)},
        ).rowcount
    if decision.unban is not None:
        changed += db.execute(
            "DELETE FROM ban WHERE guild = ? AND mark = ?", (decision.guild, decision.unban)
        ).rowcount
    if decision.errand is not None:
        changed += db.execute(
            "INSERT INTO errand (at, verb, target) VALUES (?,?,?)", (at, *decision.errand)
        ).rowcount
    if not changed and (decision.keep or decision.drop or decision.ban or decision.unban):
        return False
    audit(db, at, decision.actor, decision.action, decision.guild or None, decision.target, decision.detail)
    return True


def move(db: sqlite3.Connection, at: float, job: str, front: bool, actor: str | None) -> int | None:
    """Let a waiting job go before all others, or after them; return where it stands (``Job.moved``).

    None: it does not wait. ``actor``: in whose name, on the record; None: that stands there already.
    """
    place = "min(0, min(moved)) - 1" if front else "max(0, max(moved)) + 1"
    row = db.execute(
        f"UPDATE job SET moved = (SELECT {place} FROM job WHERE state IN ('queued', 'running'))"
        " WHERE id = ? AND state = 'queued' RETURNING moved, guild, owner",
        (job,),
    ).fetchone()
    if row is None:
        return None
    if actor is not None:
        detail = {"job": job, "to": "front" if front else "back"}
        audit(db, at, actor, "jobs move", row["guild"], row["owner"], detail)
    return int(row["moved"])


def rules(db: sqlite3.Connection) -> tuple[dict[str, list[Rule]], dict[str, list[Ban]]]:
    """Return every rule and every ban, by server."""
    kept: defaultdict[str, list[Rule]] = defaultdict(list)
    for row in db.execute("SELECT * FROM rule"):
        kept[row["guild"]].append(read(Rule, row))
    bans: defaultdict[str, list[Ban]] = defaultdict(list)
    for row in db.execute("SELECT * FROM ban ORDER BY since"):
        bans[row["guild"]].append(read(Ban, row))
    return kept, bans


def newest(db: sqlite3.Connection) -> tuple[int, int]:
    """Return the number of the newest record and of the newest errand: whether anything was decided since."""
    row = db.execute(
        "SELECT coalesce((SELECT max(id) FROM audit), 0) AS entry,"
        " coalesce((SELECT max(id) FROM errand), 0) AS errand"
    ).fetchone()
    return int(row["entry"]), int(row["errand"])


def errands(db: sqlite3.Connection) -> list[tuple[int, str, str]]:
    """Return what is asked of the running bot, oldest first: number, verb, target."""
    rows = db.execute("SELECT id, verb, target FROM errand ORDER BY id")
    return [(row["id"], row["verb"], row["target"]) for row in rows]


def done(db: sqlite3.Connection, numbers: Iterable[int]) -> None:
    """Forget errands that were run."""
    db.executemany("DELETE FROM errand WHERE id = ?", [(number,) for number in numbers])


def jobs(db: sqlite3.Connection, guild: str | None, since: float) -> list[FinishedJob]:
    """Return what is counted of every job of a server (None: of all) asked for since then, newest first."""
    where, values = ("", []) if guild is None else (" AND guild = ?", [guild])
    rows = db.execute(
        "SELECT id AS job, owner, guild, state, speed, spec ->> 'kind' AS kind, spec ->> 'model' AS model,"
        " spec ->> 'width' AS width, spec ->> 'height' AS height, spec ->> 'steps' AS steps,"
        " (SELECT count(*) FROM picture WHERE picture.job = job.id) AS pictures,"
        f" created_at, started_at, finished_at FROM job WHERE created_at >= ?{where}"
        " ORDER BY created_at DESC, nth DESC",
        [since, *values],
    )
    return [read(FinishedJob, row, state=State(row["state"])) for row in rows]
