"""The store: runs plain functions of a connection, on threads that are aiosqlite's.

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
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import aiosqlite

from engine.errors import EngineError
from engine.store.database import open_to_read, open_to_write, result_code
from engine.words import Sentence

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

    def start(self, function: Callable[[sqlite3.Connection], None]) -> None:
        """As ``run``, for a function that answers by itself: nobody is woken for its end."""
        self._tx.put_nowait((None, partial(function, self._conn)))


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
        self._loop = asyncio.get_running_loop()
        self._changes: deque[_Change] = deque()  # asked for and not begun

    @classmethod
    @asynccontextmanager
    async def open(cls, path: Path, *, clock: Callable[[], float] = time.time) -> AsyncIterator[Store]:
        """Open, check and migrate the file. Raises ConfigError with one clear line when that cannot be."""
        async with AsyncExitStack() as stack:
            writer = await stack.enter_async_context(_Connection(partial(open_to_write, path)))
            # closed before the writer: the last to close empties the write-ahead log, which only it can
            readers = [
                await stack.enter_async_context(_Connection(partial(open_to_read, path)))
                for _ in range(READERS)
            ]
            yield cls(path, clock, writer, readers)
            # closing comes after whatever was asked for: it is kept, whoever still waits for it

    def now(self) -> float:
        """Return the store's time, in Unix seconds."""
        return self._clock()

    async def read(
        self, function: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a plain function that only reads; all it sees is of one moment."""
        reader = min(self._readers, key=lambda connection: connection.busy)
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
        change = _Change(lambda db: function(db, *args, **kwargs), self._loop.create_future())
        self._changes.append(change)
        if len(self._changes) == 1:  # append, then look: whoever still has others to begin will find this one
            self._writer.start(self._commit)
        result: T = await change.future
        return result

    async def checkpoint(self) -> bool:
        """Empty the write-ahead log, so that what was deleted is in no file; False: not now."""
        return await self._writer.run(_checkpoint)

    def _commit(self, db: sqlite3.Connection) -> None:
        """Make the changes asked for by now, and those that come meanwhile. On the writer's thread."""
        while self._changes:
            changes = [self._changes.popleft() for _ in range(min(AT_ONCE, len(self._changes)))]
            try:
                _perform(db, changes)
            except BaseException as error:  # the connection was closed before them
                for change in changes:
                    change.error = error
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
                # one wake-up for all, since each costs a system call and the interpreter's lock
                self._loop.call_soon_threadsafe(self._settle, changes)

    def _settle(self, changes: Sequence[_Change]) -> None:
        for change in changes:
            if change.future.done():  # its caller went away
                continue
            if change.error is None:
                change.future.set_result(change.result)
            else:
                change.future.set_exception(_apology(self.path, change.error))


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


def _apology(path: Path, error: BaseException) -> BaseException:
    """Return our own error for what the disk refused: callers know no SQLite."""
    if not isinstance(error, sqlite3.OperationalError):
        return error
    full = Sentence("Our disk is full, so this could not be kept. Please tell the host.")
    ours = EngineError(f"{path}: {error}", full if result_code(error) == sqlite3.SQLITE_FULL else None)
    ours.__cause__ = error
    ours.telling_host(f"The database could not be written ({path}: {error}). Free some space on its disk.")
    return ours
