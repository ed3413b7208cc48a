"""Edits by saying what to change: each family against diffusers' own pipeline, and beside plain drawings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import diffusers
import pytest
from diffusers.pipelines.flux import pipeline_flux_kontext
from diffusers.pipelines.qwenimage import pipeline_qwenimage_edit as qwen_edit
from diffusers.pipelines.qwenimage import pipeline_qwenimage_edit_inpaint as qwen_edit_inpaint
from diffusers.pipelines.qwenimage import pipeline_qwenimage_edit_plus as qwen_edit_plus
from PIL import Image
from torch import Tensor

from engine.jobs import Input, JobSpec, Kind, Role
from engine.render import decode
from engine.render.drawing import begin
from engine.render.models import Model
from tests.engine.render import tiny_edit
from tests.engine.render.test_families import ORACLES, flowing, pipeline
from tests.engine.render.test_oracle import TOGETHER, assert_same, generators, ours, photo, run
from tests.engine.render.test_renderer import Make, drain, failed, renderer

__all__ = ["renderer"]

FILES = {"p": photo(96, 64), "q": photo(64, 80)}
INPUTS = {name: decode.png(picture) for name, picture in FILES.items()}
SIZES = ((32, 32), (48, 32), (32, 64))
EDITING = {
    "klein": 4, "klein_base": 4, "flux2_dev": 4, "flux_kontext": 1,
    "qwen_edit": 1, "qwen_edit_plus": 3, "qwen_edit_2511": 3,
}  # fmt: skip
"""The families that edit, and with how many pictures."""


def editing(name: str, *files: str, **changes: Any) -> JobSpec:
    inputs = tuple(Input(sha256=one, role=Role.INIT) for one in files)
    return flowing(name, kind=Kind.EDIT, inputs=inputs, **changes)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let diffusers show its models small pictures: on a CPU a megapixel takes minutes."""
    shapes = [(96, 64), (64, 80), (64, 64)]
    monkeypatch.setattr(pipeline_flux_kontext, "PREFERRED_KONTEXT_RESOLUTIONS", shapes)
    whole = qwen_edit.calculate_dimensions
    monkeypatch.setattr(qwen_edit, "calculate_dimensions", lambda area, ratio: whole(min(area, 9216), ratio))
    monkeypatch.setattr(qwen_edit_plus, "VAE_IMAGE_SIZE", 4096)
    monkeypatch.setattr(qwen_edit_plus, "CONDITION_IMAGE_SIZE", 9216)


def editor(folder: Path, name: str, cls: Any = None) -> Any:
    """Build diffusers' own pipeline that edits, or another one of its parts."""
    if not name.startswith("qwen"):
        return pipeline(folder, name)
    title = "QwenImageEditPipeline" if name == "qwen_edit" else "QwenImageEditPlusPipeline"
    cls = cls or getattr(diffusers, title)
    pipe = cls.from_pretrained(folder, processor=None)
    pipe.processor = tiny_edit.Processor(pipe.tokenizer)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def theirs(folder: Path, name: str, wanted: JobSpec) -> list[Tensor]:
    """Edit by diffusers' own pipeline, cell by cell."""
    pipe, oracle = editor(folder, name), ORACLES.get(name, ORACLES["qwen_edit_plus"])
    pictures = [FILES[one.sha256] for one in wanted.inputs]
    arguments: dict[str, Any] = {
        "image": pictures if EDITING[name] > 1 else pictures[0],
        "prompt": wanted.conditions[0].text,
        "num_inference_steps": wanted.steps,
        "width": wanted.width,
        "height": wanted.height,
        "output_type": "latent",
        oracle.guidance: wanted.guidance_scale,
        **oracle.more(wanted),
    }
    if name == "flux_kontext":
        arguments["_auto_resize"] = True
    if oracle.negative and wanted.guidance_scale > 1:
        arguments["negative_prompt"] = wanted.negative_prompt or " "
    drawn = [pipe(generator=each, **arguments).images for each in generators(wanted)]
    return [oracle.latents(pipe, one, wanted) for one in drawn]


