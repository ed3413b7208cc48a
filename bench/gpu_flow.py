"""Transformers on a CUDA device, at the size of real models: what joining, LoRAs and compiling change.

Z-Image, FLUX.2 klein 4B and Qwen-Image by their published configurations, with random weights in bfloat16:
nothing is downloaded, and dense arithmetic takes the same time whatever the values. Images a second at 512²
and 1024², VAE included, with as many pictures sharing each call as are named; ``÷ one`` is against one at a
time in the same run. Run by ``python -m bench.gpu``.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderKLFlux2,
    AutoencoderKLQwenImage,
    FlowMatchEulerDiscreteScheduler,
    Flux2KleinPipeline,
    Flux2Transformer2DModel,
    QwenImagePipeline,
    QwenImageTransformer2DModel,
    ZImagePipeline,
    ZImageTransformer2DModel,
)

from engine.jobs import Lora
from engine.render.denoise import Picture
from engine.render.families.base import Embedding
from engine.render.families.table import kind_of
from engine.render.loras import Loras
from tests.engine.render.loop import advance
from tests.engine.render.tiny import random_lora

# hf.co/black-forest-labs/FLUX.1-dev, vae/config.json, which Z-Image has too
VAE: dict[str, Any] = {
    "block_out_channels": (128, 256, 512, 512),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "latent_channels": 16,
    "layers_per_block": 2,
    "scaling_factor": 0.3611,
    "shift_factor": 0.1159,
    "use_quant_conv": False,
    "use_post_quant_conv": False,
    "force_upcast": False,
}
# hf.co/black-forest-labs/FLUX.2-klein-4B, transformer/config.json
KLEIN: dict[str, Any] = {
    "num_layers": 5,
    "num_single_layers": 20,
    "num_attention_heads": 24,
    "joint_attention_dim": 7680,
    "guidance_embeds": False,
}
RANK = 16
LORAS = 8
"""As many as may be worn unlike in one call here."""


@dataclass(eq=False)
class FlowSubject:
    """A model to measure: ``length`` and ``width`` of its text embedding, its usual steps and guidance."""

    name: str
    pipe: Any
    length: int
    width: int
    steps: int
    guidance_scale: float = 1.0
    loras: Loras | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.device = next(self.pipe.transformer.parameters()).device
        kind = kind_of(self.pipe)
        assert kind is not None
        self.family = kind(self.pipe, self.device)

    def bring_loras(self, folder: Path) -> None:
        """Make LoRAs of random weights, and read them as the engine does."""
        names = [f"l{number}" for number in range(LORAS)]
        files = {
            name: random_lora(self.pipe, folder / f"{name}.safetensors", number, RANK)
            for number, name in enumerate(names)
        }
        self.loras = Loras(self.pipe, files, self.device, LORAS)
        for name in names:
            self.loras.worn([Lora(name=name)])

    def text(self, seed: int) -> Embedding:
        """Make up an embedding."""
        generator = torch.Generator().manual_seed(seed)
        tokens = torch.randn(1, self.length, self.width, generator=generator)
        return Embedding(tokens.to(self.device, self.family.network.dtype))

    def picture(self, seed: int, side: int, adorned: bool) -> Picture:
        """Start a picture of random words; ``adorned``: with a LoRA that its neighbours do not wear."""
        family, latent = self.family, side // self.family.scale
        shape = (1, family.channels, latent, latent)
        generator = torch.Generator().manual_seed(seed)
        noise = torch.randn(shape, generator=generator).to(self.device, family.dtype)
        scheduler = family.schedule("euler", self.steps, shape)
        scheduler.set_begin_index(0)
        guided = family.guided(self.guidance_scale)
        worn = self.loras.worn([Lora(name=f"l{seed % LORAS}")]) if adorned and self.loras else ()
        return Picture(
            family=family,
            group=self.name,
            latents=noise,
            conditions=[self.text(seed)],
            weights=[1.0],
            unconditional=self.text(seed + 1) if guided else None,
            guidance_scale=self.guidance_scale,
            scheduler=scheduler,
            timesteps=scheduler.timesteps,
            generator=generator,
            end=len(scheduler.timesteps),
            inputs=family.inputs((side, side), self.guidance_scale),
            loras=worn,
        )

    @torch.inference_mode()
    def draw(self, count: int, side: int, adorned: bool = False, pad: bool = False) -> None:
        """Draw ``count`` pictures together, to their pixels on the host."""
        pictures = [self.picture(seed, side, adorned) for seed in range(count)]
        while not pictures[0].finished:
            advance(pictures, pad=pad)
        for picture in pictures:
            pixels = self.family.decode(picture.latents)
            ((pixels / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8).cpu()


def made(device: str, build: Callable[..., Any], **config: Any) -> Any:
    """Build a network with its initial weights on the device, in bfloat16 from the start."""
    torch.manual_seed(0)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        with torch.device(device):
            network = build(**config)
    finally:
        torch.set_default_dtype(before)
    return network.to(torch.bfloat16).eval().requires_grad_(False)


def z_image(device: str) -> FlowSubject:
    """Build Z-Image-Turbo: 6.15 billion parameters, 9 steps without guidance; captions of some 60 tokens."""
    pipe = ZImagePipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=made(device, AutoencoderKL, **VAE),
        text_encoder=None,
        tokenizer=None,
        transformer=made(device, ZImageTransformer2DModel),
    )
    return FlowSubject("Z-Image-Turbo", pipe, 60, 2560, 9)


def klein(device: str) -> FlowSubject:
    """Build FLUX.2 klein 4B: 3.88 billion parameters, 4 steps without guidance; 512 tokens of text."""
    pipe = Flux2KleinPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        vae=made(device, AutoencoderKLFlux2),
        text_encoder=None,
        tokenizer=None,
        transformer=made(device, Flux2Transformer2DModel, **KLEIN),
        is_distilled=True,
    )
    return FlowSubject("FLUX.2 klein 4B", pipe, 512, 7680, 4)


def qwen_image(device: str) -> FlowSubject:
    """Build Qwen-Image: 20.4 billion parameters; 20 of its 50 steps, guided; texts of some 60 tokens."""
    pipe = QwenImagePipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        vae=made(device, AutoencoderKLQwenImage),
        text_encoder=None,
        tokenizer=None,
        transformer=made(device, QwenImageTransformer2DModel),
    )
    return FlowSubject("Qwen-Image", pipe, 60, 3584, 20, 4.0)


def measured(
    subject: FlowSubject, side: int, counts: Sequence[int], repeats: int, adorned: bool, pad: bool = False
) -> list[float]:
    """Print images a second by how many share a call; return the medians, as far as memory goes."""
    what = f"{subject.name} {side}²" + adorned * ", a LoRA of its own each" + pad * ", compiled"
    medians: list[float] = []
    for count in counts:
        try:
            rates = []
            for _ in range(repeats + 1):  # the first is not counted
                began = time.perf_counter()
                subject.draw(count, side, adorned, pad)
                rates.append(count / (time.perf_counter() - began))
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
            print(f"| {what} | {count} | 0 | out of memory | | |", flush=True)
            break
        medians.append(statistics.median(rates[1:]))
        spread = f"{min(rates[1:]):.2f} … {max(rates[1:]):.2f}"
        ratio = medians[-1] / medians[0]
        print(f"| {what} | {count} | {repeats} | {medians[-1]:.2f} | {spread} | {ratio:.2f} |", flush=True)
    return medians


HEAD = "\n| what | together | n | images/s (median) | range | ÷ one |\n|---|---|---|---|---|---|"


def main(device: str) -> None:
    """Measure all of them."""
    print(HEAD)
    for build in (klein, z_image, qwen_image):
        subject = build(device)
        with tempfile.TemporaryDirectory() as folder:
            subject.bring_loras(Path(folder))
        for side, counts in ((512, (1, 2, 4, 8)), (1024, (1, 2, 4))):
            for adorned in (False, True):
                measured(subject, side, counts, 3, adorned)
        subject.pipe.transformer.compile()
        for side in (512, 1024):
            measured(subject, side, (1, 4), 3, adorned=False, pad=True)
        del subject
        torch.cuda.empty_cache()
