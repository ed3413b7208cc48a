"""An IP-Adapter on our loop against diffusers' own pipelines, and that nobody else notices."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor

from engine.config import AdapterConfig, ModelConfig
from engine.errors import EngineError, NotFound
from engine.jobs import Input, JobSpec, Kind, Role
from engine.planning.cost import rows
from engine.planning.plan import plan
from engine.prompt import parse
from engine.render import decode
from engine.render.conditioning.ip_adapter import STYLE_BLOCKS
from engine.render.drawing import begin
from engine.render.models import DeviceSpec, Model, load
from tests.engine.render import tiny
from tests.engine.render.conftest import ENGINE
from tests.engine.render.test_oracle import assert_same, oracle, ours, photo, run, spec, theirs
from tests.engine.render.test_sharing import assert_near

PIPELINES = {"sd": "StableDiffusionPipeline", "sdxl": "StableDiffusionXLPipeline"}
STYLE = {"sd": {"up": {"block_0": [0.0, 1.0]}}, "sdxl": {"up": {"block_0": [0.0, 1.0]}}}
"""What diffusers is told for the layers of ``up_blocks.0.attentions.1``."""
PHOTO, OTHER = photo(64, 48), photo(32, 32).transpose(Image.Transpose.ROTATE_90)
INPUTS = {"r": decode.png(PHOTO), "q": decode.png(OTHER)}


@pytest.fixture(scope="module")
def adapters(
    tmp_path_factory: pytest.TempPathFactory, folders: Callable[[str], Path]
) -> Callable[[str, bool], Path]:
    """Give the folder of a tiny model's IP-Adapter."""
    made: dict[tuple[str, bool], Path] = {}

    def adapter(name: str, plus: bool) -> Path:
        if (name, plus) not in made:
            pipe = oracle(folders(name), PIPELINES.get(name, PIPELINES["sd"]), "EulerDiscreteScheduler", {})
            made[name, plus] = tiny.ip_adapter(pipe, tmp_path_factory.mktemp("adapter"), plus)
        return made[name, plus]

    return adapter


def adapted(folder: Path, **changes: Any) -> AdapterConfig:
    values: dict[str, Any] = {
        "source": str(folder),
        "subfolder": "models",
        "weights": "adapter.safetensors",
        "style_blocks": ("up_blocks.0.attentions.1",),  # tiny models have fewer blocks than real ones
    }
    return AdapterConfig(**{**values, **changes})


@pytest.fixture(scope="module")
def reading(
    folders: Callable[[str], Path],
    configs: Callable[[str], ModelConfig],
    adapters: Callable[[str, bool], Path],
) -> Callable[..., Model]:
    """Give a tiny model that has an IP-Adapter."""
    loaded: dict[tuple[str, bool], Model] = {}

    def model(name: str, plus: bool = False) -> Model:
        if (name, plus) not in loaded:
            config = configs(name).model_copy(update={"ip_adapter": adapted(adapters(name, plus))})
            loaded[name, plus] = load(name, config, DeviceSpec.find(ENGINE), ENGINE)
        return loaded[name, plus]

    return model


def referring(name: str, *roles: tuple[Role, float], **changes: Any) -> JobSpec:
    given = tuple(
        Input(sha256=sha, role=role, weight=weight) for sha, (role, weight) in zip("rq", roles, strict=False)
    )
    return spec(name, inputs=given, adapter=True, **changes)


def at_scale(model: Model, wanted: JobSpec, scale: float) -> list[Tensor]:
    """Draw a spec with its pictures at a scale of our choice; return the latents of its cells."""
    pictures = begin("job", wanted, model, INPUTS).pictures
    for picture in pictures:
        picture.adapted = [
            replace(one, wanted=replace(one.wanted, scale=scale), unwanted=replace(one.unwanted, scale=scale))
            for one in picture.adapted
        ]
    return run(pictures, model)


def stock(
    folders: Callable[[str], Path],
    folder: Path,
    wanted: JobSpec,
    scales: list[float | Mapping[str, object]],
    pictures: list[Image.Image],
) -> list[Tensor]:
    """Draw a spec by diffusers' own pipeline with its own IP-Adapter, one adapter a picture."""
    pipe = oracle(folders(wanted.model), PIPELINES[wanted.model], "EulerDiscreteScheduler", {})
    count = len(pictures)
    pipe.load_ip_adapter(
        [str(folder)] * count, subfolder=["models"] * count, weight_name=["adapter.safetensors"] * count
    )
    pipe.set_ip_adapter_scale(scales)
    return theirs(pipe, wanted, ip_adapter_image=pictures)


