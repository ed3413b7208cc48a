"""Larger canvases, checked pixel by pixel: what was there stays, the mask covers the rest but for a rim."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from engine import images
from engine.config import LimitsConfig, pocket
from engine.planning.edits import EDITS, EditInput
from engine.planning.plan import plain

RIM = 2
"""How wide a small canvas' rim is."""


def noise(width: int, height: int) -> Image.Image:
    rng = np.random.default_rng(7)
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))


def outward(picture: Image.Image, name: str) -> tuple[Image.Image, Image.Image]:
    """Return the canvas of an edit with its mask, for a model whose sides are multiples of 8."""
    model = pocket().model_copy(update={"multiple": 8, "max_ratio": 4.0})
    derive = EDITS[name].derive
    assert derive is not None
    said = plain(model).model_copy(update={"width": picture.width})  # kept as large as it was drawn
    start = EditInput(
        said=said, picture="a", size=picture.size, seed=1, model=model, limits=LimitsConfig(), before=said
    )
    canvas = derive(start).canvas
    assert canvas is not None
    assert canvas.margins is not None
    found = images.extended(picture, *canvas.margins)
    assert found[0].size == canvas.size
    return found


@pytest.mark.parametrize(
    ("verb", "size", "box"),
    [
        ("pan_left", (72, 32), (24, 0, 72, 32)),
        ("pan_right", (72, 32), (0, 0, 48, 32)),
        ("pan_up", (48, 48), (0, 16, 48, 48)),
        ("pan_down", (48, 48), (0, 0, 48, 32)),
        ("square", (48, 48), (0, 8, 48, 40)),
    ],
)
def test_growing_keeps_every_pixel(verb: str, size: tuple[int, int], box: tuple[int, int, int, int]) -> None:
    picture = noise(48, 32)
    canvas, mask = outward(picture, verb)
    assert canvas.size == mask.size == size
    assert canvas.crop(box).tobytes() == picture.tobytes()
    expected = np.full((size[1], size[0]), 255, dtype=np.uint8)
    expected[max(0, box[1] - RIM) : box[3] + RIM, max(0, box[0] - RIM) : box[2] + RIM] = 0
    assert np.array_equal(np.asarray(mask), expected)
    # painting fades in over the rim, so the picture is the same to its last pixel
    faded = np.asarray(images.feathered(mask, images.rim(*size)))
    assert not faded[box[1] : box[3], box[0] : box[2]].any()


def test_the_new_ground_begins_with_the_colours_beside_it() -> None:
    picture = Image.new("RGB", (32, 32), "red")
    picture.paste("blue", (16, 0, 32, 32))
    canvas, _ = outward(picture, "square")
    assert canvas.tobytes() == picture.tobytes(), "a square one is left alone"
    left, _ = outward(picture, "pan_left")
    assert left.getpixel((0, 16)) == (255, 0, 0)
    right, _ = outward(picture, "pan_right")
    assert right.getpixel((47, 16)) == (0, 0, 255)


@pytest.mark.parametrize(("factor", "inner"), [(2.0, (32, 24)), (1.5, (43, 32)), (1.0, (64, 48))])
def test_zooming_out_makes_the_picture_smaller_in_its_middle(factor: float, inner: tuple[int, int]) -> None:
    picture = noise(64, 48)
    canvas, mask = images.zoomed(picture, factor, 64, 48)
    assert canvas.size == (64, 48)
    kept = np.argwhere(np.asarray(mask) == 0)
    (top, left), (bottom, right) = kept.min(0), kept.max(0) + 1
    if factor > 1:
        top, left, bottom, right = top + RIM, left + RIM, bottom - RIM, right - RIM
    assert (right - left, bottom - top) == inner
    assert abs((left + right) - 64) <= 1
    assert abs((top + bottom) - 48) <= 1
    small = picture if inner == picture.size else picture.resize(inner, Image.Resampling.LANCZOS)
    assert canvas.crop((left, top, right, bottom)).tobytes() == small.tobytes()


def test_zooming_into_another_shape_keeps_the_pictures_own() -> None:
    canvas, mask = images.zoomed(noise(64, 64), 1.5, 96, 48)
    assert canvas.size == (96, 48)
    kept = np.argwhere(np.asarray(mask) == 0)
    assert tuple(kept.max(0) + 1 - kept.min(0)) == (32 + 2 * RIM, 32 + 2 * RIM)
