"""The only SQL: jobs, promised messages, the ledger and preferences; refuses to know pixels and Discord.

Every change is one plain function run on the store's own thread, so nothing can await, interleave or be
cancelled inside one: a caller that goes away leaves a whole change behind, never half of one. Changes asked
for while the disk is busy share the next commit, each in a savepoint of its own; nobody hears of a change
before it is on the disk.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import queue
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any, Concatenate, ParamSpec, TypeVar

from engine.errors import ConfigError, EngineError
from engine.jobs import Delivery, DeliveryState, Job, JobSpec, Speed, State
from engine.rules.allowance import FACTORS
from engine.store import ledger as store_ledger

P = ParamSpec("P")
T = TypeVar("T")

MAX_ATTEMPTS = 3
"""A job whose worker died this many times while it was running is given up."""
MAX_RESTARTS = 10
"""Attempts after which a job that was running when the bot itself died is given up. More than a worker's
death allows: plugs are pulled for reasons of their own, and a job can only kill the bot by exhausting the
machine."""

GIVEN_UP = (
    "This picture stopped the engine again and again, so it was set aside. "
    "Nothing was charged. A smaller size or fewer steps may work."
)

AT_ONCE = 256
"""Changes that may share one commit."""

OPEN = (State.QUEUED, State.RUNNING)

REMEMBER = (
    "INSERT INTO meta (key, value) VALUES (?,?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
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


@dataclass(slots=True)
class _Call:
    function: Callable[[], Any]
    writes: bool
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None

    def settle(self) -> None:
        """Give the caller the result, where it still waits for it. To be called on its event loop."""
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


def _answer(calls: Sequence[_Call]) -> None:
    """Give all callers their results: one wake-up a loop, since each costs a system call and the GIL."""
    for loop in {call.loop for call in calls}:
        with contextlib.suppress(RuntimeError):  # this loop is closed: nobody waits
            loop.call_soon_threadsafe(_settle, [call for call in calls if call.loop is loop])


def _settle(calls: Sequence[_Call]) -> None:
    for call in calls:
        call.settle()


def _migrations() -> list[tuple[int, str]]:
    folder = resources.files("engine.store") / "migrations"
    files = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [(int(name[:4]), (folder / name).read_text("utf-8")) for name in files]


def _explain(path: Path, error: sqlite3.Error) -> ConfigError:
    """Turn SQLite's words into one line that says what to do."""
    text = str(error).lower()
    if "full" in text:
        return ConfigError(f"The disk that holds `{path}` is full. Free some space, then start again.")
    if "readonly" in text or "read-only" in text or "unable to open" in text:
        return ConfigError(
            f"`{path}` cannot be written. Give this user write access to the folder, "
            "or set another `data_dir`."
        )
    if "not a database" in text or "malformed" in text or "corrupt" in text:
        return ConfigError(
            f"`{path}` is damaged ({error}). Restore it from a backup, or move it away "
            "to start with an empty one."
        )
    if "locked" in text:
        return ConfigError(f"`{path}` is in use by another program. Stop it, then start again.")
    return ConfigError(f"`{path}` cannot be used: {error}.")


def _apology(path: Path, error: BaseException) -> BaseException:
    """Return our own error for what the disk refused: callers know no SQLite."""
    if not isinstance(error, sqlite3.OperationalError):
        return error
    full = "Our disk is full, so this could not be kept. Please tell the host."
    ours = EngineError(f"{path}: {error}", full if "full" in str(error) else None)
    ours.__cause__ = error
    return ours


