"""Mean colours moved to where they belong: by hand, and what has no measure left alone."""

from __future__ import annotations

import numpy as np
from PIL import Image

from engine.images.tone import evened


def flat(*colour: int) -> Image.Image:
    return Image.new("RGB", (128, 96), colour)


def test_a_shifted_ground_is_brought_back_also_where_nothing_is_known() -> None:
    mask = Image.new("L", (128, 96), 255)
    mask.paste(0, (40, 30, 80, 60))
    back = evened(flat(96, 110, 103), flat(100, 100, 100), mask)
    assert np.abs(np.asarray(back, int) - 100).max() <= 1


def test_near_squares_count_for_more() -> None:
    # known left and right: off by +10 and by -10; in the middle they cancel out
    truth, mask = flat(100, 100, 100), Image.new("L", (128, 96), 255)
    drawn = flat(100, 100, 100)
    drawn.paste((90, 90, 90), (0, 0, 16, 96))
    drawn.paste((110, 110, 110), (112, 0, 128, 96))
    for left in (0, 112):
        mask.paste(0, (left, 0, left + 16, 96))
    row = np.asarray(evened(drawn, truth, mask), int)[48, :, 0]
    assert abs(row[64] - 100) <= 1
    assert row[24] > 104 > 96 > row[104]
    assert abs(row[4] - 100) <= 3


def test_details_and_what_is_far_off_stay() -> None:
    rng = np.random.default_rng(1)
    noise = Image.fromarray((128 + rng.choice([-40, 40], (96, 128, 1)).repeat(3, 2)).astype(np.uint8))
    moved = np.asarray(evened(noise, flat(128, 128, 128)), int) - np.asarray(noise, int)
    assert np.abs(moved).max() <= 16
    assert np.abs(moved).mean() < 12, "means are moved, the grain is not"
    assert np.array_equal(evened(flat(9, 9, 9), flat(200, 9, 9)).getpixel((5, 5)), (25, 9, 9))


def test_with_everything_to_be_painted_nothing_is_moved() -> None:
    picture = flat(1, 2, 3)
    assert evened(picture, flat(9, 9, 9), Image.new("L", (128, 96), 255)) is picture
