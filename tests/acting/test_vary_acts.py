"""A subtle variation stays nearer to its parent than a strong one, with the shipped model and equal seeds.

Each picture is measured by 8 × 8 mean colours. The shipped encoder (one minus the cosine of the embeddings)
must agree in the mean of a few pictures, and on each of the twenty as often as the colours.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from engine.config import EngineConfig, LimitsConfig, pocket
from engine.jobs import JobSpec
from engine.planning.edits import EDITS, EditInput
from engine.planning.plan import plan
from engine.prompt import parse
from engine.render import Renderer
from engine.render.tools.encoder import Encoder
from engine.weights import find
from engine.workers.protocol import Done, Progress
from tests.acting.test_flags_act import coarse

FEW = ("a red apple", "a blue car", "a cat", "a yellow star on a blue background")
MANY = (
    *FEW,
    "a green tree", "a rocket", "a penguin", "a guitar", "a purple flower", "a fish", "a pizza", "an owl",
    "a house", "a crown", "a boat on a blue background", "a mushroom", "a bicycle", "a dog", "a key",
    "an orange butterfly",
)  # fmt: skip


class Apart(NamedTuple):
    """How far pictures lie from their parents, one number a parent."""

    seen: list[float]  # by the encoder
    coloured: list[float]


@pytest.fixture(scope="module")
def renderer() -> Iterator[Renderer]:
    if find(pocket()) is None:
        pytest.skip("the shipped model's weights are not on this machine")
    one = Renderer([pocket()], EngineConfig(device="cpu", preview_every=0, threads=1, max_rows=16))
    yield one
    one.close()


def drawn(renderer: Renderer, specs: Sequence[JobSpec], inputs: dict[str, bytes]) -> list[bytes]:
    """Draw the one picture of each spec."""
    for index, spec in enumerate(specs):
        renderer.start(str(index), spec, inputs)
    found = {}
    while renderer.busy():
        for event in renderer.tick():
            if isinstance(event, Done):
                [found[event.job]] = event.outcome.pictures
            else:
                assert isinstance(event, Progress), event
    return [found[str(index)] for index in range(len(specs))]


def opened(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as picture:
        return picture.convert("RGB")


def apart(encoder: Encoder, parents: list[bytes], children: list[bytes]) -> Apart:
    one, other = ([opened(data) for data in pictures] for pictures in (parents, children))
    seen = 1 - (encoder.images(one) * encoder.images(other)).sum(1)
    arrays = ([np.asarray(each, dtype=np.float64) / 255 for each in some] for some in (one, other))
    near, far = (coarse(np.stack(each)) for each in arrays)
    return Apart(seen.tolist(), np.linalg.norm(near - far, axis=1).tolist())


@pytest.mark.parametrize(
    ("prompts", "steps"), [(FEW, 8), pytest.param(MANY, 20, marks=pytest.mark.full)], ids=["4", "20"]
)
def test_subtle_stays_nearer_to_the_parent_than_strong(
    renderer: Renderer,
    encoder: Encoder,
    prompts: tuple[str, ...],
    steps: int,
    record_property: Callable[[str, object], None],
) -> None:
    model = pocket()
    first = [plan(parse(f"{one} --steps {steps} --seed 5").prompt, [model]).spec for one in prompts]
    first = [spec.model_copy(update={"count": 1}) for spec in first]
    parents = drawn(renderer, first, {})
    names = [str(index) for index in range(len(prompts))]
    inputs = dict(zip(names, parents, strict=True))
    found = {}
    for verb in ("vary_subtle", "vary_strong"):
        specs = []
        for spec, name, data in zip(first, names, parents, strict=True):
            start = EditInput(
                said=spec, picture=name, size=opened(data).size, seed=77, model=model, limits=LimitsConfig(),
                before=spec,
            )  # fmt: skip
            derive = EDITS[verb].derive
            assert derive is not None
            specs.append(derive(start).spec.model_copy(update={"count": 1}))
        found[verb] = apart(encoder, parents, drawn(renderer, specs, inputs))
    subtle, strong = found["vary_subtle"], found["vary_strong"]
    pairs = list(zip(subtle.coloured, strong.coloured, strict=True))
    assert min(near for near, _ in pairs) > 0, "a variation is no copy"
    nearer = sum(near < far for near, far in pairs)
    record_property("by colours, subtle nearer", f"{nearer} of {len(prompts)}")
    record_property("mean distance by the encoder, subtle", f"{np.mean(subtle.seen):.3f}")
    record_property("strong", f"{np.mean(strong.seen):.3f}")
    assert nearer >= 0.9 * len(prompts), f"{nearer} of {len(prompts)}: {pairs}"
    assert sum(subtle.seen) < sum(strong.seen)
    if prompts is MANY:  # few pictures in few steps are too alike for the encoder to tell each apart
        told = sum(near < far for near, far in zip(subtle.seen, strong.seen, strict=True))
        record_property("by the encoder, subtle nearer", f"{told} of {len(prompts)}")
        assert sum(strong.seen) > 2 * sum(subtle.seen), "strong is seen to be strong"
        assert told >= 0.9 * len(prompts), f"{told} of {len(prompts)}"
