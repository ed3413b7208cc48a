"""Words find things: of two pictures side by side, the mask's centre lies on the one that was named."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from engine.config import EngineConfig, pocket
from engine.jobs import Condition, Input, JobSpec, Kind, Role
from engine.planning.plan import plan
from engine.prompt import parse
from engine.weights import find
from engine.workers.protocol import Done, Progress

THINGS = ("red apple", "blue car", "cat", "yellow star", "rocket", "penguin", "guitar", "green tree")


def png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("things", "count", "least"),
    [(THINGS[:4], 4, 3), pytest.param(THINGS, 40, 28, marks=pytest.mark.full)],
)
def test_the_mask_lies_on_what_was_named(
    things: tuple[str, ...], count: int, least: int, record_property: Callable[[str, object], None]
) -> None:
    model = pocket()
    if find(model) is None:
        pytest.skip("the shipped model's weights are not on this machine")
    from engine.render import Renderer

    renderer = Renderer([model], EngineConfig(device="cpu", preview_every=0, threads=1))

    def run(job: str, spec: JobSpec, inputs: dict[str, bytes]) -> Image.Image:
        renderer.start(job, spec, inputs)
        while renderer.busy():
            for event in renderer.tick():
                if isinstance(event, Done):
                    return Image.open(io.BytesIO(event.outcome.pictures[0]))
                assert isinstance(event, Progress), event
        raise AssertionError("no picture came")

    drawn = {}
    for thing in things:
        prompt = parse(f"a {thing} on a white background --seed 4 --steps 8").prompt
        drawn[thing] = run(thing, plan(prompt, [model]).spec.model_copy(update={"count": 1}), {})
    side = drawn[things[0]].width
    half = side // 2
    hits = 0
    pairs = [(things[0], things[1]), (things[2], things[3])] if count == 4 else []
    pairs = pairs or list(itertools.combinations(things, 2))[: count // 2]
    for one, other in pairs:
        canvas = Image.new("RGB", (side, side), "white")
        canvas.paste(drawn[one].resize((half, half)), (0, half // 2))
        canvas.paste(drawn[other].resize((half, half)), (half, half // 2))
        for named, left in ((one, True), (other, False)):
            spec = JobSpec(
                kind=Kind.LOCATE,
                model=model.name,
                conditions=(Condition(text=f"the {named}"),),
                width=model.width,
                height=model.height,
                steps=1,
                guidance_scale=1.0,
                sampler=model.sampler,
                seed=0,
                count=1,
                inputs=(Input(sha256="p", role=Role.INIT),),
            )
            mask = run("where", spec, {"p": png(canvas)}).convert("L")
            assert mask.size == canvas.size
            rows, columns = np.nonzero(np.asarray(mask))
            there = half / 2 <= rows.mean() < side - half / 2
            hits += bool(there and (columns.mean() < half) == left)
    renderer.close()
    record_property("masks on what was named", f"{hits} of {count}")
    assert hits >= least, f"{hits} of {count}"
