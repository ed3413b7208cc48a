"""The same questions on a CUDA device, at the size of real models; says so and stops where there is none.

``python -m bench.gpu`` builds SD 1.5 and SDXL from their published configurations with random weights
(nothing is downloaded; dense arithmetic takes the same time whatever the values), in bfloat16, and measures

- G1, G2: images a second at 20 steps with guidance, VAE included: diffusers' own pipeline one at a time,
  and our loop with 1, 2, 4, 8 … pictures sharing each call;
- G3: SDXL in 4 steps without guidance;
- G7: the 99th percentile of latency under Poisson arrivals of mixed steps (4 to 30) at 70 % of the measured
  capacity, requests joining between steps ÷ one after another;
- the transformers of today (`bench.gpu_flow`).

The share of the arithmetic limit is the work (TFLOP counted once by `torch.utils.flop_counter`) ÷ the time
÷ what a large bfloat16 matrix product reaches on the same device in the same run.
"""

from __future__ import annotations

import platform
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    EulerDiscreteScheduler,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from bench import gpu_flow
from engine.render import samplers
from engine.render.denoise import Picture, choose
from engine.render.families.base import Embedding
from engine.render.families.table import kind_of
from tests.engine.render.loop import advance

# hf.co/stable-diffusion-v1-5/stable-diffusion-v1-5, unet/config.json and vae/config.json
SD_UNET: dict[str, Any] = {
    "sample_size": 64,
    "in_channels": 4,
    "out_channels": 4,
    "block_out_channels": (320, 640, 1280, 1280),
    "down_block_types": ("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
    "up_block_types": ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
    "layers_per_block": 2,
    "cross_attention_dim": 768,
    "attention_head_dim": 8,
}
VAE: dict[str, Any] = {
    "block_out_channels": (128, 256, 512, 512),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "latent_channels": 4,
    "layers_per_block": 2,
    "sample_size": 512,
}
# hf.co/stabilityai/stable-diffusion-xl-base-1.0, unet/config.json
XL_UNET: dict[str, Any] = {
    "sample_size": 128,
    "in_channels": 4,
    "out_channels": 4,
    "block_out_channels": (320, 640, 1280),
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "transformer_layers_per_block": (1, 2, 10),
    "layers_per_block": 2,
    "cross_attention_dim": 2048,
    "attention_head_dim": (5, 10, 20),
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 2816,
}
SCHEDULE: dict[str, Any] = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}


