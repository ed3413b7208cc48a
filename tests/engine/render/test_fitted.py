"""Files of exactly the size asked, whatever size was drawn or brought."""

from __future__ import annotations

import numpy as np
import pytest

from engine.images import opened
from engine.jobs import Input, Kind, Role
from engine.render import decode
from tests.engine.render.test_oracle import photo, spec
from tests.engine.render.test_renderer import Make, drain, pictures, renderer

__all__ = ["renderer"]


@pytest.mark.parametrize("size", [(100, 60), (32, 48)])
def test_a_drawn_picture_is_cropped_and_resampled(renderer: Make, size: tuple[int, int]) -> None:
    draws = renderer()
    draws.start("a", spec("sd", count=2, fitted=size), {})
    assert [one.size for one in pictures(drain(draws)["a"])] == [size, size]


def test_a_picture_given_back_is_itself(renderer: Make) -> None:
    draws, start = renderer(), decode.png(photo(64, 64))
    inputs = (Input(sha256="x", role=Role.INIT),)
    again = spec("sd", count=1, kind=Kind.UPSCALE, scale=1, inputs=inputs, fitted=(64, 64))
    draws.start("a", again, {"x": start})
    [picture] = pictures(drain(draws)["a"])
    assert np.array_equal(np.asarray(picture), np.asarray(opened(start)))
