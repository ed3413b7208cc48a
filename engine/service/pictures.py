"""Files for doors: cells, grids and films of stored jobs, and pictures that people bring; as they leave."""

from __future__ import annotations

import asyncio

from engine import images
from engine.errors import NotFound
from engine.jobs import Job
from engine.library.gallery import Gallery
from engine.service.origin import FileOptions, Origin
from engine.store import jobs as store_jobs
from engine.store import pages as store_pages
from engine.store.connection import Store
from engine.words import Sentence


def chosen(job: Job, cell: int) -> str:
    """Return the SHA-256 of one cell's picture. Raises NotFound."""
    if not job.pictures:
        raise NotFound(Sentence("This job has no pictures (yet). `/info` tells how it stands."))
    if not 0 <= cell < len(job.pictures):
        raise NotFound(
            Sentence(
                "This job has {pictures} pictures, and no number {cell}.",
                pictures=len(job.pictures),
                cell=cell + 1,
            )
        )
    return job.pictures[cell]


def found(job: Job | None) -> Job:
    """Return a job that was looked up. Raises NotFound where there is none."""
    if job is None:
        raise NotFound(
            Sentence("There is no such job here; it may have been deleted, or belong to another bot.")
        )
    return job


class Pictures:
    """Stored jobs and their pictures, as files to show."""

    def __init__(self, store: Store, gallery: Gallery, origin: Origin) -> None:
        self._store = store
        self.gallery = gallery
        self.origin = origin

    async def job(self, job_id: str) -> Job:
        """Return the job. Raises NotFound."""
        return found(await self._store.read(store_jobs.get, job_id))

    async def page(
        self,
        owner: str,
        limit: int,
        at: str | None = None,
        *,
        newer: bool = False,
        pictures: bool = False,
    ) -> tuple[list[Job], bool]:
        """Return a page of a person's jobs, newest first, and whether there are more on its far side.

        ``at``: the job that this page follows, or (``newer``) goes before; ``pictures``: only jobs that have
        some. Raises NotFound.
        """
        if at is not None and (await self.job(at)).owner != owner:
            raise NotFound(Sentence("There is no such job here."))
        jobs = await self._store.read(store_pages.page, owner, limit + 1, at, newer=newer, pictures=pictures)
        page = jobs[:limit]
        return page[::-1] if newer else page, len(jobs) > limit

    async def thumbnail(self, job_id: str, cell: int, side: int) -> bytes:
        """Return one cell made small, its longer side ``side`` pixels (WebP, marked). Raises NotFound."""
        job = await self.job(job_id)
        return await self.origin.thumbnail(job, chosen(job, cell), side)

    async def cell(self, job_id: str, cell: int = 0) -> str:
        """Return the SHA-256 of one cell's stored PNG. Raises NotFound."""
        return chosen(await self.job(job_id), cell)

    async def originals(self, job_id: str) -> list[bytes]:
        """Return the stored PNG of every cell, unmarked: for what is made of it, never to show."""
        job = await self.job(job_id)
        return list(await asyncio.gather(*(self.gallery.load(sha256) for sha256 in job.pictures)))

    async def cells(self, job_id: str) -> list[bytes]:
        """Return the PNG of every cell as it leaves: marked, with its recipe and signature."""
        job = await self.job(job_id)
        return [
            (await self.origin.picture(job, [sha256], cell, FileOptions())).data
            for cell, sha256 in enumerate(job.pictures)
        ]

    async def file(
        self, job: Job | str, cell: int | None = None, wanted: FileOptions = FileOptions()
    ) -> images.File:
        """Return one cell, or all in one picture (None), as a file that leaves, with recipe and signature.

        ``job``: as it stands, or its id, to be looked up.
        """
        job = job if isinstance(job, Job) else await self.job(job)
        cells = [chosen(job, cell or 0)] if cell is not None or not job.pictures else job.pictures
        return await self.origin.picture(job, cells, cell, wanted)

    async def full(self, job_id: str, cell: int | None, limit: int) -> list[images.File]:
        """Return one cell, or every one, as files of at most ``limit`` bytes that lose nothing, in order."""
        job = await self.job(job_id)
        cells = [cell] if cell is not None else range(len(job.pictures))
        each = [await self.origin.strips(job, chosen(job, one), one, limit) for one in cells]
        return [file for files in each for file in files]

    async def shown(self, sha256: str, limit: int | None = None) -> images.File:
        """Return a kept picture as a file of at most ``limit`` bytes; one made here leaves as such."""
        return await self.origin.stored(sha256, limit)

    async def film(self, job: Job | str) -> bytes:
        """Return a job's looping film (animated WebP) as it leaves. Raises NotFound where it has none."""
        job = job if isinstance(job, Job) else await self.job(job)
        if job.film is None:
            raise NotFound(Sentence("This job has no film. Add `--video` to a prompt to get one."))
        return await self.origin.film(job, job.film)

    async def size(self, sha256: str) -> tuple[int, int]:
        """Return width and height of a kept picture in pixels."""
        data = await self.gallery.load(sha256)
        return await asyncio.to_thread(lambda: images.opened(data).size)
