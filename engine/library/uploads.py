"""Pictures that people bring: fetched, cleaned and kept under the name their content has; draws nothing."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from PIL import ImageChops

from engine import images
from engine.config import LinksConfig
from engine.errors import NotFound
from engine.intake import Clean, Decoder
from engine.jobs import Job
from engine.library.gallery import Gallery
from engine.planning.references import CODE, KEPT
from engine.provenance.values import Verdict
from engine.store import jobs as store_jobs
from engine.store import uploads as store_uploads
from engine.store.connection import Store
from engine.words import Sentence

if TYPE_CHECKING:
    from engine.intake.fetch import Fetcher


@dataclass(frozen=True, slots=True)
class StoredImage:
    """A picture that was brought and is kept.

    ``sha256`` names its clean PNG in the gallery. ``job`` and ``cell`` (from 0): it is one of ours, just
    as it left. ``mask`` names what its alpha channel says (grey, black where it was transparent), if any.
    ``original`` is the size it came in, in pixels; very large pictures are kept smaller.
    """

    sha256: str
    width: int
    height: int
    original: tuple[int, int]
    mask: str | None = None
    job: str | None = None
    cell: int | None = None


NAMED_LEAST = 8
"""Characters that a picture's name must at least begin with, as the gallery has it."""


@dataclass(eq=False)
class Uploads:
    """Takes pictures in. ``stand_in`` is the one loopback origin that links may lead to (the demo's).

    ``root`` returns the certificates that our own signatures are told by.
    """

    config: LinksConfig
    store: Store
    gallery: Gallery
    stand_in: str
    root: Callable[[], Awaitable[str | None]]
    _decoder: Decoder = field(default_factory=Decoder, init=False)
    _fetcher: Fetcher | None = field(default=None, init=False)

    async def link(self, url: str, *, attached: bool = False) -> StoredImage:
        """Fetch a picture and take it in. Raises UserError with a sentence.

        ``attached``: the link comes with an attachment and is no person's, so ``links.hosts`` is not asked.
        """
        return await self.take(await self.fetch(url, attached=attached))

    async def fetch(self, url: str, *, attached: bool = False) -> bytes:
        """Return the file behind a link, as it is. Raises UserError with a sentence."""
        if self._fetcher is None:
            from engine.intake.fetch import Fetcher  # brings aiohttp, which the command line seldom needs

            self._fetcher = Fetcher(stand_in=self.stand_in)
        return await self._fetcher.fetch(url, () if attached else self.config.hosts)

    async def bring(self, names: Iterable[str]) -> dict[str, str]:
        """Return the SHA-256 of the picture behind each name (``planning.references``), fetched if need be.

        Raises UserError with a sentence for the first that cannot be had.
        """
        wanted = list(dict.fromkeys(names))
        tasks = [asyncio.create_task(self._brought(name)) for name in wanted]
        try:
            return dict(zip(wanted, await asyncio.gather(*tasks), strict=True))
        finally:
            for task in tasks:
                task.cancel()

    async def _brought(self, name: str) -> str:
        if name.startswith(CODE):
            return await self.gallery.keep(await asyncio.to_thread(_swatch, name.removeprefix(CODE)))
        if name.startswith(KEPT):
            found = await self.gallery.find(name.removeprefix(KEPT))
            if found is None:
                raise NotFound(
                    Sentence("`{name}` is no longer kept here. Attach the picture again.", name=name)
                )
            return found
        return (await self.link(name)).sha256

    async def take(self, data: bytes) -> StoredImage:
        """Clean a file's bytes and keep the picture. Raises UserError with a sentence."""
        clean = await self._decoder.clean(data)
        if known := await self._known(data, clean):
            job, cell = known
            return StoredImage(
                job.pictures[cell], clean.width, clean.height, clean.original, job=job.id, cell=cell
            )
        sha256, mask = await asyncio.gather(self.gallery.keep(clean.png), self._keep(clean.mask))
        return StoredImage(sha256, clean.width, clean.height, clean.original, mask)

    async def keep(self, owner: str, data: bytes) -> tuple[StoredImage, str | None]:
        """Take a picture in that only ``owner`` can name later; with it, what is clear in it as a mask.

        The mask (its SHA-256, white where it was transparent) is None where nothing was. Raises UserError.
        """
        kept = await self.take(data)
        mask = None if kept.mask is None else await self.mask(kept.mask, inverted=True)
        for sha256 in (kept.sha256, mask):
            if sha256 is not None:
                await self.store.write(store_uploads.keep, self.store.now(), owner, sha256)
        return kept, mask

    async def own(self, owner: str, name: str) -> str:
        """Return the SHA-256 of the picture of somebody's own that is called so. Raises NotFound."""
        beginning = name.removeprefix(KEPT)
        found = None
        if len(beginning) >= NAMED_LEAST and set(beginning) <= set("0123456789abcdef"):
            found = await self.store.read(store_uploads.own, owner, beginning)
        if found is None:
            raise NotFound(
                Sentence("There is no picture `{name}` here (any more). Upload it again.", name=name[:80])
            )
        return found

    async def mask(self, sha256: str, *, inverted: bool = False) -> str:
        """Keep a picture's brightness as a mask (white repaints), or its opposite; return its SHA-256."""

        def made() -> bytes:
            grey = images.opened(self.gallery.read(sha256)).convert("L")
            return images.png(ImageChops.invert(grey) if inverted else grey)

        return await self.gallery.keep(await asyncio.to_thread(made))

    async def fitted(self, sha256: str, size: tuple[int, int], how: images.Fitting = "cover") -> str:
        """Keep a kept picture brought to ``size``, usually cropped to its shape; return its SHA-256."""

        def made() -> bytes:
            return images.png(images.brought(images.opened(self.gallery.read(sha256)), size, how))

        return await self.gallery.keep(await asyncio.to_thread(made))

    async def verify(self, data: bytes, root: str | None) -> Verdict:
        """Return what a file says of its origin. ``root``: this host's own certificates. Raises UserError."""
        return await self._decoder.verify(data, root)

    async def close(self) -> None:
        """Stop the process that opens pictures."""
        await self._decoder.close()

    async def _keep(self, png: bytes | None) -> str | None:
        return None if png is None else await self.gallery.keep(png)

    async def _known(self, data: bytes, clean: Clean) -> tuple[Job, int] | None:
        """Return which of our pictures this is: by the same bytes, or by our signature over what it says."""
        try:
            said = json.loads((clean.recipe and clean.recipe.record) or "null")
            name, cell = str(said["job"]), int(said["cell"])
        except (TypeError, ValueError, KeyError):
            return None
        job = await self.store.read(store_jobs.get, name)
        if job is None or not 0 <= cell < len(job.pictures):
            return None
        if job.pictures[cell] == hashlib.sha256(data).hexdigest():
            return job, cell
        signed = (await self.verify(data, await self.root())).signature
        ours = signed is not None and signed.ours and (signed.job, signed.cell) == (name, cell)
        return (job, cell) if ours else None


def _swatch(code: str) -> bytes:
    from engine.images.swatch import swatch  # brings numpy, for which the bot need not wait at its start

    return images.png(swatch(code))
