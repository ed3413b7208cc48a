"""Copies of the data folder: made while the bot runs, verified, and put back; refuses to know what is in it.

A backup is a folder like the data folder: ``limner.db``, ``pictures/``, and ``provenance/``, without which
a host no longer knows its own pictures (so whoever holds a backup can sign as this host). The database is
copied first, by SQLite's own online backup, then every picture that is not there yet: what the copy names is
then in it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.errors import ConfigError
from engine.library.gallery import Gallery
from engine.library.lock import locked
from engine.store.database import examine
from engine.store.retention import GalleryFile

DATABASE, PICTURES, LOCK = "limner.db", "pictures", "limner.lock"
IDENTITY = "provenance"
PAGES = 256
"""Pages of the database copied at a time: a bot that writes meanwhile waits for a millisecond."""


@dataclass(frozen=True, slots=True)
class BackupSummary:
    """What a backup holds, or what was put back. ``missing``: named in the database, and not there."""

    jobs: int
    files: int
    copied: int
    missing: int


def backup(data: Path, destination: Path) -> BackupSummary:
    """Copy a data folder; files that an earlier backup to the same place holds are not copied again.

    Raises ConfigError.
    """
    source = data / DATABASE
    if not source.exists():
        raise ConfigError(f"There is nothing to back up: `{source}` does not exist.")
    if destination.resolve() == data.resolve():
        raise ConfigError("A backup cannot stand in the data folder itself. Name another place.")
    with _explained(destination):
        destination.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _replaced(destination / DATABASE) as fresh:
            _copy_database(source, fresh)
            jobs = examine(fresh)
        files = named(destination / DATABASE)
        copied, missing = _copy_files(files, data / PICTURES, destination / PICTURES)
        _copy_identity(data / IDENTITY, destination / IDENTITY)
    return BackupSummary(jobs, len(files), copied, missing)


def restore(source: Path, data: Path, *, force: bool = False) -> BackupSummary:
    """Put a backup into the data folder of a bot that does not run. Raises ConfigError.

    Everything is verified first. A data folder that is in use already is only replaced with ``force``; its
    database is then kept beside the new one, as ``limner.db.before``.
    """
    if not (source / DATABASE).exists():
        raise ConfigError(f"`{source}` is no backup: there is no `{DATABASE}` in it.")
    jobs = examine(source / DATABASE)
    files = named(source / DATABASE)
    damaged = [one for one in files if not _sound(Gallery(source / PICTURES).path(*one), one.sha256)]
    present = [one for one in damaged if Gallery(source / PICTURES).path(*one).exists()]
    if present:
        raise ConfigError(
            f"`{Gallery(source / PICTURES).path(*present[0])}` is damaged, and {len(present) - 1} more. "
            "Take an older backup, or delete these files from it to do without them."
        )
    with _explained(data):
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(data / LOCK):
            target = data / DATABASE
            if target.exists() and not force:
                raise ConfigError(
                    f"`{data}` holds a database already. `--force` replaces it, and keeps it as "
                    f"`{DATABASE}.before`."
                )
            copied, missing = _copy_files(files, source / PICTURES, data / PICTURES)
            _copy_identity(source / IDENTITY, data / IDENTITY)
            with _replaced(target) as fresh:
                shutil.copyfile(source / DATABASE, fresh)
                _sync(fresh)  # before the old one goes; the end of `_replaced` is after that
                for ending in ("", "-wal", "-shm"):  # a log of the old one must not be applied to the new one
                    old = data / f"{DATABASE}{ending}"
                    if old.exists():
                        old.replace(data / f"{DATABASE}.before{ending}")
    return BackupSummary(jobs, len(files), copied, missing)


def named(database: Path) -> list[GalleryFile]:
    """Return every file that a database names."""
    with contextlib.closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as db:
        tables = {row[0] for row in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        statements = [
            "SELECT sha256, '.png' FROM picture",
            "SELECT film, '.webp' FROM job WHERE film IS NOT NULL",
            "SELECT json_extract(one.value, '$.sha256'), '.png'"
            " FROM job, json_each(job.spec, '$.inputs') AS one",
        ]
        for table, column in (("mask", "picture"), ("upload", "sha256")):
            if table in tables:
                statements.append(f"SELECT {column}, '.png' FROM {table}")
        return sorted({GalleryFile(*row) for one in statements for row in db.execute(one)})


def _copy_database(source: Path, target: Path) -> None:
    # opened as the bot opens it: a log that a crash left behind is read too
    with (
        contextlib.closing(sqlite3.connect(source, timeout=30.0)) as old,
        contextlib.closing(sqlite3.connect(target)) as new,
    ):
        old.backup(new, pages=PAGES, sleep=0.001)
        new.execute("PRAGMA journal_mode = DELETE")  # one file, whole by itself


def _copy_identity(source: Path, target: Path) -> None:
    """Copy key and certificates, with their rights; a backup from before there were any has none."""
    for file in sorted(source.glob("*")) if source.is_dir() else ():
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _replaced(target / file.name) as fresh:
            shutil.copy2(file, fresh)


def _copy_files(files: list[GalleryFile], source: Path, target: Path) -> tuple[int, int]:
    """Copy what is not there yet; return how many were, and how many the source does not have."""
    old, new = Gallery(source), Gallery(target)
    copied = missing = 0
    for one in files:
        there = new.path(*one)
        if there.exists() and there.stat().st_size:
            continue
        try:
            data = old.path(*one).read_bytes()
        except FileNotFoundError:
            missing += 1  # deleted since the database was copied, or long ago
            continue
        there.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _replaced(there) as fresh:
            fresh.write_bytes(data)
        copied += 1
    return copied, missing


def _sound(path: Path, sha256: str) -> bool:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == sha256
    except OSError:
        return False


@contextlib.contextmanager
def _replaced(target: Path) -> Iterator[Path]:
    """Yield the name of a file beside this one, which takes its place once it is written."""
    fresh = target.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        yield fresh
        _sync(fresh)
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


@contextlib.contextmanager
def _explained(place: Path) -> Iterator[None]:
    """Turn what the disk or SQLite refuses into one line."""
    try:
        yield
    except OSError as error:
        where = f" (at `{error.filename}`)" if error.filename and str(error.filename) != str(place) else ""
        raise ConfigError(
            f"`{place}` cannot be used: {error.strerror or error}{where}. Name a folder that this account "
            "can write to, with room on its disk."
        ) from error
    except sqlite3.Error as error:
        raise ConfigError(f"The database cannot be copied: {error}.") from error
