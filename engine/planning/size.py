"""The size a prompt asks for: sides on the model's multiple, within its ratio and the server's pixels."""

from __future__ import annotations

import math
import re
from fractions import Fraction

from engine.config import LimitsConfig, ModelConfig
from engine.planning.values import integer, text
from engine.prompt.prompt import Prompt
from engine.words import Sentence

SMALLEST = 64
"""Pixels of a side below which no smaller size is offered."""


def size(prompt: Prompt, model: ModelConfig, limits: LimitsConfig, notes: list[str]) -> tuple[int, int]:
    """Return width and height in pixels: the ones asked for, or the model's own pixel count at ``--ar``.

    Sides are brought to the model's multiple, to the model's widest or tallest shape and to the pixels this
    server draws at once; each is said.
    """
    wide, high = integer(prompt, "width", 0), integer(prompt, "height", 0)
    ratio = text(prompt, "ar")
    a, b = (int(side) for side in ratio.split(":")) if ratio else (model.width, model.height)
    if not wide and not high:
        if _too_long(a, b, model):
            nearest = _limit_ratio(model, a > b)
            notes.append(_too_long_said(f"`--ar {ratio}`", a > b, model, nearest))
            a, b = (int(side) for side in nearest.split(":"))
        width, height = sides(model.width * model.height, a, b, model.multiple)
    else:
        if wide and high and ratio:
            notes.append(Sentence("`--ar {ratio}` gives way to `--width` and `--height`.", ratio=ratio))
        width = _near(wide or high * a / b, model.multiple)
        height = _near(high or wide * b / a, model.multiple)
        if (wide and width != wide) or (high and height != high):
            notes.append(
                Sentence(
                    "Drawn at {width} × {height}: sides of `{model}` are multiples of {multiple}.",
                    width=width,
                    height=height,
                    model=model.name,
                    multiple=model.multiple,
                )
            )
        if _too_long(width, height, model):
            asked, wide_one = f"{width} × {height}", width > height
            longest = int(min(width, height) * model.max_ratio) // model.multiple * model.multiple
            width, height = min(width, longest), min(height, longest)
            notes.append(_too_long_said(asked, wide_one, model, f"{width} × {height}"))
    if width * height > limits.max_pixels:
        fitting = sides(limits.max_pixels, width, height, model.multiple, upward=False)
        notes.append(
            Sentence(
                "{size} pixels is more than this server draws at once; it was drawn at {fitting}, the most "
                "at this shape.",
                size=f"{width} × {height}",
                fitting=f"{fitting[0]} × {fitting[1]}",
            )
        )
        width, height = fitting
    return width, height


def _too_long_said(asked: str, wide: bool, model: ModelConfig, drawn: str) -> Sentence:
    return Sentence(
        "{asked} is too wide for `{model}`; it was drawn at {drawn}, the nearest shape that model draws."
        if wide
        else "{asked} is too tall for `{model}`; it was drawn at {drawn}, the nearest shape that model "
        "draws.",
        asked=asked,
        model=model.name,
        drawn=drawn,
    )


def _too_long(a: float, b: float, model: ModelConfig) -> bool:
    return max(a, b) > model.max_ratio * min(a, b) * (1 + 1e-9)


def sides(area: float, a: int, b: int, multiple: int, upward: bool = True) -> tuple[int, int]:
    """Return the sides of ``area`` pixels at the ratio ``a:b``, each at the nearest multiple (half goes up).

    ``upward`` False takes the multiple below, so that the area is not passed.

    >>> sides(512 * 512, 3, 2, 8), sides(1024 * 1024, 16, 9, 8)
    ((624, 416), (1368, 768))
    """
    wide, high = math.sqrt(area * a / b), math.sqrt(area * b / a)
    if not upward:
        return max(multiple, int(wide // multiple) * multiple), max(
            multiple, int(high // multiple) * multiple
        )
    return _near(wide, multiple), _near(high, multiple)


_SIZES = re.compile(r"\s*(?<!\S)(?:--|—)(?:width|height|ar|aspect)\s+\S+")


def smaller(line: str, width: int, height: int, pixels: float, multiple: int) -> str | None:
    """Return the line that asks for the same shape in at most so many pixels; None: it would be tiny."""
    wide, high = sides(pixels, width, height, multiple, upward=False)
    if min(wide, high) < SMALLEST or wide * high > pixels or wide * high >= width * height:
        return None
    return f"{_SIZES.sub('', line)} --width {wide} --height {high}"


def _near(side: float, multiple: int) -> int:
    return max(multiple, math.floor(side / multiple + 0.5) * multiple)


def _limit_ratio(model: ModelConfig, wide: bool) -> str:
    """Return the model's widest (or tallest) ratio in whole numbers."""
    long, short = Fraction(int(model.max_ratio * 100), 100).as_integer_ratio()
    return f"{long}:{short}" if wide else f"{short}:{long}"
