"""SQL: jobs, from submission to their end. Plain functions of a connection; knows no pixels and no Discord.

Long: all SQL of a job's life.

State changes are compare-and-set: they return the job as it now stands, or None where another change came
first. ``now`` is Unix seconds. Each of the changes is to be run whole, by ``store.write``.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from engine.jobs import Job, JobSpec, Speed, State
from engine.rules.allowance import FACTORS
from engine.store import deliveries, ledger, meta
from engine.store.rows import insert, read
from engine.words import Sentence

OPEN = "state IN ('queued', 'running')"
"""The condition of the indexes of jobs that are not over: SQLite takes one where it reads the same words."""
MAX_ATTEMPTS = 3
"""A job whose worker died this many times while it was running is given up."""
MAX_RESTARTS = 10
"""Attempts after which a job that was running when the bot itself died is given up. More than a worker's
death allows: plugs are pulled for reasons of their own, and a job can only kill the bot by exhausting the
machine."""

GIVEN_UP = Sentence(
    "This picture stopped the engine again and again, so it was set aside. "
    "Nothing was charged. A smaller size or fewer steps may work."
)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a person has open: jobs waiting and running.

    ``spent``: seconds charged to them in each period asked about; ``spent_in_server``: to all people there.
    """

    waiting: int
    running: int
    spent: Mapping[str, float] = field(default_factory=dict)
    spent_in_server: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Draft:
    """A job about to be accepted: the job as it will stand, its work, and where its messages belong.

    ``price``: seconds of the device to set aside for it.
    """

    job: Job
    work: float
    reply_to: str | None = None
    progress: str | None = None
    price: float = 0.0


@dataclass(frozen=True, slots=True)
class Result:
    """What a job came to. ``pictures``: SHA-256 of each stored PNG in cell order; ``film``: of the film.

    ``notes`` are added to those the job has. ``seconds`` of the device it took; None: as estimated.
    ``rated``: adult content is in the pictures. ``took``: seconds of drawing, without loading a model.
    """

    pictures: Sequence[str] = ()
    film: str | None = None
    texts: Sequence[str] = ()
    notes: Sequence[str] = ()
    seconds: float | None = None
    rated: bool = False
    took: float | None = None


NOTHING = Result(seconds=0.0)
"""What a job came to that was never drawn."""
_AS_ACCEPTED = (
    "id", "owner", "guild", "origin", "prompt", "speed", "weight", "parent", "parent_cell", "edit", "factor",
    "adult", "rated", "created_at",
)  # fmt: skip
"""The columns of a job that are kept as they stand when it is accepted."""


# ---- changes -----------------------------------------------------------------------------------------------


def submit(
    db: sqlite3.Connection,
    request: str,
    drafts: Sequence[Draft],
    guard: Callable[[Usage], None] | None = None,
    since: Mapping[str, float] = MappingProxyType({}),
    mark: str = "",
    also: Callable[[sqlite3.Connection], object] | None = None,
) -> tuple[list[Job], bool]:
    """Accept all drafts of a request, or none.

    Returns ``(jobs, new)``: a key seen before returns the jobs it made then, and ``new`` is False. ``guard``
    sees the owner's open jobs, and what was charged ``since`` each period began, and may raise to refuse.
    ``mark``: under which their charges stand after a deletion. ``also``: a change made with it, where new.
    """
    if seen := of_request(db, request):
        return seen, False
    if guard is not None and drafts:
        guard(usage(db, drafts[0].job.owner, drafts[0].job.guild, since, mark))
    for nth, draft in enumerate(drafts):
        job = draft.job
        row = {
            "request": request,
            "nth": nth,
            "work": draft.work,
            "state": State.QUEUED,
            "reply_to": draft.reply_to,
            "progress": draft.progress,
            "spec": job.spec.model_dump_json(),
            "notes": json.dumps(job.notes),
            "sources": json.dumps(job.sources),
            **{name: getattr(job, name) for name in _AS_ACCEPTED},
        }
        insert(db, "job", row)
        ledger.reserve(db, job, work=draft.work, price=draft.price)
    if also is not None:
        also(db)
    return [draft.job for draft in drafts], True


