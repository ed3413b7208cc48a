"""What is kept, for how long, and how somebody gets all of theirs or has it deleted; knows no Discord."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import logging
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

from engine import images
from engine.config import RetentionConfig
from engine.errors import NotFound
from engine.library.clock import CertainClock, Clock
from engine.library.gallery import Gallery
from engine.store import retention as store_retention
from engine.store.connection import Store
from engine.store.retention import GalleryFile

log = logging.getLogger("limner.keeping")

STEP = 50
"""Jobs deleted in one change: a few milliseconds, so that nobody waits for it."""
REST = 0.2
"""Seconds between two steps."""
EVERY = 3600.0
"""Seconds between two rounds."""
FIRST = 60.0
"""Seconds after the start before the first."""
ORPHANED = 86400.0
"""Age in seconds at which a file that nothing names is deleted: what a crash or a refused request left."""
DAY = 86400.0
CHUNK = 2 * 1024 * 1024
"""Characters of JSON in one file of an export."""


class Retention:
    """Deletes what nobody kept, and what somebody wants deleted; hands out what is known of somebody."""

    def __init__(
        self, store: Store, gallery: Gallery, clock: CertainClock, kept: Clock | None = None
    ) -> None:
        """``kept``: the store's own clock, where it can be told the time."""
        self._store = store
        self._gallery = gallery
        self.clock = clock
        self._kept = kept

    @classmethod
    async def of(cls, store: Store, gallery: Gallery, clock: Clock | None = None) -> Retention:
        """Return the retention of a store that was just opened: nothing may have been written to it yet.

        ``clock``: the store's, where it is told of the newest row.
        """
        newest = await store.read(store_retention.newest)
        if clock is not None:
            clock.begins_at(newest)
        machine = store.now if clock is None else clock.machine  # the earlier of both: each may be wrong
        return cls(store, gallery, CertainClock(machine, newest), clock)

    def told(self, at: float, *, late: bool = False) -> None:
        """Take the time, in Unix seconds, from somebody who knows it: everything goes by it from here on.

        ``late``: it may be minutes old, so that it says no more than that it is not earlier.
        """
        if late and self._kept is not None:
            self._kept.told_late(at)
        if late or self._kept is None or self._kept.told(at):
            self.clock.told(at)

    # ---- retention -----------------------------------------------------------------------------------------

    async def run(self, config: Callable[[], RetentionConfig]) -> None:
        """Tidy up every hour until cancelled, in small steps; a fault of ours is logged."""
        await asyncio.sleep(FIRST)
        while True:
            try:
                await self.tidy(config())
            except Exception:
                log.exception("what is too old could not be deleted; tried again in %.0f s", EVERY)
            await asyncio.sleep(EVERY)

    async def tidy(self, config: RetentionConfig, rest: float = REST) -> int:
        """Delete what is for certain older than the host keeps and nobody kept; return how many jobs went."""
        now, gone = self.clock.now(), 0
        if config.days:
            before, after = now - config.days * DAY, (0.0, "")
            while found := await self._store.read(store_retention.old, before, after, STEP):
                files = await self._store.write(store_retention.drop, [job for _, job in found])
                await self._gallery.discard(files)
                after, gone = found[-1], gone + len(found)
                await asyncio.sleep(rest)
        await self._store.write(store_retention.prune, now)
        for folder in await self._gallery.folders():
            files = [GalleryFile(*one) for one in await self._gallery.files(folder, now - ORPHANED)]
            if files:
                await self._gallery.discard(await self._store.read(store_retention.unneeded, files))
                await asyncio.sleep(rest)
        if gone:
            log.info("%d jobs older than %d days were deleted", gone, config.days)
        return gone

    # ---- somebody's own ------------------------------------------------------------------------------------

    async def forget(self, owner: str, mark: str) -> int:
        """Delete everything about a person whose jobs are all over; return how many files went."""
        files = await self._store.write(store_retention.forget, owner, mark)
        await self._gallery.discard(files)
        for _ in range(20):
            if await self._store.checkpoint():
                break
            await asyncio.sleep(0.1)
        return len(files)

    async def export(
        self,
        owner: str,
        limit: int,
        picture: Callable[[str, int | None], Awaitable[images.File]],
        film: Callable[[str], Awaitable[bytes]],
    ) -> AsyncIterator[bytes]:
        """Yield everything about a person as ZIP files of at most ``limit`` bytes.

        ``picture`` (by SHA-256, within so many bytes) and ``film`` (by job) return files as they leave.

        ``data-1.json`` …: every row; ``pictures/``, ``films/`` and ``inputs/``: the files. A picture that is
        larger than the limit comes as a WebP.
        """
        rows = await self._store.read(store_retention.everything, owner)
        packer = _Packer(limit)
        for number, text in enumerate(_chunks(owner, rows), start=1):
            for part in packer.add(f"data-{number}.json", text.encode(), zipfile.ZIP_DEFLATED):
                yield part
        pictures = rows["picture"]
        inputs = sorted({row["sha256"] for row in (*rows["input"], *rows["upload"])})
        wanted = [(f"pictures/{row['job']}-{row['cell'] + 1}", row["sha256"]) for row in pictures]
        wanted += [(f"inputs/{sha256}", sha256) for sha256 in inputs]
        for name, sha256 in wanted:
            with contextlib.suppress(NotFound):
                file = await picture(sha256, None)
                if len(file.data) > packer.room:
                    file = await picture(sha256, packer.room)
                for part in packer.add(f"{name}.{file.extension}", file.data, zipfile.ZIP_STORED):
                    yield part
        for job in (row["id"] for row in rows["job"] if row["film"]):
            with contextlib.suppress(NotFound):
                for part in packer.add(f"films/{job}.webp", await film(job), zipfile.ZIP_STORED):
                    yield part
        if last := packer.take():
            yield last


def _chunks(owner: str, rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[str]:
    """Return the rows as JSON objects, ``{table: [row, …]}``, each of about CHUNK characters at most."""
    found: list[str] = []
    held: dict[str, list[Mapping[str, Any]]] = {}
    size = 0
    for table, lines in rows.items():
        held.setdefault(table, [])
        for line in lines:
            size += len(json.dumps(line, ensure_ascii=False))
            if size > CHUNK:
                found.append(json.dumps({"person": owner, **held}, ensure_ascii=False, indent=1))
                held, size = {table: []}, 0
            held[table].append(line)
    return [*found, json.dumps({"person": owner, **held}, ensure_ascii=False, indent=1)]


class _Packer:
    """Fills ZIP files up to a size."""

    ENTRY = 512  # bytes a file's name takes in a ZIP, twice, and more

    def __init__(self, limit: int) -> None:
        self.room = limit - 4 * self.ENTRY
        self._begin()

    def _begin(self) -> None:
        self._size = 0
        self._buffer = io.BytesIO()
        self._zip = zipfile.ZipFile(self._buffer, "w")

    def add(self, name: str, data: bytes, how: int) -> list[bytes]:
        """Add a file; return the ZIP that was full before it, if one was."""
        full = []
        if self._size and self._size + len(data) + self.ENTRY > self.room:
            full = [self.take()]
        self._zip.writestr(name, data, how)
        self._size += len(data) + self.ENTRY
        return full

    def take(self) -> bytes:
        """Return what is packed so far, and begin anew."""
        if not self._size:
            return b""
        self._zip.close()
        data = self._buffer.getvalue()
        self._begin()
        return data
