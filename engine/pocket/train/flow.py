"""Train the small flow-matching transformer on cached latents; it refuses to know pixels.

A Z-Image transformer (`diffusers`' class) of a few million weights, over the text encoder and the autoencoder
that ship, both left as they are.
"""

from __future__ import annotations

import json
import random
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import diffusers
import numpy as np
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, ZImageTransformer2DModel
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from engine.pocket import shared
from engine.pocket.train.captions import caption
from engine.pocket.train.data import SIZES, Picture
from engine.pocket.train.optim import split
from engine.pocket.train.text import garble
from engine.pocket.train.training import Training, TrainingSettings, replacing

WORDS = 32
"""Tokens of a caption are filled up to a multiple of this, as the transformer does by itself."""

PATCH = "2-1"
"""The one way in which it cuts latents into tokens: 2 × 2, of one frame."""

SHAPES = (((14, 18), (18, 14)), ((14, 20),), ((20, 14),), ((12, 22), (12, 24)), ((22, 12), (24, 12)))
"""Height and width in latents that pictures of each of SIZES are cut or filled up to, if not square: whole
tokens, and what the common ratios are drawn at."""

INDEX = {
    "_class_name": "ZImagePipeline",
    "_diffusers_version": diffusers.__version__,
    "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "transformer": ["diffusers", "ZImageTransformer2DModel"],
    "vae": ["diffusers", "AutoencoderTiny"],
}
"""The pipeline's parts; what `engine.pocket.shared` brings is among them."""


@dataclass(frozen=True)
class Settings(TrainingSettings):
    """How a run trains, and how large a network; shares are of batches."""

    batch: int = 32
    garble_caption: float = 0.03
    long_share: float = 0.02
    wide_share: float = 0.25
    width: int = 192
    layers: int = 6


def make_transformer(width: int = 192, layers: int = 6) -> ZImageTransformer2DModel:
    """The denoiser, untrained: 64 tokens of a square picture and 32 of its caption in one stream."""
    transformer = ZImageTransformer2DModel(
        in_channels=4,
        dim=width,
        n_layers=layers,
        n_refiner_layers=1,
        n_heads=width // 32,
        n_kv_heads=width // 32,
        cap_feat_dim=192,
        axes_dims=[8, 12, 12],
        axes_lens=[shared.LENGTH + 2 * WORDS, 64, 64],
    )
    for block in [*transformer.noise_refiner, *transformer.layers]:
        # each block starts as the same half step, whatever the time
        change = block.adaLN_modulation[0]
        nn.init.zeros_(change.weight)
        nn.init.zeros_(change.bias)
        for gate in (1, 3):
            nn.init.constant_(change.bias[gate * width : (gate + 1) * width], 0.5)
    last = transformer.all_final_layer[PATCH]
    nn.init.zeros_(last.linear.weight)
    nn.init.normal_(transformer.cap_pad_token, std=0.02)
    return transformer


