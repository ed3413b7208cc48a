"""The denoising loop against diffusers' pipeline, and eight requests together against one by one."""

from __future__ import annotations

import functools
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from diffusers import EulerDiscreteScheduler, StableDiffusionPipeline
from torch import Tensor

from bench import Row, paired
from engine.config import EngineConfig, LoraConfig, ModelConfig
from engine.jobs import Condition, JobSpec, Lora
from engine.render import decode
from engine.render.denoise import Picture, choose
from engine.render.drawing import begin
from engine.render.models import DeviceSpec, Model, load
from tests.engine.render import tiny
from tests.engine.render.loop import advance
from tests.engine.render.tiny import random_lora

PAIRS = 9
ENGINE = EngineConfig(device="cpu", dtype="float32")


@functools.cache
def small() -> tuple[Model, StableDiffusionPipeline]:
    """Build a Stable Diffusion of about a million parameters, loaded by us and by diffusers."""
    folder = Path(tempfile.mkdtemp(prefix="limner-bench-"))
    pipe = tiny.sd(folder, block_out_channels=(32, 64), attention_head_dim=8)
    pipe.save_pretrained(folder / "model", safe_serialization=True)
    config = ModelConfig(name="small", source=str(folder / "model"))
    theirs = StableDiffusionPipeline.from_pretrained(folder / "model")
    theirs.scheduler = EulerDiscreteScheduler.from_config(theirs.scheduler.config)
    theirs.set_progress_bar_config(disable=True)
    return load("small", config, DeviceSpec.find(ENGINE), ENGINE), theirs


def spec(**changes: Any) -> JobSpec:
    values: dict[str, Any] = {
        "model": "small",
        "conditions": (Condition(text="a red apple on the tree"),),
        "width": 32,
        "height": 32,
        "steps": 12,
        "guidance_scale": 5.0,
        "sampler": "euler",
        "seed": 7,
        "count": 1,
    }
    return JobSpec(**{**values, **changes})


def run(pictures: Sequence[Picture], rows: int) -> int:
    """Run pictures to their end; return the UNet calls it took."""
    calls = 0
    while chosen := choose([picture for picture in pictures if not picture.finished], rows):
        advance(chosen)
        calls += 1
        for picture in chosen:
            picture.turn = calls
    return calls


def alone() -> list[float]:
    """Time one request, text to latents, in our loop and in diffusers' pipeline; outputs must be equal."""
    model, pipe = small()
    wanted = spec()

    def ours() -> Tensor:
        assert model.text is not None
        model.text.forget()  # diffusers has no such cache
        pictures = begin("job", wanted, model, {}).pictures
        run(pictures, 16)
        return pictures[0].latents

    def theirs() -> Tensor:
        return pipe(
            wanted.conditions[0].text,
            width=wanted.width,
            height=wanted.height,
            num_inference_steps=wanted.steps,
            guidance_scale=wanted.guidance_scale,
            generator=torch.Generator().manual_seed(wanted.seed),
            output_type="latent",
        ).images

    difference = float((ours() - theirs()).abs().max())
    if difference >= 1e-4:
        raise SystemExit(f"the loop and diffusers' pipeline differ by {difference:.1e}")
    return paired(ours, theirs, PAIRS)


SAMPLERS = ("euler", "ddim", "dpmpp_2m", "euler_ancestral")


def eight() -> list[JobSpec]:
    """Make eight requests of unlike samplers, steps, guidance and words."""
    return [
        spec(
            sampler=SAMPLERS[i % 4],
            steps=8 + 2 * (i % 4),
            guidance_scale=4.0 + i,
            seed=i,
            conditions=(Condition(text=f"a {w}"),),
        )
        for i, w in enumerate(("apple", "car", "dog", "cat", "fox", "tree", "house", "night"))
    ]


def one_by_one() -> int:
    model, _ = small()
    return sum(run(begin(str(i), each, model, {}).pictures, 16) for i, each in enumerate(eight()))


def together() -> int:
    model, _ = small()
    pictures = [begin(str(i), each, model, {}).pictures[0] for i, each in enumerate(eight())]
    return run(pictures, 16)


def joined() -> list[float]:
    """Time eight unlike requests one by one ÷ together."""
    return paired(one_by_one, together, PAIRS)


def calls() -> list[float]:
    """Count UNet calls together ÷ one by one."""
    return [together() / one_by_one()]


@functools.cache
def adorned() -> Model:
    """Load the same model with eight random LoRAs beside it."""
    _, pipe = small()
    folder = Path(tempfile.mkdtemp(prefix="limner-bench-"))
    loras = [
        LoraConfig(name=f"l{number}", source=random_lora(pipe, folder / f"l{number}.safetensors", number, 4))
        for number in range(8)
    ]
    return load("small", small()[0].config, DeviceSpec.find(ENGINE), ENGINE, loras)


def with_loras() -> tuple[list[Callable[[], int]], Callable[[], int]]:
    """Return what draws eight requests, each with another LoRA: one by one, and together; calls counted."""
    model = adorned()
    asked = [
        each.model_copy(update={"loras": (Lora(name=f"l{number}"),)}) for number, each in enumerate(eight())
    ]

    def alone(each: JobSpec) -> int:
        return run(begin("job", each, model, {}).pictures, 16)

    return (
        [functools.partial(alone, each) for each in asked],
        lambda: run([begin(str(i), each, model, {}).pictures[0] for i, each in enumerate(asked)], 16),
    )


def joined_with_loras() -> list[float]:
    """Time eight requests with a LoRA of their own each, one by one ÷ together."""
    singly, at_once = with_loras()
    return paired(lambda: [one() for one in singly], at_once, PAIRS)


def calls_with_loras() -> list[float]:
    """Count UNet calls together ÷ one by one, each with a LoRA of its own."""
    singly, at_once = with_loras()
    return [at_once() / sum(one() for one in singly)]


def preview() -> list[float]:
    """Time one preview of a 512 × 512 picture, latents to JPEG, in milliseconds of processor time."""
    model, _ = small()
    latents = torch.randn(1, 4, 64, 64)
    values = []
    for _ in range(30):
        began = time.process_time()
        decode.jpeg(decode.preview(model.family, latents))
        values.append((time.process_time() - began) * 1000)
    return values


ROWS = (
    Row("our loop alone ÷ diffusers' pipeline, equal output", alone, 1.02),
    Row("eight unlike requests: one by one ÷ joined", joined, 1.3, at_most=False),
    Row("eight unlike requests: UNet calls joined ÷ one by one", calls, 0.35),
    Row("the same, each with another LoRA: one by one ÷ joined", joined_with_loras, 1.0, at_most=False),
    Row("the same, each with another LoRA: UNet calls joined ÷ one by one", calls_with_loras, 0.35),
    Row("one preview of 512 × 512, latents to JPEG", preview, 5, unit="ms"),
)
