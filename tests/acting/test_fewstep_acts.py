"""Drafts and turbo over the real engine: few steps, fewer seconds, pictures that show what was asked for."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.config import Config, EngineConfig, pocket
from engine.jobs import JobSpec
from engine.planning.plan import plan
from engine.pocket import FEWSTEP
from engine.prompt import parse
from engine.render import Renderer
from engine.render.tools.encoder import Encoder
from engine.service import Service
from engine.weights import find
from engine.workers.protocol import Done, Progress
from tests import ROOT
from tests.engine.conftest import asking, editing, submit

PROMPTS = ROOT / "engine/pocket/evaluate_prompts.txt"
LINES = [line for line in PROMPTS.read_text(encoding="utf-8").splitlines() if line and line[0] != "#"][:100]
ENGINE = EngineConfig(device="cpu", preview_every=0, threads=1)

pytestmark = [
    pytest.mark.skipif(
        find(pocket()) is None or not (FEWSTEP / "few_steps.json").exists(),
        reason="the shipped model's weights are not on this machine",
    ),
]


def spec(line: str, count: int = 1) -> JobSpec:
    return plan(parse(f"{line} --seed 5").prompt, [pocket()]).spec.model_copy(update={"count": count})


Draw = Callable[[Sequence[JobSpec]], list[Image.Image]]


@pytest.fixture(scope="module")
def renderer() -> Iterator[Renderer]:
    made = Renderer([pocket()], ENGINE)
    yield made
    made.close()


@pytest.fixture(scope="module")
def drawn(renderer: Renderer) -> Draw:
    """Return a function that draws one picture each, together, in this process."""

    def drawn(specs: Sequence[JobSpec]) -> list[Image.Image]:
        for number, one in enumerate(specs):
            renderer.start(str(number), one)
        found: dict[int, Image.Image] = {}
        while renderer.busy():
            for event in renderer.tick():
                assert isinstance(event, Done | Progress), event
                if isinstance(event, Done):
                    [data] = event.outcome.pictures
                    found[int(event.job)] = Image.open(io.BytesIO(data))
        return [found[number] for number in range(len(specs))]

    return drawn


def recognised(pictures: list[Image.Image], lines: list[str], among: list[str], first: int) -> float:
    """Return the share of pictures whose own line is among the ``first`` that the encoder thinks of."""
    encoder = Encoder()
    words, seen = encoder.texts(among), encoder.images(pictures)
    ranked = (seen @ words.T).argsort(dim=1, descending=True)[:, :first].tolist()
    return sum(among.index(line) in row for line, row in zip(lines, ranked, strict=True)) / len(lines)


def test_drafts_show_what_was_asked_for(drawn: Draw) -> None:
    lines = LINES[::5]
    assert len(lines) == 20
    specs = [spec(f"{line} --draft") for line in lines]
    assert {(one.steps, one.guidance_scale, one.few_steps) for one in specs} == {(4, 1.0, True)}
    assert recognised(drawn(specs), lines, LINES, 5) >= 0.75


@pytest.mark.full
@pytest.mark.timeout(1800)
def test_every_everyday_line_as_a_draft(drawn: Draw) -> None:
    pictures = drawn([spec(f"{line} --draft") for line in LINES])
    assert recognised(pictures, LINES, LINES, 5) >= 0.8


def test_a_draft_is_itself_whoever_draws_beside_it(drawn: Draw) -> None:
    draft, usual = spec("a red apple --draft"), spec("a blue car --steps 4")
    together = drawn([draft, usual])
    for picture, alone in zip(together, (drawn([draft])[0], drawn([usual])[0]), strict=True):
        apart = np.abs(np.asarray(picture, int) - np.asarray(alone, int))
        # of 255: the last bits of a sum depend on how many rows are summed, and enlarging sharpens them
        assert apart.max() <= 3
        assert apart.mean() < 0.001
    # the same steps with the ordinary weights are another picture
    plainly = drawn([draft.model_copy(update={"few_steps": False})])[0]
    assert plainly.tobytes() != together[0].tobytes()


def test_a_draft_takes_a_tenth_of_the_rows_and_less_time(renderer: Renderer, drawn: Draw) -> None:
    rows, seconds = [], []
    drawn([spec("a cat --draft"), spec("a cat --steps 1")])  # loads everything
    for line in ("a dog --draft", "a dog"):
        before, started = renderer.unet_rows, time.process_time()
        drawn([spec(line)])
        rows.append(renderer.unet_rows - before)
        seconds.append(time.process_time() - started)
    # four steps of one row; twenty of two, the words and their absence
    assert rows == [4, 40]
    assert seconds[0] < seconds[1]


async def test_the_record_says_what_drew_a_draft_and_turbo_draws_the_same(tmp_path: Path) -> None:
    async with Service.open(
        Config(data_dir=tmp_path, engine=ENGINE), renderer="engine.render:Renderer"
    ) as door:
        line = "a red apple --seed 3"
        draft = (await submit(door, asking("1", f"{line} --draft"))).jobs[0]
        async for _ in door.progress(draft.id):
            pass
        texts = Image.open(io.BytesIO((await door.pictures(draft.id))[0])).text  # type: ignore[attr-defined]
        assert json.loads(texts["limner"])["spec"]["few_steps"] is True
        assert "Steps: 4, Sampler: DDIM, CFG scale: 1" in texts["parameters"]
        assert "Few-step weights: yes" in texts["parameters"]
        turbo = (await submit(door, asking("2", f"{line} --turbo"))).jobs[0]
        assert turbo.spec == draft.spec
        assert any("4 steps with few-step weights" in note for note in turbo.notes)
        varied = await submit(door, editing("3", "anna", "discord:1/2", draft.id, "vary_subtle", 0))
        assert (varied.jobs[0].spec.steps, varied.jobs[0].spec.few_steps) == (20, False)
