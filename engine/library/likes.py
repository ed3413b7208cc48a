"""What people like: pictures marked with a heart, by button or by reaction. Knows no Discord."""

from __future__ import annotations

from engine.errors import NotFound
from engine.library.gallery import Gallery
from engine.planning.references import LIKED_MOST
from engine.store import jobs as store_jobs
from engine.store import likes as store_likes
from engine.store.connection import Store
from engine.words import Sentence


class Likes:
    """Marks and unmarks pictures, and tells which."""

    def __init__(self, store: Store, gallery: Gallery) -> None:
        self._store = store
        self._gallery = gallery

    async def newest(self, owner: str) -> list[str]:
        """Return the newest pictures (SHA-256) that a person marked and that are kept, at most LIKED_MOST."""
        found: list[str] = []
        for one in await self._store.read(store_likes.newest, owner):
            if len(found) == LIKED_MOST:
                break
            if await self._gallery.find(one):
                found.append(one)
        return found

    async def turn(self, owner: str, job: str, cell: int | None) -> tuple[bool, int]:
        """Mark one cell (None: all) of a job, or unmark it; return whether it is marked, and how many are.

        Raises NotFound where there is no such picture.
        """
        marked = await self._mark(owner, job, cell, None)
        return marked, await self._store.read(store_likes.count, owner)

    async def react(self, owner: str, message: str, *, on: bool) -> bool:
        """Mark or unmark what a message shows; False: it shows no result of ours."""
        shown = await self._store.read(store_likes.shown, message)
        if shown is None:
            return False
        await self._mark(owner, *shown, on)
        return True

    async def _mark(self, owner: str, job_id: str, cell: int | None, on: bool | None) -> bool:
        job = await self._store.read(store_jobs.get, job_id)
        if job is None or not job.pictures or (cell is not None and cell >= len(job.pictures)):
            raise NotFound(Sentence("This picture is no longer kept."))
        cells = [(number, one) for number, one in enumerate(job.pictures) if cell is None or number == cell]
        return await self._store.write(store_likes.mark, owner, job_id, cells, self._store.now(), on)
