"""Masks in the making: a row each, so that a restart loses none; knows no buttons and no models."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from PIL import Image

from engine import images, store_masks
from engine.errors import NotFound, UserError
from engine.gallery import Gallery
from engine.images import Reading
from engine.jobs import Frozen, new_job_id
from engine.store import Store
from engine.store_masks import MaskRow

T = TypeVar("T")

MOST = 12
"""Presses a mask may be grown, shrunk or feathered by."""

GONE = "This mask is no longer kept. Open a new one with `Vary (Region)` under the picture, or `/inpaint`."


class Outline(Frozen):
    """How a mask is made: equal outlines over one picture give equal masks."""

    squares: tuple[int, ...] = ()  # of the grid, from 0, row by row
    areas: tuple[str, ...] = ()  # names of images.AREAS
    base: str | None = None  # the SHA-256 of a mask that was brought, drawn or found
    reading: Reading = Reading.WHITE  # what repaints in it
    readings: tuple[Reading, ...] = ()  # brought ones: the ways it may be read
    words: str = ""  # found ones: what was looked for
    inverted: bool = False
    grown: int = 0  # presses; negative: shrunk
    feather: int = 0

    def toggled(self, square: int) -> Outline:
        """Return it with one square more, or less."""
        squares = set(self.squares) ^ {square}
        return self.model_copy(update={"squares": tuple(sorted(squares))})

    def widened(self, by: int) -> Outline:
        """Return it grown by so many presses more."""
        return self.model_copy(update={"grown": min(MOST, max(-MOST, self.grown + by))})

    def softened(self) -> Outline:
        """Return it with a softer edge; after the softest comes the hard one again."""
        return self.model_copy(update={"feather": (self.feather + 1) % 5})

    def reread(self) -> Outline:
        """Return it with the next way to read the brought mask."""
        ways = self.readings
        after = ways[(ways.index(self.reading) + 1) % len(ways)] if self.reading in ways else self.reading
        return self.model_copy(update={"reading": after})


@dataclass(frozen=True, slots=True)
class Sketch:
    """A mask being made over a picture. ``job`` is None for a picture from outside."""

    key: str
    owner: str
    origin: str
    picture: str
    job: str | None
    cell: int | None
    line: str | None
    outline: Outline


@dataclass(frozen=True, slots=True)
class Shown:
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
        outline: Outline | None = None,
    ) -> Sketch:
        """Begin a mask over the kept picture ``picture``."""
        sketch = Sketch(new_job_id(), owner, origin, picture, job, cell, line, outline or Outline())
        kept = sketch.outline.model_dump_json()
        row = MaskRow(sketch.key, owner, origin, picture, job, cell, line, kept, self._store.now())
        await self._store.write(store_masks.add, row)
        return sketch

    async def find(self, key: str, owner: str) -> Sketch:
        """Return a sketch. Raises NotFound, or UserError where it is somebody else's."""
        return _sketch(await self._store.read(store_masks.find, key), owner)

    async def change(self, key: str, owner: str, turn: Callable[[Outline], Outline]) -> Sketch:
        """Change how a mask is made; two presses at once both count. Raises as ``find``."""
        await self.find(key, owner)
        row = await self._store.write(
            store_masks.change, key, lambda kept: turn(Outline.model_validate_json(kept)).model_dump_json()
        )
        return _sketch(row, owner)

    async def bring(self, key: str, owner: str, png: bytes) -> Sketch:
        """Take a mask from a clean PNG, transparency included. Raises as ``find``, or UserError."""
        sketch = await self.find(key, owner)
        picture = await self._gallery.load(sketch.picture)
        fitted, reading, readings = await asyncio.to_thread(_fitted, png, picture)
        base = await self._gallery.keep(fitted)
        update = {"base": base, "reading": reading, "readings": readings, "words": "", "squares": (),
                  "areas": (), "inverted": False, "grown": 0, "feather": 0}  # fmt: skip
        return await self.change(key, owner, lambda outline: outline.model_copy(update=update))

    async def leave(self, key: str, owner: str) -> None:
        """Forget a sketch."""
        await self.find(key, owner)
        await self._store.write(store_masks.remove, key)

    async def show(self, sketch: Sketch) -> Shown:
        """Return what a sketch looks like over its picture."""
        picture, base = await self._files(sketch)
        return await asyncio.to_thread(_shown, sketch.outline, picture, base)

    async def mask(self, sketch: Sketch) -> str:
        """Keep the finished mask and return its SHA-256. Raises UserError where it marks nothing."""
        picture, base = await self._files(sketch)
        return await self._gallery.keep(await asyncio.to_thread(_finished, sketch.outline, picture, base))

    async def picture(self, sketch: Sketch) -> bytes:
        """Return the PNG of the picture under a sketch."""
        return await self._gallery.load(sketch.picture)

    async def _files(self, sketch: Sketch) -> tuple[bytes, bytes | None]:
        picture = await self._gallery.load(sketch.picture)
        base = sketch.outline.base
        return picture, None if base is None else await self._gallery.load(base)


