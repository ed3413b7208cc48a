"""The mark of pictures below 200 × 200: each sign is the nearest point of a lattice to what was there.

In so few pixels the picture is much louder than a mark may be. So a sign is not written against the picture
but beside it: what is read at a place is moved to the nearest point that means this sign (quantization index
modulation: Chen and Wornell, IEEE Transactions on Information Theory 47, 2001). Places are in tiles of 32 a
side: what a crop cuts away silences those tiles alone, and plain ground is silent. While writing, JPEG, WebP,
halving and, where it matters, brightening are tried on the picture, and what they move is moved back.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator

import numpy as np
from PIL import Image

from engine.provenance.watermark.code import SIGNS
from engine.provenance.watermark.features import (
    ALIKE,
    FIELD,
    LOSSY,
    TILE,
    Band,
    Floats,
    Ints,
    added,
    allowance,
    canonical_size,
    compressed,
    energy,
    features,
    halved,
    laid,
    likeness,
    luminance,
    passed,
    peak_ratio,
    pixels,
    resized,
    unseen,
)

SIDE = 128
BAND = Band(0.08, 0.25, 0.0, 8, 6.0)
PLACES = 40
"""Signs in a tile."""
STEPS = (0.9, 0.55)
"""Distances of lattice points that mean the same sign: the wider survives more and is seen sooner."""
CEILING = 222.0
"""Levels above are cut off before anything is read: brightened by 15 %, they are cut off anyway."""
CEILINGS = ((CEILING, 1.0), (CEILING * 0.85, 0.85), (CEILING * 1.15, 1.15), (255.0, 1.0))
"""(ceiling, gain) that a reader tries: as it was, darkened, brightened, and without a ceiling."""
DARK_ENOUGH = 0.35
"""Share of pixels below the ceiling that a picture needs, to be marked below it."""
CLEAR = 40.2
"""PSNR in dB that a marked picture has at least, where one of these tries can give it."""
TRIES = ((STEPS[0], 4.0), (STEPS[1], 4.0), (STEPS[1], 3.0), (STEPS[1], 2.2))
"""(step, levels by which a pixel may change at most)."""
ROUNDS, REHEARSED = 10, 6
CROPS = 16
"""Canonical pixels that a crop may have lost at the top and at the left."""
TRIED = 3
AREAS = (16384, 16640, 16192, 16128)
"""Pixels of whole pictures: what 128 x 128 gives in other shapes, at multiples of eight."""
_NORM = np.float32((TILE * TILE / PLACES) ** 0.5)


@functools.cache
def _field() -> tuple[Floats, Ints, Ints, Floats]:
    """Return signs and places (512, 512), and for each place its sign in the code word and whether turned."""
    random = np.random.Generator(np.random.PCG64(0x536D616C6C))
    chips, places = laid(random, PLACES)
    across = FIELD // TILE
    tiles = np.arange(across * across, dtype=np.int32).reshape(across, across)
    places += PLACES * np.kron(tiles, np.ones((TILE, TILE), np.int32))
    count = PLACES * tiles.size
    words = np.concatenate([random.permutation(SIGNS) for _ in range(count // SIGNS + 1)])[:count]
    turned = (random.integers(0, 2, count) * 2 - 1).astype(np.float32)
    return chips, places, words.astype(np.int32), turned


def _read(feature: Floats, top: int = 0, left: int = 0) -> Floats:
    """Return what is read at each place, 0 at those outside the picture."""
    height, width = feature.shape
    chips, places, words, _ = _field()
    here = np.s_[top : top + height, left : left + width]
    sums = np.bincount(places[here].ravel(), (chips[here] * feature).ravel(), len(words))
    return np.asarray(sums / _NORM, np.float32)


def write(picture: Image.Image, signs: Floats) -> Image.Image:
    """Return the picture with the 192 signs in it."""
    rgb = pixels(picture)
    ceiling = CEILING if float((rgb.min(2) <= CEILING).mean()) >= DARK_ENOUGH else 255.0
    marked = picture
    for step, most in TRIES:
        marked = _written(rgb, signs, ceiling, step, most)
        after = pixels(marked)
        if peak_ratio(rgb, after) >= CLEAR and likeness(luminance(rgb), luminance(after)) >= ALIKE:
            break
    return marked


def _written(rgb: Floats, signs: Floats, ceiling: float, step: float, most: float) -> Image.Image:
    full = (rgb.shape[1], rgb.shape[0])
    size = canonical_size(*full, SIDE)
    start = resized(luminance(rgb, ceiling), size)
    height, width = start.shape
    chips, places, words, turned = _field()
    chips, places = chips[:height, :width], places[:height, :width]
    feature, deviation = features(start, BAND)
    found = _read(feature)
    point = signs[words] * turned * np.float32(step / 4)
    target = point + np.round((found - point) / step) * np.float32(step)
    allowed = allowance(start, 0.9, 0.13, most)
    if ceiling < 255:  # what is cut off cannot be read
        below = luminance(np.clip(ceiling + 4 - rgb, 0, 8) / 8)
        allowed = allowed * np.clip(resized(below, size), 0, 1)
    share = energy(height, width, BAND) / _NORM**2
    reach = np.bincount(places.ravel(), ((allowed / deviation) ** 2).ravel(), len(words)) * share + 2e-4
    change = np.zeros_like(start)
    for turn in range(ROUNDS):
        marked = added(rgb, resized(change, full))
        tries = [pixels(marked)]
        if turn >= ROUNDS - REHEARSED:
            tries += [pixels(compressed(marked, kind, quality)) for kind, quality in LOSSY] + [halved(marked)]
            if ceiling == 255:  # else nothing that is read changes
                tries.append(np.minimum(tries[0] * np.float32(1.15), 255))
        seen = [features(resized(luminance(one, ceiling), size), BAND) for one in tries]
        off = target - np.mean([_read(one) for one, _ in seen], axis=0)
        off = np.where(reach > 8e-4, np.clip(off, -step / 4, step / 4), 0) / reach
        push = chips * off.astype(np.float32)[places] / seen[0][1] / _NORM
        change = np.clip(change + 0.8 * allowed * allowed * passed(push, BAND), -3 * allowed, 3 * allowed)
    return unseen(rgb, resized(change, full))


def whole(rgb: Floats) -> Iterator[tuple[Floats, Ints]]:
    """Yield values and the signs of the code word they speak for, for a picture that shows all of it."""
    size = canonical_size(rgb.shape[1], rgb.shape[0], SIDE)
    for ceiling, gain in CEILINGS:
        feature, _ = features(resized(luminance(rgb, ceiling), size), BAND, gain)
        read = _read(feature)
        yield from (_spoken(read, step) for step in STEPS)


def cropped(rgb: Floats) -> Iterator[tuple[Floats, Ints]]:
    """Yield the same for each of the crops that a picture at its own scale may be, the likeliest first."""
    height, width = rgb.shape[:2]
    shares = sorted({min(1.0, width * height / area) for area in AREAS})
    for ceiling, gain in (CEILINGS[0], CEILINGS[-1]):
        levels, found = luminance(rgb, ceiling), []
        for share in shares:
            feature, _ = features(resized(levels, canonical_size(width, height, SIDE, share)), BAND, gain)
            for top, left in itertools.product(range(CROPS), repeat=2):
                values = _read(feature, top, left)
                loud = values[np.abs(values) > 0.02]
                found += [
                    (float(np.square(_softly(loud, step)).mean()), share, top, left, step)
                    for step in (STEPS if len(loud) else ())
                ]
        for _, share, top, left, step in sorted(found, reverse=True)[:TRIED]:
            feature, _ = features(resized(levels, canonical_size(width, height, SIDE, share)), BAND, gain)
            yield _spoken(_read(feature, top, left), step)


def _spoken(values: Floats, step: float) -> tuple[Floats, Ints]:
    _, _, words, turned = _field()
    return _softly(values, step) * turned, words


def _softly(values: Floats, step: float) -> Floats:
    """Return how far values lean to one sign (1) or the other (-1); 0 half way between, and in silence."""
    return np.asarray(np.sin(2 * np.pi * values / step), np.float32)
