"""How many rows pay, against figures that were published (models.md 1.3) and made up."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.config import ModelConfig
from engine.render import gain
from engine.render.gain import AGAIN, Gain
from engine.render.renderer import Renderer
from tests.engine.render.conftest import ENGINE
from tests.engine.render.test_oracle import spec
from tests.engine.render.test_renderer import drain, pictures


def learnt(times: dict[int, float], calls: int = 5, size: str = "m 64x64") -> Gain:
    known = Gain()
    for rows, seconds in times.items():
        for _ in range(calls):
            known.took(size, rows, seconds)
    return known


def of_speed_ups(ups: dict[int, float]) -> dict[int, float]:
    """Turn 'so many times as fast with n rows' into seconds of a call."""
    return {1: 1.0, **{rows: rows / up for rows, up in ups.items()}}


def test_a_device_that_one_picture_fills_takes_no_second() -> None:
    # Qwen-Image 1024² on an H200 (sglang#22183)
    assert learnt(of_speed_ups({2: 1.02, 3: 1.03})).most("m 64x64") == 1


def test_rows_are_added_while_they_pay() -> None:
    # Qwen-Image 512² on an H200 (the same): 16 rows draw 2 % more than 8
    assert learnt(of_speed_ups({2: 1.82, 3: 2.69, 4: 2.77, 8: 3.14, 16: 3.21})).most("m 64x64") == 8


def test_what_still_pays_is_not_limited() -> None:
    # SDXL-Turbo 512² on an L4 (datadreamer#34): about 6 times with 16
    assert learnt(of_speed_ups({2: 1.8, 4: 3.2, 8: 5.0, 16: 6.0})).most("m 64x64") is None


def test_nothing_is_known_from_one_size_of_call_or_of_first_calls() -> None:
    assert learnt({4: 1.0}).most("m 64x64") is None
    assert learnt({1: 1.0, 2: 2.0}, calls=1).most("m 64x64") is None
    slow_first = Gain()
    for rows in (1, 2):
        slow_first.took("s", rows, 60.0)  # kernels are compiled
        for _ in range(4):
            slow_first.took("s", rows, 1.0)
    assert slow_first.most("s") is None


def test_sizes_are_apart_and_a_model_is_forgotten() -> None:
    known = learnt({1: 1.0, 2: 2.0})
    assert known.most("m 128x128") is None
    assert known.limits() == {"m 64x64": 1}


def test_it_looks_again_in_time() -> None:
    known = learnt({1: 1.0, 2: 2.0})
    for _ in range(AGAIN):
        known.took("m 64x64", 1, 1.0)
    assert known.most("m 64x64") is None
    assert known.most("m 64x64") == 1
    for _ in range(60):  # meanwhile the device has become another
        known.took("m 64x64", 2, 1.0)
    assert known.most("m 64x64") is None


def test_it_is_kept_over_restarts(tmp_path: Path) -> None:
    file = tmp_path / "new" / "rows.json"
    gain.write(learnt({1: 1.0, 2: 2.0}), file)
    assert gain.read(file).most("m 64x64") == 1
    assert gain.read(tmp_path / "none").limits() == {}
    assert gain.read(None).limits() == {}


@pytest.mark.parametrize("kept", ["", "[]", '{"a": 1}', '{"a": {"x": 1}}', "\x00"])
def test_a_broken_file_is_learnt_anew(tmp_path: Path, kept: str) -> None:
    file = tmp_path / "rows.json"
    file.write_text(kept)
    assert gain.read(file).limits() == {}


def test_a_call_has_no_more_rows_than_pay(configs: Callable[[str], ModelConfig]) -> None:
    known = learnt({2: 1.0, 4: 2.0}, size="sd 16x16")
    pace = gain.Pace(known)
    render = Renderer([configs("sd")], ENGINE, pace=pace)
    render.start("job", spec("sd", count=4, steps=3))  # eight rows, two a picture
    told = drain(render)
    assert len(pictures(told["job"])) == 4
    assert render.unet_calls == 4 * 3, "one picture at a time"
    assert render.status_fields()["limits"] == {"sd 16x16": 2}
    render.close()
    free = Renderer([configs("sd")], ENGINE)
    free.start("job", spec("sd", count=4, steps=3))
    drain(free)
    assert free.unet_calls == 3
    free.close()


def test_calls_are_measured_and_kept(configs: Callable[[str], ModelConfig], tmp_path: Path) -> None:
    file, waited = tmp_path / "rows.json", []
    pace = gain.Pace(learnt({1: 1.0, 2: 3.0}, size="other 8x8"), file, lambda: waited.append(1), every=2)
    render = Renderer([configs("sd")], ENGINE, pace=pace)
    render.start("job", spec("sd", count=1, steps=8))
    drain(render)
    render.close()
    assert len(waited) == 2 * 4, "before and after every second call"
    assert set(json.loads(file.read_text())) == {"other 8x8"}, "kept as its limit was found"
    assert pace.gain is not None
    assert set(json.loads(pace.gain.as_json())) == {"other 8x8", "sd 16x16"}
