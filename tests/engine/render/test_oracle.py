"""The loop against diffusers' own pipelines on the same weights, alone and in any mix."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from diffusers.schedulers import scheduling_lms_discrete
from diffusers.schedulers.scheduling_lms_discrete import LMSDiscreteScheduler as LMS
from PIL import Image
from torch import Tensor

from engine.jobs import Condition, Input, JobSpec, Kind, Role
from engine.render import decode
from engine.render.denoise import Picture, choose
from engine.render.drawing import begin
from engine.render.models import Model
from engine.render.samplers import canonical
from tests.engine.render.loop import advance
from tests.engine.render.tiny import WORDS

ALONE = 1e-4
"""Largest absolute difference of latents to diffusers' pipeline, float32."""
TOGETHER, TOGETHER_CLIPPING = 1e-5, 2e-4
"""Largest relative difference of latents to the same picture alone."""

# name here, diffusers' class, what its documentation says to set
SAMPLERS: list[tuple[str, str, dict[str, Any]]] = [
    ("ddim", "DDIMScheduler", {}),
    ("euler", "EulerDiscreteScheduler", {}),
    ("euler_ancestral", "EulerAncestralDiscreteScheduler", {}),
    ("dpmpp_2m", "DPMSolverMultistepScheduler", {}),
    ("DPM++ 2M Karras", "DPMSolverMultistepScheduler", {"use_karras_sigmas": True}),
    ("K_HEUN", "HeunDiscreteScheduler", {}),
    ("K_DPM_2", "KDPM2DiscreteScheduler", {}),
    ("K_DPM_2_ANCESTRAL", "KDPM2AncestralDiscreteScheduler", {}),
    ("K_DPMPP_2S_ANCESTRAL", "DPMSolverSinglestepScheduler", {}),
    ("UniPC", "UniPCMultistepScheduler", {}),
    ("DDPM", "DDPMScheduler", {}),
    ("pndm", "PNDMScheduler", {}),
    ("lcm", "LCMScheduler", {}),
    ("K_LMS", "LMSDiscreteScheduler", {}),
    ("LMS Karras", "LMSDiscreteScheduler", {"use_karras_sigmas": True}),
    ("DPM2 a Karras", "KDPM2AncestralDiscreteScheduler", {"use_karras_sigmas": True}),
    ("DPM++ SDE Karras", "DPMSolverSinglestepScheduler", {"use_karras_sigmas": True}),
]
STABILITY = (
    "DDIM", "DDPM", "K_DPMPP_2M", "K_DPMPP_2S_ANCESTRAL", "K_DPM_2", "K_DPM_2_ANCESTRAL", "K_EULER",
    "K_EULER_ANCESTRAL", "K_HEUN", "K_LMS",
)  # fmt: skip
"""The ten names of the Stability v1 API."""
CORE = SAMPLERS[:4]


def spec(model: str = "sd", **changes: Any) -> JobSpec:
    values: dict[str, Any] = {
        "model": model,
        "conditions": (Condition(text="a red apple on the tree"),),
        "width": 32,
        "height": 32,
        "steps": 5,
        "guidance_scale": 5.0,
        "sampler": "euler",
        "seed": 7,
        "count": 2,
    }
    return JobSpec(**{**values, **changes})


def run(pictures: Sequence[Picture], model: Model, max_rows: int = 16) -> list[Tensor]:
    """Run pictures to their end in shared calls; return their latents."""
    turn = 0
    while chosen := choose([picture for picture in pictures if not picture.finished], max_rows):
        advance(chosen)
        turn += 1
        for picture in chosen:
            picture.turn = turn
    return [picture.latents for picture in pictures]


def ours(model: Model, wanted: JobSpec, inputs: dict[str, bytes] | None = None) -> list[Tensor]:
    """Draw a spec alone; return the latents of its cells."""
    return run(begin("job", wanted, model, inputs or {}).pictures, model)


@pytest.fixture(scope="module", autouse=True)
def quad() -> Iterator[None]:
    """Give diffusers' LMS the one thing of scipy it uses: the integral of a polynomial, here by Gauss."""
    if hasattr(scheduling_lms_discrete, "integrate"):
        yield  # scipy is there
        return
    nodes, weights = np.polynomial.legendre.leggauss(8)

    def integral(of: Callable[[Any], Any], low: Any, high: Any, **_: Any) -> tuple[float, float]:
        middle, half = (float(low) + float(high)) / 2, (float(high) - float(low)) / 2
        return half * sum(w * float(of(middle + half * x)) for x, w in zip(nodes, weights, strict=True)), 0.0

    scheduling_lms_discrete.integrate = SimpleNamespace(quad=integral)  # type: ignore[attr-defined]
    yield
    del scheduling_lms_discrete.integrate  # type: ignore[attr-defined]