@pytest.mark.parametrize("name", EDITING)
def test_an_edit_equals_diffusers(
    models: Callable[[str], Model], folders: Callable[[str], Path], name: str
) -> None:
    for size, files, scale in zip(SIZES, ("p", "qp", "q"), (3.0, 1.0, 2.0), strict=True):
        chosen = files[: EDITING[name]]
        wanted = editing(name, *chosen, width=size[0], height=size[1], guidance_scale=scale, steps=2)
        assert_same(ours(models(name), wanted, INPUTS), theirs(folders(name), name, wanted))


@pytest.mark.parametrize("name", EDITING)
def test_edits_beside_drawings_are_as_alone(models: Callable[[str], Model], name: str) -> None:
    model = models(name)
    both = ("q", "p")[: EDITING[name]]
    wanted = [
        editing(name, "p", steps=2),
        flowing(name, steps=3),
        editing(name, *both, seed=3),
        flowing(name, seed=40, steps=4, guidance_scale=1.0),
    ]
    alone = [ours(model, each, INPUTS) for each in wanted]
    flying = [begin(str(i), each, model, INPUTS).pictures for i, each in enumerate(wanted)]
    groups = len({picture.group for one in flying for picture in one})
    assert groups == 1
    together = iter(run([picture for one in flying for picture in one], model))
    for before in alone:
        for latents in before:
            assert float((next(together) - latents).norm() / latents.norm()) < TOGETHER


@pytest.mark.parametrize("scale", [3.0, 1.0])
def test_what_a_qwen_repaints_equals_diffusers(
    models: Callable[[str], Model],
    folders: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
    scale: float,
) -> None:
    size, strength = ((64, 96), 0.7) if scale > 1 else ((64, 64), 1.0)  # some sides, and those of a latent
    for module in (qwen_edit, qwen_edit_inpaint):
        monkeypatch.setattr(module, "calculate_dimensions", lambda area, ratio: (*size, None))
    mask = Image.new("L", size)
    mask.paste(255, (0, 0, 32, 40))
    roles = {"p": Role.INIT, "m": Role.MASK}
    wanted = flowing(
        "qwen_edit", kind=Kind.INPAINT, strength=strength, steps=4, guidance_scale=scale,
        inputs=tuple(Input(sha256=name, role=role) for name, role in roles.items()),
        width=size[0], height=size[1],
    )  # fmt: skip
    parent = photo(*size)
    mine = ours(models("qwen_edit"), wanted, {"p": decode.png(parent), "m": decode.png(mask)})
    pipe = editor(folders("qwen_edit"), "qwen_edit", diffusers.QwenImageEditInpaintPipeline)
    drawn = [
        pipe(
            image=parent, mask_image=mask, prompt=wanted.conditions[0].text, strength=strength,
            negative_prompt=" " if scale > 1 else None, true_cfg_scale=scale, num_inference_steps=4,
            width=size[0], height=size[1], generator=each, output_type="latent",
        ).images
        for each in generators(wanted)
    ]  # fmt: skip
    assert_same(mine, [ORACLES["qwen_edit"].latents(pipe, one, wanted) for one in drawn])


def test_who_cannot_edit_says_so(renderer: Make) -> None:
    render = renderer("z_image", "flux_kontext")
    render.start("job", editing("z_image", "p"), INPUTS)
    render.start("many", editing("flux_kontext", "p", "q"), INPUTS)
    told = drain(render)
    assert "cannot edit by instruction" in failed(told["job"]).message
    assert "looks at 1 at most" in failed(told["many"]).message


def test_who_only_repaints_says_so(renderer: Make) -> None:
    render = renderer("flux_fill")
    render.start("job", flowing("flux_fill"))
    assert "for repainting only" in failed(drain(render)["job"]).message
