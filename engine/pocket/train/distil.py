"""Teach a small addition to the denoiser to draw in a few steps without guidance; it refuses to know pixels.

The teacher is the finished denoiser with guidance: DPM-Solver++ 2M (Lu et al. 2022), several steps for each
step of the student. The student is the same denoiser with low-rank additions (LoRA, Hu et al. 2021), and
learns to land in one unguided DDIM step where the teacher lands (Salimans and Ho 2022, guidance folded in as
by Meng et al. 2023). Every batch is drawn from noise to picture, partly along the student's own path, so
that it learns to mend its own errors; no latents of pictures are needed, only captions.
"""

from __future__ import annotations

import copy
import json
import logging
import random
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.func import functional_call
from transformers import CLIPTextModel, CLIPTokenizer

from engine.pocket.train.checkpoint import Average, Log, load, save
from engine.pocket.train.data import SIZES, load_plan
from engine.pocket.train.diffusion import FullPrecisionGroupNorm, _captions
from engine.pocket.train.optim import descend, half_pays
from engine.pocket.train.sitting import rate, sitting
from engine.pocket.train.text import tokenize

log = logging.getLogger(__name__)

SAMPLER = "ddim"
"""What the student is taught to step with; Euler is the same step in other coordinates."""
WEIGHTS = "pytorch_lora_weights.safetensors"
RECORD = "few_steps.json"


@dataclass(frozen=True)
class Settings:
    """How one run distils. Times are spent training, earlier sittings of a resumed run included."""

    minutes: float = 20.0
    steps: int = 1_000_000
    batch: int = 16  # pictures; each is as many rows as the student takes steps
    rows: int = 32  # of one descent
    passes: int = 2  # over a batch: drawing it costs as much as learning from it
    student_steps: int = 4
    teacher_steps: int = 2  # for each of the student's
    guidance_scale: float = 4.0
    rank: int = 32
    rate: float = 2e-3
    warm_up: int = 5
    decay_share: float = 0.5
    average: float = 0.98  # for each batch
    own_path: float = 0.5  # share of the pictures that go on from where the student landed
    square_share: float = 0.6
    drop_caption: float = 0.03
    company_weight: float = 0.5
    save_seconds: float = 150.0
    report_every: int = 5
    constant_rate: bool = False
    bfloat16: bool = True
    seed: int = 0


def make_additions(unet: nn.Module, rank: int) -> nn.ModuleDict:
    """Two factors, (rank, in·h·w) and (out, rank), for each inner layer of the denoiser; nothing added yet.

    Dots cannot stand in the names of modules: they are written as slashes.
    """
    additions = nn.ModuleDict()
    for name, module in unet.named_modules():
        if isinstance(module, nn.Linear | nn.Conv2d) and name not in ("conv_in", "conv_out"):
            out, within = module.weight.flatten(1).shape
            # the usual start of a LoRA: one factor random, the other nothing
            first = nn.Parameter(torch.empty(rank, within).uniform_(-1, 1) * within**-0.5)
            factors = nn.ParameterList([first, nn.Parameter(torch.zeros(out, rank))])
            additions[name.replace(".", "/")] = factors
    return additions


def pairs(additions: nn.ModuleDict) -> Iterator[tuple[str, Tensor, Tensor]]:
    """Every layer's name and its two factors."""
    for name, factors in additions.items():
        yield name.replace("/", "."), *factors  # type: ignore[misc]


@torch.no_grad()
def take(additions: nn.ModuleDict, tensors: dict[str, Tensor]) -> None:
    """Fill the factors from a LoRA file's tensors."""
    for name, *factors in pairs(additions):
        for half, factor in zip("AB", factors, strict=True):
            factor.copy_(tensors[f"unet.{name}.lora_{half}.weight"].flatten(1))


