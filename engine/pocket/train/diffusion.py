"""Train the denoiser and its text encoder together on cached latents; it refuses to know pixels."""

from __future__ import annotations

import copy
import json
import logging
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import (
    AutoencoderTiny,
    DDPMScheduler,
    DPMSolverMultistepScheduler,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from diffusers.models.attention_processor import AttnProcessor
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTokenizer

from engine.pocket.train.captions import caption
from engine.pocket.train.concepts import CONCEPTS, EVERYDAY, FINISHED
from engine.pocket.train.data import SIZES, Picture
from engine.pocket.train.optim import split
from engine.pocket.train.text import (
    garble,
    hush,
    make_text_encoder,
    make_tokenizer,
    taught,
    tokenize,
    widen,
)
from engine.pocket.train.training import Training, TrainingSettings, replacing

log = logging.getLogger(__name__)

SCHEDULE = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "prediction_type": "v_prediction",
    "timestep_spacing": "trailing",
    "steps_offset": 1,  # unused by this spacing, but the stock pipeline complains about any other value
}
"""Stable Diffusion's own noise schedule: every sampler then behaves as it does with the big models."""


@dataclass(frozen=True)
class Settings(TrainingSettings):
    """How a run trains: how often what is seen, and how wide the network is."""

    muon_rate: float = 0.008
    decay_share: float = 0.5
    average: float = 0.996
    square_share: float = 0.86
    wide_steps: int = 900
    company_weight: float = 0.45
    scene_weight: float = 1.2
    later_weight: float = 1.0
    unfinished_weight: float = 0.35
    third_set_weight: float = 0.7
    often: tuple[str, ...] = ()
    often_weight: float = 8.0
    widths: tuple[int, int, int] = (48, 128, 192)


class FullPrecisionGroupNorm(nn.GroupNorm):
    """Normalise in float32 under autocast: exact, and several times faster than bfloat16 on processors."""

    def forward(self, input: Tensor) -> Tensor:
        """Normalise (n, c, h, w); the result has the input's type."""
        with torch.autocast(input.device.type, enabled=False):
            whole = nn.functional.group_norm(input.float(), self.num_groups, self.weight, self.bias, self.eps)
        return whole.to(input.dtype)