class Rows(nn.Module):
    """The transformer for rows of one shape, without its lists: what training runs, many times as often."""

    def __init__(self, transformer: ZImageTransformer2DModel) -> None:
        super().__init__()
        self.network = transformer

    def angles(self, high: int, wide: int, words: int) -> tuple[Tensor, Tensor]:
        """Where the tokens of picture and caption stand, as rotations; padding of the picture at nought."""
        tokens = (high // 2) * (wide // 2)
        at = torch.cartesian_prod(torch.tensor([words + 1]), torch.arange(high // 2), torch.arange(wide // 2))
        at = nn.functional.pad(at, (0, 0, 0, -tokens % WORDS))
        said = nn.functional.pad(torch.arange(1, words + 1)[:, None], (0, 2))
        embed = self.network.rope_embedder
        return embed(at), embed(said)

    def forward(
        self, latents: Tensor, clock: Tensor, words: Tensor, silent: Tensor, at: Tensor, said: Tensor
    ) -> Tensor:
        """Predict of latents (n, 4, h, w) at times 0…1, captions (n, 32 · k, 192), those tokens `silent`."""
        network = self.network
        count, channels, high, wide = latents.shape
        patches = latents.view(count, channels, high // 2, 2, wide // 2, 2).permute(0, 2, 4, 3, 5, 1)
        tokens = (high // 2) * (wide // 2)
        x = network.all_x_embedder[PATCH](patches.reshape(count, tokens, 4 * channels))
        if tokens % WORDS:
            blank = network.x_pad_token.expand(count, -tokens % WORDS, -1)
            x = torch.cat([x, blank.to(x.dtype)], 1)
        time = network.t_embedder(clock * network.t_scale)
        for block in network.noise_refiner:
            x = block(x, None, at, time)
        text = network.cap_embedder(words)
        text = torch.where(silent[..., None], network.cap_pad_token.to(text.dtype), text)
        for block in network.context_refiner:
            text = block(text, None, said)
        both, places = torch.cat([x, text.to(x.dtype)], 1), torch.cat([at, said], 1)
        for block in network.layers:
            both = block(both, None, places, time)
        made = network.all_final_layer[PATCH](both[:, :tokens], c=time)
        made = made.view(count, high // 2, wide // 2, 2, 2, channels).permute(0, 5, 1, 3, 2, 4)
        return made.reshape(count, channels, high, wide)


def fitted(latents: Tensor, high: int, wide: int) -> Tensor:
    """Cut latents, or go on with those at their edges, to (…, high, wide); the middle stays in the middle."""
    up, left = (latents.shape[-2] - high) // 2, (latents.shape[-1] - wide) // 2
    rows = (torch.arange(high) + up).clamp(0, latents.shape[-2] - 1)
    columns = (torch.arange(wide) + left).clamp(0, latents.shape[-1] - 1)
    return latents[..., rows[:, None], columns[None]]


class Trainer(Training):
    """The network of one run over the text encoder and the autoencoder that ship."""

    name, exported = "flow", "flow"

    def __init__(
        self, data: Path, folder: Path, settings: Settings, device: str = "cpu", start: Path | None = None
    ) -> None:
        """Build everything and restore the checkpoint in `folder`, if there is one.

        `start` is a folder of `pocket-flow` whose transformer a new run goes on from.
        """
        super().__init__(data, folder, settings, device)
        self.settings = settings
        taken = shared.parts()
        self.tokenizer, self.text_encoder = taken["tokenizer"], taken["text_encoder"].to(self.device)
        self.scale = float(taken["vae"].config["scaling_factor"])
        self.transformer = make_transformer(settings.width, settings.layers)
        if start:
            self.transformer = ZImageTransformer2DModel.from_pretrained(
                start / "transformer", torch_dtype=torch.float32
            )
        self.transformer.to(self.device)
        self.rows = Rows(self.transformer)
        plain = ("embedder", "final_layer", "pad_token", "adaLN")
        self.begin({"transformer": self.transformer}, *split(self.transformer, plain))
        self.angles: dict[tuple[int, int, int], tuple[Tensor, Tensor]] = {}

    def read(self, texts: list[str], long: bool) -> tuple[Tensor, Tensor]:
        """Captions as the pipeline reads them, filled up to one length; and which tokens are filling."""
        length = 2 * WORDS if long else WORDS
        told = self.tokenizer(
            texts, padding="max_length", max_length=length, truncation=True, return_tensors="pt"
        ).to(self.device)
        with torch.no_grad():
            states = self.text_encoder(**told, output_hidden_states=True).hidden_states
        return states[-2], told["attention_mask"] == 0

    def caption(self, picture: Picture, rng: random.Random, long: bool) -> str:
        """Say what a picture shows, or nothing; `long` ones end in words that mean nothing."""
        text, chance = caption(picture, rng), rng.random()
        if long:
            while len(self.tokenizer(text)["input_ids"]) <= WORDS:
                text = garble(text, rng)
        elif chance < self.settings.drop_caption:
            text = ""
        elif chance < self.settings.drop_caption + self.settings.garble_caption:
            text = garble(text, rng)
        return text

    def loss(self, step: int) -> Tensor:
        """Mean squared error of the way back over one batch; the step's number decides all that is random."""
        settings = self.settings
        rng = random.Random(f"{settings.seed}-{step}")
        draw = np.random.default_rng((settings.seed, step))
        # a batch has one shape and one length of captions; the rare ones take turns
        size, (high, wide) = 0, (16, 16)
        if draw.random() < settings.wide_share:
            size = int(draw.integers(len(SIZES)))
            high, wide = SHAPES[size][int(draw.integers(len(SHAPES[size])))]
        long = bool(draw.random() < settings.long_share)
        chosen = draw.integers(0, len(self.shown[size]), settings.batch)
        words, silent = self.read([self.caption(self.shown[size][row], rng, long) for row in chosen], long)
        clean = torch.from_numpy(np.array(self.latents[size][chosen])).to(self.device).float() * self.scale
        clean = fitted(clean, high, wide)
        noise = torch.from_numpy(draw.standard_normal(clean.shape, dtype=np.float32)).to(self.device)
        # more of the noisy half, where the shapes are decided
        level = torch.from_numpy(draw.normal(0.4, 1.0, settings.batch)).float().sigmoid().to(self.device)
        noisy = torch.lerp(clean, noise, level.view(-1, 1, 1, 1))
        key = (high, wide, words.shape[1])
        if key not in self.angles:
            at, said = self.rows.angles(*key)
            self.angles[key] = at[None].to(self.device), said[None].to(self.device)
        # the flash kernel's backward pass is slow on processors
        plainly = sdpa_kernel(SDPBackend.MATH) if self.device.type == "cpu" else nullcontext()
        with plainly, torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.half):
            guess = self.rows(noisy, 1 - level, words, silent, *self.angles[key])
        return (guess.float() - (clean - noise)).square().mean()

    def export(self, folder: Path) -> None:
        """Write the averaged weights and what else is this model's own."""
        transformer = make_transformer(self.settings.width, self.settings.layers)
        transformer.load_state_dict(self.average.state("transformer"))
        with replacing(folder) as fresh:
            transformer.half().save_pretrained(fresh / "transformer")
            FlowMatchEulerDiscreteScheduler().save_pretrained(fresh / "scheduler")
            (fresh / "model_index.json").write_text(json.dumps(INDEX, indent=2) + "\n", encoding="utf-8")
