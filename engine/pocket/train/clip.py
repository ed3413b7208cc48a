"""Train the text-image encoder (a small CLIP) by telling true captions from false ones.

Each step takes a batch of pictures and four kinds of texts: a whole caption of each, a part of each (the
object alone, colour and object, the ground, the style), each caption with one claim changed, and a few dozen
objects by name. A picture must find its own texts among all that are false of it, and a text its picture
among all it is false of. Pictures are blurred, noised, squeezed and passed through the diffusion model's
autoencoder, so that the encoder judges drawn pictures as well as it judges icons.
"""

from __future__ import annotations

import copy
import json
import logging
import random
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderTiny
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm  # type: ignore[import-untyped]
from transformers import CLIPConfig, CLIPModel, CLIPTokenizer

from engine.pocket.train import clip_claims
from engine.pocket.train.captions import caption
from engine.pocket.train.checkpoint import Average, Log, load, save
from engine.pocket.train.clip_claims import Claims, facts, is_false, named, part, say, spoil
from engine.pocket.train.clip_words import vocabulary
from engine.pocket.train.clip_words import words as clip_words
from engine.pocket.train.data import SIZES, Picture, file, load_plan
from engine.pocket.train.optim import Muon, descend, split
from engine.pocket.train.sitting import rate
from engine.pocket.train.text import LENGTH, carry, garble, make_tokenizer, table_of, voiced

log = logging.getLogger(__name__)

HELD_OUT_EVERY = 37
"""One row in so many is never trained on; retrieval is measured there."""


@dataclass(frozen=True)
class Shape:
    """How big an encoder is. Pictures are `size` pixels a side, cut into squares of `patch`."""

    width: int = 192
    layers: int = 4
    text_layers: int = 2
    size: int = 96
    patch: int = 16
    projection: int = 192


SHAPES = {"encoder": Shape(), "judge": Shape(width=128, layers=4, projection=128)}
"""The one that ships for use, and the smaller one with another seed that judges generated pictures."""

SEEDS = {"encoder": 0, "judge": 1}


@dataclass(frozen=True)
class Settings:
    """How one run trains. Times are spent training, earlier sittings of a resumed run included."""

    minutes: float = 35.0
    steps: int = 1_000_000
    batch: int = 80
    named: int = 24  # texts that name one thing, beside the batch's own
    bank_every: int = 8  # steps after which every thing's name is read anew
    muon_rate: float = 0.01
    adam_rate: float = 1e-3
    warm_up: int = 50
    decay_share: float = 0.5
    average: float = 0.99
    save_seconds: float = 180.0
    report_every: int = 10
    measure_every: int = 200
    roundtrips: int = 3000
    seed: int = 0


def make(shape: Shape, tokenizer: CLIPTokenizer) -> CLIPModel:
    """The encoder, untrained."""
    count = len(tokenizer)
    text = {
        "vocab_size": count,
        "hidden_size": shape.width,
        "intermediate_size": shape.width * 4,
        "num_hidden_layers": shape.text_layers,
        "num_attention_heads": shape.width // 32,
        "max_position_embeddings": LENGTH,
        "bos_token_id": count - 2,
        "eos_token_id": count - 1,
        "pad_token_id": count - 1,
    }
    vision = {
        "hidden_size": shape.width,
        "intermediate_size": shape.width * 4,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.width // 32,
        "image_size": shape.size,
        "patch_size": shape.patch,
    }
    model = CLIPModel(
        CLIPConfig(
            text_config=text,
            vision_config=vision,
            projection_dim=shape.projection,
            logit_scale_init_value=float(np.log(10.0)),
        )
    )
    # words must differ from the start, or all texts begin as one; letters, which mean nothing, stay quiet
    table = model.text_model.embeddings.token_embedding.weight
    nn.init.normal_(table, std=0.3)
    with torch.no_grad():
        whole = set(tokenizer.convert_tokens_to_ids([f"{word}</w>" for word in clip_words()]))
        quiet = [row for row in range(count - 2) if row not in whole]
        table[quiet] *= 0.1
    return model


