"""The mark of pictures from 200 × 200 up: every sign is spread over the whole canonical picture.

Spread spectrum with the picture itself reckoned in: the change is sought, step by step, after which every
one of the 192 signs stands out by a margin, whatever the picture said there before (Cox, Miller and Bloom,
"Digital Watermarking and Steganography": informed embedding). One pixel in seven carries signs that are
known, by which a cropped picture is laid back in its place.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from engine.provenance.watermark.code import SIGNS
from engine.provenance.watermark.features import (
    FIELD,
    Band,
    Floats,
    Ints,
    added,
    allowance,
    canonical_size,
    compressed,
    features,
    luminance,
    passed,
    pixels,
    resized,
)

KNOWN = 32
"""Signs that are the same in every mark."""
GROUPS = SIGNS + KNOWN
BRIGHT = 212.0
"""Above this luminance less is changed: it would be seen on white, and lost where that is brightened."""
SHARES = tuple(float(side) for side in np.arange(1.0, 0.82, -0.0075))
"""Sides of a crop that are tried, in parts of the whole."""
TRIED = 4


@dataclass(frozen=True, slots=True)
class MarkLayout:
    """How a mark is written: the canonical side, and how much may change where."""

    side: int
    band: Band
    plain: float
    margin: float
    rehearsed: bool
    """Whether lossy formats are tried while writing: small pictures need it."""


MIDDLE = MarkLayout(256, Band(0.08, 0.25, 1.0, 3, 1.5), 0.8, 2.2, True)
LARGE = MarkLayout(384, Band(0.05, 0.25, 1.0, 3, 1.5), 0.9, 3.0, False)
STEPS = 8
ROUGH = 6
"""So many of the steps are taken without looking at the whole picture, where it is a large one."""
HELD = 0.9
"""What is left of a change once it is brought to the picture's size and back."""


@functools.cache
def _field() -> tuple[Floats, Ints]:
    """Return the signs (512, 512) and to which of the groups each pixel belongs; the same for everybody."""
    random = np.random.Generator(np.random.PCG64(0x4C696D6E6572))
    chips = (random.integers(0, 2, (FIELD, FIELD)) * 2 - 1).astype(np.float32)
    groups = np.empty((FIELD, FIELD), np.int32)
    for top in range(0, FIELD, 32):
        for left in range(0, FIELD, 32):
            tile = np.arange(1024) % GROUPS
            random.shuffle(tile)
            groups[top : top + 32, left : left + 32] = tile.reshape(32, 32)
    return chips, groups


def read(feature: Floats, top: int = 0, left: int = 0) -> Floats:
    """Return how clearly each of the 224 groups speaks, in standard deviations of no mark at all."""
    height, width = feature.shape
    chips, groups = (part[top : top + height, left : left + width] for part in _field())
    flat = groups.ravel()
    sums = np.bincount(flat, (chips * feature).ravel(), GROUPS)
    squares = np.bincount(flat, (feature * feature).ravel(), GROUPS)
    return np.asarray(sums / np.sqrt(squares + 1e-6), np.float32)


def write(picture: Image.Image, signs: Floats, plan: MarkLayout) -> Image.Image:
    """Return the picture with the 192 signs in it."""
    rgb = pixels(picture)
    full = picture.size
    size = canonical_size(*full, plan.side)
    start = resized(luminance(rgb), size)
    height, width = start.shape
    chips, groups = (part[:height, :width] for part in _field())
    wanted = np.concatenate([signs, np.ones(KNOWN, np.float32)])
    allowed = allowance(start, plan.plain, 0.12, 6.0)
    allowed = np.where(start > BRIGHT, allowed / 4, allowed)
    change = np.zeros_like(start)

    def shown() -> list[Floats]:
        """Return the luminance of the file as it would be now, and after lossy formats if rehearsed."""
        marked = added(rgb, resized(change, full))
        kinds = (("JPEG", 75), ("WEBP", 80)) if plan.rehearsed else ()
        levels = [pixels(marked), *(compressed(marked, kind, quality) for kind, quality in kinds)]
        return [resized(luminance(one), size) for one in levels]

    # full size costs most: large pictures are written at the canonical size, then corrected
    rough = not plan.rehearsed
    for step in range(STEPS):
        rough = rough and step < ROUGH
        read_in = [np.clip(start + HELD * change, 0, 255)] if rough else shown()
        seen = [features(levels, plan.band) for levels in read_in]
        short = np.clip(plan.margin - np.stack([read(one) for one, _ in seen]) * wanted, 0, None).mean(0)
        if short.mean() <= 0.05:
            if not rough:
                break
            rough = False
            continue
        push = chips * (wanted * short).astype(np.float32)[groups] / seen[0][1]
        push = passed(push, plan.band) * allowed * allowed
        push *= 0.5 / (1 + 0.3 * step) / (float(np.sqrt((push * push).mean())) + 1e-9)
        change = np.clip(change + push, -3 * allowed, 3 * allowed)
    return added(rgb, resized(change, full))


def whole(levels: Floats, plan: MarkLayout) -> Floats:
    """Return 192 values for the luminance (height, width) of a picture that shows all of it."""
    size = canonical_size(levels.shape[1], levels.shape[0], plan.side)
    return read(features(resized(levels, size), plan.band)[0])[:SIGNS]


def cropped(levels: Floats, plan: MarkLayout) -> Iterator[Floats]:
    """Yield 192 values for each of the crops that a picture may be, the likeliest first."""
    for _, share, top, left in sorted(_places(levels, plan), reverse=True)[:TRIED]:
        size = canonical_size(levels.shape[1], levels.shape[0], plan.side, share * share)
        yield read(features(resized(levels, size), plan.band)[0], top, left)[:SIGNS]


def _places(levels: Floats, plan: MarkLayout) -> Iterator[tuple[float, float, int, int]]:
    """Yield (how clearly the known signs are seen, side of the crop, top, left), the best for each side."""
    chips, groups = _field()
    for share in SHARES:
        size = canonical_size(levels.shape[1], levels.shape[0], plan.side, share * share)
        feature, _ = features(resized(levels, size), plan.band)
        height, width = feature.shape
        down, across = int(height / share - height) + 3, int(width / share - width) + 3
        shape = (min(FIELD, height + down), min(FIELD, width + across))
        known = np.where(groups[: shape[0], : shape[1]] >= SIGNS, chips[: shape[0], : shape[1]], 0)
        spectrum = np.fft.rfft2(known) * np.conj(np.fft.rfft2(feature, shape))
        match = np.fft.irfft2(spectrum, shape)[: shape[0] - height + 1, : shape[1] - width + 1]
        top, left = divmod(int(match.argmax()), match.shape[1])
        yield float(match.max() / np.sqrt((feature * feature).sum() + 1e-9)), share, top, left