@pytest.mark.parametrize(("name", "plus"), [("sd", False), ("sd", True), ("sdxl", False)])
@pytest.mark.parametrize("scale", [0.0, 0.5, 1.0])
def test_a_picture_read_equals_diffusers(
    folders: Callable[[str], Path],
    adapters: Callable[[str, bool], Path],
    reading: Callable[..., Model],
    name: str,
    plus: bool,
    scale: float,
) -> None:
    wanted = referring(name, (Role.PROMPT, 1.0))
    mine = at_scale(reading(name, plus), wanted, scale)
    assert_same(mine, stock(folders, adapters(name, plus), wanted, [scale], [PHOTO]))
    plain = ours(reading(name, plus), spec(name))
    changed = max(float((a - b).abs().max()) for a, b in zip(mine, plain, strict=True))
    assert changed == 0 if scale == 0 else changed > 0.01


@pytest.mark.parametrize("name", ["sd", "sdxl"])
def test_style_enters_its_own_blocks_only_and_equals_diffusers(
    folders: Callable[[str], Path],
    adapters: Callable[[str, bool], Path],
    reading: Callable[..., Model],
    name: str,
) -> None:
    wanted = referring(name, (Role.STYLE, 1.0))  # of that weight the scale is 1
    mine = ours(reading(name), wanted, INPUTS)
    assert_same(mine, stock(folders, adapters(name, False), wanted, [STYLE[name]], [PHOTO]))
    everywhere = ours(reading(name), referring(name, (Role.PROMPT, 1.0)), INPUTS)
    assert float((mine[0] - everywhere[0]).abs().max()) > 0.01


def test_several_pictures_for_several_ends_equal_diffusers(
    folders: Callable[[str], Path], adapters: Callable[[str, bool], Path], reading: Callable[..., Model]
) -> None:
    # 0.5 and 1 are what an image prompt and a style weigh when nobody says how much
    wanted = referring("sd", (Role.PROMPT, 1.0), (Role.STYLE, 1.0), guidance_scale=1.0)
    mine = ours(reading("sd"), wanted, INPUTS)
    assert_same(mine, stock(folders, adapters("sd", False), wanted, [0.5, STYLE["sd"]], [PHOTO, OTHER]))


def test_a_blend_is_drawn_from_its_pictures_alone(
    folders: Callable[[str], Path], adapters: Callable[[str, bool], Path], reading: Callable[..., Model]
) -> None:
    blend = referring("sd", (Role.PROMPT, 0.5), (Role.PROMPT, 0.5), kind=Kind.BLEND, conditions=())
    mine = ours(reading("sd"), blend, INPUTS)
    wanted = spec("sd", conditions=({"text": ""},))
    assert_same(mine, stock(folders, adapters("sd", False), wanted, [0.5, 0.5], [PHOTO, OTHER]))


@pytest.mark.parametrize("name", ["sd", "sdxl"])
def test_in_a_mix_everybody_is_as_alone(reading: Callable[..., Model], name: str) -> None:
    model = reading(name)
    wanted = [
        spec(name),
        referring(name, (Role.PROMPT, 1.0), seed=3),
        referring(name, (Role.STYLE, 2.0), (Role.SUBJECT, 0.5), guidance_scale=1.0, sampler="ddim"),
        referring(name, (Role.SUBJECT, 1.0), negative_prompt="a blue car", seed=90),
        spec(name, inputs=(Input(sha256="r", role=Role.SUBJECT),), seed=40),  # looked at, not read
    ]
    alone = [ours(model, one, INPUTS) for one in wanted]
    flying = [list(begin("job", one, model, INPUTS).pictures) for one in wanted]
    assert len({one[0].group for one in flying[:4]}) == 1, "whoever reads pictures joins those who do not"
    for several in flying[4:]:
        for picture in several:
            picture.group = flying[0][0].group
    run([picture for one in flying for picture in one], model, max_rows=24)
    for before, together in zip(alone, flying, strict=True):
        assert_near([picture.latents for picture in together], before)


def test_who_refers_to_nothing_is_drawn_as_without_an_adapter(
    models: Callable[[str], Model], reading: Callable[..., Model]
) -> None:
    for wanted in (spec(), spec(guidance_scale=1.0, sampler="ddim")):
        for mine, other in zip(ours(reading("sd"), wanted), ours(models("sd"), wanted), strict=True):
            assert torch.equal(mine, other)


