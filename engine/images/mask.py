"""Masks as grey pictures, white repaints: made from squares, named areas or files, and shown. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont, ImageStat

COLUMNS, ROWS = 5, 4
"""The grid of squares laid over a picture: as many as fit Discord's rows of five buttons."""
TINT = (255, 64, 160)
"""The colour that shows what will be repainted."""
SHOWN = 1024
"""Pixels the longer side of a shown overlay has at most."""
PLAIN = 8
"""Levels below which a picture's channel counts as all one: saved masks are rarely exact."""


class MaskPolarity(StrEnum):
    """What repaints in a mask that somebody brought."""

    WHITE = "white"
    BLACK = "black"
    TRANSPARENT = "transparent"


# left, top, right, bottom as shares of the sides; the border is what its boxes leave out
AREAS: dict[str, tuple[float, float, float, float]] = {
    "left half": (0, 0, 1 / 2, 1),
    "right half": (1 / 2, 0, 1, 1),
    "top half": (0, 0, 1, 1 / 2),
    "bottom half": (0, 1 / 2, 1, 1),
    "left third": (0, 0, 1 / 3, 1),
    "middle third, upright": (1 / 3, 0, 2 / 3, 1),
    "right third": (2 / 3, 0, 1, 1),
    "top third": (0, 0, 1, 1 / 3),
    "middle third, across": (0, 1 / 3, 1, 2 / 3),
    "bottom third": (0, 2 / 3, 1, 1),
    "centre": (1 / 4, 1 / 4, 3 / 4, 3 / 4),
    "border": (1 / 6, 1 / 6, 5 / 6, 5 / 6),
}
"""Parts of a picture by name."""


def square(size: tuple[int, int], number: int) -> tuple[int, int, int, int]:
    """Return the box of square ``number`` (from 0, row by row) of the grid, in pixels."""
    (width, height), (row, column) = size, divmod(number, COLUMNS)
    return (
        width * column // COLUMNS,
        height * row // ROWS,
        width * (column + 1) // COLUMNS,
        height * (row + 1) // ROWS,
    )


def chosen(size: tuple[int, int], squares: Iterable[int], areas: Iterable[str]) -> Image.Image:
    """Return the mask of these squares and named areas together."""
    mask = Image.new("L", size)
    for number in squares:
        mask.paste(255, square(size, number))
    for name in areas:
        left, top, right, bottom = AREAS[name]
        box = (round(left * size[0]), round(top * size[1]), round(right * size[0]), round(bottom * size[1]))
        part = Image.new("L", size, 255 if name == "border" else 0)
        part.paste(0 if name == "border" else 255, box)
        mask = ImageChops.lighter(mask, part)
    return mask


def step(size: tuple[int, int]) -> int:
    """Return the pixels one press widens, shrinks or feathers by: a 40th of the shorter side, at least 2."""
    return max(2, round(min(size) / 40))


def widened(mask: Image.Image, pixels: int) -> Image.Image:
    """Return the mask grown by so many pixels on every side (negative: shrunk), exact for greys too.

    Beyond the picture's edge nothing is known, so a mask that touches it does not shrink there.
    """
    if pixels < 0:
        return ImageChops.invert(widened(ImageChops.invert(mask), -pixels))
    for across in (True, False):
        reach = 0
        while reach < pixels:
            # what is known of ± reach, shifted both ways, still overlaps: the reach triples
            by = min(2 * reach + 1, pixels - reach)
            mask = ImageChops.lighter(
                mask, ImageChops.lighter(_moved(mask, by, across), _moved(mask, -by, across))
            )
            reach += by
    return mask


def _moved(mask: Image.Image, by: int, across: bool) -> Image.Image:
    moved = Image.new("L", mask.size)
    moved.paste(mask, (by, 0) if across else (0, by))
    return moved


