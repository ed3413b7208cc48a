"""Cells put together as one grid; refuses to know files and formats."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

from PIL import Image


def previewed(data: bytes) -> Image.Image:
    """Return a preview's picture, in RGB. ``data``: one of ours, JPEG or WebP."""
    with Image.open(io.BytesIO(data), formats=("JPEG", "WEBP")) as picture:
        return picture.convert("RGB")


def opened(data: bytes) -> Image.Image:
    """Return the decoded RGB picture of our own PNG bytes."""
    with Image.open(io.BytesIO(data), formats=("PNG",)) as picture:
        return picture.convert("RGB")


def columns(count: int) -> int:
    """Return how many cells stand beside each other: the squarest grid that is at least as wide as high."""
    return math.ceil(math.sqrt(count))


def grid(cells: Sequence[Image.Image]) -> Image.Image:
    """Return the cells (all of one size) in rows, without gaps: four stand two by two."""
    if len(cells) == 1:
        return cells[0]
    width, height = cells[0].size
    across = columns(len(cells))
    full = len(cells) % across == 0
    # a sheet that its cells cover is not filled first: that takes milliseconds under Python's lock
    size = (across * width, math.ceil(len(cells) / across) * height)
    sheet = Image.new("RGB", size, None if full else 0)
    for index, cell in enumerate(cells):
        sheet.paste(cell, (index % across * width, index // across * height))
    return sheet


def enlarge(picture: Image.Image, side: int) -> Image.Image:
    """Return a small picture enlarged by whole steps until its longer side is at least ``side`` pixels.

    For showing only: Discord shows a small file small. Lanczos, never beyond 8 ×.
    """
    factor = min(8, math.ceil(side / max(picture.size)))
    if factor <= 1:
        return picture
    return picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.LANCZOS)