def make_unet(widths: tuple[int, int, int] = (48, 128, 192)) -> UNet2DConditionModel:
    """The denoiser, untrained: narrow and convolutional at 16 x 16, reading the words at 8 x 8 and 4 x 4."""
    unet = UNet2DConditionModel(
        sample_size=16,
        in_channels=4,
        out_channels=4,
        block_out_channels=widths,
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=192,
        # diffusers reads this as the number of heads, whatever its name says: heads of 32
        attention_head_dim=tuple(max(1, width // 32) for width in widths),
        norm_num_groups=16,
        resnet_time_scale_shift="scale_shift",
        addition_embed_type="text",
        addition_embed_type_num_heads=6,
    )
    nn.init.zeros_(unet.conv_out.weight)
    return unet


def export(
    folder: Path, unet: nn.Module, text_encoder: nn.Module, tokenizer: CLIPTokenizer, vae: AutoencoderTiny
) -> None:
    """Write a stock half-precision diffusers folder; readers see the old one or the new, never a half."""
    pipeline = StableDiffusionPipeline(
        vae=copy.deepcopy(vae).half(),
        text_encoder=copy.deepcopy(text_encoder).half(),
        tokenizer=tokenizer,
        unet=copy.deepcopy(unet).half(),
        scheduler=DPMSolverMultistepScheduler(**SCHEDULE),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    with replacing(folder) as fresh:
        pipeline.save_pretrained(fresh, safe_serialization=True)
        tidy(fresh)


def tidy(folder: Path) -> None:
    """Mend three config files of a saved pipeline, so that a plain load is right and silent."""
    # transformers loads in the type the config names: half here and full elsewhere would not work together
    config = folder / "text_encoder" / "config.json"
    config.write_text(config.read_text(encoding="utf-8").replace('"float16"', '"float32"'), encoding="utf-8")
    # diffusers writes this entry and then warns that it did not expect it; it makes its own
    config = folder / "vae" / "config.json"
    entries = json.loads(config.read_text(encoding="utf-8"))
    kept = {
        name: value for name, value in entries.items() if name not in ("block_out_channels", "_name_or_path")
    }
    config.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
    # what Stable Diffusion's own file says too: a sampler built from this config must not clip latents
    config = folder / "scheduler" / "scheduler_config.json"
    entries = json.loads(config.read_text(encoding="utf-8"))
    entries |= {"clip_sample": False, "set_alpha_to_one": False, "skip_prk_steps": True}
    config.write_text(json.dumps(entries, indent=2) + "\n", encoding="utf-8")


def _captions(shown: list[Picture], rng: random.Random, drop: float) -> list[str]:
    texts = []
    for picture in shown:
        text = caption(picture, rng)
        chance = rng.random()
        if chance < drop:
            text = ""
        elif chance < drop + 0.07:
            text = garble(text, rng)
        texts.append(text)
    return texts


class Trainer(Training):
    """The networks of one run: the denoiser and its words, taught together."""

    name, exported = "diffusion", "pipeline"

    def __init__(
        self, data: Path, folder: Path, settings: Settings, device: str = "cpu", start: Path | None = None
    ) -> None:
        """Build everything and restore the checkpoint in `folder`, if there is one.

        `start` is a pipeline folder whose denoiser and words a new run goes on from.
        """
        super().__init__(data, folder, settings, device)
        self.settings = settings
        self.vae = AutoencoderTiny.from_pretrained(folder / "vae")
        # kept beside the checkpoint: its weights are bound to these numbers
        if not (folder / "tokenizer").exists():
            make_tokenizer(start / "tokenizer" if start else None).save_pretrained(folder / "tokenizer")
        self.tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer")
        self.unet = make_unet(settings.widths)
        self.text_encoder: CLIPTextModel = make_text_encoder(self.tokenizer)
        if start:
            old = UNet2DConditionModel.from_pretrained(start / "unet", torch_dtype=torch.float32)
            self.unet.load_state_dict(old.state_dict())
            words = CLIPTextModel.from_pretrained(start / "text_encoder")
            widen(
                self.text_encoder, words, self.tokenizer, CLIPTokenizer.from_pretrained(start / "tokenizer")
            )
        # channels last is the order in which processors convolve
        self.unet.to(self.device, memory_format=torch.channels_last)
        self.text_encoder.to(self.device)
        # words never taught are silent from the start, and stay so
        silent = hush(self.text_encoder, self.tokenizer, taught(self.tokenizer)).to(self.device)
        table = self.text_encoder.get_input_embeddings().weight
        table.register_hook(lambda gradient: gradient.index_fill(0, silent, 0.0))
        # the flash kernel's backward pass is slow on processors
        self.text_encoder.set_attn_implementation("eager")
        self.unet.set_attn_processor(AttnProcessor())
        for module in self.unet.modules():
            if type(module) is nn.GroupNorm:
                module.__class__ = FullPrecisionGroupNorm
        modules: dict[str, nn.Module] = {"unet": self.unet, "text": self.text_encoder}
        plain = ("token_embedding", "position_embedding", "conv_in", "conv_out")
        self.begin(modules, *split(nn.ModuleDict(modules), plain))
        self.noise = DDPMScheduler(**SCHEDULE).alphas_cumprod.to(self.device)
        # all things and mostly alone first; then most often fewer of them, in all that can be said of them
        self.cumulative = [
            [np.cumsum([weigh(p) for p in part]) for part in self.shown]
            for weigh in (self._wide, self._narrow)
        ]

    def _wide(self, picture: Picture) -> float:
        if picture.concept < 0:
            return self.settings.scene_weight
        weight = 1.0 if picture.alone() else self.settings.company_weight
        return weight * (self.settings.often_weight if picture.noun() in self.settings.often else 1.0)

    def _narrow(self, picture: Picture) -> float:
        names = {picture.noun()} if picture.concept >= 0 else set()
        names |= {CONCEPTS[picture.second].noun} if picture.second is not None else set()
        weight = self._wide(picture)
        if not names <= FINISHED:
            weight *= self.settings.unfinished_weight
        elif picture.concept >= len(EVERYDAY):
            weight *= self.settings.later_weight
        return weight * (self.settings.third_set_weight if picture.style == "noto" else 1.0)

    def loss(self, step: int) -> Tensor:
        """Plain mean squared error of v over one batch; everything random comes from the step's number."""
        settings = self.settings
        rng = random.Random(f"{settings.seed}-{step}")
        draw = np.random.default_rng((settings.seed, step))
        # a batch has one size; the others take turns
        size = 0 if draw.random() < settings.square_share else int(draw.integers(1, len(SIZES)))
        shown = self.shown[size]
        cumulative = self.cumulative[step >= settings.wide_steps][size]
        rows = np.searchsorted(cumulative, draw.random(settings.batch) * cumulative[-1])
        rows = rows.clip(0, len(shown) - 1)
        texts = _captions([shown[row] for row in rows], rng, settings.drop_caption)
        ids = tokenize(self.tokenizer, texts).to(self.device)
        latents = torch.from_numpy(np.array(self.latents[size][rows])).to(self.device)
        clean = latents.float() * float(self.vae.config["scaling_factor"])
        clean = clean.contiguous(memory_format=torch.channels_last)
        # more of the middle of the schedule, where the shapes are decided
        logits = torch.from_numpy(draw.normal(0.2, 1.2, settings.batch))
        times = (logits.sigmoid() * 1000).long().clamp(0, 999).to(self.device)
        noise = torch.from_numpy(draw.standard_normal(clean.shape, dtype=np.float32)).to(self.device)
        keep = self.noise[times].view(-1, 1, 1, 1)
        noisy = keep.sqrt() * clean + (1 - keep).sqrt() * noise
        target = keep.sqrt() * noise - (1 - keep).sqrt() * clean
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.half):
            words = self.text_encoder(ids)[0]
            guess = self.unet(noisy, times, words).sample
        return (guess.float() - target).square().mean()

    def export(self, folder: Path) -> None:
        """Write the averaged weights as a stock pipeline."""
        unet, text_encoder = make_unet(self.settings.widths), make_text_encoder(self.tokenizer)
        unet.load_state_dict(self.average.state("unet"))
        text_encoder.load_state_dict(self.average.state("text"))
        export(folder, unet, text_encoder, self.tokenizer, self.vae)