def _sketch(row: MaskRow | None, owner: str) -> Sketch:
    if row is None:
        raise NotFound(GONE)
    if row.owner != owner:
        raise UserError("Somebody else is making this mask. `Vary (Region)` opens one of your own.")
    outline = Outline.model_validate_json(row.outline)
    return Sketch(row.key, row.owner, row.origin, row.picture, row.job, row.cell, row.line, outline)


def mask_of(outline: Outline, size: tuple[int, int], base: Image.Image | None) -> Image.Image:
    """Return the mask an outline stands for over a picture of ``size``."""
    mask = images.chosen(size, outline.squares, outline.areas)
    if base is not None:
        read, _ = images.read(base, outline.reading)
        mask = images.joined(mask, read)
    return images.shaped(mask, inverted=outline.inverted, grown=outline.grown, feather=outline.feather)


def _opened(png: bytes | None) -> Image.Image | None:
    if png is None:
        return None
    with Image.open(io.BytesIO(png), formats=("PNG",)) as picture:
        picture.load()
        return picture.copy()


def _shown(outline: Outline, png: bytes, base: bytes | None) -> Shown:
    picture = images.opened(png)
    mask = mask_of(outline, picture.size, _opened(base))
    by_hand = base is None
    over = images.overlay(picture, mask, squares=outline.squares if by_hand else None)
    return Shown(
        overlay=images.png(over),
        size=picture.size,
        share=images.share(mask),
        empty=images.is_empty(mask),
        feather=outline.feather * images.step(picture.size),
        rim=images.rim(*picture.size),
    )


def _finished(outline: Outline, png: bytes, base: bytes | None) -> bytes:
    mask = mask_of(outline, images.opened(png).size, _opened(base))
    if images.is_empty(mask):
        raise UserError("Nothing is marked yet. Mark first what should change.")
    return images.png(mask)


def _fitted(png: bytes, picture: bytes) -> tuple[bytes, Reading, tuple[Reading, ...]]:
    """Return a brought mask in the picture's size, how it is read, and how else it may be.

    The same picture may have been enlarged for showing, so the same shape at another size fits too.
    """
    brought, size = _opened(png), images.opened(picture).size
    assert brought is not None
    off = abs(brought.width * size[1] - brought.height * size[0])
    if off > max(*size, *brought.size):
        raise UserError(
            f"The mask is {brought.width} × {brought.height} pixels and the picture {size[0]} × {size[1]}. "
            "Save the mask at the picture's size (or the same shape) and send it again."
        )
    if brought.size != size:
        brought = brought.convert("RGBA").resize(size, Image.Resampling.BILINEAR)
    _, reading = images.read(brought)
    buffer = io.BytesIO()
    brought.save(buffer, "PNG")
    return buffer.getvalue(), reading, images.readings(brought)
