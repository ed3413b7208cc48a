"""The invisible mark: 48 bits in a picture's luminance, read without the original. Knows pixels and numbers.

Everybody's Limner reads everybody's marks: the signs are the same everywhere, and the 48 bits say a version,
which host and which job. What is tried, and how well each survives: docs/provenance.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np
from PIL import Image

from engine.provenance.values import HOST_BITS, JOB_BITS, VERSION, Found, Mark
from engine.provenance.watermark import lattice, spread
from engine.provenance.watermark.code import BITS, HEAD, SIGNS, decoded, encoded
from engine.provenance.watermark.features import Floats, Ints, luminance, luminance_of, pixels

SMALL, MIDDLE = 200, 400
"""Sides in pixels (roots of areas) from which a picture is marked as a middle one, and as a large one."""
LEAST_SIDE = 32
MOST_PIXELS = 2048 * 2048
"""Larger pictures are read at this size: no mark reaches finer."""
CHANCE = 2e-8
"""Chance of seeing a mark where none is, at most, for each test; a picture has at most fifty."""


def embed_each(pictures: Iterable[Image.Image], mark: Mark) -> Iterator[Image.Image]:
    """Yield RGB pictures with one mark in them, of the same sizes; those too small come back as they are.

    Frames of a film cost less in their order: they are alike.
    """
    signs = encoded(mark.bits)
    writers = [spread.SpreadWriter(signs, plan) for plan in (spread.MIDDLE, spread.LARGE)]
    for picture in pictures:
        side = math.sqrt(picture.width * picture.height)
        if min(picture.size) < LEAST_SIDE:
            yield picture
        elif side < SMALL:
            yield lattice.write(picture, signs)
        else:
            coloured = picture if picture.mode == "RGB" else picture.convert("RGB")
            yield writers[side >= MIDDLE].write(coloured)


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
    for values, words, local in _readings(picture):
        if found := _believed(values, words, local, host):
            return found
    return None


def rehearse() -> None:
    """Build the signs that every reading needs, which takes a fifth of a second once."""
    levels = np.zeros((64, 64, 3), np.float32)
    _believed(spread.whole(luminance(levels), spread.MIDDLE), np.arange(SIGNS, dtype=np.int32), False, None)
    next(lattice.whole(levels))


def _readings(picture: Image.Image) -> Iterator[tuple[Floats, Ints, bool]]:
    """Yield values, the signs they speak for and whether they were read place by place; the likely first."""
    side, levels = math.sqrt(picture.width * picture.height), luminance_of(picture)
    every = np.arange(SIGNS, dtype=np.int32)
    plans = [spread.LARGE, spread.MIDDLE] if side >= MIDDLE else [spread.MIDDLE, spread.LARGE]
    small = side < MIDDLE  # also where a small picture came back enlarged
    if small:
        rgb = pixels(picture)
        yield from ((values, words, True) for values, words in lattice.whole(rgb))
    yield from ((spread.whole(levels, plan), every, False) for plan in plans)
    if side < SMALL:
        yield from ((values, words, True) for values, words in lattice.cropped(rgb))
    for plan in plans:
        yield from ((values, every, False) for values in spread.cropped(levels, plan))


def _believed(values: Floats, words: Ints, local: bool, host: int | None) -> Found | None:
    """Return what values say where chance does not explain it."""
    heard = np.bincount(words, values, SIGNS).astype(np.float32)
    total = float(values @ values) + 1e-9
    # this host's marks are looked for first: fewer words are possible, so more noise is borne
    for head in (None,) if host is None else (VERSION << HOST_BITS | host, None):
        bits = decoded(heard, head)
        if bits >> HOST_BITS + JOB_BITS != VERSION:
            continue
        signs = encoded(bits)
        agreement = float(signs @ heard) ** 2 / total
        free = BITS if head is None else BITS - HEAD
        if _unlikely(agreement, local) >= free * math.log(2) - math.log(CHANCE):
            mark = Mark(bits >> JOB_BITS & (1 << HOST_BITS) - 1, bits & (1 << JOB_BITS) - 1)
            return Found(mark, int((heard * signs > 0).sum()))
    return None


def _unlikely(agreement: float, local: bool) -> float:
    """Return minus the logarithm of the chance that one word agrees so well with a picture without a mark.

    Place by place each value's sign is random: Bentkus and Dzindzalieta, "A tight Gaussian bound for weighted
    sums of Rademacher random variables", Bernoulli 21 (2015). Else: the tail of the angle between random
    directions.
    """
    if local:
        return agreement / 2 + math.log(math.sqrt(2 * math.pi * agreement) / 3.18) if agreement > 3 else 0.0
    return -(SIGNS - 1) / 2 * math.log(max(1e-30, 1 - min(1.0, agreement / SIGNS)))
