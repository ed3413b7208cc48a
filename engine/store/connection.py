"""The database file: opening it, and running plain functions of a connection on threads that are aiosqlite's.

One connection writes, on a thread of its own; the others only read, and no commit holds them up. A change is
one plain function run whole on the writer's thread, so nothing can await, interleave or be cancelled inside
it: a caller that goes away leaves a whole change behind, never half of one. Changes that come together share
a commit, each in a savepoint of its own; nobody hears of a change before it is on the disk.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import aiosqlite

from engine.errors import ConfigError, EngineError
from engine.jobs import Delivery, Job
from engine.store import deliveries, jobs, meta, preferences
from engine.store.jobs import Draft, Result, Usage
from engine.store.texts import TextConnection

P = ParamSpec("P")
T = TypeVar("T")

AT_ONCE = 256
"""Changes that may share one commit."""
READERS = 2
"""Connections that only read: a long export leaves one for everybody else."""


class _Connection(aiosqlite.Connection):
    """A connection that runs whole functions on its thread: one hop a transaction, not one a statement."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        super().__init__(connect, iter_chunk_size=64)
        self.busy = 0  # calls that wait or run
        self._stopped: asyncio.Future[Any] | None = None

    async def __aenter__(self) -> Self:
        try:
            await super().__aenter__()
        except BaseException:
            if self._stopped is not None:  # the thread still has an answer to give to this loop
                await self._stopped
            raise
        return self

    def stop(self) -> asyncio.Future[Any] | None:
        """Stop the thread once all it was asked is done."""
        self._stopped = super().stop()
        return self._stopped

    async def run(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """Call ``function`` with the raw connection, on the thread it belongs to."""
        self.busy += 1
        try:
            result: T = await self._execute(function, self._conn)  # type: ignore[no-untyped-call]
        finally:
            self.busy -= 1
        return result


@dataclass(slots=True)
class _Change:
    function: Callable[[sqlite3.Connection], Any]
    future: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None


class Store:
    """One SQLite file: ``async with Store.open(path) as store``, then ``store.write(jobs.claim, …)``.

    ``clock`` gives Unix seconds.
    """

    def __init__(
        self, path: Path, clock: Callable[[], float], writer: _Connection, readers: Sequence[_Connection]
    ) -> None:
        self.path = path
        self._clock = clock
        self._writer = writer
        self._readers = readers
        self._changes: deque[_Change] = deque()
        self._committing: asyncio.Task[None] | None = None

    @classmethod
    @asynccontextmanager
    async def open(cls, path: Path, *, clock: Callable[[], float] = time.time) -> AsyncIterator[Store]:
        """Open, check and migrate the file. Raises ConfigError with one clear line when that cannot be."""
        async with AsyncExitStack() as stack:
            writer = await stack.enter_async_context(_Connection(partial(_open, path)))
            # closed before the writer: the last to close empties the write-ahead log, which only it can
            readers = [
                await stack.enter_async_context(_Connection(partial(_open_to_read, path)))
                for _ in range(READERS)
            ]
            store = cls(path, clock, writer, readers)
            try:
                yield store
            finally:
                if store._committing is not None:  # what was asked for is kept, whoever still waits for it
                    await asyncio.wait([store._committing])

    def now(self) -> float:
        """Return the store's time, in Unix seconds."""
        return self._clock()

    async def read(
        self, function: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a plain function that only reads; all it sees is of one moment."""
        reader = min(self._readers, key=lambda one: one.busy)
        try:
            return await reader.run(partial(_snapshot, lambda db: function(db, *args, **kwargs)))
        except sqlite3.OperationalError as error:
            raise _apology(self.path, error) from error

    async def write(
        self, function: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a plain function as one change: all of it is kept, or (where it raises) nothing.

        It may be run again where the disk refused what others changed beside it, so it does nothing else.
        """
        future = asyncio.get_running_loop().create_future()
        self._changes.append(_Change(lambda db: function(db, *args, **kwargs), future))
        if self._committing is None or self._committing.done():
            self._committing = asyncio.create_task(self._commit())
        result: T = await future
        return result

    async def checkpoint(self) -> bool:
        """Empty the write-ahead log, so that what was deleted is in no file; False: not now."""
        return await self._writer.run(_checkpoint)

    async def _commit(self) -> None:
        while self._changes:
            changes = [self._changes.popleft() for _ in range(min(AT_ONCE, len(self._changes)))]
            await self._writer.run(partial(_perform, changes=changes))
            for change in changes:
                if change.future.done():  # its caller went away
                    continue
                if change.error is None:
                    change.future.set_result(change.result)
                else:
                    change.future.set_exception(_apology(self.path, change.error))

    # ---- forwards, until their callers say store.write(jobs.claim, …) themselves --------------------------

    async def submit(
        self, request: str, drafts: Sequence[Draft], *more: Any, **named: Any
    ) -> tuple[list[Job], bool]:
        """Forward."""
        return await self.write(jobs.submit, request, drafts, *more, **named)

    async def claim(self, job: str, standing: tuple[float, float] | None = None) -> Job | None:
        """Forward."""
        return await self.write(jobs.claim, self.now(), job, standing)

    async def release(self, job: str, *, blameless: bool = False, refund: float = 0.0) -> Job | None:
        """Forward."""
        return await self.write(jobs.release, self.now(), job, blameless=blameless, refund=refund)

    async def finish(
        self, job: str, pictures: Sequence[str] = (), *, fact: tuple[str, str] | None = None, **result: Any
    ) -> Job | None:
        """Forward."""
        return await self.write(jobs.finish, self.now(), job, Result(pictures, **result), fact)

    async def fail(self, job: str, failure: str, **more: Any) -> Job | None:
        """Forward."""
        return await self.write(jobs.fail, self.now(), job, failure, **more)

    async def cancel(self, job: str, seconds: float = 0.0) -> Job | None:
        """Forward."""
        return await self.write(jobs.cancel, self.now(), job, seconds)

    async def recover(self) -> list[Job]:
        """Forward."""
        return await self.write(jobs.recover, self.now())

    async def job(self, job: str) -> Job | None:
        """Forward."""
        return await self.read(jobs.get, job)

    async def of_request(self, request: str) -> list[Job]:
        """Forward."""
        return await self.read(jobs.of_request, request)

    async def queued(self) -> list[Job]:
        """Forward."""
        return await self.read(jobs.queued)

    async def unended(self) -> list[Job]:
        """Forward."""
        return await self.read(jobs.unended)

    async def of_owner(self, owner: str, limit: int = 50) -> list[Job]:
        """Forward."""
        return await self.read(jobs.of_owner, owner, limit)

    async def open_of(self, owner: str) -> list[Job]:
        """Forward."""
        return await self.read(jobs.open_of, owner)

    async def usage(self, owner: str, *more: Any, **named: Any) -> Usage:
        """Forward."""
        return await self.read(jobs.usage, owner, *more, **named)

    async def promise(self, request: str, job: Job, kind: str, **more: Any) -> tuple[Delivery, bool]:
        """Forward."""
        return await self.write(deliveries.promise, self.now(), request, job, kind, **more)

    async def pending(self, after: int = 0) -> list[Delivery]:
        """Forward."""
        return await self.read(deliveries.pending, after)

    async def undelivered(self) -> int:
        """Forward."""
        return await self.read(deliveries.count_pending)

    async def delivery(self, delivery: int) -> Delivery | None:
        """Forward."""
        return await self.read(deliveries.get, delivery)

    async def attempted(self, delivery: int) -> bool:
        """Forward."""
        return await self.write(deliveries.attempted, self.now(), delivery)

    async def book(self, delivery: int, message: str) -> bool:
        """Forward."""
        return await self.write(deliveries.book, delivery, message)

    async def give_up(self, delivery: int, why: str) -> bool:
        """Forward."""
        return await self.write(deliveries.give_up, delivery, why)

    async def progress_message(self, job: str, message: str) -> bool:
        """Forward."""
        return await self.write(jobs.progress_message, job, message)

    async def messages(self, job: str) -> tuple[str | None, str | None]:
        """Forward."""
        return await self.read(jobs.messages, job)

    async def preferences(self, owner: str) -> dict[str, str]:
        """Forward."""
        return await self.read(preferences.of, owner)

    async def preferences_of(self, *owners: str) -> list[dict[str, str]]:
        """Forward."""
        return await self.read(preferences.of_each, owners)

    async def prefer(self, owner: str, key: str, value: str | None) -> None:
        """Forward."""
        await self.write(preferences.prefer, owner, key, value)

    async def meta(self, key: str) -> str | None:
        """Forward."""
        return await self.read(meta.get, key)

    async def remember(self, key: str, value: str) -> None:
        """Forward."""
        await self.write(meta.put, key, value)


# ---- on the connections' threads ---------------------------------------------------------------------------


def _snapshot(function: Callable[[sqlite3.Connection], T], db: sqlite3.Connection) -> T:
    db.execute("BEGIN")
    try:
        return function(db)
    finally:
        db.execute("COMMIT")


def _perform(db: sqlite3.Connection, changes: Sequence[_Change]) -> None:
    """Make these changes in one transaction; each has its result or its error afterwards."""
    try:
        db.execute("BEGIN IMMEDIATE")
        for change in changes:
            _attempt(db, change)
        db.execute("COMMIT")
    except BaseException as error:
        if db.in_transaction:
            db.execute("ROLLBACK")
        if len(changes) > 1:  # one of them was too much: each for itself
            for change in changes:
                _perform(db, [change])
        else:
            changes[0].error = error


def _attempt(db: sqlite3.Connection, change: _Change) -> None:
    change.error = None
    db.execute("SAVEPOINT change")
    try:
        change.result = change.function(db)
    except BaseException as error:
        if not db.in_transaction:
            raise  # SQLite itself gave the whole transaction up, as it does on a full disk
        change.error = error
        db.execute("ROLLBACK TO change")
    db.execute("RELEASE change")


def _checkpoint(db: sqlite3.Connection) -> bool:
    return not db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]


# ---- opening -----------------------------------------------------------------------------------------------


def _open(path: Path) -> sqlite3.Connection:
    """Open the file to write, make sure that it is whole, and bring it to the newest schema."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"The folder `{path.parent}` cannot be made: {error.strerror}. Set another `data_dir`."
        ) from error
    try:
        db = sqlite3.connect(path, timeout=5.0, isolation_level=None, factory=TextConnection)
    except sqlite3.Error as error:
        raise _explain(path, error) from error
    try:
        db.row_factory = sqlite3.Row
        db.execute("PRAGMA journal_mode = WAL")
        # FULL: an accepted job survives a power cut, at about 0.1 ms a commit on an SSD
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA foreign_keys = ON")
        # what is deleted is overwritten: /privacy delete promises that nothing is left
        db.execute("PRAGMA secure_delete = ON")
        _check(path, db)
        _migrate(path, db)
    except sqlite3.Error as error:
        db.close()
        raise _explain(path, error) from error
    except ConfigError:
        db.close()
        raise
    return db


def _open_to_read(path: Path) -> sqlite3.Connection:
    """Open a file that is there, changing nothing; somebody else may write to it meanwhile."""
    uri = f"{path.absolute().as_uri()}?mode=ro"
    try:
        db = sqlite3.connect(uri, uri=True, timeout=5.0, isolation_level=None, factory=TextConnection)
    except sqlite3.Error as error:
        raise _explain(path, error) from error
    db.row_factory = sqlite3.Row
    return db


def _check(path: Path, db: sqlite3.Connection) -> None:
    verdict = " ".join(db.execute("PRAGMA quick_check(1)").fetchone()[0].split())
    if verdict != "ok":
        raise _damaged(path, verdict)


def _migrations() -> list[tuple[int, str]]:
    folder = resources.files("engine.store") / "migrations"
    files = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [(int(name[:4]), (folder / name).read_text("utf-8")) for name in files]


def _migrate(path: Path, db: sqlite3.Connection) -> None:
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    steps = _migrations()
    newest = steps[-1][0]
    if version > newest:
        raise ConfigError(
            f"`{path}` was written by a newer Limner (schema {version}, this one knows {newest}). "
            "Upgrade Limner, or restore the backup made before the upgrade."
        )
    for number, script in steps:
        if number > version:
            # executescript opens no transaction of its own
            try:
                db.executescript(f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {number};\nCOMMIT;")
            except sqlite3.Error:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise


def examine(path: Path) -> int:
    """Return how many jobs a database file holds, having checked it and changed nothing. Raises ConfigError.

    A bot may be using it meanwhile.
    """
    try:
        with contextlib.closing(_open_to_read(path)) as db:
            _check(path, db)
            return int(db.execute("SELECT count(*) FROM job").fetchone()[0])
    except sqlite3.Error as error:
        raise _explain(path, error) from None


def peek(path: Path, key: str) -> str | None:
    """Return a fact of a database that a bot may be using, changing nothing. Raises ConfigError."""
    try:
        with contextlib.closing(_open_to_read(path)) as db:
            return meta.get(db, key)
    except sqlite3.Error as error:
        raise _explain(path, error) from None


# ---- what went wrong ---------------------------------------------------------------------------------------


def _damaged(path: Path, verdict: object) -> ConfigError:
    return ConfigError(
        f"`{path}` is damaged ({verdict}). Restore it from a backup, or move it away "
        "to start with an empty one."
    )


def _code(error: BaseException) -> int | None:
    """Return SQLite's primary result code (https://sqlite.org/rescode.html); None: none of SQLite's."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def _explain(path: Path, error: sqlite3.Error) -> ConfigError:
    """Turn SQLite's error into one line that says what to do."""
    match _code(error):
        case sqlite3.SQLITE_FULL:
            return ConfigError(f"The disk that holds `{path}` is full. Free some space, then start again.")
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            return ConfigError(
                f"`{path}` cannot be written. Give this user write access to the folder, "
                "or set another `data_dir`."
            )
        case sqlite3.SQLITE_NOTADB | sqlite3.SQLITE_CORRUPT:
            return _damaged(path, error)
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return ConfigError(f"`{path}` is in use by another program. Stop it, then start again.")
    return ConfigError(f"`{path}` cannot be used: {error}.")


def _apology(path: Path, error: BaseException) -> BaseException:
    """Return our own error for what the disk refused: callers know no SQLite."""
    if not isinstance(error, sqlite3.OperationalError):
        return error
    full = "Our disk is full, so this could not be kept. Please tell the host."
    ours = EngineError(f"{path}: {error}", full if _code(error) == sqlite3.SQLITE_FULL else None)
    ours.__cause__ = error
    return ours
