"""The denoising loop against diffusers' pipeline, and eight requests together against one by one."""

from __future__ import annotations

import functools
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from diffusers import DiffusionPipeline, EulerDiscreteScheduler
from torch import Tensor

from bench import Row, paired
from engine.config import EngineConfig, LoraConfig, ModelConfig
from engine.jobs import Condition, JobSpec, Lora
from engine.render import decode
from engine.render.denoise import Picture, choose
from engine.render.drawing import begin
from engine.render.models import DeviceSpec, Model, load
from tests.engine.render import tiny, tiny_flow
from tests.engine.render.loop import advance
from tests.engine.render.tiny import random_lora

PAIRS = 9
ENGINE = EngineConfig(device="cpu", dtype="float32")
SAMPLERS = {
    "sd": ("euler", "ddim", "dpmpp_2m", "euler_ancestral"),
    "z_image": ("euler", "dpmpp_2m", "unipc", "lcm"),
}
CLASSICAL = {"sd": 0.0, "z_image": 1.0}
"""What a pipeline's own guidance scale is lower by than the classical one, which ours is."""


@functools.cache
def folder(kind: str) -> Path:
    """Write a model of about a million parameters: a Stable Diffusion, or a Z-Image."""
    root = Path(tempfile.mkdtemp(prefix="limner-bench-"))
    if kind == "sd":
        pipe: Any = tiny.sd(root, block_out_channels=(32, 64), attention_head_dim=8)
    else:
        pipe = tiny_flow.z_image(root, dim=96, n_heads=4, n_kv_heads=4, n_layers=6, axes_dims=[8, 8, 8])
    pipe.save_pretrained(root / "model", safe_serialization=True)
    return root / "model"


@functools.cache
def small(kind: str) -> Model:
    """Load it, with eight random LoRAs beside it."""
    files = {f"l{number}": folder(kind) / f"l{number}.safetensors" for number in range(8)}
    loras = [
        LoraConfig(name=name, source=random_lora(theirs(kind), file, number, 4))
        for number, (name, file) in enumerate(files.items())
    ]
    config = ModelConfig(name="small", source=str(folder(kind)))
    return load("small", config, DeviceSpec.find(ENGINE), ENGINE, loras)


@functools.cache
def theirs(kind: str) -> Any:
    """Load it as diffusers does."""
    pipe = DiffusionPipeline.from_pretrained(folder(kind))
    if kind == "sd":
        pipe.scheduler = EulerDiscreteScheduler.from_config(pipe.scheduler.config)
    pipe.set_progress_bar_config(disable=True)
    return pipe


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
    """Run pictures to their end; return the network's calls it took."""
    calls = 0
    while chosen := choose([picture for picture in pictures if not picture.finished], rows):
        advance(chosen)
        calls += 1
        for picture in chosen:
            picture.turn = calls
    return calls


def alone(kind: str) -> list[float]:
    """Time one request, text to latents, in our loop and in diffusers' pipeline; outputs must be equal."""
    model, pipe, wanted = small(kind), theirs(kind), spec()

    def ours() -> Tensor:
        assert model.family is not None
        model.family = type(model.family)(model.pipe, model.machine.device)  # diffusers keeps no texts
        pictures = begin("job", wanted, model, {}).pictures
        run(pictures, 16)
        return pictures[0].latents

    def diffusers() -> Tensor:
        latents: Tensor = pipe(
            wanted.conditions[0].text,
            width=wanted.width,
            height=wanted.height,
            num_inference_steps=wanted.steps,
            guidance_scale=wanted.guidance_scale - CLASSICAL[kind],
            generator=torch.Generator().manual_seed(wanted.seed),
            output_type="latent",
        ).images
        return latents

    difference = float((ours() - diffusers()).abs().max())
    if difference >= 1e-4:
        raise SystemExit(f"the loop and diffusers' pipeline differ by {difference:.1e}")
    return paired(ours, diffusers, PAIRS)


def eight(kind: str, adorned: bool) -> list[JobSpec]:
    """Make eight requests of unlike samplers, steps, guidance and words; ``adorned``: and LoRAs."""
    return [
        spec(
            sampler=SAMPLERS[kind][i % 4],
            steps=8 + 2 * (i % 4),
            guidance_scale=4.0 + i,
            seed=i,
            conditions=(Condition(text=f"a {w}"),),
            loras=(Lora(name=f"l{i}"),) if adorned else (),
        )
        for i, w in enumerate(("apple", "car", "dog", "cat", "fox", "tree", "house", "night"))
    ]


def one_by_one(kind: str, adorned: bool) -> int:
    """Draw them; return the network's calls."""
    return sum(run(begin("job", each, small(kind), {}).pictures, 16) for each in eight(kind, adorned))


def together(kind: str, adorned: bool) -> int:
    """The same, joined."""
    each = enumerate(eight(kind, adorned))
    return run([begin(str(i), one, small(kind), {}).pictures[0] for i, one in each], 16)


def joined(kind: str, adorned: bool) -> list[float]:
    """Time eight unlike requests one by one ÷ together."""
    return paired(lambda: one_by_one(kind, adorned), lambda: together(kind, adorned), PAIRS)


def calls(kind: str, adorned: bool) -> list[float]:
    """Count the network's calls together ÷ one by one."""
    return [together(kind, adorned) / one_by_one(kind, adorned)]


def preview() -> list[float]:
    """Time one preview of a 512 × 512 picture, latents to JPEG, in milliseconds of processor time."""
    model = small("sd")
    assert model.family is not None
    latents = torch.randn(1, 4, 64, 64)
    values = []
    for _ in range(30):
        began = time.process_time()
        decode.jpeg(decode.preview(model.family, latents))
        values.append((time.process_time() - began) * 1000)
    return values


def rows_of(kind: str, called: str) -> Iterator[Row]:
    """Yield the rows of one kind of network."""
    yield Row(f"{called}: our loop alone ÷ diffusers' pipeline, equal output", lambda: alone(kind), 1.02)
    for adorned, what in ((False, "eight unlike requests"), (True, "the same, each with another LoRA")):
        ask = functools.partial(joined, kind, adorned), functools.partial(calls, kind, adorned)
        least = 1.0 if adorned else 1.3
        yield Row(f"{called}: {what}: one by one ÷ joined", ask[0], least, at_most=False)
        yield Row(f"{called}: {what}: the network's calls joined ÷ one by one", ask[1], 0.35)


ROWS = (
    *rows_of("sd", "UNet"),
    *rows_of("z_image", "transformer"),
    Row("one preview of 512 × 512, latents to JPEG", preview, 5, unit="ms"),
)
