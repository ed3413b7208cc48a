"""What was drawn, page by page: a person's own, what they marked, what a server likes. Knows no Discord."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass

from engine.errors import NotFound
from engine.jobs import Job
from engine.rules.people import Requester
from engine.service.pictures import Pictures
from engine.service.screening import Screening
from engine.store import browse as store_browse
from engine.store import preferences as store_preferences
from engine.store.browse import Search
from engine.store.connection import Store
from engine.words import Sentence

PAGE = 6
"""Entries of a page."""
HISTORY, FAVORITES, GALLERY = "history", "favorites", "gallery"
TOO_OLD = Sentence("That list is too old. Send the command again.")


@dataclass(frozen=True, slots=True)
class ListEntry:
    """One entry: a job, one of its pictures (``cell`` from 0) or, None, all of them; how many marked it."""

    job: Job
    cell: int | None
    hearts: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list. ``number`` counts from 0, ``total`` all entries; ``cover``: pictures are covered."""

    entries: Sequence[ListEntry]
    number: int
    total: int
    cover: bool = False

    @property
    def last(self) -> int:
        """The number of the last page."""
        return max(0, (self.total - 1) // PAGE)


class Browse:
    """Lists of what was drawn. What is hidden or removed stands in none."""

    def __init__(self, store: Store, files: Pictures, screening: Screening) -> None:
        self._store = store
        self._files = files
        self._screening = screening

    async def keep(self, owner: str, which: str, key: str, search: Search) -> None:
        """Keep what a person looks for in a list, under a key that its pages name."""
        kept = json.dumps({"key": key, **asdict(search)})
        await self._store.write(store_preferences.prefer, owner, _kept(which), kept)

    async def search(self, owner: str, which: str, key: str) -> Search:
        """Return what a person looks for in a list; without a key, everything. Raises NotFound."""
        if not key:
            return Search()
        preferences = await self._store.read(store_preferences.of, owner)
        kept = json.loads(preferences.get(_kept(which), "{}"))
        if kept.pop("key", None) != key:
            raise NotFound(TOO_OLD)
        return Search(**kept)

    async def places(self, guild: str) -> list[str]:
        """Return every address in a server where a picture was posted that somebody marked."""
        return await self._store.read(store_browse.admired_at, guild)

    async def page(
        self, who: Requester, which: str, search: Search, number: int, public: Collection[str] = ()
    ) -> Page:
        """Return a page of a list, the last one where there are not so many.

        ``public``: the addresses that everybody may see, for what a server likes. Adult content stands in no
        list where it is refused, and in a server's only where it is not covered.
        """
        adult = self._screening.adult(who)
        rated = adult == "allow" or (adult == "spoiler" and which != GALLERY)
        looked = Search(**{**asdict(search), "rated": rated})
        rows, total = await self._rows(who.owner, which, looked, number, public)
        if not rows and total:
            number = (total - 1) // PAGE
            rows, total = await self._rows(who.owner, which, looked, number, public)
        entries = []
        for job_id, cell, hearts in rows:
            job = await self._files.job(job_id)
            entries.append(ListEntry(job, 0 if cell is None and len(job.pictures) == 1 else cell, hearts))
        return Page(entries, number, total, cover=adult == "spoiler")

    async def _rows(
        self, owner: str, which: str, search: Search, number: int, public: Collection[str]
    ) -> tuple[list[store_browse.Row], int]:
        limits = PAGE, number * PAGE
        if which == GALLERY:
            return await self._store.read(store_browse.admired, list(public), search, *limits)
        look = store_browse.drawn if which == HISTORY else store_browse.liked
        return await self._store.read(look, owner, search, *limits)


def _kept(which: str) -> str:
    """Return under which name a person's newest search of a list is kept among their preferences."""
    return f"browse:{which}"
