"""A style made from a number: a picture of colours and strokes, the same for ever. Pure; knows no models."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt
from PIL import Image

Numbers = npt.NDArray[np.int64]

SIDE = 256
PATTERNS = 6


class _Dice:
    """Numbers from a text by SHA-256 alone: no library's idea of chance can change them."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._count = 0

    def roll(self, below: int) -> int:
        """Return a whole number from 0 to ``below`` − 1."""
        self._count += 1
        digest = hashlib.sha256(f"limner style {self._text} {self._count}".encode()).digest()
        return int.from_bytes(digest[:8], "big") % below


def swatch(code: str) -> Image.Image:
    """Return the picture (256 × 256, RGB) that stands for a style's number or name.

    Whole-number arithmetic only, so that a code means the same picture on every machine and in every version:
    a palette of five related colours, laid out in two patterns, one over the other.
    """
    dice = _Dice(code)
    palette = _palette(dice)
    sheet = _laid(dice, palette[:3])
    over = _laid(dice, palette[2:])
    stencil = _field(dice) % 64 < 28
    sheet[stencil] = over[stencil]
    return Image.fromarray(sheet.astype(np.uint8))


def _palette(dice: _Dice) -> list[tuple[int, int, int]]:
    """Return five colours: hues near one another or opposite, each with a lightness of its own."""
    hue, step = dice.roll(1536), (96, 160, 512, 768)[dice.roll(4)]
    strength = 90 + dice.roll(160)
    return [_colour(hue + step * index, strength, 40 + dice.roll(190)) for index in range(5)]


def _colour(hue: int, strength: int, light: int) -> tuple[int, int, int]:
    """Return red, green and blue for a hue (0–1535 around the circle), a strength and a lightness (0–255)."""
    sector, rest = hue // 256 % 6, hue % 256
    up, down = rest, 255 - rest
    pure = ((255, up, 0), (down, 255, 0), (0, 255, up), (0, down, 255), (up, 0, 255), (255, 0, down))[sector]
    mixed = [(part * strength + 128 * (255 - strength)) // 255 for part in pure]
    if light < 128:
        red, green, blue = (part * light // 128 for part in mixed)
    else:
        red, green, blue = (part + (255 - part) * (light - 128) // 128 for part in mixed)
    return red, green, blue


def _laid(dice: _Dice, colours: list[tuple[int, int, int]]) -> Numbers:
    """Return (256, 256, 3) whole numbers: the colours in a pattern, hard-edged or blended."""
    field = _field(dice)
    table: Numbers = np.array(colours, dtype=np.int64)
    width = 8 + dice.roll(40)
    index = field // width
    flat: Numbers = table[index % len(colours)]
    if dice.roll(2):
        return flat
    following, share = table[(index + 1) % len(colours)], (field % width)[..., None]
    blended: Numbers = (flat * (width - share) + following * share) // width
    return blended


def _field(dice: _Dice) -> Numbers:
    """Return (256, 256) whole numbers from 0: stripes, rings, checks, waves, cells or folds."""
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.int64)
    kind, a, b = dice.roll(PATTERNS), dice.roll(17) - 8, dice.roll(17) - 8
    if a == b == 0:
        a = 5
    field: Numbers
    if kind == 0:  # stripes
        field = np.abs(a * x + b * y) // 4
    elif kind == 1:  # rings
        field = ((x - dice.roll(SIDE)) ** 2 + (y - dice.roll(SIDE)) ** 2) // 192
    elif kind == 2:  # checks
        side = 12 + dice.roll(36)
        field = (x // side + y // side) * side
    elif kind == 3:  # waves: stripes bent along a parabola that repeats
        period = 32 + dice.roll(64)
        phase = x % period
        field = y + phase * (period - phase) * 4 // period
    else:
        points = [(dice.roll(SIDE), dice.roll(SIDE)) for _ in range(10)]
        distances = np.stack([(x - px) ** 2 + (y - py) ** 2 for px, py in points])
        # cells around points, or folds between them
        field = np.argmin(distances, axis=0) * 31 if kind == 4 else np.min(distances, axis=0) // 48
    return field
