"""Masks in the making: a row each, so that a restart loses none; knows no buttons and no models.

Long: one draft of a mask, from its first mark to its end.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import io
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from PIL import Image, ImageChops
from pydantic import Json

from engine import images
from engine.errors import NotFound, UserError
from engine.images import MaskPolarity
from engine.jobs import FINAL, Frozen, new_job_id
from engine.library.gallery import Gallery
from engine.rules.people import Requester
from engine.store import jobs as store_jobs
from engine.store import masks as store_masks
from engine.store import meta as store_meta
from engine.store.connection import Store
from engine.words import Sentence

MOST = 12
"""Presses a mask may be grown, shrunk or feathered by."""

LINK_LIFE = 15 * 60.0
"""Seconds a link to the drawing page is good for."""
SECRET = "masks.secret"
"""Where the key that links are signed with is kept."""

LINK_GONE = Sentence(
    "This link is used up or too old. Open a new one in Discord with `Vary (Region)` or `/inpaint`."
)
GONE = Sentence(
    "This mask is no longer kept. Open a new one with `Vary (Region)` under the picture, or `/inpaint`."
)


class MaskRecipe(Frozen):
    """How a mask is made: equal outlines over one picture give equal masks."""

    squares: tuple[int, ...] = ()  # of the grid, from 0, row by row
    areas: tuple[str, ...] = ()  # names of images.AREAS
    base: str | None = None  # the SHA-256 of a mask that was brought, drawn or found
    reading: MaskPolarity = MaskPolarity.WHITE  # what repaints in it
    readings: tuple[MaskPolarity, ...] = ()  # brought ones: the ways it may be read
    words: str = ""  # found ones: what was looked for
    finding: str = ""  # the job that looks for them
    inverted: bool = False
    grown: int = 0  # presses; negative: shrunk
    feather: int = 0

    def toggled(self, square: int) -> MaskRecipe:
        """Return it with one square more, or less."""
        squares = set(self.squares) ^ {square}
        return self.model_copy(update={"squares": tuple(sorted(squares))})

    def widened(self, by: int) -> MaskRecipe:
        """Return it grown by so many presses more."""
        return self.model_copy(update={"grown": min(MOST, max(-MOST, self.grown + by))})

    def softened(self) -> MaskRecipe:
        """Return it with a softer edge; after the softest comes the hard one again."""
        return self.model_copy(update={"feather": (self.feather + 1) % 5})

    def reread(self) -> MaskRecipe:
        """Return it with the next way to read the brought mask."""
        ways = self.readings
        after = ways[(ways.index(self.reading) + 1) % len(ways)] if self.reading in ways else self.reading
        return self.model_copy(update={"reading": after})


class MaskDraft(Frozen):
    """A mask being made over a picture, read from its row. ``job`` is None for a picture from outside."""

    key: str
    owner: str
    origin: str
    picture: str
    job: str | None
    cell: int | None
    line: str | None
    outline: Json[MaskRecipe]
    created_at: float
    asker: Json[Requester] | None
    ticket: str | None  # of the link to the drawing page that is open
    ticket_until: float | None


@dataclass(frozen=True, slots=True)
class MaskPreview:
    """What a sketch looks like: the overlay as PNG, the picture's size, how much of it is marked (0 to 1).

    ``feather``: pixels its edge fades over. ``rim``: how far past the marked part repainting may blend.
    """

    overlay: bytes
    size: tuple[int, int]
    share: float
    empty: bool
    feather: int
    rim: int


class Masks:
    """Opens, changes and shows sketches. Only whoever opened one may touch it."""

    def __init__(self, store: Store, gallery: Gallery) -> None:
        self._store = store
        self._gallery = gallery

    async def open(
        self,
        *,
        owner: str,
        origin: str,
        picture: str,
        job: str | None = None,
        cell: int | None = None,
        line: str | None = None,
        requester: Requester | None = None,
    ) -> MaskDraft:
        """Begin a mask over the kept picture ``picture``.

        ``origin``: where results can be posted without anybody pressing a button; empty: nowhere.
        """
        row = {
            "key": new_job_id(),
            "owner": owner,
            "origin": origin,
            "picture": picture,
            "job": job,
            "cell": cell,
            "line": line,
            "outline": MaskRecipe().model_dump_json(),
            "asker": None if requester is None else json.dumps(asdict(requester)),
            "created_at": self._store.now(),
        }
        return _sketch(await self._store.write(store_masks.add, row), owner)

    async def find(self, key: str, owner: str) -> MaskDraft:
        """Return a sketch. Raises NotFound, or UserError where it is somebody else's."""
        return _sketch(await self._store.read(store_masks.find, key), owner)

    async def change(self, key: str, owner: str, turn: Callable[[MaskRecipe], MaskRecipe]) -> MaskDraft:
        """Change how a mask is made; two presses at once both count. Raises as ``find``."""
        await self.find(key, owner)
        row = await self._store.write(
            store_masks.change, key, lambda kept: turn(MaskRecipe.model_validate_json(kept)).model_dump_json()
        )
        return _sketch(row, owner)

    async def bring(self, key: str, owner: str, file: str, opaque: str | None = None) -> MaskDraft:
        """Take a mask from a kept picture; ``opaque`` is its kept transparency (black where clear).

        Raises as ``find``, and UserError where its size does not fit.
        """
        sketch = await self.find(key, owner)
        picture = await self._gallery.load(sketch.picture)
        png = await self._gallery.load(file)
        alpha = None if opaque is None else await self._gallery.load(opaque)
        fitted, reading, readings = await asyncio.to_thread(_fitted, png, alpha, picture)
        made = MaskRecipe(base=await self._gallery.keep(fitted), reading=reading, readings=readings)
        return await self.change(key, owner, lambda _: made)

    async def link(self, sketch: MaskDraft) -> str | None:
        """Return the open link to a sketch's drawing page (its last part), made anew when it runs out."""
        now = self._store.now()
        fresh = secrets.token_hex(16)
        ticket = await self._store.write(
            store_masks.issue, sketch.key, fresh, now, now + LINK_LIFE, LINK_LIFE / 3
        )
        if ticket is None:
            return None
        return f"{sketch.key}.{ticket}.{await self._signature(sketch.key, ticket)}"

    async def linked(self, link: str) -> MaskDraft:
        """Return the sketch a link opens. Raises NotFound: never made by us, used, or too old."""
        key, _, rest = link.partition(".")
        ticket, _, signature = rest.partition(".")
        if not hmac.compare_digest(signature.encode(), (await self._signature(key, ticket)).encode()):
            raise NotFound(LINK_GONE)
        row = await self._store.read(store_masks.find, key)
        if row is None or row["ticket"] != ticket or (row["ticket_until"] or 0.0) < self._store.now():
            raise NotFound(LINK_GONE)
        return _sketch(row, row["owner"])

    async def spend(self, sketch: MaskDraft) -> None:
        """Close the link a sketch was opened by."""
        if sketch.ticket is not None:
            await self._store.write(store_masks.spend, sketch.key, sketch.ticket)

    async def _signature(self, key: str, ticket: str) -> str:
        secret = await self._store.read(store_meta.get, SECRET)
        if secret is None:
            secret = await self._store.write(store_meta.put_first, SECRET, secrets.token_hex(32))
        text = f"draw {key} {ticket}".encode()
        return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()[:40]

    async def drawn(self, sketch: MaskDraft, file: str) -> MaskDraft:
        """Take a mask from the drawing page, where white repaints, in place of all that was marked before."""
        await self.bring(sketch.key, sketch.owner, file)
        drawn = await self.change(sketch.key, sketch.owner, lambda outline: MaskRecipe(base=outline.base))
        return drawn.model_copy(update={"ticket": sketch.ticket})

    async def so_far(self, sketch: MaskDraft) -> bytes:
        """Return what is marked as PNG, though it be nothing."""
        return await asyncio.to_thread(lambda: images.png(self._made(sketch)[1]))

    async def find_in(self, sketch: MaskDraft, words: str, job: str) -> MaskDraft:
        """Note that a job looks for ``words``."""
        update = {"words": words, "finding": job}
        return await self.change(sketch.key, sketch.owner, lambda outline: outline.model_copy(update=update))

    async def settle(self, key: str, owner: str) -> MaskDraft:
        """Take over what a job has found, if one was looking and is done. Raises UserError if it failed."""
        sketch = await self.find(key, owner)
        looking = sketch.outline.finding
        job = await self._store.read(store_jobs.get, looking) if looking else None
        if not looking or (job is not None and job.state not in FINAL):
            return sketch
        if job is None or not job.pictures:
            await self.change(key, owner, lambda outline: outline.model_copy(update={"finding": ""}))
            why = None if job is None else job.failure
            raise UserError(
                why or Sentence("That could not be looked for. Try other words, or mark it by hand.")
            )
        found = images.opened(await self._gallery.load(job.pictures[0])).convert("L")
        base = await self._gallery.keep(images.png(found))
        return await self.change(key, owner, lambda outline: MaskRecipe(base=base, words=outline.words))

    async def leave(self, key: str, owner: str) -> None:
        """Forget a sketch."""
        await self.find(key, owner)
        await self._store.write(store_masks.remove, key)

    async def show(self, sketch: MaskDraft) -> MaskPreview:
        """Return what a sketch looks like over its picture."""
        return await asyncio.to_thread(self._shown, sketch)

    async def mask(self, sketch: MaskDraft) -> str:
        """Keep the finished mask and return its SHA-256. Raises UserError where it marks nothing."""
        return await self._gallery.keep(await asyncio.to_thread(self._finished, sketch))

    # ---- in a thread ---------------------------------------------------------------------------------------

    def _made(self, sketch: MaskDraft) -> tuple[Image.Image, Image.Image]:
        """Return a sketch's picture, and the mask over it."""
        picture, base = images.opened(self._gallery.read(sketch.picture)), sketch.outline.base
        brought = None if base is None else _opened(self._gallery.read(base))
        return picture, mask_of(sketch.outline, picture.size, brought)

    def _shown(self, sketch: MaskDraft) -> MaskPreview:
        picture, mask = self._made(sketch)
        outline = sketch.outline
        over = images.overlay(picture, mask, squares=outline.squares if outline.base is None else None)
        return MaskPreview(
            overlay=images.png(over),
            size=picture.size,
            share=images.share(mask),
            empty=images.is_empty(mask),
            feather=outline.feather * images.step(picture.size),
            rim=images.rim(*picture.size),
        )

    def _finished(self, sketch: MaskDraft) -> bytes:
        _, mask = self._made(sketch)
        if images.is_empty(mask):
            raise UserError(Sentence("Nothing is marked yet. Mark first what should change."))
        return images.png(mask)