@dataclass(eq=False)
class Subject:
    """A model to measure: ``side`` in pixels, ``width`` of its text embedding, ``pooled`` width (0 = none).
    """

    name: str
    unet: Any
    vae: Any
    side: int
    width: int
    pooled: int = 0
    length: int = 77

    def __post_init__(self) -> None:
        self.device = next(self.unet.parameters()).device
        self.dtype = next(self.unet.parameters()).dtype
        self.scale = 2 ** (len(self.vae.config.block_out_channels) - 1)
        pipe = self.pipeline()
        family = kind_of(pipe)
        assert family is not None
        self.family = family(pipe, self.device)

    def text(self, seed: int) -> Embedding:
        """Make up an embedding."""
        generator = torch.Generator().manual_seed(seed)
        tokens = torch.randn(1, self.length, self.width, generator=generator).to(self.device, self.dtype)
        if not self.pooled:
            return Embedding(tokens)
        return Embedding(tokens, torch.randn(1, self.pooled, generator=generator).to(self.device, self.dtype))

    def picture(self, seed: int, steps: int, guided: bool = True, sampler: str = "euler") -> Picture:
        """Start a picture of random words."""
        scheduler = samplers.make(sampler, EulerDiscreteScheduler(**SCHEDULE), steps)
        scheduler.set_begin_index(0)
        generator = torch.Generator().manual_seed(seed)
        latent = self.side // self.scale
        noise = torch.randn(1, 4, latent, latent, generator=generator).to(self.device, self.dtype)
        return Picture(
            family=self.family,
            group=self.name,
            latents=noise * scheduler.init_noise_sigma,
            conditions=[self.text(seed)],
            weights=[1.0],
            unconditional=self.text(seed + 1) if guided else None,
            guidance_scale=7.0 if guided else 1.0,
            scheduler=scheduler,
            timesteps=scheduler.timesteps,
            generator=generator,
            end=len(scheduler.timesteps),
            inputs=self.family.inputs((self.side, self.side), 7.0),
        )

    @torch.inference_mode()
    def decode(self, latents: Tensor) -> Tensor:
        """Decode one picture to bytes on the host."""
        decoded = self.vae.decode(latents / self.vae.config.scaling_factor, return_dict=False)[0]
        return ((decoded / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8).cpu()

    def pipeline(self) -> Any:
        """Build diffusers' own pipeline of the same parts."""
        parts = {"vae": self.vae, "unet": self.unet, "text_encoder": None, "tokenizer": None}
        scheduler = EulerDiscreteScheduler(**SCHEDULE)
        if self.pooled:
            pipe: Any = StableDiffusionXLPipeline(
                **parts, text_encoder_2=None, tokenizer_2=None, scheduler=scheduler, add_watermarker=False
            )
        else:
            pipe = StableDiffusionPipeline(
                **parts,
                scheduler=scheduler,
                safety_checker=None,
                feature_extractor=None,
                requires_safety_checker=False,
            )
        pipe.set_progress_bar_config(disable=True)
        return pipe

    def plain(self, pipe: Any, seed: int, steps: int, guided: bool = True) -> None:
        """Draw one picture as diffusers does."""
        positive, negative = self.text(seed), self.text(seed + 1)
        options: dict[str, Any] = {"prompt_embeds": positive.tokens}
        if guided:
            options["negative_prompt_embeds"] = negative.tokens
        if self.pooled:
            options["pooled_prompt_embeds"] = positive.pooled
            if guided:
                options["negative_pooled_prompt_embeds"] = negative.pooled
        pipe(
            **options,
            width=self.side,
            height=self.side,
            num_inference_steps=steps,
            guidance_scale=7.0 if guided else 1.0,
            generator=torch.Generator().manual_seed(seed),
            output_type="np",
        )

    def draw(self, count: int, steps: int, guided: bool = True) -> None:
        """Draw ``count`` pictures together in our loop."""
        pictures = [self.picture(seed, steps, guided) for seed in range(count)]
        while not pictures[0].finished:
            advance(pictures)
        for picture in pictures:
            self.decode(picture.latents)

    @torch.inference_mode()
    def work(self, steps: int, guided: bool = True) -> float:
        """Count the TFLOP of one picture: UNet rows times steps, and one decoding."""
        with FlopCounterMode(display=False) as unet:
            advance([self.picture(0, 2, guided=False)])
        with FlopCounterMode(display=False) as vae:
            self.decode(self.picture(0, 2).latents)
        rows = 2 if guided else 1
        return (unet.get_total_flops() * rows * steps + vae.get_total_flops()) / 1e12


def random_weights(module: torch.nn.Module, device: str) -> Any:
    """Put a module on the device in bfloat16 with its initial, normal-sized weights; channels last."""
    return (
        module.to(device, torch.bfloat16).eval().requires_grad_(False).to(memory_format=torch.channels_last)
    )


def sd15(device: str) -> Subject:
    """Build Stable Diffusion 1.5."""
    torch.manual_seed(0)
    vae = random_weights(AutoencoderKL(**VAE, scaling_factor=0.18215), device)
    return Subject("SD 1.5", random_weights(UNet2DConditionModel(**SD_UNET), device), vae, 512, 768)


def sdxl(device: str) -> Subject:
    """Build SDXL."""
    torch.manual_seed(0)
    vae = random_weights(AutoencoderKL(**VAE, scaling_factor=0.13025, force_upcast=False), device)
    return Subject("SDXL", random_weights(UNet2DConditionModel(**XL_UNET), device), vae, 1024, 2048, 1280)


def settle() -> None:
    """Wait for the device."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def rate(work: Callable[[], object], images: int, repeats: int) -> list[float]:
    """Return images a second of ``repeats`` runs, after one that is not counted."""
    work()
    settle()
    rates = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        settle()
        rates.append(images / (time.perf_counter() - began))
    return rates


def limit(device: str, side: int = 8192) -> float:
    """Return the TFLOP/s a large bfloat16 matrix product reaches here, on normally distributed values."""
    a, b = (torch.randn(side, side, device=device, dtype=torch.bfloat16) for _ in range(2))
    rates = rate(lambda: [a @ b for _ in range(20)], 20, 5)
    return statistics.median(rates) * 2 * side**3 / 1e12


def throughput(
    subject: Subject, steps: int, guided: bool, counts: Sequence[int], peak: float, repeats: int = 5
) -> list[tuple[str, float]]:
    """Print images a second of diffusers' pipeline and of ours; return ours by how many share a call."""
    tflop = subject.work(steps, guided)
    pipe = subject.pipeline()
    what = f"{subject.name} {subject.side}², {steps} steps{' with guidance' if guided else ''}"
    print(f"\n{what}: {tflop:.1f} TFLOP a picture, limit {peak / tflop:.2f} images/s\n")
    print("| side | n | images/s (median) | range | ÷ plain | share of limit |\n|---|---|---|---|---|---|")
    plain = rate(lambda: subject.plain(pipe, 0, steps, guided), 1, repeats)
    base = statistics.median(plain)

    def line(name: str, rates: list[float]) -> float:
        median = statistics.median(rates)
        print(
            f"| {name} | {len(rates)} | {median:.2f} | {min(rates):.2f} … {max(rates):.2f} "
            f"| {median / base:.2f} | {median * tflop / peak:.2f} |",
            flush=True,
        )
        return median

    line("diffusers' pipeline, one at a time", plain)
    measured = []
    for count in counts:
        try:
            rates = rate(lambda count=count: subject.draw(count, steps, guided), count, repeats)  # type: ignore[misc]
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
            print(f"| our loop, {count} together | 0 | out of memory | | | |")
            break
        measured.append((f"{count}", line(f"our loop, {count} together", rates)))
    return measured


def latency(
    subject: Subject, capacity: float, seconds: float, rows: int, joined: bool, seed: int = 1
) -> list[float]:
    """Serve Poisson arrivals of 4 to 30 steps for a while; return each request's latency in seconds.

    ``capacity`` is the arrival rate in pictures of 20 steps a second. Not ``joined``: one after another.
    """
    rng = random.Random(seed)
    arrivals, at = [], 0.0
    while at < seconds:
        steps = rng.randint(4, 30)
        at += rng.expovariate(capacity * 20 / 17)  # the mean of 4 … 30 is 17
        arrivals.append((at, steps))
    latencies: list[float] = []
    here: list[tuple[Picture, float]] = []
    turn, served = 0, 0
    began = time.perf_counter()
    while served < len(arrivals):
        now = time.perf_counter() - began
        while arrivals[len(latencies) + len(here) :] and arrivals[len(latencies) + len(here)][0] <= now:
            due, steps = arrivals[len(latencies) + len(here)]
            here.append((subject.picture(len(here), steps), due))
        if not here:
            time.sleep(0.001)
            continue
        waiting = [picture for picture, _ in here]
        chosen = choose(waiting, rows) if joined else waiting[:1]
        turn += 1
        advance(chosen)
        for picture in chosen:
            picture.turn = turn
        for entry in [entry for entry in here if entry[0].finished]:
            subject.decode(entry[0].latents)
            settle()
            here.remove(entry)
            latencies.append(time.perf_counter() - began - entry[1])
            served += 1
    return latencies


def loaded(subject: Subject, alone: float, rows: int, seconds: float = 40.0) -> None:
    """Print G7: the 99th percentile of latency when requests join between steps ÷ one after another.

    ``alone`` is the rate of a picture at a time, so that the serial side is at 70 % of what it can do.
    """
    p99 = {}
    for joined in (False, True):
        latencies = sorted(latency(subject, 0.7 * alone, seconds, rows, joined))
        p99[joined] = latencies[int(0.99 * (len(latencies) - 1))]
        print(
            f"{subject.name} at 70 % load, 4 to 30 steps, {'joining' if joined else 'one after another'}: "
            f"n {len(latencies)}, p50 {statistics.median(latencies):.2f} s, p99 {p99[joined]:.2f} s",
            flush=True,
        )
    print(f"p99 joining ÷ one after another: {p99[True] / p99[False]:.2f} (goal ≤ 0.25)")


def main() -> int:
    """Measure, or say that there is nothing to measure on."""
    if not torch.cuda.is_available():
        print("bench-gpu: this torch sees no CUDA device: nothing to measure. `make bench` needs none.")
        return 0
    device = torch.cuda.get_device_name(0)
    print(
        f"{device}, torch {torch.__version__}, CUDA {torch.version.cuda}, Python {platform.python_version()}"
    )
    torch.backends.cudnn.benchmark = True
    peak = limit("cuda")
    print(f"a bfloat16 matrix product of 8192² reaches {peak:.0f} TFLOP/s here")
    small = sd15("cuda")
    rates = throughput(small, 20, True, (1, 2, 4, 8, 16), peak)  # G1: at least 0.45 of the limit, 4 × plain
    if rates:
        loaded(small, rates[0][1], rows=32)  # G7
    del small
    torch.cuda.empty_cache()
    large = sdxl("cuda")
    throughput(large, 20, True, (1, 2, 4, 8), peak, repeats=3)  # G2: 0.50 of the limit, 2 × plain
    throughput(large, 4, False, (1, 4, 8, 16), peak, repeats=3)  # G3: 0.50 of the limit
    del large
    torch.cuda.empty_cache()
    gpu_flow.main("cuda")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
