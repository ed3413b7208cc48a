"""Everything one can do to a picture, with every flow family in the loop; the table of what some cannot."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
from PIL import Image

from engine.jobs import Condition, Input, JobSpec, Kind, Role
from engine.render import decode
from engine.render.drawing import begin
from engine.render.families.capabilities import table
from engine.render.models import Model
from engine.workers.protocol import Done, Progress
from tests import ROOT
from tests.engine.render.test_families import ORACLES, flowing, patched
from tests.engine.render.test_oracle import TOGETHER, assert_same, generators, ours, photo, run
from tests.engine.render.test_renderer import Make, drain, failed, pictures, renderer

__all__ = ["renderer"]

FLOWS = [name for name in ORACLES if name != "klein_base"]
PARENT = Input(sha256="p", role=Role.INIT)


def mask() -> Image.Image:
    half = Image.new("L", (32, 32))
    half.paste(255, (0, 0, 16, 32))
    return half


def everything(name: str) -> dict[str, JobSpec]:
    """One small request of each kind."""
    small: dict[str, Any] = {"steps": 2, "count": 1}
    return {
        "grid": flowing(name, steps=2, count=4, film=True, chaos=40, weird=500, stylize=200, exp=30),
        "texts": flowing(
            name,
            conditions=(
                Condition(text="a red (apple:1.3)"),
                Condition(text="a dog", weight=0.5),
                Condition(text="a car", weight=-0.5),
            ),
            **small,
        ),
        "prompt": flowing(name, inputs=(Input(sha256="p", role=Role.PROMPT),), **small),
        "style": flowing(name, inputs=(Input(sha256="p", role=Role.STYLE),), **small),
        "vary": flowing(name, kind=Kind.VARY, strength=0.6, inputs=(PARENT,), **small),
        "repaint": flowing(
            name, kind=Kind.INPAINT, inputs=(PARENT, Input(sha256="m", role=Role.MASK)), **small
        ),
        "tiles": flowing(
            name, kind=Kind.UPSCALE, scale=2, strength=0.5, width=64, height=64, inputs=(PARENT,), **small
        ),
        "locate": flowing(name, kind=Kind.LOCATE, inputs=(PARENT,), **small),
        "stopped": flowing(name, stop=50, tile=True, **small),
    }


@pytest.mark.parametrize("name", FLOWS)
def test_everything_one_can_do_to_a_picture(renderer: Make, name: str) -> None:
    render = renderer(name, engine={"preview_every": 1})
    files = {"p": decode.png(photo()), "m": decode.png(mask())}
    wanted = everything(name)
    for job, each in wanted.items():
        render.start(job, each, {one.sha256: files[one.sha256] for one in each.inputs})
    told = drain(render)
    drawn = {job: pictures(told[job]) for job in wanted}
    assert len(drawn["grid"]) == 4
    assert len({picture.tobytes() for picture in drawn["grid"]}) == 4
    assert drawn["tiles"][0].size == (64, 64)
    kept = np.asarray(drawn["repaint"][0])[:, 24:], np.asarray(photo())[:, 24:]
    assert np.array_equal(*kept), "what is not repainted stays to the bit"
    last = told["grid"][-1]
    assert isinstance(last, Done)
    with Image.open(io.BytesIO(last.outcome.film or b"")) as film:
        assert film.n_frames == 2
    assert any(event.preview for event in told["grid"] if isinstance(event, Progress))
    notes = {job: events[-1].outcome.notes for job, events in told.items() if isinstance(events[-1], Done)}
    assert f"`--tile` has no effect with {name}." in notes["stopped"]
    assert f"`(word:1.3)` has no effect with {name}." in notes["texts"]
    assert any("colours of a reference" in note for note in notes["style"])


def test_what_does_not_fit_is_said(renderer: Make) -> None:
    render = renderer("z_image", "klein")
    render.start("sampler", flowing("z_image", sampler="pndm"))
    render.start("side", flowing("z_image", width=34))
    render.start("distilled", flowing("klein", steps=1, count=1, guidance_scale=4.0))
    told = drain(render)
    assert "These do: euler, dpmpp_2m" in failed(told["sampler"]).message
    assert "multiple = 4" in failed(told["side"]).message
    last = told["distilled"][-1]
    assert isinstance(last, Done)
    assert last.outcome.notes == ("`--cfg` has no effect with klein.",)


def editing(*names: str, **changes: Any) -> JobSpec:
    inputs = tuple(Input(sha256=one, role=Role.INIT) for one in names)
    return flowing("klein", kind=Kind.EDIT, inputs=inputs, guidance_scale=1.0, **changes)


FILES = {"p": photo(96, 64), "q": photo(64, 80)}
INPUTS = {name: decode.png(picture) for name, picture in FILES.items()}


def test_an_edit_equals_diffusers(models: Callable[[str], Model], folders: Callable[[str], Path]) -> None:
    pipe = diffusers.Flux2KleinPipeline.from_pretrained(folders("klein"))
    pipe.set_progress_bar_config(disable=True)
    for names in ("p", "pq"):
        wanted = editing(*names, width=48, height=32)
        drawn = [
            pipe(
                image=[FILES[one] for one in names],
                prompt=wanted.conditions[0].text,
                num_inference_steps=wanted.steps,
                width=48,
                height=32,
                generator=generator,
                output_type="latent",
            ).images
            for generator in generators(wanted)
        ]
        assert_same(ours(models("klein"), wanted, INPUTS), [patched(pipe, one, wanted) for one in drawn])


def test_edits_beside_drawings_are_as_alone(models: Callable[[str], Model]) -> None:
    model = models("klein")
    wanted = [editing("p"), flowing("klein"), editing("q", "p", seed=3), flowing("klein", seed=40, steps=4)]
    alone = [ours(model, each, INPUTS) for each in wanted]
    flying = [begin(str(i), each, model, INPUTS).pictures for i, each in enumerate(wanted)]
    assert len({picture.group for one in flying for picture in one}) == 1
    together = iter(run([picture for one in flying for picture in one], model))
    for before in alone:
        for latents in before:
            assert float((next(together) - latents).norm() / latents.norm()) < TOGETHER


def test_who_cannot_edit_says_so(renderer: Make) -> None:
    render = renderer("z_image")
    wanted = editing("p").model_copy(update={"model": "z_image"})
    render.start("job", wanted, INPUTS)
    assert "cannot edit by instruction" in failed(drain(render)["job"]).message


def test_the_table_is_the_codes() -> None:
    assert table() in (ROOT / "docs" / "prompting.md").read_text()