@torch.no_grad()
def see_evenly(model: CLIPModel, pixels: Tensor) -> None:
    """Begin with patches seen by their principal components, whitened, and with places known as waves.

    Both are what the first thousands of steps of a vision transformer would go into.
    """
    embeddings = model.vision_model.embeddings
    kernel = embeddings.patch_embedding.weight  # (width, 3, p, p)
    width, patch = kernel.shape[0], kernel.shape[-1]
    patches = functional.unfold(pixels, patch, stride=patch // 2).transpose(1, 2).flatten(0, 1)
    values, vectors = torch.linalg.eigh(torch.cov(patches.T))
    values, vectors = values.flip(0)[:width], vectors.flip(1)[:, :width]
    scale = (values + 1e-2 * values.mean()).rsqrt()
    kernel[: len(scale)] = (vectors * scale).T.reshape(-1, *kernel.shape[1:]) * 0.3
    side = pixels.shape[-1] // patch
    at = torch.arange(side).float()
    waves = at[:, None] * torch.logspace(0, -1.3, width // 4)[None] * 1.5
    one = torch.cat([waves.sin(), waves.cos()], 1)  # (side, width / 2)
    rows, columns = one[:, None].expand(side, side, -1), one[None].expand(side, side, -1)
    embeddings.position_embedding.weight[1:] = torch.cat([rows, columns], -1).flatten(0, 1) * 0.3


@torch.no_grad()
def go_on(model: CLIPModel, tokenizer: CLIPTokenizer, start: Path) -> None:
    """Give a model the weights of an exported encoder that knew fewer words; new words begin as they are."""
    old, reads = load_encoder(start)
    state, mine = old.state_dict(), model.state_dict()
    table = table_of(state)
    rows = mine[table].clone()
    carry(rows, tokenizer.get_vocab(), state[table], voiced(state[table], reads.get_vocab()))
    model.load_state_dict(state | {table: rows})


def image_vectors(model: CLIPModel, pixels: Tensor) -> Tensor:
    """Pictures (n, 3, s, s) in -1..1 to unit vectors (n, d)."""
    seen = model.vision_model(pixel_values=pixels).pooler_output
    return functional.normalize(model.visual_projection(seen), dim=-1)


def text_vectors(model: CLIPModel, tokenizer: CLIPTokenizer, texts: Sequence[str]) -> Tensor:
    """Texts to unit vectors (n, d)."""
    ids = tokenizer(
        list(texts), padding="longest", truncation=True, max_length=LENGTH, return_tensors="pt"
    ).input_ids.to(model.device)
    read = model.text_model(input_ids=ids).pooler_output
    return functional.normalize(model.text_projection(read), dim=-1)


def load_encoder(folder: Path) -> tuple[CLIPModel, CLIPTokenizer]:
    """Read an exported encoder."""
    return CLIPModel.from_pretrained(folder).eval(), CLIPTokenizer.from_pretrained(folder)


def picture_vectors(model: CLIPModel, pictures: Sequence[Image.Image], batch: int = 32) -> Tensor:
    """Pictures of any size, squeezed to what the encoder sees, to unit vectors (n, d)."""
    size = int(model.config.vision_config.image_size)
    made = []
    for start in range(0, len(pictures), batch):
        part = pictures[start : start + batch]
        pixels = [_resized(np.asarray(picture.convert("RGB")), size) for picture in part]
        made.append(image_vectors(model, torch.stack(pixels)))
    return torch.cat(made)


def augment(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Move, zoom, squeeze, blur, noise and shade pictures (n, 3, s, s) in -1..1, each in its own way."""
    n, size = len(pixels), pixels.shape[-1]

    def uniform(low: float, high: float) -> Tensor:
        return torch.rand(n, generator=generator) * (high - low) + low

    zoom, squeeze = uniform(0.9, 1.2), uniform(-0.15, 0.15)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0], theta[:, 1, 1] = zoom * (1 + squeeze), zoom * (1 - squeeze)
    theta[:, 0, 2], theta[:, 1, 2] = uniform(-0.1, 0.1), uniform(-0.1, 0.1)
    grid = functional.affine_grid(theta, list(pixels.shape), align_corners=False)
    pixels = functional.grid_sample(pixels, grid, padding_mode="border", align_corners=False)
    soft = functional.interpolate(
        functional.interpolate(pixels, size=size // 3, mode="area"),
        size=size,
        mode="bilinear",
        align_corners=False,
    )
    blur = uniform(-1.0, 1.0).clamp(min=0).view(-1, 1, 1, 1)
    pixels = pixels + blur * (soft - pixels)
    grain = uniform(-0.1, 0.1).clamp(min=0).view(-1, 1, 1, 1)
    pixels = pixels + grain * torch.randn(pixels.shape, generator=generator)
    contrast, light = uniform(0.9, 1.1).view(-1, 1, 1, 1), uniform(-0.06, 0.06).view(-1, 1, 1, 1)
    return (pixels * contrast + light).clamp(-1, 1)


def _resized(picture: NDArray[np.uint8], size: int) -> Tensor:
    """One picture (h, w, 3) squeezed into a square, (3, size, size) in -1..1."""
    pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float().div(127.5).sub(1)
    if pixels.shape[2:] != (size, size):
        pixels = functional.interpolate(pixels, size=(size, size), mode="bilinear", antialias=True)
    return pixels[0]


class Pictures:
    """The drawn pictures of all sizes under one numbering, that of `pictures.json`."""

    def __init__(self, data: Path) -> None:
        self.shown: list[Picture] = load_plan(data)
        self._arrays = [np.load(file(data, "pictures", size), mmap_mode="r") for size in range(len(SIZES))]
        counts = [len(array) for array in self._arrays]
        self._starts = [sum(counts[:size]) for size in range(len(SIZES))]

    def pixels(self, row: int, size: int) -> Tensor:
        """One picture as the encoder takes it, (3, size, size)."""
        shape = self.shown[row].size
        return _resized(self._arrays[shape][row - self._starts[shape]], size)


@torch.no_grad()
def roundtrips(
    pictures: Pictures, folder: Path, rows: Sequence[int], generator: torch.Generator, size: int = 64
) -> NDArray[np.uint8]:
    """Return square pictures passed through the autoencoder with some noise; kept on disk."""
    path = folder / "roundtrips.npy"
    if path.exists():
        kept: NDArray[np.uint8] = np.load(path, mmap_mode="r")
        if len(kept) == len(rows):
            return kept
    vae = AutoencoderTiny.from_pretrained(folder / "vae").eval()
    made = np.empty((len(rows), size, size, 3), np.uint8)
    for start in tqdm(range(0, len(rows), 16), desc="autoencoding", leave=False):
        part = rows[start : start + 16]
        latents = vae.encoder(torch.stack([pictures.pixels(row, size) for row in part]))
        spread = torch.rand(len(part), generator=generator).view(-1, 1, 1, 1) * 0.3
        latents = latents + spread * torch.randn(latents.shape, generator=generator)
        decoded = vae.decoder(latents).clamp(-1, 1)
        made[start : start + 16] = ((decoded + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
    np.save(path, made)
    return made


@dataclass(frozen=True)
class Batch:
    """Pictures (b, 3, s, s), what is true of each, texts, their claims, and for each picture its own two."""

    pixels: Tensor
    facts: Sequence[Claims]
    texts: Sequence[str]
    claims: Sequence[Claims]
    own: Tensor  # (2, b): rows of `texts`


def contrast(images: Tensor, texts: Tensor, batch: Batch, scale: Tensor) -> Tensor:
    """The loss: each picture against texts false of it, each own text against pictures it is false of."""
    false = torch.tensor([[is_false(one, known) for one in batch.claims] for known in batch.facts])
    false = false.to(images.device)
    scores = scale * images @ texts.T  # (b, t)
    wrong = scores.masked_fill(~false, float("-inf"))
    column = wrong.T  # (t, b)
    total = scores.new_zeros(())
    index = torch.arange(len(images), device=images.device)
    for own in batch.own:
        right = scores[index, own]
        total = total + (torch.logsumexp(torch.cat([right[:, None], wrong], 1), 1) - right).mean()
        total = total + (torch.logsumexp(torch.cat([right[:, None], column[own]], 1), 1) - right).mean()
    return total / 4


def garbled(text: str, rng: random.Random) -> str:
    """Now and then slip in a nonsense word, so that words never taught learn to matter little."""
    return garble(text, rng) if rng.random() < 0.05 else text


class Trainer:
    """One encoder's run; `run` goes on from wherever the last sitting ended."""

    def __init__(
        self,
        data: Path,
        folder: Path,
        name: str,
        settings: Settings,
        device: str = "cpu",
        start: Path | None = None,
    ) -> None:
        """Build everything and restore the checkpoint of `name` in `folder`, if there is one.

        `start` is an encoder's folder that a new run goes on from, with more words.
        """
        torch.manual_seed(settings.seed)
        self.folder, self.name, self.settings, self.device = folder, name, settings, torch.device(device)
        self.shape = SHAPES[name]
        self.pictures = Pictures(data)
        self.facts = [facts(picture) for picture in self.pictures.shown]
        rows = np.arange(len(self.facts))
        self.held_out = rows[rows % HELD_OUT_EVERY == 0]
        self.rows = rows[rows % HELD_OUT_EVERY != 0]
        # everyday things more often, as people ask for them
        nouns = [self.pictures.shown[row].noun() for row in self.rows]
        counts: dict[str, int] = {}
        for noun in nouns:
            counts[noun] = counts.get(noun, 0) + 1
        chance = np.array([counts[noun] ** -0.2 for noun in nouns])
        self.cumulative = np.cumsum(chance / chance.sum())
        self.coded: dict[int, int] = {}
        if settings.roundtrips and (folder / "vae").exists():
            draw = np.random.default_rng((7, len(self.facts)))
            coded = np.sort(draw.choice(self.rows, min(settings.roundtrips, len(self.rows)), replace=False))
            self.coded = {int(row): at for at, row in enumerate(coded)}
            generator = torch.Generator().manual_seed(7)
            self.decoded = roundtrips(self.pictures, folder, list(self.coded), generator)
        self.bank: Tensor | None = None
        self.tokenizer = make_tokenizer(whole=clip_words())
        self.model = make(self.shape, self.tokenizer)
        if start:
            go_on(self.model, self.tokenizer, start)
        else:
            first = np.random.default_rng(settings.seed).choice(
                self.rows, min(512, len(self.rows)), replace=False
            )
            pixels = torch.stack([self.pictures.pixels(int(row), self.shape.size) for row in first])
            see_evenly(self.model, pixels)
        self.model.to(self.device)
        self.modules: dict[str, nn.Module] = {"clip": self.model}
        matrices, others = split(
            self.model, ("token_embedding", "position_embedding", "patch_embedding", "class_embedding")
        )
        self.parameters = [*matrices, *others]
        self.optimizers: list[torch.optim.Optimizer] = [
            Muon(matrices, lr=settings.muon_rate),
            torch.optim.AdamW(others, lr=settings.adam_rate, weight_decay=0.0, betas=(0.9, 0.98)),
        ]
        self.rates = (settings.muon_rate, settings.adam_rate)
        self.average = Average(self.modules, settings.average)
        self.checkpoint = folder / f"{name}.safetensors"
        self.step = load(self.checkpoint, self.modules, self.average, self.optimizers)
        self.log = Log(folder / f"{name}.csv", ("loss", "rate", "first", "five"), self.step)

    def batch(self, step: int) -> Batch:
        """Draw the batch of a step; everything random comes from the step's number."""
        settings = self.settings
        rng = random.Random(f"clip-{settings.seed}-{step}")
        draw = np.random.default_rng((settings.seed, step))
        at = np.searchsorted(self.cumulative, draw.random(settings.batch)).clip(0, len(self.rows) - 1)
        rows = [int(row) for row in self.rows[at]]
        shown = []
        for index in range(settings.batch):
            if self.coded and rng.random() < 0.25:
                rows[index] = rng.choice(list(self.coded))
                shown.append(_resized(self.decoded[self.coded[rows[index]]], self.shape.size))
            else:
                shown.append(self.pictures.pixels(rows[index], self.shape.size))
        generator = torch.Generator().manual_seed(settings.seed * 1_000_003 + step)
        pixels = augment(torch.stack(shown), generator)
        known = [self.facts[row] for row in rows]
        claims, texts = [], []
        for row, one in zip(rows, known, strict=True):
            picture = self.pictures.shown[row]
            if rng.random() < 0.5:
                claims.append(clip_claims.whole(picture, one, rng))
                texts.append(say(claims[-1], rng))
            else:
                # the diffusion model's own captions: what they leave open half the time counts as not said
                claims.append(clip_claims.certain(picture, one))
                texts.append(caption(picture, rng))
        others = [part(one, rng) for one in known]
        others += [spoil(one, rng) for one in claims[::2]]
        others += named(rng, settings.named)
        texts += [garbled(say(one, rng), rng) for one in others]
        size = settings.batch
        own = torch.stack([torch.arange(size), torch.arange(size, 2 * size)])
        return Batch(pixels, known, texts, [*claims, *others], own)

    def loss(self, step: int) -> Tensor:
        """The contrast over one batch, and that of each picture's first thing against all others by name."""
        batch = self.batch(step)
        images = image_vectors(self.model, batch.pixels.to(self.device))
        texts = text_vectors(self.model, self.tokenizer, batch.texts)
        scale = self.model.logit_scale.exp().clamp(max=100.0)
        return contrast(images, texts, batch, scale) + self.things(images, batch.facts, scale, step)

    def things(self, images: Tensor, known: Sequence[Claims], scale: Tensor, step: int) -> Tensor:
        """Cross-entropy of the first thing among all. Names are read now and then: they move slowly."""
        nouns = list(clip_claims.CONCEPT)
        if self.bank is None or step % self.settings.bank_every == 0:
            rng = random.Random(f"bank-{self.settings.seed}-{step}")
            with torch.no_grad():
                named = [say({"object": noun}, rng) for noun in nouns]
                self.bank = text_vectors(self.model, self.tokenizer, named)
        scores = scale * images @ self.bank.T
        numbers = {noun: row for row, noun in enumerate(nouns)}
        also = [(row, numbers[one["second"]]) for row, one in enumerate(known) if "second" in one]
        hidden = torch.zeros_like(scores, dtype=torch.bool)
        for row, column in also:
            hidden[row, column] = True
        # -100 counts for nothing: pictures of places show no thing
        rows = [numbers[one["object"]] if "object" in one else -100 for one in known]
        targets = torch.tensor(rows, device=images.device)
        return functional.cross_entropy(scores.masked_fill(hidden, float("-inf")), targets)

    def run(self) -> None:
        """Train until the budget is spent, saving on the way."""
        settings, saved, losses = self.settings, time.monotonic(), []
        bar = tqdm(initial=self.step, desc=self.name)
        while self.step < settings.steps and self.log.seconds() < settings.minutes * 60:
            share = rate(settings, self.step, self.log.seconds())
            for optimizer, base in zip(self.optimizers, self.rates, strict=True):
                optimizer.param_groups[0]["lr"] = base * share
            loss = self.loss(self.step)
            descend(loss, self.parameters, self.optimizers)
            self.average.update(self.step)
            self.step += 1
            losses.append(float(loss.detach()))
            bar.update()
            if self.step % settings.report_every == 0:
                found: dict[str, float] = {"loss": sum(losses) / len(losses), "rate": share}
                if self.step % settings.measure_every == 0:
                    first, five = self.retrieval(200)
                    found |= {"first": first, "five": five}
                self.log.write(self.step, **found)
                bar.set_postfix(found)
                losses.clear()
            if time.monotonic() - saved > settings.save_seconds:
                save(self.checkpoint, self.step, self.modules, self.average, self.optimizers)
                saved = time.monotonic()
        save(self.checkpoint, self.step, self.modules, self.average, self.optimizers)

    def averaged(self) -> CLIPModel:
        """The model with its averaged weights, for measuring and for keeping."""
        model = make(self.shape, self.tokenizer)
        model.load_state_dict(self.average.state("clip"))
        return model.eval()

    def retrieval(self, count: int = 500) -> tuple[float, float]:
        """Held-out pictures: how often the own whole caption is first, and among the first five, of 100."""
        return retrieval(self.averaged(), self.tokenizer, self.pictures, self.held_out, count)

    def export(self, out: Path) -> None:
        """Write a stock half-precision `CLIPModel` folder, with tokenizer and words to describe by."""
        fresh = out.with_name(out.name + ".new")
        shutil.rmtree(fresh, ignore_errors=True)
        copy.deepcopy(self.averaged()).half().save_pretrained(fresh)
        self.tokenizer.save_pretrained(fresh)
        config = fresh / "config.json"
        # transformers loads in the type the config names; half precision is for the disk only
        told = config.read_text(encoding="utf-8").replace('"float16"', '"float32"')
        config.write_text(told, encoding="utf-8")
        processor: dict[str, Any] = {
            "image_processor_type": "CLIPImageProcessor",
            "size": {"height": self.shape.size, "width": self.shape.size},
            "do_center_crop": False,
            "image_mean": [0.5, 0.5, 0.5],
            "image_std": [0.5, 0.5, 0.5],
        }
        (fresh / "preprocessor_config.json").write_text(
            json.dumps(processor, indent=2) + "\n", encoding="utf-8"
        )
        words = json.dumps(vocabulary(), indent=1, ensure_ascii=False)
        (fresh / "vocabulary.json").write_text(words + "\n", encoding="utf-8")
        shutil.rmtree(out, ignore_errors=True)
        fresh.rename(out)


@torch.no_grad()
def retrieval(
    model: CLIPModel, tokenizer: CLIPTokenizer, pictures: Pictures, rows: Sequence[int], count: int
) -> tuple[float, float]:
    """Share of pictures whose whole caption comes first, and among five, of itself and 99 false ones."""
    rng = random.Random(5)
    size = int(model.config.vision_config.image_size)
    chosen = sorted(rng.sample([int(row) for row in rows], min(count, len(rows))))
    known = [facts(pictures.shown[row]) for row in chosen]
    claims = [
        clip_claims.whole(pictures.shown[row], one, rng) for row, one in zip(chosen, known, strict=True)
    ]
    texts = text_vectors(model, tokenizer, [say(one, rng) for one in claims])
    first = five = 0
    for start in range(0, len(chosen), 50):
        pixels = torch.stack([pictures.pixels(row, size) for row in chosen[start : start + 50]])
        for own, scores in enumerate(image_vectors(model, pixels) @ texts.T, start):
            others = [i for i, one in enumerate(claims) if is_false(one, known[own])]
            rank = int((scores[rng.sample(others, min(99, len(others)))] >= scores[own]).sum())
            first, five = first + (rank == 0), five + (rank < 5)
    return first / len(chosen), five / len(chosen)