def feathered(mask: Image.Image, pixels: int) -> Image.Image:
    """Return the mask with an edge that fades over ``pixels`` outside it; farther off nothing changes."""
    if pixels <= 0:
        return mask
    half = max(1, pixels // 2)
    # a box of ± half over a mask grown by half: full inside, zero from twice that on
    soft = widened(mask, half).filter(ImageFilter.BoxBlur(half))
    return ImageChops.lighter(mask, soft)


def shaped(mask: Image.Image, *, inverted: bool = False, grown: int = 0, feather: int = 0) -> Image.Image:
    """Return a mask inverted, then grown and feathered by so many presses."""
    by = step(mask.size)
    if inverted:
        mask = ImageChops.invert(mask)
    return feathered(widened(mask, grown * by), feather * by)


def read(picture: Image.Image, reading: MaskPolarity | None = None) -> tuple[Image.Image, MaskPolarity]:
    """Return what repaints in a brought mask, as a mask of ours, and which way it was read.

    Without ``reading`` it is guessed: transparency that says something wins; else the rarer of white and
    black repaints, since most masks mark the smaller part.
    """
    clear = _transparency(picture)
    grey = _grey(picture)
    if reading is None:
        if clear is not None:
            reading = MaskPolarity.TRANSPARENT
        else:
            reading = MaskPolarity.WHITE if ImageStat.Stat(grey).mean[0] <= 127.5 else MaskPolarity.BLACK
    if reading is MaskPolarity.TRANSPARENT:
        return (Image.new("L", picture.size) if clear is None else clear), reading
    return (grey if reading is MaskPolarity.WHITE else ImageChops.invert(grey)), reading


def readings(picture: Image.Image) -> tuple[MaskPolarity, ...]:
    """Return the ways this mask may be read."""
    plain = (MaskPolarity.WHITE, MaskPolarity.BLACK)
    return plain if _transparency(picture) is None else (MaskPolarity.TRANSPARENT, *plain)


def _grey(picture: Image.Image) -> Image.Image:
    if picture.has_transparency_data:
        whole = picture.convert("RGBA")
        ground = Image.new("RGBA", whole.size, "black")
        return Image.alpha_composite(ground, whole).convert("L")
    return picture.convert("L")


def _transparency(picture: Image.Image) -> Image.Image | None:
    """Return how clear each pixel is, or None where that is the same everywhere."""
    if not picture.has_transparency_data:
        return None
    alpha = picture.convert("RGBA").getchannel("A")
    low, high = ImageStat.Stat(alpha).extrema[0]
    return None if high - low < PLAIN else ImageChops.invert(alpha)


def is_empty(mask: Image.Image) -> bool:
    """Say whether a mask repaints nothing that could be seen."""
    return ImageStat.Stat(mask).extrema[0][1] < PLAIN


def share(mask: Image.Image) -> float:
    """Return how much of the picture a mask repaints, 0 to 1; greys count in part."""
    return float(ImageStat.Stat(mask).mean[0] / 255)


def overlay(picture: Image.Image, mask: Image.Image, *, squares: Iterable[int] | None = None) -> Image.Image:
    """Return the picture with the masked part tinted and outlined, at a size to look at.

    ``squares``: lay the numbered grid over it and mark these.
    """
    scale = min(SHOWN / max(picture.size), max(1.0, SHOWN / 2 / max(picture.size)))
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    shown = picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    grey = mask.resize(size, Image.Resampling.BILINEAR)
    tinted = Image.composite(Image.blend(shown, Image.new("RGB", size, TINT), 0.5), shown, grey)
    # the outline shows where a tint is hard to see; two colours, so that one stands out on any ground
    hard = grey.point(_at_least_half)
    for width, colour in ((3, "black"), (1, "white")):
        ring = ImageChops.difference(hard, widened(hard, width))
        tinted.paste(colour, mask=ring)
    if squares is not None:
        _number(tinted, set(squares))
    return tinted


_at_least_half = [0] * 128 + [255] * 128


def _number(picture: Image.Image, marked: set[int]) -> None:
    """Draw the grid and its numbers, from 1."""
    pen = ImageDraw.Draw(picture, "RGBA")
    font = ImageFont.load_default(max(11, min(picture.size) // 22))
    for number in range(COLUMNS * ROWS):
        left, top, right, bottom = square(picture.size, number)
        pen.rectangle((left, top, right - 1, bottom - 1), outline=(0, 0, 0, 110))
        pen.rectangle((left + 1, top + 1, right - 2, bottom - 2), outline=(255, 255, 255, 110))
        at = ((left + right) / 2, (top + bottom) / 2)
        fill = TINT if number in marked else (255, 255, 255)
        pen.text(at, str(number + 1), fill=fill, font=font, anchor="mm", stroke_width=3, stroke_fill="black")
