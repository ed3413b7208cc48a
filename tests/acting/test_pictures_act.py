"""What pictures in a prompt do to real pictures of the shipped model, in numbers that can fail.

Colours are means over a grid's cells, or over what stands out from the white ground; likeness is the distance
between pictures brought to 8 × 8 mean colours.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from engine.images import png
from engine.images.swatch import swatch
from engine.planning.references import liked
from tests.acting.conftest import Draw, Pictures
from tests.acting.test_flags_act import coarse

CODES = ("12345", "77")
APPLE, CAR = "https://a.b/apple.png", "https://a.b/car.png"


@pytest.fixture(scope="module")
def parents(draw: Draw) -> tuple[Pictures, Pictures]:
    """A red apple and a green car, to refer to."""
    apple, car = draw(["a red apple", "a green car"])
    return apple[0], car[0]


@pytest.fixture(scope="module")
def pictures(parents: tuple[Pictures, Pictures]) -> Mapping[str, bytes]:
    apple, car = (png(Image.fromarray((one * 255).round().astype(np.uint8))) for one in parents)
    return {APPLE: apple, CAR: car} | {f"code:{code}": png(swatch(code)) for code in CODES}


def colour(cells: Pictures) -> NDArray[np.float64]:
    return cells.reshape(-1, 3).mean(0)


def subject(cells: Pictures) -> NDArray[np.float64]:
    """Return the mean colour of what is not the white ground."""
    there = cells.reshape(-1, 3)
    return there[there.min(1) < 0.75].mean(0)


def apart(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    return float(np.linalg.norm(one - other))


def distance(cells: Pictures, other: Pictures) -> float:
    return float(np.linalg.norm(coarse(cells) - coarse(other[None]), axis=1).mean())


def test_a_style_reference_brings_its_colours(draw: Draw, pictures: Mapping[str, bytes]) -> None:
    plain, none, *styled = draw(
        [
            "a red apple",
            f"a red apple --sref {CODES[0]} --sw 0",
            *(f"a red apple --sref {code} --sw 200" for code in CODES),
        ],
        pictures=pictures,
    )
    assert np.array_equal(plain, none)
    for code, cells in zip(CODES, styled, strict=True):
        wanted = np.asarray(swatch(code), dtype=np.float64).reshape(-1, 3).mean(0) / 255
        assert apart(colour(cells), wanted) < 0.85 * apart(colour(plain), wanted), code


def test_a_profile_brings_the_colours_of_what_somebody_likes(
    draw: Draw, pictures: Mapping[str, bytes]
) -> None:
    many = [swatch(str(number)) for number in (12345, 12346, 12347, 12348, 12349)]
    tinted = [ImageOps.colorize(one.convert("L"), "#102060", "#90b0ff") for one in many]
    marked = {name: png(one) for name, one in zip(liked([""] * 5), tinted, strict=True)}
    [plain] = draw(["a red apple"])
    [without] = draw(["a red apple"], pictures=marked)
    assert np.array_equal(plain, without)
    [beside, styled] = draw(["a red apple", "a red apple --profile"], pictures=marked)
    assert np.abs(beside - plain).max() < 3 / 255, "who shares the call is as alone"
    wanted = np.mean([np.asarray(one, dtype=np.float64).reshape(-1, 3).mean(0) / 255 for one in tinted], 0)
    assert apart(colour(styled), wanted) < 0.6 * apart(colour(plain), wanted)


def test_a_subject_reference_makes_it_alike(
    draw: Draw, pictures: Mapping[str, bytes], parents: tuple[Pictures, Pictures]
) -> None:
    plain, alike = draw(["a car", f"a car --cref {CAR}"], pictures=pictures)
    wanted = subject(parents[1])
    assert apart(subject(alike), wanted) < 0.9 * apart(subject(plain), wanted)


def test_the_weight_of_a_picture_in_the_prompt(
    draw: Draw, pictures: Mapping[str, bytes], parents: tuple[Pictures, Pictures]
) -> None:
    lines = ["a red apple", *(f"{CAR} a red apple --iw {iw}" for iw in ("1", "3"))]
    plain, light, heavy = (distance(cells, parents[1]) for cells in draw(lines, pictures=pictures))
    assert heavy < light < plain


def test_a_blend_lies_between_its_parents(
    draw: Draw, pictures: Mapping[str, bytes], parents: tuple[Pictures, Pictures]
) -> None:
    [cells] = draw([f"{APPLE} {CAR}"], pictures=pictures)
    between = distance(parents[0][None], parents[1])
    assert distance(cells, parents[0]) < between
    assert distance(cells, parents[1]) < between
