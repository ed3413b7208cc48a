"""What the invisible mark is written in: middle frequencies of luminance, by how much happens around. Pure.

A picture is brought to a canonical size (its area decides, so that halving or a thumbnail changes nothing),
its luminance is passed through a band that survives halving, and each pixel is divided by the deviation
around it: so brightness and contrast cancel, edges do not drown the rest, and one reader fits all pictures.
"""

from __future__ import annotations

import functools
import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]
Bytes = npt.NDArray[np.uint8]

FIELD = 512
"""Side of the square of signs that lies over every canonical picture, from its top left corner."""
TILE = 32
"""Side of the tiles in which all kinds of signs stand about as often."""
_LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601
LOSSY = (("JPEG", 75), ("WEBP", 80))
"""Formats and qualities that are tried while writing into small pictures."""
ALIKE = 0.98
"""SSIM of luminance that a marked picture has at least."""
_MARGIN = 12
_STRIP = 32


@dataclass(frozen=True, slots=True)
class Band:
    """A band of frequencies in cycles a canonical pixel, ``tilt`` steeper toward its upper end.

    ``radius`` (pixels) and ``floor`` (levels) of the deviation that a pixel is divided by.
    """

    low: float
    high: float
    tilt: float
    radius: int
    floor: float


def canonical_size(width: int, height: int, side: int, share: float = 1.0) -> tuple[int, int]:
    """Return (width, height) of the same shape with ``side``² × ``share`` pixels."""
    scale = (side * side * share / (width * height)) ** 0.5
    return min(FIELD, max(8, round(width * scale))), min(FIELD, max(8, round(height * scale)))


def resized(values: Floats, size: tuple[int, int]) -> Floats:
    """Return values (height, width) at another size (width, height), smoothed where it gets smaller."""
    if (values.shape[1], values.shape[0]) == size:
        return values
    picture = Image.fromarray(np.ascontiguousarray(values)).resize(size, Image.Resampling.BICUBIC)
    return np.asarray(picture, np.float32)


def pixels(picture: Image.Image) -> Floats:
    """Return RGB levels 0 to 255, (height, width, 3)."""
    return np.asarray(picture.convert("RGB"), np.float32)


def luminance(rgb: Floats, ceiling: float = 255.0) -> Floats:
    """Return luminance (height, width) of levels that are cut off at ``ceiling`` in each channel."""
    return np.asarray((np.minimum(rgb, ceiling) if ceiling < 255 else rgb) @ _LUMINANCE, np.float32)


def luminance_of(picture: Image.Image) -> Floats:
    """Return a picture's luminance (height, width); in strips, which stay near the processor."""
    rgb = np.asarray(picture if picture.mode == "RGB" else picture.convert("RGB"))
    levels = np.empty(rgb.shape[:2], np.float32)
    for top in range(0, len(rgb), _STRIP):
        levels[top : top + _STRIP] = luminance(rgb[top : top + _STRIP].astype(np.float32))
    return levels


def added(rgb: Floats | Bytes, change: Floats) -> Image.Image:
    """Return the picture of levels (height, width, 3) with one change (height, width) to all channels."""
    marked = np.empty(rgb.shape, np.uint8)
    for top in range(0, len(rgb), _STRIP):
        strip = rgb[top : top + _STRIP].astype(np.int16)
        strip += np.rint(change[top : top + _STRIP]).astype(np.int16)[..., None]
        np.clip(strip, 0, 255, out=strip)
        marked[top : top + _STRIP] = strip
    return Image.fromarray(marked)


def laid(random: np.random.Generator, kinds: int) -> tuple[Floats, Ints]:
    """Return a sign for each pixel of the field, and which of so many kinds it is: even in every tile."""
    chips = (random.integers(0, 2, (FIELD, FIELD)) * 2 - 1).astype(np.float32)
    found = np.empty((FIELD, FIELD), np.int32)
    for top in range(0, FIELD, TILE):
        for left in range(0, FIELD, TILE):
            tile = np.arange(TILE * TILE) % kinds
            random.shuffle(tile)
            found[top : top + TILE, left : left + TILE] = tile.reshape(TILE, TILE)
    return chips, found


@functools.lru_cache(maxsize=64)
def _gain(height: int, width: int, band: Band, tilt: float) -> Floats:
    down, across = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    frequency = np.maximum(np.hypot(down, across), 1e-6)
    rise, fall = 1 / (1 + (band.low / frequency) ** 6), 1 / (1 + (frequency / band.high) ** 12)
    return np.asarray(rise * fall * (frequency / band.high) ** tilt, np.float32)


