"""The invisible mark: 48 bits in a picture's luminance, read without the original. Knows pixels and numbers.

Everybody's Limner reads everybody's marks: the signs are the same everywhere, and the 48 bits say a version,
which host and which job. What is tried, and how well each survives: docs/provenance.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from PIL import Image

from engine.provenance.values import HOST_BITS, JOB_BITS, VERSION, Found, Mark
from engine.provenance.watermark import lattice, spread
from engine.provenance.watermark.code import SIGNS, decoded, encoded
from engine.provenance.watermark.features import Floats, Ints, luminance, pixels

SMALL, MIDDLE = 200, 400
"""Sides in pixels (roots of areas) from which a picture is marked as a middle one, and as a large one."""
LEAST_SIDE = 32
MOST_PIXELS = 2048 * 2048
"""Larger pictures are read at this size: no mark reaches finer."""
CHANCE = 2e-8
"""Chance of seeing a mark where none is, at most, for each reading; a picture has about fifty."""


def embed(picture: Image.Image, mark: Mark) -> Image.Image:
    """Return an RGB picture with the mark in it, of the same size; one too small comes back as it is."""
    if min(picture.size) < LEAST_SIDE:
        return picture
    signs = encoded(mark.bits)
    side = math.sqrt(picture.width * picture.height)
    if side < SMALL:
        return lattice.write(picture, signs)
    return spread.write(picture, signs, spread.MIDDLE if side < MIDDLE else spread.LARGE)


def detect(picture: Image.Image, host: int | None = None) -> Found | None:
    """Return the mark in a picture, None where none is seen. ``host``: whose marks are expected above all.

    A mark of this host is believed on less than any other: 24 bits may vary, not 44.
    """
    if min(picture.size) < LEAST_SIDE:
        return None
    if picture.width * picture.height > MOST_PIXELS:
        scale = (MOST_PIXELS / (picture.width * picture.height)) ** 0.5
        size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
        picture = picture.convert("RGB").resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)
    for values, words, local in _readings(pixels(picture)):
        if found := _believed(values, words, local, host):
            return found
    return None


def rehearse() -> None:
    """Build the signs that every reading needs, which takes a fifth of a second once."""
    levels = np.zeros((64, 64, 3), np.float32)
    _believed(spread.whole(luminance(levels), spread.MIDDLE), np.arange(SIGNS, dtype=np.int32), False, None)
    next(lattice.whole(levels))


def _readings(rgb: Floats) -> Iterator[tuple[Floats, Ints, bool]]:
    """Yield values, the signs they speak for and whether they were read place by place; the likely first."""
    side, levels = math.sqrt(rgb.shape[0] * rgb.shape[1]), luminance(rgb)
    every = np.arange(SIGNS, dtype=np.int32)
    plans = [spread.LARGE, spread.MIDDLE] if side >= MIDDLE else [spread.MIDDLE, spread.LARGE]
    small = side < MIDDLE  # also where a small picture came back enlarged
    if small:
        yield from ((values, words, True) for values, words in lattice.whole(rgb))
    yield from ((spread.whole(levels, plan), every, False) for plan in plans)
    if side < SMALL:
        yield from ((values, words, True) for values, words in lattice.cropped(rgb))
    for plan in plans:
        yield from ((values, every, False) for values in spread.cropped(levels, plan))


def _believed(values: Floats, words: Ints, local: bool, host: int | None) -> Found | None:
    """Return what values say where chance does not explain it."""
    bits = decoded(np.bincount(words, values, SIGNS).astype(np.float32))
    mark = Mark(bits >> JOB_BITS & (1 << HOST_BITS) - 1, bits & (1 << JOB_BITS) - 1)
    if bits >> HOST_BITS + JOB_BITS != VERSION:
        return None
    signs = encoded(bits)
    total = float(values @ values) + 1e-9
    agreement = float(signs[words] @ values) ** 2 / total
    free = JOB_BITS if mark.host == host else HOST_BITS + JOB_BITS
    # local: Hoeffding's bound for random signs; else the tail of the angle between random directions
    if local:
        unlikely = agreement / 2
    else:
        unlikely = -(SIGNS - 1) / 2 * math.log(max(1e-30, 1 - min(1.0, agreement / SIGNS)))
    if unlikely < free * math.log(2) - math.log(CHANCE):
        return None
    heard = np.bincount(words, values, SIGNS) * signs > 0
    return Found(mark, int(heard.sum()))