class Store:
    """One SQLite file, one connection, one thread. Open with ``async with Store.open(path) as store``.

    State changes are compare-and-set: they return whether (or as what) they happened, so that a race answers
    "no" instead of corrupting. ``clock`` gives Unix seconds.
    """

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self.path = path
        self._clock = clock
        self._asked: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        self._db: sqlite3.Connection

    @classmethod
    @asynccontextmanager
    async def open(cls, path: Path, *, clock: Callable[[], float] = time.time) -> AsyncIterator[Store]:
        """Open, check and migrate the file. Raises ConfigError with one clear line when that cannot be."""
        store = cls(path, clock)
        thread = threading.Thread(target=store._serve, name="store", daemon=True)
        thread.start()
        try:
            await store._read(Store._open)
            yield store
        finally:
            await store._read(Store._close)
            store._asked.put(None)
            await asyncio.to_thread(thread.join)

    def now(self) -> float:
        """Return the store's time, in Unix seconds."""
        return self._clock()

    async def _read(
        self, function: Callable[Concatenate[Store, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return await self._ask(False, lambda: function(self, *args, **kwargs))

    async def _write(
        self, function: Callable[Concatenate[Store, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return await self._ask(True, lambda: function(self, *args, **kwargs))

    async def read(
        self, function: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a plain function on the store's thread with its connection: for the SQL kept in other rooms."""
        return await self._ask(False, lambda: function(self._db, *args, **kwargs))

    async def write(
        self, function: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As ``read``, as one change: all of it is kept, or (where it raises) nothing."""
        return await self._ask(True, lambda: function(self._db, *args, **kwargs))

    async def _ask(self, writes: bool, function: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        call = _Call(function, writes, loop, loop.create_future())
        self._asked.put(call)
        result: T = await call.future
        return result

    # ---- on the store's thread -----------------------------------------------------------------------------

    def _serve(self) -> None:
        while True:
            calls = [self._asked.get()]
            while len(calls) < AT_ONCE and not self._asked.empty():
                calls.append(self._asked.get())
            self._perform([call for call in calls if call is not None])
            if None in calls:
                return

    def _perform(self, calls: Sequence[_Call]) -> None:
        together = any(call.writes for call in calls)
        try:
            if together:
                self._db.execute("BEGIN IMMEDIATE")
            for call in calls:
                self._one(call)
            if together:
                self._db.execute("COMMIT")
        except BaseException as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            if len(calls) > 1:  # one of them was too much: each for itself
                for call in calls:
                    self._perform([call])
                return
            calls[0].error = _apology(self.path, error)
        _answer(calls)

    def _one(self, call: _Call) -> None:
        call.error = None
        try:
            if call.writes:
                self._db.execute("SAVEPOINT one")
            call.result = call.function()
            if call.writes:
                self._db.execute("RELEASE one")
        except BaseException as error:
            call.error = _apology(self.path, error)
            if call.writes:
                if not self._db.in_transaction:
                    raise  # SQLite itself gave the whole transaction up, as it does on a full disk
                self._db.execute("ROLLBACK TO one")
                self._db.execute("RELEASE one")

    # ---- opening -------------------------------------------------------------------------------------------

    def _open(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(self.path, timeout=5.0, isolation_level=None, check_same_thread=False)
        except OSError as error:
            raise ConfigError(
                f"The folder `{self.path.parent}` cannot be made: {error.strerror}. Set another `data_dir`."
            ) from error
        except sqlite3.Error as error:
            raise _explain(self.path, error) from error
        try:
            self._db.row_factory = sqlite3.Row
            self._db.execute("PRAGMA journal_mode = WAL")
            # FULL: an accepted job survives a power cut, at about 0.1 ms a commit on an SSD
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("PRAGMA foreign_keys = ON")
            # what is deleted is overwritten: /privacy delete promises that nothing is left
            self._db.execute("PRAGMA secure_delete = ON")
            verdict = " ".join(self._db.execute("PRAGMA quick_check(1)").fetchone()[0].split())
            if verdict != "ok":
                raise ConfigError(
                    f"`{self.path}` is damaged ({verdict}). Restore it from a backup, or move it away "
                    "to start with an empty one."
                )
            self._migrate()
        except sqlite3.Error as error:
            raise _explain(self.path, error) from error

    def _migrate(self) -> None:
        version: int = self._db.execute("PRAGMA user_version").fetchone()[0]
        steps = _migrations()
        newest = steps[-1][0]
        if version > newest:
            raise ConfigError(
                f"`{self.path}` was written by a newer Limner (schema {version}, this one knows {newest}). "
                "Upgrade Limner, or restore the backup made before the upgrade."
            )
        for number, script in steps:
            if number > version:
                # executescript opens no transaction of its own
                try:
                    self._db.executescript(
                        f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {number};\nCOMMIT;"
                    )
                except sqlite3.Error:
                    if self._db.in_transaction:
                        self._db.execute("ROLLBACK")
                    raise

    def _close(self) -> None:
        if hasattr(self, "_db"):
            self._db.close()

    # ---- a job's life --------------------------------------------------------------------------------------

    async def submit(
        self,
        request: str,
        drafts: Sequence[Draft],
        guard: Callable[[Usage], None] | None = None,
        since: Mapping[str, float] = MappingProxyType({}),
        mark: str = "",
    ) -> tuple[list[Job], bool]:
        """Accept all drafts of a request in one transaction, or none.

        Returns ``(jobs, new)``: a key seen before returns the jobs it made then, and ``new`` is False.
        ``guard`` sees the owner's open jobs, and what was charged ``since`` each period began, inside the
        transaction and may raise to refuse. ``mark``: under which their charges stand after a deletion.
        """
        return await self._write(Store._submit, request, drafts, guard, since, mark)

    def _submit(
        self,
        request: str,
        drafts: Sequence[Draft],
        guard: Callable[[Usage], None] | None,
        since: Mapping[str, float],
        mark: str,
    ) -> tuple[list[Job], bool]:
        db = self._db
        seen = db.execute("SELECT * FROM job WHERE request = ? ORDER BY nth", (request,)).fetchall()
        if seen:
            return [self._job(row) for row in seen], False
        if guard is not None and drafts:
            guard(self._usage(drafts[0].job.owner, drafts[0].job.guild, since, mark))
        for nth, draft in enumerate(drafts):
            job = draft.job
            db.execute(
                "INSERT INTO job (id, request, nth, owner, guild, origin, reply_to, progress, state, spec,"
                " prompt, notes, sources, speed, work, weight, parent, parent_cell, adult, rated, created_at)"
                " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                (
                    *(job.id, request, nth, job.owner, job.guild, job.origin, draft.reply_to, draft.progress),
                    *(State.QUEUED, job.spec.model_dump_json(), job.prompt, json.dumps(job.notes)),
                    *(json.dumps(job.sources), job.speed, draft.work, job.weight),
                    *(job.parent, job.parent_cell, job.adult, job.rated, job.created_at),
                ),
            )
            store_ledger.reserve(
                db, job.id, job.owner, job.guild, draft.work, draft.price, job.created_at
            )
        return [draft.job for draft in drafts], True

    async def claim(self, job: str, standing: tuple[float, float] | None = None) -> Job | None:
        """QUEUED → RUNNING, one more attempt. None: somebody cancelled it first.

        ``standing``: virtual time, and how far its owner is served with this job; both outlive a restart.
        """
        return await self._write(Store._claim, job, standing)

    def _claim(self, job: str, standing: tuple[float, float] | None) -> Job | None:
        db = self._db
        row = db.execute(
            "UPDATE job SET state = ?, attempts = attempts + 1, started_at = ?"
            " WHERE id = ? AND state = ? RETURNING *",
            (State.RUNNING, self._clock(), job, State.QUEUED),
        ).fetchone()
        if row and standing is not None:
            store_ledger.stand(db, row["owner"], *standing)
        return self._job(row) if row else None

    async def release(self, job: str, *, blameless: bool = False, refund: float = 0.0) -> Job | None:
        """RUNNING → QUEUED after the worker died, or → FAILED after the third time. None: it had ended.

        ``blameless``: the attempt does not count (an orderly stop of ours). ``refund``: what its owner's
        standing was charged for it.
        """
        return await self._write(Store._release, job, blameless, MAX_ATTEMPTS, refund)

    def _release(
        self, job: str, blameless: bool, most: int = MAX_ATTEMPTS, refund: float = 0.0
    ) -> Job | None:
        db = self._db
        row = db.execute("SELECT * FROM job WHERE id = ? AND state = ?", (job, State.RUNNING)).fetchone()
        if row is None:
            return None
        if row["attempts"] >= most and not blameless:
            return self._end(job, State.FAILED, failure=GIVEN_UP)
        row = db.execute(
            "UPDATE job SET state = ?, started_at = NULL, attempts = attempts - ? WHERE id = ? RETURNING *",
            (State.QUEUED, int(blameless), job),
        ).fetchone()
        if refund:
            store_ledger.refund(db, row["owner"], refund)
        return self._job(row)

    async def finish(
        self,
        job: str,
        pictures: Sequence[str] = (),
        *,
        film: str | None = None,
        texts: Sequence[str] = (),
        notes: Sequence[str] = (),
        seconds: float | None = None,
        rated: bool = False,
        fact: tuple[str, str] | None = None,
    ) -> Job | None:
        """RUNNING → RENDERED with its pictures, delivery and settled ledger row. None: it had ended before.

        ``notes`` are added to those the job has. ``seconds`` of the device it took; None: as estimated.
        ``rated``: adult content is in the pictures. ``fact``: to remember about this installation with it.
        """
        return await self._write(Store._finish, job, pictures, film, texts, notes, seconds, rated, fact)

    def _finish(
        self,
        job: str,
        pictures: Sequence[str],
        film: str | None,
        texts: Sequence[str],
        notes: Sequence[str],
        seconds: float | None,
        rated: bool,
        fact: tuple[str, str] | None,
    ) -> Job | None:
        db = self._db
        if fact is not None:
            self._set(REMEMBER, fact)
        db.executemany(
            "INSERT OR REPLACE INTO picture (job, cell, sha256) SELECT id, ?, ? FROM job"
            " WHERE id = ? AND state = ?",
            [(cell, sha256, job, State.RUNNING) for cell, sha256 in enumerate(pictures)],
        )
        return self._end(
            job, State.RENDERED, film=film, texts=texts, notes=notes, seconds=seconds, rated=rated
        )

    async def fail(
        self,
        job: str,
        failure: str,
        *,
        blocked: bool = False,
        also: Callable[[sqlite3.Connection], object] | None = None,
    ) -> Job | None:
        """QUEUED or RUNNING → FAILED (or BLOCKED) with the sentence the person reads. None: it had ended."""
        return await self._write(Store._fail, job, State.BLOCKED if blocked else State.FAILED, failure, also)

    def _fail(
        self, job: str, state: State, failure: str, also: Callable[[sqlite3.Connection], object] | None
    ) -> Job | None:
        done = self._end(job, state, failure=failure)
        if done is not None and also is not None:
            also(self._db)
        return done

    async def cancel(self, job: str, seconds: float = 0.0) -> Job | None:
        """QUEUED or RUNNING → CANCELLED. None: it had ended. ``seconds`` of the device it had so far."""
        return await self._write(Store._cancel, job, seconds)

    def _cancel(self, job: str, seconds: float) -> Job | None:
        return self._end(job, State.CANCELLED, seconds=seconds)

    def _end(
        self,
        job: str,
        state: State,
        *,
        failure: str | None = None,
        film: str | None = None,
        texts: Sequence[str] = (),
        notes: Sequence[str] = (),
        seconds: float | None = 0.0,
        rated: bool = False,
    ) -> Job | None:
        """Move a job to its end, settle its ledger row and promise its message: inside one transaction.

        What failed or was blocked costs nothing, and what was cancelled costs what it had been given.
        """
        db, now = self._db, self._clock()
        before = [State.RUNNING] if state is State.RENDERED else list(OPEN)
        row = db.execute(
            "UPDATE job SET state = ?, finished_at = ?, failure = ?, film = ?, texts = ?,"
            f" rated = max(rated, ?) WHERE id = ? AND state IN ({','.join('?' * len(before))}) RETURNING *",
            (state, now, failure, film, json.dumps(texts), rated, job, *before),
        ).fetchone()
        if row is None:
            return None
        if notes:
            merged = list(dict.fromkeys([*json.loads(row["notes"]), *notes]))
            row = db.execute(
                "UPDATE job SET notes = ? WHERE id = ? RETURNING *", (json.dumps(merged), job)
            ).fetchone()
        settled = row["work"] if state is State.RENDERED else 0.0
        cost = None if seconds is None else seconds * FACTORS[Speed(row["speed"])]
        store_ledger.settle(db, job, settled, cost, now)
        done = self._job(row)
        if state is not State.CANCELLED and is_delivered(done.origin):
            kind, cell = _promise(done)
            covered = done.rated and done.adult == "spoiler"
            self._promise(
                *(None, done, kind, cell, done.origin, row["reply_to"], row["progress"], done.owner, covered)
            )
        return done

    async def recover(self) -> list[Job]:
        """Put every job that was running when we stopped back into the queue, or give it up; return them."""
        return await self._write(Store._recover)

    def _recover(self) -> list[Job]:
        rows = self._db.execute("SELECT id FROM job WHERE state = ?", (State.RUNNING,)).fetchall()
        jobs = (self._release(row["id"], False, MAX_RESTARTS) for row in rows)
        return [job for job in jobs if job is not None]

    # ---- looking -------------------------------------------------------------------------------------------

    def _job(self, row: sqlite3.Row) -> Job:
        cells: Iterable[sqlite3.Row] = ()
        if row["state"] == State.RENDERED:
            cells = self._db.execute("SELECT sha256 FROM picture WHERE job = ? ORDER BY cell", (row["id"],))
        return Job(
            id=row["id"],
            owner=row["owner"],
            guild=row["guild"],
            adult=row["adult"],
            rated=bool(row["rated"]),
            origin=row["origin"],
            state=State(row["state"]),
            spec=_spec(row["spec"]),
            prompt=row["prompt"],
            notes=tuple(json.loads(row["notes"])),
            sources=tuple((flag, who) for flag, who in json.loads(row["sources"])),
            speed=Speed(row["speed"]),
            weight=row["weight"],
            moved=row["moved"],
            parent=row["parent"],
            parent_cell=row["parent_cell"],
            attempts=row["attempts"],
            failure=row["failure"],
            pictures=tuple(cell["sha256"] for cell in cells),
            film=row["film"],
            texts=tuple(json.loads(row["texts"])),
            created_at=row["created_at"],
            started_at=row["started_at"],
            finished_at=row["finished_at"],
        )

    def _jobs(self, where: str, values: Sequence[Any]) -> list[Job]:
        return [self._job(row) for row in self._db.execute(f"SELECT * FROM job {where}", values).fetchall()]

    async def job(self, job: str) -> Job | None:
        """Return the job, or None."""
        found = await self._read(Store._jobs, "WHERE id = ?", (job,))
        return found[0] if found else None

    async def of_request(self, request: str) -> list[Job]:
        """Return the jobs a request key made, in order."""
        return await self._read(Store._jobs, "WHERE request = ? ORDER BY nth", (request,))

    async def queued(self) -> list[Job]:
        """Return all jobs waiting to start, oldest first."""
        return await self._read(Store._jobs, "WHERE state = ? ORDER BY created_at, nth", (State.QUEUED,))

    async def unended(self) -> list[Job]:
        """Return all jobs that run or wait, oldest first."""
        where = f"WHERE state IN ({','.join('?' * len(OPEN))}) ORDER BY created_at, nth"
        return await self._read(Store._jobs, where, OPEN)

    async def of_owner(self, owner: str, limit: int = 50) -> list[Job]:
        """Return a person's newest jobs, newest first."""
        return await self._read(
            Store._jobs,
            # what only looks for a mask is nobody's result
            "WHERE owner = ? AND origin NOT LIKE 'find:%' ORDER BY created_at DESC, nth DESC LIMIT ?",
            (owner, limit),
        )

    async def open_of(self, owner: str) -> list[Job]:
        """Return a person's jobs that wait or run."""
        return await self._read(Store._jobs, "WHERE owner = ? AND state IN ('queued', 'running')", (owner,))

    def _usage(
        self,
        owner: str,
        guild: str | None = None,
        since: Mapping[str, float] = MappingProxyType({}),
        mark: str = "",
    ) -> Usage:
        rows = self._db.execute(
            "SELECT state, count(*) FROM job WHERE state IN ('queued', 'running') AND owner = ?"
            " GROUP BY state",
            (owner,),
        )
        counts = {row[0]: int(row[1]) for row in rows}
        return Usage(
            counts.get(State.QUEUED, 0),
            counts.get(State.RUNNING, 0),
            {
                per: sum(store_ledger.spent(self._db, one, at) for one in (owner, mark) if one)
                for per, at in since.items()
            },
            {
                per: 0.0 if guild is None else store_ledger.spent_in(self._db, guild, at)
                for per, at in since.items()
            },
        )

    async def usage(
        self,
        owner: str,
        guild: str | None = None,
        since: Mapping[str, float] = MappingProxyType({}),
        mark: str = "",
    ) -> Usage:
        """Return what a person has open, and what was charged to them, and in a server, since these times."""
        return await self._read(Store._usage, owner, guild, since, mark)

    async def spent(self, owner: str, since: float) -> tuple[float, float]:
        """Return ``(reserved, settled)`` work of a person: open reservations, and work given since a time."""
        return await self._read(Store._spent, owner, since)

    def _spent(self, owner: str, since: float) -> tuple[float, float]:
        row = self._db.execute(
            "SELECT total(reserved) FILTER (WHERE settled IS NULL),"
            " total(settled) FILTER (WHERE at >= ?) FROM ledger WHERE owner = ?",
            (since, owner),
        ).fetchone()
        return float(row[0]), float(row[1])

    # ---- promised messages ---------------------------------------------------------------------------------

    def _promise(
        self,
        request: str | None,
        job: Job,
        kind: str,
        cell: int | None,
        origin: str,
        reply_to: str | None,
        progress: str | None,
        owner: str,
        spoiler: bool,
    ) -> Delivery:
        row = self._db.execute(
            "INSERT INTO delivery (request, job, kind, cell, origin, reply_to, progress, owner, spoiler,"
            " created_at) VALUES (?,?,?,?,?,?,?,?,?,?) RETURNING *",
            (request, job.id, kind, cell, origin, reply_to, progress, owner, spoiler, self._clock()),
        ).fetchone()
        return _delivery(row)

    async def promise(
        self,
        request: str,
        job: Job,
        kind: str,
        *,
        cell: int | None = None,
        origin: str,
        owner: str,
        reply_to: str | None = None,
        spoiler: bool = False,
    ) -> tuple[Delivery, bool]:
        """Promise a message without a new job; ``(delivery, new)``, idempotent by ``request``."""
        return await self._write(
            Store._promise_again, request, job, kind, cell, origin, reply_to, owner, spoiler
        )

    def _promise_again(
        self,
        request: str,
        job: Job,
        kind: str,
        cell: int | None,
        origin: str,
        reply_to: str | None,
        owner: str,
        spoiler: bool,
    ) -> tuple[Delivery, bool]:
        db = self._db
        row = db.execute("SELECT * FROM delivery WHERE request = ?", (request,)).fetchone()
        if row is not None:
            return _delivery(row), False
        return self._promise(request, job, kind, cell, origin, reply_to, None, owner, spoiler), True

    async def pending(self, after: int = 0) -> list[Delivery]:
        """Return the promised messages not yet shown with an id above ``after``, oldest first."""
        return await self._read(Store._pending, after)

    def _pending(self, after: int) -> list[Delivery]:
        rows = self._db.execute(
            "SELECT * FROM delivery WHERE state = 'pending' AND id > ? ORDER BY id", (after,)
        ).fetchall()
        return [_delivery(row) for row in rows]

    async def undelivered(self) -> int:
        """Return how many promised messages have not been shown yet."""
        return await self._read(
            lambda self: int(
                self._db.execute("SELECT count(*) FROM delivery WHERE state = 'pending'").fetchone()[0]
            )
        )

    async def delivery(self, delivery: int) -> Delivery | None:
        """Return the promise, or None."""
        return await self._read(Store._delivery, delivery)

    def _delivery(self, delivery: int) -> Delivery | None:
        row = self._db.execute("SELECT * FROM delivery WHERE id = ?", (delivery,)).fetchone()
        return _delivery(row) if row else None

    def _set(self, statement: str, values: Sequence[Any]) -> bool:
        db = self._db
        return db.execute(statement, values).rowcount > 0

    async def attempted(self, delivery: int) -> bool:
        """Note the time of the first send of a promise, before it is sent."""
        return await self._write(
            Store._set,
            "UPDATE delivery SET attempted_at = coalesce(attempted_at, ?) WHERE id = ? AND state = 'pending'",
            (self._clock(), delivery),
        )

    async def book(self, delivery: int, message: str) -> bool:
        """PENDING → SENT as this message."""
        return await self._write(
            Store._set,
            "UPDATE delivery SET state = 'sent', message = ? WHERE id = ? AND state = 'pending'",
            (message, delivery),
        )

    async def give_up(self, delivery: int, why: str) -> bool:
        """PENDING → UNDELIVERABLE."""
        return await self._write(
            Store._set,
            "UPDATE delivery SET state = 'undeliverable', why = ? WHERE id = ? AND state = 'pending'",
            (why, delivery),
        )

    async def progress_message(self, job: str, message: str) -> bool:
        """Note which message shows a job's progress, as long as its end has not been promised."""
        return await self._write(
            Store._set,
            "UPDATE job SET progress = ? WHERE id = ? AND state IN ('queued', 'running')",
            (message, job),
        )

    async def messages(self, job: str) -> tuple[str | None, str | None]:
        """Return ``(reply_to, progress)`` of a job: the message it answers, the message that shows it."""
        return await self._read(Store._messages, job)

    def _messages(self, job: str) -> tuple[str | None, str | None]:
        row = self._db.execute("SELECT reply_to, progress FROM job WHERE id = ?", (job,)).fetchone()
        return (row[0], row[1]) if row else (None, None)

    # ---- small things kept ---------------------------------------------------------------------------------

    async def preferences(self, owner: str) -> dict[str, str]:
        """Return everything a person has set."""
        return await self._read(Store._pairs, "SELECT key, value FROM preference WHERE owner = ?", (owner,))

    async def preferences_of(self, *owners: str) -> list[dict[str, str]]:
        """Return what each of these has set."""
        return await self._read(Store._preferences_of, owners)

    def _preferences_of(self, owners: Sequence[str]) -> list[dict[str, str]]:
        statement = "SELECT key, value FROM preference WHERE owner = ?"
        return [self._pairs(statement, (owner,)) for owner in owners]

    def _pairs(self, statement: str, values: Sequence[Any]) -> dict[str, str]:
        return {row[0]: row[1] for row in self._db.execute(statement, values)}

    async def prefer(self, owner: str, key: str, value: str | None) -> None:
        """Keep a person's choice; None forgets it."""
        if value is None:
            await self._write(Store._set, "DELETE FROM preference WHERE owner = ? AND key = ?", (owner, key))
        else:
            await self._write(
                Store._set,
                "INSERT INTO preference (owner, key, value) VALUES (?,?,?)"
                " ON CONFLICT (owner, key) DO UPDATE SET value = excluded.value",
                (owner, key, value),
            )

    async def meta(self, key: str) -> str | None:
        """Return a fact about this installation (such as the hash of the registered commands), or None."""
        return (await self._read(Store._pairs, "SELECT key, value FROM meta WHERE key = ?", (key,))).get(key)

    async def remember(self, key: str, value: str) -> None:
        """Keep a fact about this installation."""
        await self._write(Store._set, REMEMBER, (key, value))


@lru_cache(maxsize=1024)
def _spec(text: str) -> JobSpec:
    """Return the spec behind its JSON. Specs are frozen, and a job's is read at each of its changes."""
    return JobSpec.model_validate_json(text)


def is_delivered(origin: str) -> bool:
    """Say whether results are brought to this origin; the command line and HTTP fetch theirs themselves."""
    return not origin.startswith(("cli:", "http:", "find:"))


def _promise(job: Job) -> tuple[str, int | None]:
    """Return the kind and cell of the message that ends this job."""
    if job.state is not State.RENDERED:
        return "failure", None
    if job.texts and not job.pictures:
        return "text", None
    return ("picture", 0) if len(job.pictures) == 1 else ("grid", None)


def _delivery(row: sqlite3.Row) -> Delivery:
    return Delivery(
        id=row["id"],
        job=row["job"],
        kind=row["kind"],
        cell=row["cell"],
        origin=row["origin"],
        reply_to=row["reply_to"],
        progress=row["progress"],
        owner=row["owner"],
        spoiler=bool(row["spoiler"]),
        state=DeliveryState(row["state"]),
        message=row["message"],
        attempted_at=row["attempted_at"],
        created_at=row["created_at"],
    )


def examine(path: Path) -> int:
    """Return how many jobs a database file holds, having checked it and changed nothing. Raises ConfigError.

    A bot may be using it meanwhile.
    """
    try:
        with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            verdict = db.execute("PRAGMA quick_check(1)").fetchone()[0]
            if verdict != "ok":
                raise sqlite3.DatabaseError(f"malformed: {verdict}")
            return int(db.execute("SELECT count(*) FROM job").fetchone()[0])
    except sqlite3.Error as error:
        raise _explain(path, error) from None


def peek(path: Path, key: str) -> str | None:
    """Return a fact from a database that a bot may be using, changing nothing. Raises ConfigError."""
    try:
        with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            row = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
            return None if row is None else str(row[0])
    except sqlite3.Error as error:
        raise _explain(path, error) from None
