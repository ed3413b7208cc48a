"""Structured requests: literal text, sizes by arithmetic, strengths at both ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config import LimitsConfig, ModelConfig, pocket
from engine.errors import UserError
from engine.jobs import Condition, Kind
from engine.planning.literal import Literal, spec_of, well

SD = ModelConfig(name="sd", source="x", width=512, height=512, multiple=8, max_ratio=2.0)
LIMITS = LimitsConfig()
CAT = (Condition(text="a cat"),)


def made(asked: Literal, model: ModelConfig = SD, start: tuple[int, int] | None = None):  # type: ignore[no-untyped-def]
    return spec_of(asked, model, LIMITS, 7, start)


@pytest.mark.parametrize(
    "text", ["a cat --ar 3:2 --seed 9", "{a, b} cat", "cat::2", "https://x.org/a.png cat", "__animal__"]
)
def test_text_means_nothing_but_itself(text: str) -> None:
    spec = made(Literal(texts=(Condition(text=text),)))
    assert spec.conditions == (Condition(text=text),)
    assert (spec.count, spec.seed, spec.inputs, spec.stylize) == (1, 7, (), 0)


@pytest.mark.parametrize(
    ("asked", "drawn"),
    [
        ((512, 512), (512, 512)),
        ((256, 256), (360, 360)),  # half of 512² is 362², on the multiple of 8
        ((1024, 1024), (624, 624)),  # one and a half times 512² is 627²
        ((1536, 1024), (768, 512)),  # the same area at 3:2 is 768 x 512
    ],
)
def test_a_file_is_drawn_where_the_model_draws_well(asked: tuple[int, int], drawn: tuple[int, int]) -> None:
    spec = made(Literal(texts=CAT, size=asked))
    assert (spec.width, spec.height) == drawn
    assert spec.fitted == asked


def test_the_shipped_model_draws_a_sixteenth_of_the_file() -> None:
    spec = made(Literal(texts=CAT, size=(512, 512)), pocket())
    assert (spec.width, spec.height, spec.fitted) == (128, 128, (512, 512))


@given(st.integers(16, 4096), st.integers(16, 4096))
def test_every_size_is_on_the_multiple_within_the_shape_and_the_limits(width: int, height: int) -> None:
    wide, high = well((width, height), SD, LIMITS)
    assert wide % 8 == high % 8 == 0
    assert max(wide, high) <= 2.0 * min(wide, high) * 1.05 + 8
    assert 0.45 * 512**2 <= wide * high <= 1.6 * 512**2


def test_no_strength_gives_the_picture_back_and_all_of_it_ignores_it() -> None:
    nothing = made(Literal(texts=CAT, start="a" * 64, strength=0.0), start=(300, 200))
    assert (nothing.kind, nothing.scale, nothing.fitted) == (Kind.UPSCALE, 1, (300, 200))
    everything = made(Literal(texts=CAT, start="a" * 64, strength=1.0, count=3), start=(512, 512))
    assert (everything.kind, everything.strength, everything.count) == (Kind.VARY, 1.0, 3)
    faint = made(Literal(texts=CAT, start="a" * 64, strength=0.001, steps=10), start=(512, 512))
    assert faint.strength == 0.1  # one step of ten


def test_it_stops_before_the_end_of_the_schedule() -> None:
    assert made(Literal(texts=CAT, start="a" * 64, until=0.8), start=(512, 512)).stop == 80


@pytest.mark.parametrize(
    ("size", "scale"), [((1024, 1024), 2), ((700, 700), 2), ((1500, 1500), 4), ((300, 300), 1)]
)
def test_enlarging_goes_past_the_size_and_back(size: tuple[int, int], scale: int) -> None:
    spec = made(Literal(start="a" * 64, size=size, enlarge=True), start=(512, 512))
    assert (spec.kind, spec.scale, spec.fitted) == (Kind.UPSCALE, scale, size)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (Literal(texts=(Condition(text="x", weight=-1.0),)), "weight above 0"),
        (Literal(texts=CAT, size=(8, 512)), "a side has 16 to 4096"),
        (Literal(texts=CAT, size=(4096, 4096)), "more than this server makes"),
        (Literal(texts=CAT, steps=0), "Steps go from 1"),
        (Literal(texts=CAT, sampler="nosuch"), "no sampler `nosuch`"),
        (Literal(texts=CAT, style="nosuch"), "no style `nosuch`"),
    ],
)
def test_what_cannot_be_gets_a_sentence(asked: Literal, words: str) -> None:
    with pytest.raises(UserError, match=words):
        made(asked)
