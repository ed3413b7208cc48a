"""Files for doors: cells, grids and films of stored jobs, and pictures that people bring."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from engine import images
from engine.errors import NotFound
from engine.jobs import Job
from engine.library.gallery import Gallery, recipe
from engine.store import jobs as store_jobs
from engine.store.connection import Store


def chosen(job: Job, cell: int) -> str:
    """Return the SHA-256 of one cell's picture. Raises NotFound."""
    if not job.pictures:
        raise NotFound("This job has no pictures (yet). `/info` tells how it stands.")
    if not 0 <= cell < len(job.pictures):
        raise NotFound(f"This job has {len(job.pictures)} pictures, and no number {cell + 1}.")
    return job.pictures[cell]


class Pictures:
    """Stored jobs and their pictures, as files to show."""

    def __init__(self, store: Store, gallery: Gallery) -> None:
        self._store = store
        self.gallery = gallery

    async def job(self, job_id: str) -> Job:
        """Return the job. Raises NotFound."""
        job = await self._store.read(store_jobs.get, job_id)
        if job is None:
            raise NotFound("There is no such job here; it may have been deleted, or belong to another bot.")
        return job

    async def cell(self, job_id: str, cell: int = 0) -> str:
        """Return the SHA-256 of one cell's stored PNG. Raises NotFound."""
        return chosen(await self.job(job_id), cell)

    async def cells(self, job_id: str) -> list[bytes]:
        """Return the PNG of every cell, with its recipe inside."""
        job = await self.job(job_id)
        return list(await asyncio.gather(*(self.gallery.load(sha256) for sha256 in job.pictures)))

    async def file(
        self, job_id: str, cell: int | None = None, *, limit: int | None = None, least: int = 0
    ) -> images.File:
        """Return one cell, or all in one picture (None), as a file of at most ``limit`` bytes.

        PNG with the recipe inside, for one cell the stored file itself; WebP where a PNG is too large. A
        picture whose longer side is below ``least`` pixels is enlarged for showing.
        """
        job = await self.job(job_id)
        wanted = [chosen(job, cell or 0)] if cell is not None or not job.pictures else job.pictures

        def made() -> images.File:
            return _as_file([self.gallery.read(one) for one in wanted], job, cell or 0, limit, least)

        return await asyncio.to_thread(made)

    async def shown(self, sha256: str, limit: int | None = None) -> images.File:
        """Return a kept picture as a file of at most ``limit`` bytes, for showing."""
        data = await self.gallery.load(sha256)
        return await asyncio.to_thread(_fitting, data, limit)

    async def film(self, job_id: str) -> bytes:
        """Return the looping film of a job (animated WebP). Raises NotFound where it has none."""
        job = await self.job(job_id)
        if job.film is None:
            raise NotFound("This job has no film. Add `--video` to a prompt to get one.")
        return await self.gallery.load(job.film, ".webp")

    async def size(self, sha256: str) -> tuple[int, int]:
        """Return width and height of a kept picture in pixels."""
        data = await self.gallery.load(sha256)
        return await asyncio.to_thread(lambda: images.opened(data).size)


def _fitting(png: bytes, limit: int | None) -> images.File:
    picture = images.opened(png)
    if limit is None or len(png) <= limit:
        return images.File(png, "png", *picture.size)
    return images.fit(picture, limit)


def _as_file(data: Sequence[bytes], job: Job, cell: int, limit: int | None, least: int) -> images.File:
    """Put cells together as one file with the recipe inside."""
    cells = [images.opened(one) for one in data]
    sheet = images.grid(cells)
    shown = images.enlarge(sheet, least) if least else sheet
    if shown is sheet and len(data) == 1 and (limit is None or len(data[0]) <= limit):
        return images.File(data[0], "png", *sheet.size)
    texts = recipe(job, cell)
    room = (
        None
        if limit is None
        else limit - sum(len(key) + len(text.encode()) + 32 for key, text in texts.items())
    )
    file = images.fit(shown, room)
    if file.extension != "png":
        return file
    return images.File(images.with_texts(file.data, texts), "png", file.width, file.height)
