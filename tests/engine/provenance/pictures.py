"""Pictures to mark: photographs by the dead-leaves model, icons on white, and what people do to them.

Dead leaves (Lee, Mumford and Huang, "Occlusion models for natural images", IJCV 41, 2001): discs of random
size, colour and texture that cover each other have the statistics of photographs.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

Levels = npt.NDArray[np.float64]


def photograph(seed: int, width: int, height: int) -> Image.Image:
    """Return a synthetic photograph; the same for the same number."""
    random = np.random.default_rng(seed)
    down, across = np.mgrid[0:height, 0:width].astype(np.float64)
    slope = random.uniform(-60, 60, 3) * (down[..., None] / height - 0.5)
    levels = random.uniform(40, 220, 3) + slope + _texture(random, width, height, 1.6) * random.uniform(3, 25)
    texture = _texture(random, width, height, 1.2)
    for _ in range(int(random.integers(5, 40))):
        radius = min(0.45, 0.02 * (1 - random.random()) ** (-1 / 1.3)) * min(width, height)
        left, top = random.uniform(0, width), random.uniform(0, height)
        flat, soft = random.uniform(0.6, 1.7), random.uniform(0.7, 4)
        colour, rough = random.uniform(0, 255, 3), random.uniform(0, 20)
        reach = radius + soft  # nothing changes further away
        rows = slice(max(0, int(top - reach / flat)), int(top + reach / flat) + 2)
        here = rows, slice(max(0, int(left - reach)), int(left + reach) + 2)
        distance = np.hypot(across[here] - left, (down[here] - top) * flat)
        cover = np.clip((radius - distance) / soft + 0.5, 0, 1)[..., None]
        levels[here] = levels[here] * (1 - cover) + (colour + texture[here] * rough) * cover
    levels += random.normal(size=(height, width, 1)) * random.uniform(0, 3)
    return Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8))


def _texture(random: np.random.Generator, width: int, height: int, slope: float) -> Levels:
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    frequency[0, 0] = 1
    noise = random.normal(size=frequency.shape) + 1j * random.normal(size=frequency.shape)
    texture = np.fft.irfft2(noise / frequency**slope, (height, width))
    return np.asarray((texture - texture.mean()) / texture.std(), np.float64)[..., None]


def icon(seed: int, side: int = 128, ground: tuple[int, int, int] = (255, 255, 255)) -> Image.Image:
    """Return a few soft shapes on plain ground, as small models draw."""
    random = np.random.default_rng(seed)
    large = Image.new("RGB", (4 * side, 4 * side), ground)
    draw = ImageDraw.Draw(large)
    for size in (1.7, 1.0, 0.7, 0.5, 0.4, 0.3):
        left, top = random.uniform(0.2, 4 - size, 2) * side * (0.5 if size > 1.5 else 1)
        colour = tuple(int(level) for level in random.integers(20, 200, 3))
        box = (left, top, left + 1.9 * size * side, top + 1.7 * size * side)
        (draw.ellipse if random.random() < 0.6 else draw.rectangle)(box, fill=colour)
    shaded = np.asarray(large.resize((side, side), Image.Resampling.LANCZOS), np.float64)
    plain = (shaded == ground).all(2)[..., None]
    shaded = np.where(plain, shaded, shaded + 6 * _texture(random, side, side, 1.4))
    return Image.fromarray(np.clip(shaded, 0, 255).astype(np.uint8))


def _through(picture: Image.Image, kind: str, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    picture.save(buffer, kind, quality=quality)
    with Image.open(buffer) as again:
        return again.convert("RGB")


def _scaled(picture: Image.Image, factor: float) -> Image.Image:
    size = (round(picture.width * factor), round(picture.height * factor))
    return picture.resize(size, Image.Resampling.LANCZOS)


def _brighter(picture: Image.Image, factor: float) -> Image.Image:
    return Image.fromarray(
        np.clip(np.rint(np.asarray(picture, np.float64) * factor), 0, 255).astype(np.uint8)
    )


def _cropped(picture: Image.Image) -> Image.Image:
    width, height = round(picture.width * 0.9), round(picture.height * 0.9)
    left, top = round((picture.width - width) * 0.37), round((picture.height - height) * 0.71)
    return picture.crop((left, top, left + width, top + height))


def _thumbnail(picture: Image.Image) -> Image.Image:
    small = picture.copy()
    small.thumbnail((400, 400), Image.Resampling.LANCZOS)
    return small


TREATMENTS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "nothing": lambda picture: picture,
    "JPEG q75": lambda picture: _through(picture, "JPEG", 75),
    "WebP q80": lambda picture: _through(picture, "WEBP", 80),
    "half the size": lambda picture: _scaled(picture, 0.5),
    "71 %": lambda picture: _scaled(picture, 0.71),
    "15 % brighter": lambda picture: _brighter(picture, 1.15),
    "15 % darker": lambda picture: _brighter(picture, 0.85),
    "thumbnail of 400 px": _thumbnail,
    "crop to 90 %": _cropped,
}


def psnr(one: Image.Image, other: Image.Image) -> float:
    """Return the PSNR in dB over all channels."""
    error = np.square(np.asarray(one, np.float64) - np.asarray(other, np.float64)).mean()
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def ssim(one: Image.Image, other: Image.Image) -> float:
    """Return the mean SSIM of luminance (Wang et al., IEEE TIP 13, 2004: Gaussian of 11, sigma 1.5)."""
    first, second = (np.asarray(picture.convert("L"), np.float64) for picture in (one, other))
    kernel = np.exp(-np.square(np.arange(11) - 5) / 4.5)
    kernel /= kernel.sum()

    def smooth(values: Levels) -> Levels:
        for axis in (0, 1):
            windows = np.lib.stride_tricks.sliding_window_view(values, 11, axis)
            values = windows @ kernel
        return values

    mean1, mean2 = smooth(first), smooth(second)
    var1, var2 = smooth(first**2) - mean1**2, smooth(second**2) - mean2**2
    both = smooth(first * second) - mean1 * mean2
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    quality = (2 * mean1 * mean2 + c1) * (2 * both + c2)
    return float((quality / ((mean1**2 + mean2**2 + c1) * (var1 + var2 + c2))).mean())