def claim(
    db: sqlite3.Connection, now: float, job: str, standing: tuple[float, float] | None = None
) -> Job | None:
    """QUEUED → RUNNING, one more attempt. None: somebody cancelled it first.

    ``standing``: virtual time, and how far its owner is served with this job; both outlive a restart.
    """
    row = db.execute(
        "UPDATE job SET state = 'running', attempts = attempts + 1, started_at = ?"
        " WHERE id = ? AND state = 'queued' RETURNING *",
        (now, job),
    ).fetchone()
    if row is None:
        return None
    if standing is not None:
        ledger.stand(db, row["owner"], *standing)
    return _job(db, row)


def release(
    db: sqlite3.Connection,
    now: float,
    job: str,
    *,
    blameless: bool = False,
    refund: float = 0.0,
    most: int = MAX_ATTEMPTS,
) -> Job | None:
    """RUNNING → QUEUED after the worker died, or → FAILED at the attempt ``most``. None: it had ended.

    ``blameless``: the attempt does not count (an orderly stop of ours). ``refund``: what its owner's
    standing was charged for it.
    """
    row = db.execute("SELECT attempts FROM job WHERE id = ? AND state = 'running'", (job,)).fetchone()
    if row is None:
        return None
    if row["attempts"] >= most and not blameless:
        return _end(db, now, job, State.FAILED, failure=GIVEN_UP)
    row = db.execute(
        "UPDATE job SET state = 'queued', started_at = NULL, attempts = attempts - ?"
        " WHERE id = ? RETURNING *",
        (int(blameless), job),
    ).fetchone()
    if refund:
        ledger.refund(db, row["owner"], refund)
    return _job(db, row)


def recover(db: sqlite3.Connection, now: float) -> list[Job]:
    """Put every job that was running when we stopped back into the queue, or give it up; return them."""
    rows = db.execute(f"SELECT id FROM job WHERE {OPEN} AND state = 'running'").fetchall()
    jobs = (release(db, now, row["id"], most=MAX_RESTARTS) for row in rows)
    return [job for job in jobs if job is not None]


def finish(
    db: sqlite3.Connection, now: float, job: str, result: Result, fact: tuple[str, str] | None = None
) -> Job | None:
    """RUNNING → RENDERED with its pictures, delivery and settled ledger row. None: it had ended before.

    ``fact``: key and value to remember about this installation with it.
    """
    if fact is not None:
        meta.put(db, *fact)
    db.executemany(
        "INSERT OR REPLACE INTO picture (job, cell, sha256)"
        " SELECT id, ?, ? FROM job WHERE id = ? AND state = 'running'",
        [(cell, sha256, job) for cell, sha256 in enumerate(result.pictures)],
    )
    return _end(db, now, job, State.RENDERED, result)


def fail(
    db: sqlite3.Connection,
    now: float,
    job: str,
    failure: str,
    *,
    blocked: bool = False,
    also: Callable[[sqlite3.Connection], object] | None = None,
) -> Job | None:
    """QUEUED or RUNNING → FAILED (or BLOCKED) with the sentence the person reads. None: it had ended.

    ``also``: a change made with it, where it happened.
    """
    ended = _end(db, now, job, State.BLOCKED if blocked else State.FAILED, failure=failure)
    if ended is not None and also is not None:
        also(db)
    return ended


def cancel(db: sqlite3.Connection, now: float, job: str, seconds: float = 0.0) -> Job | None:
    """QUEUED or RUNNING → CANCELLED. None: it had ended. ``seconds`` of the device it had so far."""
    return _end(db, now, job, State.CANCELLED, Result(seconds=seconds))


def _end(
    db: sqlite3.Connection,
    now: float,
    job: str,
    state: State,
    result: Result = NOTHING,
    *,
    failure: str | None = None,
) -> Job | None:
    """Move a job to its end, settle its ledger row and promise its message.

    What failed or was blocked costs nothing, and what was cancelled costs what it had been given.
    """
    before = "('running')" if state is State.RENDERED else "('queued', 'running')"
    row = db.execute(
        "UPDATE job SET state = ?, finished_at = ?, failure = ?, film = ?, texts = ?, took = ?,"
        " rated = max(rated, ?)"
        f" WHERE id = ? AND state IN {before} RETURNING *",
        (state, now, failure, result.film, json.dumps(result.texts), result.took, result.rated, job),
    ).fetchone()
    if row is None:
        return None
    if result.notes:
        merged = list(dict.fromkeys([*json.loads(row["notes"]), *result.notes]))
        row = db.execute(
            "UPDATE job SET notes = ? WHERE id = ? RETURNING *", (json.dumps(merged), job)
        ).fetchone()
    work = row["work"] if state is State.RENDERED else 0.0
    cost = None if result.seconds is None else result.seconds * FACTORS[Speed(row["speed"])]
    ledger.settle(db, job, work, cost, now)
    ended = _job(db, row)
    if deliveries.is_delivered(ended.origin, state):
        deliveries.promise_end(db, now, ended, reply_to=row["reply_to"], progress=row["progress"])
    return ended


