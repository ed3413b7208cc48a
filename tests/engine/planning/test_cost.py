"""What a spec costs, against arithmetic by hand."""

from __future__ import annotations

import pytest

from engine.jobs import Input, JobSpec, Kind, Role
from engine.planning.cost import work


def test_an_edit_costs_the_pictures_it_looks_at() -> None:
    plain = JobSpec(
        model="m", width=1024, height=1024, steps=4, guidance_scale=1.0, sampler="euler", seed=1, count=1
    )
    # four times the area of 512 × 512 is 4^1.1 = 4.595 a row and step; decoding is two of them
    assert work(plain) == pytest.approx(4.595 * (4 + 2), rel=1e-3)
    pictures = tuple(Input(sha256=name, role=Role.INIT) for name in "ab")
    one = plain.model_copy(update={"kind": Kind.EDIT, "inputs": pictures[:1]})
    two = plain.model_copy(update={"kind": Kind.EDIT, "inputs": pictures})
    # a megapixel beside it each: 8^1.1 = 9.849, 12^1.1 = 15.385; decoding is the same
    assert work(one) == pytest.approx(9.849 * 4 + 4.595 * 2, rel=1e-3)
    assert work(two) == pytest.approx(15.385 * 4 + 4.595 * 2, rel=1e-3)
