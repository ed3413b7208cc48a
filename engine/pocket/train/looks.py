"""Draw an icon in another manner: outline, pixel art, sticker, watercolour; it refuses to know captions."""

from __future__ import annotations

import random

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageFilter

Paint = tuple[int, int, int]

LOOKS: dict[str, tuple[str, ...]] = {
    "outline": (
        "an outline drawing of {a}", "{a}, outline drawing", "an outline of {a}", "{bare}, line drawing",
    ),
    "pixel": ("a pixel art {bare}", "{a}, pixel art", "pixel art of {a}", "a pixel {bare}"),
    "sticker": ("a sticker of {a}", "{a}, sticker", "a {bare} sticker", "sticker of {a}"),
    "watercolour": (
        "a watercolour {bare}", "a watercolor {bare}", "{a}, watercolour", "a watercolour painting of {a}",
    ),
}  # fmt: skip
"""The manners, and how people ask for them."""


def _over(layer: Image.Image, paint: Paint) -> Image.Image:
    ground = Image.new("RGBA", layer.size, (*paint, 255))
    ground.alpha_composite(layer)
    return ground.convert("RGB")


def outline(layer: Image.Image) -> Image.Image:
    """Dark lines on white where the layer's colours or its silhouette change. RGBA in, RGB out."""
    soft = np.asarray(_over(layer, (255, 255, 255)).filter(ImageFilter.GaussianBlur(0.8)), np.float32)
    change = np.zeros(soft.shape[:2], np.float32)
    for axis in (0, 1):
        change += np.abs(np.roll(soft, 1, axis) - np.roll(soft, -1, axis)).max(axis=-1)
    inner = np.clip((change - 26) / 40, 0, 1)
    alpha = layer.getchannel("A")
    edge = ImageChops.subtract(alpha.filter(ImageFilter.MaxFilter(3)), alpha.filter(ImageFilter.MinFilter(3)))
    ink = np.maximum(inner * 0.9, np.asarray(edge, np.float32) / 255)
    grey = (255 - ink * 215).round().astype(np.uint8)
    return Image.fromarray(grey, "L").filter(ImageFilter.GaussianBlur(0.5)).convert("RGB")


def pixel(layer: Image.Image, paint: Paint, block: int = 8) -> Image.Image:
    """Squares of `block` pixels, aligned with the latents' own, with hard silhouettes. RGBA in, RGB out."""
    small = (layer.width // block, layer.height // block)
    tiny = layer.resize(small, Image.Resampling.BOX)
    colours = np.asarray(tiny.convert("RGBa").convert("RGBA")).copy()
    colours[..., 3] = np.where(colours[..., 3] > 110, 255, 0)
    # a few steps a channel, as old machines had
    colours[..., :3] = (colours[..., :3].astype(np.int32) // 24 * 24 + 12).clip(0, 255)
    return _over(Image.fromarray(colours, "RGBA"), paint).resize(layer.size, Image.Resampling.NEAREST)


def sticker(layer: Image.Image, paint: Paint) -> Image.Image:
    """A broad white rim and a soft shadow on a coloured ground. RGBA in, RGB out."""
    alpha = layer.getchannel("A").point(lambda a: 255 * (a > 100))
    rim = alpha.filter(ImageFilter.MaxFilter(9)).filter(ImageFilter.MaxFilter(3))
    rim = rim.filter(ImageFilter.GaussianBlur(1))
    shadow = ImageChops.offset(rim, 2, 3).filter(ImageFilter.GaussianBlur(2)).point(lambda a: int(a * 0.4))
    ground = Image.new("RGB", layer.size, paint)
    ground.paste((40, 40, 50), mask=shadow)
    ground.paste((255, 255, 255), mask=rim)
    ground.paste(layer.convert("RGB"), mask=layer.getchannel("A"))
    return ground


def _cloud(size: tuple[int, int], cells: int, draw: np.random.Generator) -> NDArray[np.float32]:
    small = Image.fromarray(draw.random((cells, cells), dtype=np.float32), "F")
    large: NDArray[np.float32] = np.asarray(small.resize(size, Image.Resampling.BICUBIC))
    return large * 2 - 1


def watercolour(layer: Image.Image, rng: random.Random) -> Image.Image:
    """Pale wandering paint with darker rims on warm paper. RGBA in, RGB out."""
    draw = np.random.default_rng(rng.getrandbits(32))
    w, h = layer.size
    y, x = np.mgrid[0:h, 0:w]
    shift = 3.0 * np.stack([_cloud((w, h), 9, draw), _cloud((w, h), 9, draw)])
    source = np.asarray(layer.filter(ImageFilter.MedianFilter(5)), np.float32)
    moved = source[
        (y + shift[0]).round().clip(0, h - 1).astype(int), (x + shift[1]).round().clip(0, w - 1).astype(int)
    ]
    wet = Image.fromarray(moved.round().astype(np.uint8), "RGBA")
    alpha = np.asarray(wet.getchannel("A").filter(ImageFilter.GaussianBlur(1.4)), np.float32) / 255
    colour = np.asarray(wet.convert("RGB").filter(ImageFilter.GaussianBlur(1.2)), np.float32)
    rim = np.clip(4 * alpha * (1 - alpha), 0, 1)
    strength = np.clip(
        0.68 + 0.2 * _cloud((w, h), 6, draw) + 0.1 * _cloud((w, h), 20, draw) + 0.3 * rim, 0, 1
    )
    paper = np.array([251, 248, 240], np.float32)
    share = (alpha * strength)[..., None]
    return Image.fromarray(
        (paper * (1 - share) + colour * share).round().clip(0, 255).astype(np.uint8), "RGB"
    )
