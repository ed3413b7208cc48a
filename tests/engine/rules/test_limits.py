"""Limits: each refusal names its limit, says when it frees, and carries the prompt."""

from __future__ import annotations

import pytest

from engine.config import LimitsConfig
from engine.errors import LimitError
from engine.jobs import JobSpec, Kind
from engine.rules.limits import KNOWN, Rate, check_pace, check_spec


def spec(**more: object) -> JobSpec:
    return JobSpec.model_validate(
        {"model": "m", "width": 1000, "height": 1000, "steps": 50, "count": 4, "guidance_scale": 5}
        | {"sampler": "ddim", "seed": 7}
        | more
    )


def test_pixels_steps_and_pictures_are_limited_together() -> None:
    limits = LimitsConfig(max_pixel_steps=200_000_000)
    check_spec(spec(), limits, "a cat")  # 1000 × 1000 × 50 × 4: exactly the most
    check_spec(spec(kind=Kind.UPSCALE, steps=400), LimitsConfig(max_steps=400, max_pixel_steps=4_000_000), "")
    with pytest.raises(LimitError, match=r"4 pictures .* in 60 steps are 1.2 times") as told:
        check_spec(spec(steps=60), limits, "a cat --steps 60")
    assert told.value.prompt == "a cat --steps 60"


def test_commands_come_back_as_the_minute_passes() -> None:
    now = 100.0
    pace, limits = Rate(60.0, lambda: now), LimitsConfig(commands_a_minute=6)
    for _ in range(6):
        check_pace(pace, "anna", limits)
    with pytest.raises(LimitError, match=r"more than 6 commands .* Try again in 10 s"):
        check_pace(pace, "anna", limits)
    check_pace(pace, "ben", limits)
    now += 9.9
    with pytest.raises(LimitError, match="in 1 s"):
        check_pace(pace, "anna", limits)
    now += 0.2  # refused ones were not counted
    check_pace(pace, "anna", limits)
    with pytest.raises(LimitError):
        check_pace(pace, "anna", limits)


def test_a_crowd_is_forgotten_again() -> None:
    now = 0.0
    pace, limits = Rate(60.0, lambda: now), LimitsConfig()
    for number in range(KNOWN + 1):
        check_pace(pace, str(number), limits)
    now = 61.0
    check_pace(pace, "anna", limits)
    assert len(pace._spent) < 10