class Trainer:
    """The networks and the optimiser of one run; `run` goes on from wherever the last sitting ended."""

    def __init__(
        self,
        data: Path,
        folder: Path,
        pipeline: Path,
        settings: Settings,
        device: str = "cpu",
        start: Path | None = None,
    ) -> None:
        """Build everything and restore the checkpoint in `folder`, if there is one.

        `pipeline` is the teacher's folder; `start` few-step weights that a new run goes on from.
        """
        torch.manual_seed(settings.seed)
        self.folder, self.settings, self.device = folder, settings, torch.device(device)
        self.half = settings.bfloat16 and half_pays(self.device)
        shown = load_plan(data)
        self.shown = [[picture for picture in shown if picture.size == size] for size in range(len(SIZES))]
        self.cumulative = [
            np.cumsum([1.0 if picture.alone() else settings.company_weight for picture in part])
            for part in self.shown
        ]
        self.tokenizer = CLIPTokenizer.from_pretrained(pipeline / "tokenizer")
        self.text_encoder = CLIPTextModel.from_pretrained(pipeline / "text_encoder", dtype=torch.float32)
        self.text_encoder.requires_grad_(False).to(self.device)
        self.unet = UNet2DConditionModel.from_pretrained(pipeline / "unet", torch_dtype=torch.float32)
        self.unet.requires_grad_(False)
        # the flash kernel's backward pass is slow on processors
        self.unet.set_attn_processor(AttnProcessor())
        for module in self.unet.modules():
            if type(module) is nn.GroupNorm:
                module.__class__ = FullPrecisionGroupNorm
        self.unet.to(self.device)
        self.additions = make_additions(self.unet, settings.rank).to(self.device)
        if start:
            take(self.additions, load_file(start / WEIGHTS))
        self.parameters = list(self.additions.parameters())
        self.modules: dict[str, nn.Module] = {"additions": self.additions}
        self.optimizers: list[torch.optim.Optimizer] = [
            torch.optim.AdamW(self.parameters, lr=settings.rate, weight_decay=0.0, betas=(0.9, 0.99))
        ]
        self.average = Average(self.modules, settings.average)
        self.checkpoint = folder / "distil.safetensors"
        self.step = load(self.checkpoint, self.modules, self.average, self.optimizers)
        self.log = Log(folder / "distil.csv", ("loss", "landing", "rate"), self.step)
        scheduler = DDIMScheduler.from_pretrained(pipeline / "scheduler")
        scheduler.set_timesteps(settings.student_steps)
        self.signal = scheduler.alphas_cumprod.sqrt()
        self.times = [int(t) for t in scheduler.timesteps]

    def _level(self, at: int) -> tuple[float, float]:
        """Signal and noise at a timestep; below 0 lies the picture itself."""
        if at < 0:
            return 1.0, 0.0
        signal = float(self.signal[at])
        return signal, (1 - signal**2) ** 0.5

    def _velocity(
        self, latents: Tensor, times: Tensor | int, words: Tensor, weights: dict[str, Tensor] | None = None
    ) -> Tensor:
        """The denoiser's word on (n, c, h, w) latents; the student's with `weights`, else the teacher's."""
        inputs = latents, torch.as_tensor(times, device=self.device), words
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.half):
            guess = functional_call(self.unet, weights or {}, inputs).sample
        return guess.float()

    def student(self) -> dict[str, Tensor]:
        """The denoiser's weights with the additions in them."""
        own = dict(self.unet.named_parameters())
        return {
            f"{name}.weight": own[f"{name}.weight"] + (b @ a).view_as(own[f"{name}.weight"])
            for name, a, b in pairs(self.additions)
        }

    @torch.no_grad()
    def teach(self, latents: Tensor, at: int, after: int, words: Tensor, nothing: Tensor) -> Tensor:
        """Where the teacher, with guidance, lands from `latents` at `at` when it gets to `after`."""
        scale = self.settings.guidance_scale
        # the last step lands on the mean of what it may be: taken from nearer, that is sharper
        count = self.settings.teacher_steps + (after < 0)
        times = [round(at + (after - at) * k / count) for k in range(count)] + [after]
        both = torch.cat([nothing.expand_as(words), words])
        before: tuple[Tensor, float] | None = None
        for now, then in pairwise(times):
            plain, asked = self._velocity(torch.cat([latents, latents]), now, both).chunk(2)
            (alpha, sigma), (later_alpha, later_sigma) = self._level(now), self._level(then)
            clean = alpha * latents - sigma * (plain + scale * (asked - plain))
            if later_sigma == 0:
                latents = clean
                break
            depth = float(np.log(later_alpha / later_sigma) - np.log(alpha / sigma))
            ahead = clean
            if before is not None:
                ratio = before[1] / depth
                ahead = clean + (clean - before[0]) / (2 * ratio)
            before = clean, depth
            latents = later_sigma / sigma * latents - later_alpha * float(np.expm1(-depth)) * ahead
        return latents

    def stride(self, latents: Tensor, velocity: Tensor, at: int, after: int) -> Tensor:
        """One DDIM step along `velocity`."""
        (alpha, sigma), (later_alpha, later_sigma) = self._level(at), self._level(after)
        clean, noise = alpha * latents - sigma * velocity, sigma * latents + alpha * velocity
        return later_alpha * clean + later_sigma * noise

    def aim(self, latents: Tensor, landing: Tensor, at: int, after: int) -> Tensor:
        """The velocity with which one DDIM step goes from `latents` to `landing`."""
        (alpha, sigma), (later_alpha, later_sigma) = self._level(at), self._level(after)
        stay = later_alpha * alpha + later_sigma * sigma
        return (landing - stay * latents) / (later_sigma * alpha - later_alpha * sigma)

    def words(self, step: int) -> tuple[Tensor, Tensor, tuple[int, int]]:
        """The captions of a batch and the empty one, read, and the latents' height and width."""
        settings = self.settings
        rng, draw = random.Random(f"{settings.seed}-{step}"), np.random.default_rng((settings.seed, step))
        size = 0 if draw.random() < settings.square_share else int(draw.integers(1, len(SIZES)))
        shown, cumulative = self.shown[size], self.cumulative[size]
        rows = np.searchsorted(cumulative, draw.random(settings.batch) * cumulative[-1])
        rows = rows.clip(0, len(shown) - 1)
        texts = _captions([shown[row] for row in rows], rng, settings.drop_caption)
        ids = tokenize(self.tokenizer, [*texts, ""]).to(self.device)
        with torch.no_grad():
            words = self.text_encoder(ids)[0]
        return words[:-1], words[-1:], (SIZES[size][1] // 8, SIZES[size][0] // 8)

    @torch.no_grad()
    def draw(self, step: int) -> tuple[tuple[Tensor, Tensor, Tensor, Tensor], float]:
        """Draw one batch from noise to pictures; everything random comes from the step's number.

        Returns rows to learn from (latents, timesteps, words, the velocities that land where the teacher
        does), and how far from the teacher's last step the student's ends, squared.
        """
        words, nothing, (height, width) = self.words(step)
        lots = torch.Generator().manual_seed(self.settings.seed * 1_000_003 + step)
        shape = (len(words), self.unet.config.in_channels, height, width)
        latents = torch.randn(shape, generator=lots).to(self.device)
        weights = {name: weight.detach() for name, weight in self.student().items()}
        alone = float(torch.rand((), generator=lots)) < self.settings.own_path
        states, aims, missed = [], [], 0.0
        for at, after in pairwise((*self.times, -1)):
            landing = self.teach(latents, at, after, words, nothing)
            states.append(latents)
            aims.append(self.aim(latents, landing, at, after))
            if alone or after < 0:
                velocity = self._velocity(latents, at, words, weights)
                landed = self.stride(latents, velocity, at, after)
                missed = float((landed - landing).square().mean())
            latents = landed if alone else landing
        times = torch.tensor(self.times, device=self.device).repeat_interleave(len(words))
        return (torch.cat(states), times, words.repeat(len(aims), 1, 1), torch.cat(aims)), missed

    def learn(self, batch: tuple[Tensor, Tensor, Tensor, Tensor], step: int) -> float:
        """Descend over the rows of a batch, in lots of a few; returns the mean squared error of v."""
        lots = torch.Generator().manual_seed(self.settings.seed * 1_000_003 + step)
        losses = []
        for _ in range(self.settings.passes):
            for part in torch.randperm(len(batch[0]), generator=lots).split(self.settings.rows):
                latents, times, words, aims = (column[part.to(self.device)] for column in batch)
                loss = (self._velocity(latents, times, words, self.student()) - aims).square().mean()
                descend(loss, self.parameters, self.optimizers)
                losses.append(float(loss.detach()))
        return sum(losses) / len(losses)

    def run(self) -> None:
        """Train until the budget is spent, saving and exporting on the way."""
        settings, saved, losses = self.settings, time.monotonic(), []
        for bar in sitting(self, settings, "distil"):
            share = 1.0 if settings.constant_rate else rate(settings, self.step, self.log.seconds())
            for optimizer in self.optimizers:
                optimizer.param_groups[0]["lr"] = settings.rate * share
            batch, missed = self.draw(self.step)
            loss = self.learn(batch, self.step)
            self.average.update(self.step)
            self.step += 1
            losses.append((loss, missed))
            if self.step % settings.report_every == 0:
                mean, landing = np.mean(losses, axis=0)
                self.log.write(self.step, loss=mean, landing=landing, rate=share)
                bar.set_postfix(loss=mean, landing=landing, rate=share)
                losses.clear()
            if time.monotonic() - saved > settings.save_seconds:
                self.save()
                self.export(self.folder / "fewstep")
                saved = time.monotonic()
        self.save()
        self.export(self.folder / "fewstep")

    def save(self) -> None:
        """Write the checkpoint a resumed run starts from."""
        save(self.checkpoint, self.step, self.modules, self.average, self.optimizers)

    def export(self, folder: Path) -> None:
        """Write the averaged additions as diffusers keeps a LoRA, and beside them how to step with them."""
        averages = copy.deepcopy(self.additions)
        averages.load_state_dict(self.average.state("additions"))
        layers: dict[str, Tensor] = {}
        for name, a, b in pairs(averages):
            kernel = self.unet.get_submodule(name).weight.shape[2:]
            shapes = a.view(len(a), -1, *kernel), b.view(*b.shape, *(1 for _ in kernel))
            for half, whole in zip("AB", shapes, strict=True):
                layers[f"{name}.lora_{half}.weight"] = whole.detach().half().cpu().contiguous()
        fresh = folder.with_name(folder.name + ".new")
        shutil.rmtree(fresh, ignore_errors=True)
        StableDiffusionPipeline.save_lora_weights(fresh, unet_lora_layers=layers)
        record = {"steps": self.settings.student_steps, "sampler": SAMPLER, "guidance_scale": 1.0}
        record["taught"] = asdict(self.settings) | {"step": self.step}
        (fresh / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)