def oracle(folder: Path, pipeline: str, sampler: str, changes: dict[str, Any]) -> Any:
    """Build diffusers' own pipeline with a sampler, as its documentation says."""
    pipe = getattr(diffusers, pipeline).from_pretrained(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        scheduler = LMS if sampler == LMS.__name__ else getattr(diffusers, sampler)
        pipe.scheduler = scheduler.from_config(pipe.scheduler.config, clip_sample=False, **changes)
    return pipe


def generators(wanted: JobSpec) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(wanted.seed + cell) for cell in range(wanted.count)]


def theirs(pipe: Any, wanted: JobSpec, **extra: Any) -> list[Tensor]:
    """Draw a spec by diffusers' pipeline, cell by cell; return the latents."""
    drawn = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        for generator in generators(wanted):
            arguments: dict[str, Any] = {
                "prompt": wanted.conditions[0].text,
                "negative_prompt": wanted.negative_prompt or None,
                "num_inference_steps": wanted.steps,
                "guidance_scale": wanted.guidance_scale,
                "generator": generator,
                "output_type": "latent",
                **extra,
            }
            if "image" not in extra:
                arguments |= {"width": wanted.width, "height": wanted.height}
            drawn.append(pipe(**arguments).images)
    return drawn


def assert_same(mine: Sequence[Tensor], others: Sequence[Tensor], limit: float = ALONE) -> None:
    for left, right in zip(mine, others, strict=True):
        assert torch.isfinite(right).all()
        assert float((left - right).abs().max()) < limit
    assert float((others[0] - others[-1]).abs().max()) > 0.1, "the cells of a job must differ"


@pytest.mark.parametrize(("name", "title", "changes"), SAMPLERS, ids=[s[0] for s in SAMPLERS])
def test_alone_it_equals_diffusers(
    models: Callable[[str], Model],
    folders: Callable[[str], Path],
    name: str,
    title: str,
    changes: dict[str, Any],
) -> None:
    wanted = spec(sampler=name, guidance_scale=1.5 if name == "lcm" else 5.0)  # what LCM is made for
    pipe = oracle(folders("sd"), "StableDiffusionPipeline", title, changes)
    assert_same(ours(models("sd"), wanted), theirs(pipe, wanted))


def test_the_ten_names_of_stability_are_among_them() -> None:
    covered = {canonical(name) for name, _, _ in SAMPLERS}
    assert len({canonical(name) for name in STABILITY} & covered) == 10


@pytest.mark.parametrize(("name", "title", "changes"), CORE, ids=[s[0] for s in CORE])
def test_sdxl_equals_diffusers(
    models: Callable[[str], Model],
    folders: Callable[[str], Path],
    name: str,
    title: str,
    changes: dict[str, Any],
) -> None:
    wanted = spec("sdxl", sampler=name)
    pipe = oracle(folders("sdxl"), "StableDiffusionXLPipeline", title, changes)
    assert_same(ours(models("sdxl"), wanted), theirs(pipe, wanted))


def test_the_shape_of_the_shipped_model_equals_diffusers(
    models: Callable[[str], Model], folders: Callable[[str], Path]
) -> None:
    wanted = spec("pocket", sampler="dpmpp_2m")
    pipe = oracle(folders("pocket"), "StableDiffusionPipeline", "DPMSolverMultistepScheduler", {})
    assert_same(ours(models("pocket"), wanted), theirs(pipe, wanted))


@pytest.mark.parametrize("name", ["sd", "sdxl"])
def test_a_negative_prompt_is_diffusers_negative_prompt(
    models: Callable[[str], Model], folders: Callable[[str], Path], name: str
) -> None:
    wanted = spec(name, negative_prompt="a blue car")
    title = "StableDiffusionPipeline" if name == "sd" else "StableDiffusionXLPipeline"
    pipe = oracle(folders(name), title, "EulerDiscreteScheduler", {})
    mine = ours(models(name), wanted)
    assert_same(mine, theirs(pipe, wanted))
    assert float((mine[0] - ours(models(name), spec(name))[0]).abs().max()) > 1e-3


