"""The database file: opened, checked, brought to the newest schema; what SQLite refuses, in plain words."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from engine.errors import ConfigError
from engine.store.texts import TextConnection

P = ParamSpec("P")
T = TypeVar("T")


def open_to_write(path: Path) -> sqlite3.Connection:
    """Open the file to write, make sure that it is whole, and bring it to the newest schema."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"The folder `{path.parent}` cannot be made: {error.strerror}. Set another `data_dir`."
        ) from error
    db = _connected(path, str(path))
    try:
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
        raise explain(path, error) from error
    except ConfigError:
        db.close()
        raise
    return db


def open_to_read(path: Path) -> sqlite3.Connection:
    """Open a file that is there, changing nothing; somebody else may write to it meanwhile."""
    return _connected(path, f"{path.absolute().as_uri()}?mode=ro", uri=True)


def _connected(path: Path, name: str, *, uri: bool = False) -> sqlite3.Connection:
    try:
        db = sqlite3.connect(name, uri=uri, timeout=5.0, isolation_level=None, factory=TextConnection)
    except sqlite3.Error as error:
        raise explain(path, error) from error
    db.row_factory = sqlite3.Row
    return db


def _check(path: Path, db: sqlite3.Connection) -> None:
    verdict = " ".join(db.execute("PRAGMA quick_check(1)").fetchone()[0].split())
    if verdict != "ok":
        raise _damaged(path, verdict)


def migrations() -> list[tuple[int, str]]:
    """Return the numbered scripts in order. None is ever edited once released."""
    folder = resources.files("engine.store") / "migrations"
    files = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [(int(name[:4]), (folder / name).read_text("utf-8")) for name in files]


def _migrate(path: Path, db: sqlite3.Connection) -> None:
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    steps = migrations()
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

    def look(db: sqlite3.Connection) -> int:
        _check(path, db)
        return int(db.execute("SELECT count(*) FROM job").fetchone()[0])

    return peek(path, look)


def peek(
    path: Path, look: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Return what ``look`` finds in a database that a bot may be using. Raises ConfigError."""
    try:
        with contextlib.closing(open_to_read(path)) as db:
            return look(db, *args, **kwargs)
    except sqlite3.Error as error:
        raise explain(path, error) from None


def _damaged(path: Path, verdict: object) -> ConfigError:
    return ConfigError(
        f"`{path}` is damaged ({verdict}). Restore it from a backup, or move it away "
        "to start with an empty one."
    )


def result_code(error: BaseException) -> int | None:
    """Return SQLite's primary result code (https://sqlite.org/rescode.html); None: none of SQLite's."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def explain(path: Path, error: sqlite3.Error) -> ConfigError:
    """Turn SQLite's error into one line that says what to do."""
    match result_code(error):
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
