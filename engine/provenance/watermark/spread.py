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
import numpy.typing as npt
from PIL import Image

from engine.provenance.watermark.code import SIGNS
from engine.provenance.watermark.features import (
    FIELD,
    LOSSY,
    Band,
    Floats,
    Ints,
    added,
    allowance,
    canonical_size,
    compressed,
    energy,
    features,
    laid,
    luminance_of,
    passed,
    resized,
    smooth,
    unseen,
)

Complexes = npt.NDArray[np.complex64]

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
    loudest: float
    """Levels (root of the mean square) that are changed at most: 2.05 are a PSNR of 42 dB."""
    rehearsed: bool
    """Whether lossy formats are tried while writing: small pictures need it."""


MIDDLE = MarkLayout(256, Band(0.08, 0.25, 1.0, 3, 1.5), 0.8, 2.2, 2.3, True)
LARGE = MarkLayout(384, Band(0.05, 0.25, 1.0, 3, 1.5), 0.9, 3.0, 2.05, False)
STEPS = 5
"""Corrections of a change, at most."""
SHORT = 0.2
"""By how much signs may stay below the margin in the mean."""
FIRST, MOST = 1.0, 1.2
"""Levels (root of the mean square) that the first correction changes at least, and each one at most.

Plain pictures need the most: less would be lost in rounding and in JPEG.
"""
HELD = 0.9
"""What is left of a change once it is brought to the picture's size and back."""


@functools.cache
def _field() -> tuple[Floats, Ints]:
    """Return the signs (512, 512) and to which of the groups each pixel belongs; the same for everybody."""
    return laid(np.random.Generator(np.random.PCG64(0x4C696D6E6572)), GROUPS)


def read(feature: Floats, top: int = 0, left: int = 0) -> Floats:
    """Return how clearly each of the 224 groups speaks, in standard deviations of no mark at all."""
    height, width = feature.shape
    chips, groups = (part[top : top + height, left : left + width] for part in _field())
    flat = groups.ravel()
    sums = np.bincount(flat, (chips * feature).ravel(), GROUPS)
    squares = np.bincount(flat, (feature * feature).ravel(), GROUPS)
    return np.asarray(sums / np.sqrt(squares + 1e-6), np.float32)


class SpreadWriter:
    """Writes one mark. Each picture begins with what the last one got: frames of a film are much alike."""

    def __init__(self, signs: Floats, plan: MarkLayout) -> None:
        self._wanted = np.concatenate([signs, np.ones(KNOWN, np.float32)])
        self._plan = plan
        self._last: Floats | None = None

    def write(self, picture: Image.Image) -> Image.Image:
        """Return the RGB picture with the signs in it."""
        plan = self._plan
        size = canonical_size(*picture.size, plan.side)
        start = resized(luminance_of(picture), size)
        allowed = allowance(start, plan.plain, 0.12, 6.0)
        allowed = np.where(start > BRIGHT, allowed / 4, allowed)
        known = self._last is not None and self._last.shape == start.shape
        change = self._last if self._last is not None and known else np.zeros_like(start)
        change = np.clip(change, -3 * allowed, 3 * allowed)
        for step in range(STEPS):
            # at full size only where lossy formats are tried: that costs most
            levels = _rehearsed(picture, change, size) if plan.rehearsed else [start + HELD * change]
            seen = [features(np.clip(one, 0, 255), plan.band) for one in levels]
            reads = np.stack([read(feature) for feature, _ in seen]) * self._wanted
            short = np.clip(plan.margin - reads, 0, None).mean(0)
            if short.mean() <= SHORT:
                break
            push = self._push(short, allowed, *seen[0])
            size_of = float(np.sqrt((push * push).mean())) + 1e-9
            push *= min(MOST, max(size_of, FIRST if step == 0 and not known else 0)) / size_of
            change = np.clip(change + push, -3 * allowed, 3 * allowed)
            loud = float(np.sqrt((change * change).mean()))
            if loud > plan.loudest:
                change *= np.float32(plan.loudest / loud)
                break
        self._last = change
        mark = unseen if plan.rehearsed else added  # in large pictures it is unseen anyway
        return mark(np.asarray(picture), resized(change, picture.size))

    def _push(self, short: Floats, allowed: Floats, feature: Floats, deviation: Floats) -> Floats:
        """Return the change after which signs that are ``short`` of the margin would just reach it.

        Were they all apart, that is: what they do to each other the next correction sees.
        """
        height, width = feature.shape
        chips, groups = (part[:height, :width] for part in _field())
        wanted = (self._wanted * short).astype(np.float32)[groups]
        push = passed(np.asarray(chips * wanted / deviation, np.float32), self._plan.band)
        push *= allowed * allowed
        loudness = float(np.sqrt((feature * feature).mean() * GROUPS / feature.size)) + 1e-6
        reach = float(np.square(allowed / deviation).mean()) * energy(height, width, self._plan.band) * HELD
        return np.asarray(push * (loudness / reach), np.float32)


def _rehearsed(picture: Image.Image, change: Floats, size: tuple[int, int]) -> list[Floats]:
    """Return the canonical luminance of the file as it would be now, and after lossy formats."""
    marked = added(np.asarray(picture), resized(change, picture.size))
    shown = [marked, *(compressed(marked, kind, quality) for kind, quality in LOSSY)]
    return [resized(luminance_of(one), size) for one in shown]


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
    across, down = canonical_size(levels.shape[1], levels.shape[0], plan.side)
    shape = smooth(min(FIELD, down + 3)), smooth(min(FIELD, across + 3))
    for share in SHARES:
        size = canonical_size(levels.shape[1], levels.shape[0], plan.side, share * share)
        feature, _ = features(resized(levels, size), plan.band)
        height, width = feature.shape
        tops, lefts = min(FIELD, down + 2) - height + 1, min(FIELD, across + 2) - width + 1
        spectrum = np.fft.rfft2(feature, shape)
        np.conj(spectrum, out=spectrum)
        spectrum *= _known(*shape)
        match = np.fft.irfft2(spectrum, shape)[: max(1, tops), : max(1, lefts)]
        top, left = divmod(int(match.argmax()), match.shape[1])
        yield float(match.max() / np.sqrt((feature * feature).sum() + 1e-9)), share, top, left


@functools.lru_cache(maxsize=32)
def _known(height: int, width: int) -> Complexes:
    """Return the spectrum of the known signs over so many canonical pixels."""
    chips, groups = (part[:height, :width] for part in _field())
    return np.asarray(np.fft.rfft2(np.where(groups >= SIGNS, chips, 0), (height, width)), np.complex64)