def test_the_shape_of_the_shipped_model_takes_an_adapter(
    models: Callable[[str], Model], reading: Callable[..., Model]
) -> None:
    [plain, _], [again, _] = ours(models("pocket"), spec("pocket")), ours(reading("pocket"), spec("pocket"))
    assert torch.equal(plain, again), "its own text projection is as it was"
    [read, _] = ours(reading("pocket"), referring("pocket", (Role.PROMPT, 1.0)), INPUTS)
    assert float((plain - read).abs().max()) > 0.01


@pytest.mark.parametrize("kind", [Kind.VARY, Kind.INPAINT])
def test_edits_are_told_of_pictures_too(reading: Callable[..., Model], kind: Kind) -> None:
    model = reading("sd")
    canvas = (Input(sha256="q", role=Role.INIT), Input(sha256="m", role=Role.MASK))
    mask = {"m": decode.png(Image.new("L", (32, 32), 255))}
    told = referring("sd", (Role.STYLE, 1.0), kind=kind, strength=0.7)
    told = told.model_copy(update={"inputs": (*canvas[: 1 + (kind is Kind.INPAINT)], *told.inputs)})
    plain = told.model_copy(update={"inputs": told.inputs[:-1]})
    drawing = begin("job", told, model, INPUTS | mask)
    assert "The IP-Adapter read the picture for its style." in drawing.notes
    with_it = run(drawing.pictures, model)[0]
    assert float((with_it - ours(model, plain, INPUTS | mask)[0]).abs().max()) > 0.01


def test_a_prompt_says_whether_its_pictures_are_read(adapters: Callable[[str, bool], Path]) -> None:
    link = "https://a.b/c.png"
    model = ModelConfig(name="sd", source="owner/name", ip_adapter=adapted(adapters("sd", False)))
    without = model.model_copy(update={"ip_adapter": None})
    for line, pictures in ((f"{link} a cat", True), (f"a cat --sref {link}", True), ("a cat", False)):
        prompt = parse(line).prompt
        assert plan(prompt, [model], pictures={link: "0" * 64}).spec.adapter == pictures
        assert not plan(prompt, [without], pictures={link: "0" * 64}).spec.adapter


def test_a_record_of_an_adapter_that_is_gone_is_drawn_without_and_says_so(
    models: Callable[[str], Model],
) -> None:
    wanted = referring("sd", (Role.STYLE, 1.0))
    drawing = begin("job", wanted, models("sd"), INPUTS)
    assert drawing.notes == ["sd no longer has an IP-Adapter; its pictures were used without."]
    looked = wanted.model_copy(update={"adapter": False})
    assert torch.equal(run(drawing.pictures, models("sd"))[0], ours(models("sd"), looked, INPUTS)[0])


def test_an_adapter_that_is_missing_or_of_another_model_is_named(
    tmp_path: Path, configs: Callable[[str], ModelConfig], adapters: Callable[[str, bool], Path]
) -> None:
    def reads(folder: Path, **changes: Any) -> ModelConfig:
        return configs("sd").model_copy(update={"ip_adapter": adapted(folder, **changes)})

    machine = DeviceSpec.find(ENGINE)
    with pytest.raises(NotFound, match="The IP-Adapter of `sd` should be in"):
        load("sd", reads(tmp_path), machine, ENGINE)
    with pytest.raises(NotFound, match=r"models/other/model\.safetensors"):
        load("sd", reads(adapters("sd", False), image_encoder="other"), machine, ENGINE)
    with pytest.raises(EngineError, match="does not fit"):
        load("sd", reads(adapters("sdxl", False)), machine, ENGINE)


def test_the_style_blocks_are_instantstyles() -> None:
    assert STYLE_BLOCKS == {"sd": ("up_blocks.1",), "sdxl": ("up_blocks.0.attentions.1",)}


def test_the_queue_counts_the_rows_that_are_drawn(reading: Callable[..., Model]) -> None:
    model, canvas = reading("sd"), Input(sha256="q", role=Role.INIT)
    looked_at = tuple(Input(sha256="r", role=role) for role in (Role.STYLE, Role.SUBJECT, Role.PROMPT))
    edit: dict[str, Any] = {"kind": Kind.VARY, "strength": 0.7, "inputs": (canvas, *looked_at)}
    for wanted, count in (
        (spec("sd"), 4),
        (spec("sd", inputs=looked_at), 8),  # the image prompt is where drawing starts
        (spec("sd", inputs=looked_at, adapter=True), 4),
        (spec("sd", **edit), 10),
        (spec("sd", **edit, wordless=True), 8),
        (spec("sd", **edit, wordless=True, adapter=True), 2),
    ):
        drawn = sum(picture.rows for picture in begin("job", wanted, model, INPUTS).pictures)
        assert drawn == rows(wanted) == count