# ---- looking -----------------------------------------------------------------------------------------------


def get(db: sqlite3.Connection, job: str) -> Job | None:
    """Return the job, or None."""
    return next(iter(select(db, "WHERE id = ?", job)), None)


def of_request(db: sqlite3.Connection, request: str) -> list[Job]:
    """Return the jobs a request key made, in order."""
    return select(db, "WHERE request = ? ORDER BY nth", request)


def queued(db: sqlite3.Connection) -> list[Job]:
    """Return all jobs waiting to start, oldest first."""
    return select(db, f"WHERE {OPEN} AND state = 'queued' ORDER BY created_at, nth")


def unended(db: sqlite3.Connection) -> list[Job]:
    """Return all jobs that run or wait, oldest first."""
    return select(db, f"WHERE {OPEN} ORDER BY created_at, nth")


def of_origin(db: sqlite3.Connection, job: str | None, marked: Callable[[str], bool]) -> Job | None:
    """Return the job a picture of ours is of: the one it names, else the only one that ``marked`` knows."""
    named = None if job is None else get(db, job)
    if named is not None:
        return named
    found = [row[0] for row in db.execute("SELECT DISTINCT job FROM picture") if marked(row[0])]
    return get(db, found[0]) if len(found) == 1 else None  # of two, who can say which


def open_of(db: sqlite3.Connection, owner: str) -> list[Job]:
    """Return a person's jobs that wait or run."""
    return select(db, f"WHERE owner = ? AND {OPEN}", owner)


def messages(db: sqlite3.Connection, job: str) -> tuple[str | None, str | None]:
    """Return ``(reply_to, progress)`` of a job: the message it answers, the message that shows it."""
    row = db.execute("SELECT reply_to, progress FROM job WHERE id = ?", (job,)).fetchone()
    return tuple(row) if row else (None, None)


def usage(
    db: sqlite3.Connection,
    owner: str,
    guild: str | None = None,
    since: Mapping[str, float] = MappingProxyType({}),
    mark: str = "",
) -> Usage:
    """Return what a person has open, and what was charged to them, and in a server, since these times.

    ``mark``: under which charges of theirs stand from before a deletion.
    """
    rows = db.execute(
        f"SELECT state, count(*) AS jobs FROM job WHERE {OPEN} AND owner = ? GROUP BY state",
        (owner,),
    )
    counts = {row["state"]: row["jobs"] for row in rows}
    names = [name for name in (owner, mark) if name]
    return Usage(
        waiting=counts.get(State.QUEUED, 0),
        running=counts.get(State.RUNNING, 0),
        spent={per: sum(ledger.spent(db, at, name) for name in names) for per, at in since.items()},
        spent_in_server={
            per: 0.0 if guild is None else ledger.spent(db, at, guild, "guild") for per, at in since.items()
        },
    )


@lru_cache(maxsize=1024)
def _spec(text: str) -> JobSpec:
    """Return the spec behind its JSON. Specs are frozen, and a job's is read at each of its changes."""
    return JobSpec.model_validate_json(text)


def select(db: sqlite3.Connection, where: str, *values: Any) -> list[Job]:
    """Return the jobs that a WHERE clause names."""
    return [_job(db, row) for row in db.execute(f"SELECT * FROM job {where}", values).fetchall()]


def _job(db: sqlite3.Connection, row: sqlite3.Row) -> Job:
    cells: Iterable[Any] = ()
    if row["state"] == State.RENDERED:
        cells = db.execute("SELECT sha256 FROM picture WHERE job = ? ORDER BY cell", (row["id"],))
    lists = {name: json.loads(row[name]) for name in ("notes", "sources", "texts")}
    return read(Job, row, spec=_spec(row["spec"]), pictures=[cell["sha256"] for cell in cells], **lists)