def test_what_is_not_wanted_is_diffusers_negative_prompt(
    models: Callable[[str], Model], folders: Callable[[str], Path]
) -> None:
    """``--no`` beside one text of weight 1, and no negative prompt: the same picture by one row more."""
    no = Condition(text="a blue car", weight=-0.5)
    wanted = spec()
    pipe = oracle(folders("sd"), "StableDiffusionPipeline", "EulerDiscreteScheduler", {})
    mine = ours(models("sd"), spec(conditions=(*wanted.conditions, no)))
    assert_same(mine, theirs(pipe, spec(negative_prompt=no.text)))


def test_without_guidance_there_is_one_row(
    models: Callable[[str], Model], folders: Callable[[str], Path]
) -> None:
    wanted = spec(guidance_scale=1.0)
    pipe = oracle(folders("sd"), "StableDiffusionPipeline", "EulerDiscreteScheduler", {})
    assert [picture.rows for picture in begin("job", wanted, models("sd"), {}).pictures] == [1, 1]
    assert_same(ours(models("sd"), wanted), theirs(pipe, wanted))


def photo(width: int = 32, height: int = 32) -> Image.Image:
    values = torch.rand(3, height // 4, width // 4, generator=torch.Generator().manual_seed(3))
    picture = decode.to_picture(values[None] * 2 - 1)
    return picture.resize((width, height), Image.Resampling.BICUBIC)


@pytest.mark.parametrize("name", ["sd", "sdxl"])
@pytest.mark.parametrize(
    ("sampler", "title"), [("euler", "EulerDiscreteScheduler"), ("ddim", "DDIMScheduler")]
)
def test_varying_equals_diffusers_image_to_image(
    models: Callable[[str], Model], folders: Callable[[str], Path], name: str, sampler: str, title: str
) -> None:
    wanted = spec(
        name, kind=Kind.VARY, strength=0.6, sampler=sampler, inputs=(Input(sha256="p", role=Role.INIT),)
    )
    pipeline = "StableDiffusionImg2ImgPipeline" if name == "sd" else "StableDiffusionXLImg2ImgPipeline"
    pipe = oracle(folders(name), pipeline, title, {})
    parent = photo()
    mine = ours(models(name), wanted, {"p": decode.png(parent)})
    assert_same(mine, theirs(pipe, wanted, image=parent, strength=0.6))


INPAINTING = {"sd": "StableDiffusionInpaintPipeline", "sdxl": "StableDiffusionXLInpaintPipeline"}
REPAINTING = [(name, title) for name, title, _ in (CORE[1], CORE[0], *CORE[2:])]


@pytest.mark.parametrize(
    ("name", "strength", "sampler", "title"),
    [
        *((name, strength, *REPAINTING[0]) for name in ("sd", "nine", "sdxl") for strength in (1.0, 0.7)),
        *((name, 0.7, *other) for name in ("sd", "nine") for other in REPAINTING[1:]),
    ],
)
def test_repainting_equals_diffusers_inpainting(
    models: Callable[[str], Model],
    folders: Callable[[str], Path],
    name: str,
    strength: float,
    sampler: str,
    title: str,
) -> None:
    mask = Image.new("L", (32, 32))
    mask.paste(255, (0, 0, 16, 20))
    mask.paste(100, (20, 20, 32, 32))  # less than half grey: both keep what is there
    mask.paste(200, (25, 0, 32, 5))
    assert_repainted(models, folders, name, strength, sampler, title, photo(), mask)


@pytest.mark.parametrize("name", ["sd", "nine"])
def test_repainting_without_guidance_and_away_from_words_equals_diffusers(
    models: Callable[[str], Model], folders: Callable[[str], Path], name: str
) -> None:
    mask = Image.new("L", (48, 32))
    mask.paste(255, (3, 5, 31, 30))
    for changes in ({"guidance_scale": 1.0}, {"negative_prompt": "a blue car"}):
        assert_repainted(
            models, folders, name, 0.7, *REPAINTING[0], photo(48, 32), mask, width=48, height=32, **changes
        )


def assert_repainted(
    models: Callable[[str], Model],
    folders: Callable[[str], Path],
    name: str,
    strength: float,
    sampler: str,
    title: str,
    parent: Image.Image,
    mask: Image.Image,
    **changes: Any,
) -> None:
    """Assert that a repainted picture is that of diffusers' inpainting pipeline."""
    wanted = spec(
        name,
        kind=Kind.INPAINT,
        strength=strength,
        sampler=sampler,
        inputs=(Input(sha256="p", role=Role.INIT), Input(sha256="m", role=Role.MASK)),
        **changes,
    )
    pipe = oracle(folders(name), INPAINTING.get(name, INPAINTING["sd"]), title, {})
    mine = ours(models(name), wanted, {"p": decode.png(parent), "m": decode.png(mask)})
    width, height = parent.size
    others = theirs(
        pipe, wanted, image=parent, mask_image=mask, strength=strength, width=width, height=height
    )
    assert_same(mine, others)


def test_decoding_equals_diffusers(models: Callable[[str], Model], folders: Callable[[str], Path]) -> None:
    wanted = spec(count=1)
    pipe = oracle(folders("sd"), "StableDiffusionPipeline", "EulerDiscreteScheduler", {})
    mine = decode.decode(models("sd").family, ours(models("sd"), wanted)[0])
    other = theirs(pipe, wanted, output_type="pil")[0][0]
    differences = [abs(a - b) for a, b in zip(mine.tobytes(), other.tobytes(), strict=True)]
    assert max(differences) <= 1, "one step of rounding at most"


def anyones(rng: random.Random, model: str = "sd") -> JobSpec:
    """Make up a request unlike the others: any words, guidance, sampler, steps."""
    texts = [
        " ".join(rng.choices(WORDS, k=rng.choice((2, 5, 30)))) for _ in range(rng.choice((1, 1, 1, 2, 3)))
    ]
    return spec(
        model,
        conditions=tuple(
            Condition(text=text, weight=1.0 if i == 0 else rng.choice((0.5, -0.5)))
            for i, text in enumerate(texts)
        ),
        negative_prompt=rng.choice(("", "a dog")),
        guidance_scale=rng.choice((1.0, 3.0, 7.5)),
        sampler=rng.choice(
            ("ddim", "euler", "euler_ancestral", "dpmpp_2m", "dpmpp_2m_karras", "heun", "unipc")
        ),
        steps=rng.randint(2, 7),
        stop=rng.choice((100, 100, 60)),
        chaos=rng.choice((0, 0, 50)),
        weird=rng.choice((0, 0, 900)),
        stylize=rng.choice((0, 100)),
        exp=rng.choice((0, 0, 40)),
        seed=rng.randrange(2**32),
        count=rng.choice((1, 2)),
    )


def mix(model: Model, seed: int, limit: float = TOGETHER) -> None:
    """Draw a handful of unlike requests together, some joining late, and compare each with itself alone."""
    rng = random.Random(seed)
    wanted = [anyones(rng, model.name) for _ in range(rng.randint(2, 5))]
    alone = [ours(model, each) for each in wanted]
    arriving = [begin(str(index), each, model, {}).pictures for index, each in enumerate(wanted)]
    everyone = [picture for pictures in arriving for picture in pictures]
    here: list[Picture] = []
    turn = 0
    while arriving or not all(picture.finished for picture in here):
        if arriving and (not here or rng.random() < 0.6):
            here += arriving.pop(0)
        chosen = choose([picture for picture in here if not picture.finished], rng.choice((4, 8, 16)))
        if chosen:
            advance(chosen)
            turn += 1
            for picture in chosen:
                picture.turn = turn
    together = iter(everyone)
    for pictures in alone:
        for latents in pictures:
            difference = float((next(together).latents - latents).norm() / latents.norm())
            assert difference < limit, f"mix {seed}: {difference:.1e}"


@pytest.mark.parametrize("seed", range(5))
def test_in_any_mix_it_equals_itself_alone(models: Callable[[str], Model], seed: int) -> None:
    mix(models(("sd", "sdxl", "pocket")[seed % 3]), seed)


def test_in_a_mix_clipping_samplers_equal_themselves_alone(models: Callable[[str], Model]) -> None:
    model = models("clipping")
    for sampler in ("ddim", "ddpm"):
        assert (
            begin("job", spec("clipping", sampler=sampler), model, {})
            .pictures[0]
            .scheduler.config.clip_sample
        )
    for seed in range(2):
        mix(model, seed, TOGETHER_CLIPPING)


@pytest.mark.full
@pytest.mark.parametrize("seed", range(5, 105))
def test_in_a_hundred_mixes_it_equals_itself_alone(models: Callable[[str], Model], seed: int) -> None:
    mix(models(("sd", "sdxl", "pocket")[seed % 3]), seed)
