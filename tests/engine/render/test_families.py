"""Flow families against diffusers' own pipelines on the same weights, alone and in any mix."""

from __future__ import annotations

import functools
import inspect
import random
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import diffusers
import pytest
from PIL import Image
from torch import Tensor

from engine.jobs import Condition, Input, JobSpec, Kind, Role
from engine.render import decode
from engine.render.denoise import Picture, choose
from engine.render.drawing import begin
from engine.render.models import Model
from tests.engine.render.loop import advance
from tests.engine.render.test_oracle import TOGETHER, assert_same, generators, ours, photo, spec
from tests.engine.render.tiny import WORDS

SIZES = ((32, 32), (48, 32), (32, 64))


@dataclass(frozen=True)
class Oracle:
    """How diffusers draws with a family: class names, and what its latents are beside ours."""

    text: str
    varied: str = ""
    repainted: str = ""
    guidance: str = "guidance_scale"
    origin: float = 0.0
    needs_negative: bool = False
    guided: bool = True
    negative: bool = True
    latents: Callable[[Any, Tensor, JobSpec], Tensor] = lambda pipe, drawn, wanted: drawn
    samplers: tuple[str, ...] = ("euler", "lcm")
    absent: dict[str, None] = field(default_factory=dict)
    more: Callable[[JobSpec], dict[str, Any]] = lambda wanted: {}
    """Further arguments its pipelines take."""


def unpacked(pipe: Any, drawn: Tensor, wanted: JobSpec) -> Tensor:
    """Undo FLUX's and Qwen's packing, as diffusers does before decoding."""
    if type(pipe).__name__.startswith("Qwen"):
        return pipe._unpack_latents(drawn, wanted.height, wanted.width, pipe.vae_scale_factor)[:, :, 0]
    unpack: Tensor = pipe._unpack_latents(drawn, wanted.height, wanted.width, pipe.vae_scale_factor)
    return unpack


def patched(pipe: Any, drawn: Tensor, wanted: JobSpec) -> Tensor:
    """Take klein's latents back to what its transformer sees: it normalises and unpatches at the end."""
    patches: Tensor = pipe._patchify_latents(drawn)
    mean = pipe.vae.bn.running_mean.view(1, -1, 1, 1)
    return (patches - mean) / (
        pipe.vae.bn.running_var.view(1, -1, 1, 1) + pipe.vae.config.batch_norm_eps
    ).sqrt()


