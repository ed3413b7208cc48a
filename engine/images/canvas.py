"""A picture on a larger canvas, with the mask of what is to be painted around it. Pure; knows no models."""

from __future__ import annotations

from typing import Literal

from PIL import Image, ImageFilter, ImageOps


def fitted(picture: Image.Image, size: tuple[int, int] | None) -> Image.Image:
    """Return the picture at exactly ``size``: cropped about its middle, then resampled (Lanczos)."""
    if size is None or picture.size == size:
        return picture
    return ImageOps.fit(picture, size, Image.Resampling.LANCZOS)


Fitting = Literal["cover", "squeeze", "fill"]
"""How a picture of another shape is brought to a size: cropped, distorted, or with more ground around it."""


def brought(picture: Image.Image, size: tuple[int, int], how: Fitting) -> Image.Image:
    """Return the picture at exactly ``size``."""
    match how:
        case "squeeze":
            return picture.resize(size, Image.Resampling.LANCZOS)
        case "fill":
            return zoomed(picture, 1.0, *size)[0]
    return fitted(picture, size)


def plain(size: tuple[int, int]) -> Image.Image:
    """Return a plain grey picture: what stands where another may not be shown."""
    return Image.new("RGB", size, (128, 128, 128))


def rim(width: int, height: int) -> int:
    """Return how many pixels past a mask repainting may blend: a 64th of the shorter side, at least 2."""
    return max(2, min(width, height) // 64)


def extended(
    picture: Image.Image, left: int, top: int, right: int, bottom: int
) -> tuple[Image.Image, Image.Image]:
    """Return ``(canvas, mask)``: the picture with so many pixels more on each side.

    The new ground repeats the picture's edges, softened with distance, so that painting starts from fitting
    colours. The mask (``L``) is white where there is something to paint, black over the picture and a rim
    around it, where the painted ground fades in: no pixel of the picture changes.
    """
    width, height = picture.width + left + right, picture.height + top + bottom
    ground = Image.new("RGB", (width, height))
    ground.paste(picture, (left, top))
    for grown, column, at in ((left, 0, 0), (right, picture.width - 1, left + picture.width)):
        if grown:
            edge = picture.crop((column, 0, column + 1, picture.height))
            ground.paste(edge.resize((grown, picture.height)), (at, top))
    for grown, row, at in ((top, top, 0), (bottom, top + picture.height - 1, top + picture.height)):
        if grown:
            ground.paste(ground.crop((0, row, width, row + 1)).resize((width, grown)), (0, at))
    canvas = ground.filter(ImageFilter.GaussianBlur(max(1, min(picture.size) // 32)))
    canvas.paste(picture, (left, top))
    mask = Image.new("L", (width, height), 255)
    fading = rim(width, height)
    mask.paste(0, (left - fading, top - fading, left + picture.width + fading, top + picture.height + fading))
    return canvas, mask


def zoomed(picture: Image.Image, factor: float, width: int, height: int) -> tuple[Image.Image, Image.Image]:
    """Return ``(canvas, mask)`` of ``width`` × ``height`` with the picture made smaller in its middle.

    The picture keeps its shape and takes at most ``1 / factor`` of each side; ``factor`` is 1 or more.
    """
    scale = min(width / picture.width, height / picture.height) / factor
    inner = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    small = picture if inner == picture.size else picture.resize(inner, Image.Resampling.LANCZOS)
    left, top = (width - small.width) // 2, (height - small.height) // 2
    return extended(small, left, top, width - small.width - left, height - small.height - top)
