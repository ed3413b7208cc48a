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

FIELD = 512
"""Side of the square of signs that lies over every canonical picture, from its top left corner."""
_LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601
_MARGIN = 12


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


def added(rgb: Floats, change: Floats) -> Image.Image:
    """Return the picture of levels (height, width, 3) with one change (height, width) to all channels."""
    return Image.fromarray(np.clip(np.rint(rgb + change[..., None]), 0, 255).astype(np.uint8))


@functools.lru_cache(maxsize=64)
def _gain(height: int, width: int, band: Band, tilt: float) -> Floats:
    down, across = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    frequency = np.maximum(np.hypot(down, across), 1e-6)
    rise, fall = 1 / (1 + (band.low / frequency) ** 6), 1 / (1 + (frequency / band.high) ** 12)
    return np.asarray(rise * fall * (frequency / band.high) ** tilt, np.float32)


def passed(values: Floats, band: Band, tilt: float = 0.0) -> Floats:
    """Return what of values (height, width) lies in a band; edges are mirrored."""
    padded = np.pad(values, _MARGIN, mode="reflect" if min(values.shape) > _MARGIN else "edge")
    spectrum = np.fft.rfft2(padded) * _gain(*padded.shape, band, tilt)
    whole = np.fft.irfft2(spectrum, padded.shape)
    return np.asarray(whole[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN], np.float32)


def energy(height: int, width: int, band: Band) -> float:
    """Return the share of white noise that a band lets through."""
    return float((_gain(height + 2 * _MARGIN, width + 2 * _MARGIN, band, 0.0) ** 2).mean())


def mean_around(values: Floats, radius: int) -> Floats:
    """Return means over squares of 2 × ``radius`` + 1 pixels."""
    mode = "reflect" if min(values.shape) > radius + 1 else "edge"
    sums = np.pad(values, ((radius + 1, radius),) * 2, mode=mode).cumsum(0, dtype=np.float64).cumsum(1)  # type: ignore[call-overload]
    side = 2 * radius + 1
    boxes = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    return np.asarray(boxes / side**2, np.float32)


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


def compressed(picture: Image.Image, kind: str, quality: int) -> Floats:
    """Return the levels of a picture after a lossy format."""
    buffer = io.BytesIO()
    picture.save(buffer, kind, quality=quality)
    with Image.open(buffer) as again:
        return pixels(again)


def halved(picture: Image.Image) -> Floats:
    """Return the levels of a picture at half its size."""
    size = (max(1, picture.width // 2), max(1, picture.height // 2))
    return pixels(picture.resize(size, Image.Resampling.LANCZOS))


def peak_ratio(one: Floats, other: Floats) -> float:
    """Return the PSNR of two pictures in dB, over all channels."""
    error = float(((one - other) ** 2).mean())
    return 99.0 if error == 0 else float(10 * np.log10(255**2 / error))


def likeness(one: Floats, other: Floats) -> float:
    """Return the SSIM of two luminances (Wang et al., IEEE TIP 13, 2004), over squares of 11."""
    mean1, mean2 = mean_around(one, 5), mean_around(other, 5)
    var1 = mean_around(one * one, 5) - mean1 * mean1
    var2 = mean_around(other * other, 5) - mean2 * mean2
    both = mean_around(one * other, 5) - mean1 * mean2
    quality = (2 * mean1 * mean2 + 6.5025) * (2 * both + 58.5225)
    return float((quality / ((mean1**2 + mean2**2 + 6.5025) * (var1 + var2 + 58.5225))).mean())