def _sketch(row: Mapping[str, Any] | None, owner: str) -> MaskDraft:
    if row is None:
        raise NotFound(GONE)
    if row["owner"] != owner:
        raise UserError(Sentence("Somebody else is making this mask. `Vary (Region)` opens one of your own."))
    return MaskDraft.model_validate(row)


def mask_of(outline: MaskRecipe, size: tuple[int, int], base: Image.Image | None) -> Image.Image:
    """Return the mask an outline stands for over a picture of ``size``."""
    mask = images.chosen(size, outline.squares, outline.areas)
    if base is not None:
        read, _ = images.read(base, outline.reading)
        if read.size != size:
            read = read.resize(size, Image.Resampling.BILINEAR)
        mask = ImageChops.lighter(mask, read)
    return images.shaped(mask, inverted=outline.inverted, grown=outline.grown, feather=outline.feather)


def _opened(png: bytes) -> Image.Image:
    with Image.open(io.BytesIO(png), formats=("PNG",)) as picture:
        picture.load()
        return picture.copy()


def _fitted(
    png: bytes, alpha: bytes | None, picture: bytes
) -> tuple[bytes, MaskPolarity, tuple[MaskPolarity, ...]]:
    """Return a brought mask in the picture's size, how it is read, and how else it may be.

    The same picture may have been enlarged for showing, so the same shape at another size fits too.
    """
    brought, size = _opened(png), images.opened(picture).size
    if alpha is not None:
        brought.putalpha(images.opened(alpha).convert("L"))
    off = abs(brought.width * size[1] - brought.height * size[0])
    if off > max(*size, *brought.size):
        raise UserError(
            Sentence(
                "The mask is {width} × {height} pixels and the picture {wide} × {high}. Save the mask "
                "at the picture's size (or the same shape) and send it again.",
                width=brought.width,
                height=brought.height,
                wide=size[0],
                high=size[1],
            )
        )
    if brought.size != size:
        brought = brought.convert("RGBA").resize(size, Image.Resampling.BILINEAR)
    _, reading = images.read(brought)
    buffer = io.BytesIO()
    brought.save(buffer, "PNG")
    return buffer.getvalue(), reading, images.readings(brought)