def untokened(pipe: Any, drawn: Tensor, wanted: JobSpec) -> Tensor:
    """Lay FLUX.2 dev's tokens out as a picture: row by row, 2 × 2 latents each."""
    side = 2 * pipe.vae_scale_factor
    return drawn.transpose(1, 2).reshape(1, -1, wanted.height // side, wanted.width // side)


def uncropped(wanted: JobSpec) -> dict[str, Any]:
    """Keep Kontext from drawing a megapixel whatever size is asked for."""
    return {"max_area": wanted.width * wanted.height, "_auto_resize": False}


ORACLES: dict[str, Oracle] = {
    "z_image": Oracle("ZImagePipeline", "ZImageImg2ImgPipeline", "ZImageInpaintPipeline", origin=1.0),
    "klein": Oracle(
        "Flux2KleinPipeline", repainted="Flux2KleinInpaintPipeline", negative=False, latents=patched,
        samplers=("euler", "dpmpp_2m", "dpmpp_2s", "unipc"),
    ),
    "klein_base": Oracle(
        "Flux2KleinPipeline", repainted="Flux2KleinInpaintPipeline", negative=False, latents=patched,
        samplers=(),
    ),
    "sd3": Oracle(
        "StableDiffusion3Pipeline", "StableDiffusion3Img2ImgPipeline",
        absent={"text_encoder_3": None, "tokenizer_3": None},
    ),
    "qwen_image": Oracle(
        "QwenImagePipeline", "QwenImageImg2ImgPipeline", "QwenImageInpaintPipeline",
        guidance="true_cfg_scale", needs_negative=True, latents=unpacked,
        samplers=("euler",),  # the noise of others is drawn packed there
    ),
    "qwen_edit": Oracle(
        "QwenImagePipeline", guidance="true_cfg_scale", needs_negative=True, latents=unpacked,
        samplers=(),
    ),
    "qwen_edit_plus": Oracle(
        "QwenImagePipeline", guidance="true_cfg_scale", needs_negative=True, latents=unpacked,
        samplers=(),
    ),
    "flux": Oracle(
        "FluxPipeline", "FluxImg2ImgPipeline", "FluxInpaintPipeline", negative=False, latents=unpacked,
        samplers=("euler", "dpmpp_2m"),
    ),
    "flux_kontext": Oracle(
        "FluxKontextPipeline", repainted="FluxKontextInpaintPipeline", negative=False, latents=unpacked,
        samplers=("euler",), more=uncropped,
    ),
    "flux_fill": Oracle("", repainted="FluxFillPipeline", negative=False, latents=unpacked, samplers=()),
    "flux2_dev": Oracle(
        "Flux2Pipeline", negative=False, latents=untokened,
        samplers=("euler", "dpmpp_2m", "dpmpp_2s", "unipc"),
    ),
}  # fmt: skip
DRAWING = [name for name, each in ORACLES.items() if each.text]
"""Those that draw from words; the others only repaint."""

SCHEDULERS = {
    "euler": ("FlowMatchEulerDiscreteScheduler", {}),
    "lcm": ("FlowMatchLCMScheduler", {}),
    "unipc": ("UniPCMultistepScheduler", {"use_flow_sigmas": True, "prediction_type": "flow_prediction"}),
    "dpmpp_2m": (
        "DPMSolverMultistepScheduler",
        {"use_flow_sigmas": True, "prediction_type": "flow_prediction"},
    ),
    "dpmpp_2s": (
        "DPMSolverSinglestepScheduler",
        {"use_flow_sigmas": True, "prediction_type": "flow_prediction"},
    ),
}


def flowing(name: str, **changes: Any) -> JobSpec:
    return spec(name, **{"steps": 3, "count": 2, "guidance_scale": 3.0, **changes})


def pipeline(folder: Path, name: str, kind: str = "text", sampler: str = "euler") -> Any:
    """Build diffusers' own pipeline of a family."""
    oracle = ORACLES[name]
    pipe = getattr(diffusers, getattr(oracle, kind)).from_pretrained(folder, **oracle.absent)
    title, changes = SCHEDULERS[sampler]
    shift = {"flow_shift": pipe.scheduler.config.shift} if changes else {}
    pipe.scheduler = getattr(diffusers, title).from_config({**pipe.scheduler.config, **changes, **shift})
    pipe.set_progress_bar_config(disable=True)
    return pipe


def theirs(pipe: Any, name: str, wanted: JobSpec, **extra: Any) -> list[Tensor]:
    """Draw a spec by diffusers' pipeline, cell by cell; return latents as ours are laid out."""
    oracle = ORACLES[name]
    arguments: dict[str, Any] = {
        "prompt": wanted.conditions[0].text,
        "num_inference_steps": wanted.steps,
        "output_type": "latent",
        "width": wanted.width,
        "height": wanted.height,
        **oracle.more(wanted),
        **extra,
    }
    if oracle.guided:
        arguments[oracle.guidance] = wanted.guidance_scale - oracle.origin
        if oracle.negative and wanted.guidance_scale > 1:
            blank = " " if oracle.needs_negative else ""
            arguments["negative_prompt"] = wanted.negative_prompt or blank
    drawn = []
    step = type(pipe.scheduler).step
    for generator in generators(wanted):
        if "generator" in inspect.signature(step).parameters:  # the pipelines leave it to torch's own
            pipe.scheduler.step = functools.partial(step, pipe.scheduler, generator=generator)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            drawn.append(oracle.latents(pipe, pipe(generator=generator, **arguments).images, wanted))
    return drawn


@pytest.mark.parametrize("name", DRAWING)
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_words_equal_diffusers(
    models: Callable[[str], Model], folders: Callable[[str], Path], name: str, size: tuple[int, int]
) -> None:
    pipe = pipeline(folders(name), name)
    width, height = size
    for scale, negative in ((3.0, ""), (1.0, ""), (2.0, "a blue car")):
        if negative and not ORACLES[name].negative:
            continue
        wanted = flowing(
            name, width=width, height=height, guidance_scale=scale, negative_prompt=negative, steps=2
        )
        assert_same(ours(models(name), wanted), theirs(pipe, name, wanted))


@pytest.mark.parametrize(
    ("name", "sampler"), [(name, sampler) for name, each in ORACLES.items() for sampler in each.samplers]
)
def test_samplers_equal_diffusers(
    models: Callable[[str], Model], folders: Callable[[str], Path], name: str, sampler: str
) -> None:
    wanted = flowing(name, sampler=sampler, steps=4)
    assert_same(
        ours(models(name), wanted), theirs(pipeline(folders(name), name, sampler=sampler), name, wanted)
    )


@pytest.mark.parametrize("name", [name for name, each in ORACLES.items() if each.varied])
def test_varying_equals_diffusers_image_to_image(
    models: Callable[[str], Model], folders: Callable[[str], Path], name: str
) -> None:
    pipe = pipeline(folders(name), name, "varied")
    for size, strength in zip(SIZES, (0.6, 0.5, 0.9), strict=True):
        wanted = flowing(
            name,
            kind=Kind.VARY,
            strength=strength,
            steps=5,
            inputs=(Input(sha256="p", role=Role.INIT),),
            width=size[0],
            height=size[1],
        )
        parent = photo(*size)
        mine = ours(models(name), wanted, {"p": decode.png(parent)})
        assert_same(mine, theirs(pipe, name, wanted, image=parent, strength=strength))


@pytest.mark.parametrize("name", [name for name, each in ORACLES.items() if each.repainted])
def test_repainting_equals_diffusers_inpainting(
    models: Callable[[str], Model], folders: Callable[[str], Path], name: str
) -> None:
    pipe = pipeline(folders(name), name, "repainted")
    for size, strength in zip(SIZES, (1.0, 0.7, 0.5), strict=True):
        mask = Image.new("L", size)
        mask.paste(255, (0, 0, 16, 20))
        mask.paste(100, (20, 20, 32, 32))
        wanted = flowing(
            name,
            kind=Kind.INPAINT,
            strength=strength,
            steps=4,
            inputs=(Input(sha256="p", role=Role.INIT), Input(sha256="m", role=Role.MASK)),
            width=size[0],
            height=size[1],
        )
        parent = photo(*size)
        mine = ours(models(name), wanted, {"p": decode.png(parent), "m": decode.png(mask)})
        assert_same(mine, theirs(pipe, name, wanted, image=parent, mask_image=mask, strength=strength))


@pytest.mark.parametrize("name", DRAWING)
def test_decoding_equals_diffusers(
    models: Callable[[str], Model], folders: Callable[[str], Path], name: str
) -> None:
    wanted = flowing(name, count=1, steps=1)
    family = models(name).family
    assert family is not None
    mine = decode.decode(family, ours(models(name), wanted)[0])
    oracle = ORACLES[name]
    pipe = pipeline(folders(name), name)
    arguments = {"prompt": wanted.conditions[0].text, "num_inference_steps": 1, "width": 32, "height": 32}
    if oracle.guided:
        arguments[oracle.guidance] = wanted.guidance_scale - oracle.origin
    if oracle.needs_negative:
        arguments["negative_prompt"] = " "
    arguments |= oracle.more(wanted)
    other = pipe(generator=generators(wanted)[0], **arguments).images[0]
    differences = [abs(a - b) for a, b in zip(mine.tobytes(), other.tobytes(), strict=True)]
    assert max(differences) <= 1, "one step of rounding at most"


def anyones(rng: random.Random, name: str, model: Model) -> JobSpec:
    """Make up a request unlike the others."""
    family = model.family
    assert family is not None
    texts = [
        " ".join(rng.choices(WORDS, k=rng.choice((1, 5, 40, 300)))) for _ in range(rng.choice((1, 1, 1, 2)))
    ]
    width, height = rng.choice(SIZES) if family.can.mixes_sizes else SIZES[0]
    return flowing(
        name,
        conditions=tuple(
            Condition(text=text, weight=1.0 if index == 0 else rng.choice((0.5, -0.5)))
            for index, text in enumerate(texts)
        ),
        negative_prompt=rng.choice(("", "a dog")),
        guidance_scale=rng.choice((1.0, 2.0, 4.0)),
        sampler=rng.choice(("euler", "dpmpp_2m", "unipc", "lcm")),
        steps=rng.randint(2, 4),
        stop=rng.choice((100, 100, 60)),
        chaos=rng.choice((0, 0, 50)),
        weird=rng.choice((0, 0, 900)),
        stylize=rng.choice((0, 100)),
        exp=rng.choice((0, 0, 40)),
        seed=rng.randrange(2**32),
        count=rng.choice((1, 2)),
        width=width,
        height=height,
    )


def together(
    model: Model,
    wanted: Sequence[JobSpec],
    rng: random.Random,
    joins: float,
    rows: Sequence[int],
    shares: Callable[[list[Picture]], bool],
    inputs: dict[str, bytes] | None = None,
) -> int:
    """Draw requests together, some joining late; compare each with itself alone; count the shared calls."""
    alone = [ours(model, each, inputs) for each in wanted]
    arriving = [begin(str(index), each, model, inputs or {}).pictures for index, each in enumerate(wanted)]
    everyone = [picture for pictures in arriving for picture in pictures]
    here: list[Picture] = []
    turn = shared = 0
    while arriving or not all(picture.finished for picture in here):
        if arriving and (not here or rng.random() < joins):
            here += arriving.pop(0)
        chosen = choose([picture for picture in here if not picture.finished], rng.choice(rows))
        if chosen:
            advance(chosen)
            turn += 1
            shared += shares(chosen)
            for picture in chosen:
                picture.turn = turn
    drawn = iter(everyone)
    for pictures in alone:
        for latents in pictures:
            difference = float((next(drawn).latents - latents).norm() / latents.norm())
            assert difference < TOGETHER, f"{wanted}: {difference:.1e}"
    return shared


def mix(name: str, model: Model, seed: int) -> int:
    """Draw some unlike requests together, and compare each with itself alone."""
    rng = random.Random(seed)
    wanted = [anyones(rng, name, model) for _ in range(rng.randint(2, 4))]
    return together(model, wanted, rng, 0.6, (4, 8, 16), lambda chosen: len(chosen) > 1)


@pytest.mark.parametrize("name", DRAWING)
def test_in_any_mix_it_equals_itself_alone(models: Callable[[str], Model], name: str) -> None:
    assert sum(mix(name, models(name), seed) for seed in range(2)) > 0


@pytest.mark.full
@pytest.mark.parametrize("seed", range(2, 102))
@pytest.mark.parametrize("name", DRAWING)
def test_in_a_hundred_mixes_it_equals_itself_alone(
    models: Callable[[str], Model], name: str, seed: int
) -> None:
    mix(name, models(name), seed)
