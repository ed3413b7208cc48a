"""Grids, enlarging and files that fit, checked pixel by pixel and by another reader (Pillow's own)."""

from __future__ import annotations

import io
import os

import pytest
from PIL import Image, UnidentifiedImageError

from engine import images

COLOURS = ["red", "green", "blue", "white", "black", "cyan", "magenta", "yellow", "orange", "grey"]


def cells(count: int, size: tuple[int, int] = (8, 6)) -> list[Image.Image]:
    return [Image.new("RGB", size, colour) for colour in COLOURS[:count]]


@pytest.mark.parametrize(
    ("count", "shape"),
    [(1, (1, 1)), (2, (2, 1)), (3, (2, 2)), (4, (2, 2)), (5, (3, 2)), (6, (3, 2)), (9, (3, 3)), (10, (4, 3))],
)
def test_a_grid_is_as_square_as_it_can_be(count: int, shape: tuple[int, int]) -> None:
    sheet = images.grid(cells(count))
    assert sheet.size == (8 * shape[0], 6 * shape[1])
    for index, cell in enumerate(cells(count)):
        x, y = index % shape[0] * 8, index // shape[0] * 6
        assert sheet.getpixel((x, y)) == sheet.getpixel((x + 7, y + 5)) == cell.getpixel((0, 0))


def test_small_pictures_are_enlarged_by_whole_steps_and_large_ones_left_alone() -> None:
    assert images.enlarge(Image.new("RGB", (64, 48)), 512).size == (512, 384)
    assert images.enlarge(Image.new("RGB", (200, 100)), 512).size == (600, 300)
    assert images.enlarge(Image.new("RGB", (16, 16)), 512).size == (128, 128)  # never beyond 8 ×
    assert images.grid(cells(3)).getpixel((8, 6)) == (0, 0, 0)  # where no cell stands
    large = Image.new("RGB", (1024, 512))
    assert images.enlarge(large, 512) is large


def noise(side: int) -> Image.Image:
    return Image.frombytes("RGB", (side, side), os.urandom(side * side * 3))


def test_a_png_is_kept_where_it_fits() -> None:
    picture = noise(64)
    file = images.fit(picture, 10 * 2**20)
    assert file.extension == "png"
    assert Image.open(io.BytesIO(file.data)).convert("RGB").tobytes() == picture.tobytes()


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "1", "P"])
@pytest.mark.parametrize("size", [(1, 1), (1, 200), (130, 64), (65, 129)])
def test_a_png_holds_every_pixel_whatever_its_mode_and_size(mode: str, size: tuple[int, int]) -> None:
    width, height = size
    picture = Image.frombytes("RGBA", size, os.urandom(width * height * 4)).convert(mode)
    data = images.png(picture)
    read = Image.open(io.BytesIO(data))  # Pillow checks every chunk's checksum
    expected = picture.convert("RGB") if mode in ("1", "P") else picture
    assert (read.mode, read.size) == (expected.mode, size)
    assert read.tobytes() == expected.tobytes()


def test_a_large_one_becomes_webp_of_the_best_quality_that_fits() -> None:
    picture = noise(256)  # 192 KiB of pixels that no PNG can shrink
    file = images.fit(picture, 150_000)
    assert file.extension == "webp"
    assert len(file.data) <= 150_000
    assert Image.open(io.BytesIO(file.data)).format == "WEBP"
    assert Image.open(io.BytesIO(file.data)).size == (256, 256) == (file.width, file.height)
    smaller = images.fit(picture, 40_000)
    assert len(smaller.data) <= 40_000


def test_the_impossible_limit_still_gives_a_small_picture() -> None:
    file = images.fit(noise(256), 4_000)
    assert file.extension == "webp"
    assert len(file.data) <= 4_000
    assert file.width < 256


def test_a_file_beyond_what_webp_can_hold_is_made_smaller() -> None:
    file = images.fit(Image.effect_noise((17000, 4), 90).convert("RGB"), 1000)
    assert (file.extension, max(file.width, file.height) <= 16383) == ("webp", True)


def test_only_png_is_opened() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "GIF")
    with pytest.raises(UnidentifiedImageError):
        images.opened(buffer.getvalue())


def test_a_picture_fits_without_loss_as_long_as_it_can() -> None:
    # smooth colours: WebP's predictors need far fewer bytes for them than one filter does
    ramp = Image.merge("RGB", [Image.linear_gradient("L").rotate(turn) for turn in (0, 90, 180)])
    whole = images.fit(ramp)
    assert (whole.extension, whole.exact) == ("png", True)
    lossless = images.fit(ramp, len(whole.data) - 1)
    assert (lossless.extension, lossless.exact) == ("webp", True)
    with Image.open(io.BytesIO(lossless.data)) as again:
        assert again.convert("RGB").tobytes() == ramp.tobytes()
    lossy = images.fit(noise(128), 3 * 128 * 128 // 2)
    assert (lossy.extension, lossy.exact) == ("webp", False)
    assert len(lossy.data) <= 3 * 128 * 128 // 2


def test_strips_put_together_are_the_picture() -> None:
    picture = noise(101).crop((0, 0, 90, 101))
    assert [one.extension for one in images.strips(picture, 10**6)] == ["png"]
    files = images.strips(picture, 9000)  # 90 x 101 x 3 = 27,270 bytes of noise: at least four
    assert len(files) >= 4
    assert all(len(one.data) <= 9000 for one in files)
    sheet = Image.new("RGB", picture.size)
    top = 0
    for one in files:
        with Image.open(io.BytesIO(one.data)) as strip:
            assert strip.size == (one.width, one.height)
            sheet.paste(strip, (0, top))
            top += strip.height
    assert top == 101
    assert sheet.tobytes() == picture.tobytes()