def smooth(length: int) -> int:
    """Return the next length without a prime factor above 5, which is transformed quickest."""
    while True:
        rest = length
        for prime in (2, 3, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return length
        length += 1


def passed(values: Floats, band: Band, tilt: float = 0.0) -> Floats:
    """Return what of values (height, width) lies in a band; edges are mirrored."""
    height, width = values.shape
    sides = [(_MARGIN, smooth(side + 2 * _MARGIN) - side - _MARGIN) for side in values.shape]
    padded = np.pad(values, sides, mode="reflect" if min(values.shape) > _MARGIN else "edge")
    spectrum = np.fft.rfft2(padded)
    spectrum *= _gain(*padded.shape, band, tilt)
    whole = np.fft.irfft2(spectrum, padded.shape)
    return np.asarray(whole[_MARGIN : _MARGIN + height, _MARGIN : _MARGIN + width], np.float32)


@functools.lru_cache(maxsize=64)
def energy(height: int, width: int, band: Band) -> float:
    """Return the share of white noise that is left of a change through ``passed`` in ``features``."""
    size = height + 2 * _MARGIN, width + 2 * _MARGIN
    return float((_gain(*size, band, 0.0) * _gain(*size, band, band.tilt)).mean())


def mean_around(values: Floats, radius: int) -> Floats:
    """Return means over squares of 2 × ``radius`` + 1 pixels."""
    side = 2 * radius + 1
    sums = np.pad(values, radius, mode="reflect" if min(values.shape) > radius + 1 else "edge")
    for _ in range(2):
        sums = _sums(sums, side).T
    return sums / np.float32(side * side)


def _sums(values: Floats, side: int) -> Floats:
    """Return sums over ``side`` rows, made of sums over 1, 2, 4 … rows."""
    count, start, total, span, part = len(values) - side + 1, 0, None, 1, values
    while True:
        if side & span:
            here = part[start : start + count]
            total = here if total is None else total + here
            start += span
        if 2 * span > side:
            return values if total is None else total
        part = part[:-span] + part[span:]
        span *= 2


def features(values: Floats, band: Band, gain: float = 1.0) -> tuple[Floats, Floats]:
    """Return a canonical luminance as what the mark is read from, and the deviation it was divided by.

    ``gain``: how much brighter the picture is taken to be than it was.
    """
    middle = passed(values, band, band.tilt)
    square = np.maximum(mean_around(middle * middle, band.radius), 0)
    deviation = np.sqrt(square + np.float32((band.floor * gain) ** 2))
    return np.asarray(middle / deviation, np.float32), np.asarray(deviation, np.float32)


def allowance(values: Floats, plain: float, share: float, most: float) -> Floats:
    """Return by how many levels each pixel may change: ``plain`` on plain ground, more where much happens."""
    mean = mean_around(values, 2)
    deviation = np.sqrt(np.maximum(mean_around(values * values, 2) - mean * mean, 0))
    return np.minimum(plain + share * deviation, most)


def compressed(picture: Image.Image, kind: str, quality: int) -> Image.Image:
    """Return a picture after a lossy format."""
    buffer = io.BytesIO()
    picture.save(buffer, kind, quality=quality)
    with Image.open(buffer) as again:
        return again.convert("RGB")


def halved(picture: Image.Image) -> Floats:
    """Return the levels of a picture at half its size."""
    size = (max(1, picture.width // 2), max(1, picture.height // 2))
    return pixels(picture.resize(size, Image.Resampling.LANCZOS))


def peak_ratio(one: Floats, other: Floats) -> float:
    """Return the PSNR of two pictures in dB, over all channels."""
    error = float(((one - other) ** 2).mean())
    return 99.0 if error == 0 else float(10 * np.log10(255**2 / error))


def likeness(one: Floats, other: Floats) -> float:
    """Return the SSIM of two luminances over squares of 5.

    A thousandth below the usual one over Gaussians (Wang et al., IEEE TIP 13, 2004).
    """
    mean1, mean2 = mean_around(one, 2), mean_around(other, 2)
    var1 = mean_around(one * one, 2) - mean1 * mean1
    var2 = mean_around(other * other, 2) - mean2 * mean2
    both = mean_around(one * other, 2) - mean1 * mean2
    quality = (2 * mean1 * mean2 + 6.5025) * (2 * both + 58.5225)
    return float((quality / ((mean1**2 + mean2**2 + 6.5025) * (var1 + var2 + 58.5225))).mean())


def unseen(rgb: Floats | Bytes, change: Floats) -> Image.Image:
    """Return the picture with a change, or with as much of one as leaves it alike."""
    before = luminance(rgb.astype(np.float32))
    for share in (1.0, 0.9, 0.8, 0.7):
        marked = added(rgb, change * np.float32(share))
        if likeness(before, luminance_of(marked)) >= ALIKE:
            break
    return marked
