"""Where in a picture something is, asked of the model that draws, in two ways. Knows no jobs.

The picture's latents are noised and shown to the UNet with the words and without any. Where the words help it
to tell the noise, what they name is there (Li et al., "Your Diffusion Model is Secretly a Zero-Shot
Classifier", 2023, taken place by place). And its cross-attention says which places the words speak to (Tang
et al., "What the DAAM", 2023). Both are averaged over noises and noise levels, and multiplied: a place must
show both. Networks that read words and places in one attention show the first alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from PIL import Image, ImageFilter
from torch import Tensor

from engine.errors import UserError
from engine.planning.parts import looked_for
from engine.render import decode, noise
from engine.render.families.base import Family, Row, Texts
from engine.render.families.sd import StableDiffusion
from engine.render.models import Model
from engine.words import Sentence

LEVELS = (0.3, 0.5, 0.7)
"""How far the latents are noised, as shares of the schedule: shapes are settled early, details late."""
NOISES = 4
"""Noises at each level."""


@torch.inference_mode()
def attention(model: Model, picture: Image.Image, words: str, size: tuple[int, int]) -> Tensor:
    """Return how much each latent pixel of ``picture`` (drawn at ``size``) speaks of ``words``.

    (latent height, latent width), from 0 to 1 at the most. Raises UserError where nothing can be looked for.
    """
    family = model.family
    if family is None:
        raise UserError(
            Sentence("This model cannot look for words. Mark the part with squares, or bring a mask.")
        )
    wanted = looked_for(words)
    if not wanted:
        raise UserError(Sentence("Say what to look for, such as `the hat`."))
    fitted = picture if picture.size == size else picture.resize(size, Image.Resampling.LANCZOS)
    generator = torch.Generator().manual_seed(0)
    latents = family.encode(decode.to_pixels(fitted, family.device), generator)
    scheduler = family.pipe.scheduler
    steps, kind = scheduler.config.num_train_timesteps, noise.prediction_type(scheduler)
    noised, truths, times = [], [], []
    for level in LEVELS:
        time = round(level * (steps - 1))
        alpha, sigma = noise.signal_and_noise(scheduler, float(time))
        for _ in range(NOISES):
            drawn = torch.randn(latents.shape, generator=generator).to(latents)
            noised.append(alpha * latents + sigma * drawn)
            truths.append(noise.truth(kind, latents, drawn, alpha, sigma))
            times.append(time)
    sample, timestep = torch.cat(noised), torch.tensor(times)
    shape = (latents.shape[2], latents.shape[3])
    maps: list[Tensor] = []
    with _watching(model, " ".join(wanted), shape, maps):
        said = _predicted(family, sample, timestep, " ".join(wanted), size)
    silent = _predicted(family, sample, timestep, "", size)
    truth = torch.cat(truths)
    gain = ((silent - truth) ** 2 - (said - truth) ** 2).float().sum(1)
    gain = (gain / gain.abs().mean((1, 2), keepdim=True).clamp_min(1e-9)).mean(0)
    gain = torch.nn.functional.avg_pool2d(gain[None, None], 3, 1, 1, count_include_pad=False)[0, 0]
    return _unit(gain) * _unit(torch.stack(maps).mean(0)) if maps else _unit(gain)


def _unit(found: Tensor) -> Tensor:
    found = found - found.min()
    return found / found.max().clamp_min(1e-9)


def _predicted(family: Family, sample: Tensor, timestep: Tensor, text: str, size: tuple[int, int]) -> Tensor:
    """Return what the network says to each row of ``sample`` with ``text``."""
    [embedding], _ = family.encode_texts(Texts([text]))
    if family.extra_channels:  # made for repainting: everything is masked
        masked = sample.new_ones(len(sample), family.extra_channels, *sample.shape[2:])
        sample = torch.cat([sample, masked], dim=1)
    inputs = family.inputs(size, 1.0)
    pairs = zip(sample.split(1), timestep.cpu().split(1), strict=True)
    return torch.cat(family.predict([Row(each, time, embedding, inputs) for each, time in pairs]))


@contextmanager
def _watching(model: Model, text: str, shape: tuple[int, int], maps: list[Tensor]) -> Iterator[None]:
    """While inside, add to ``maps`` how much each cross-attention layer on the way up gives to ``text``.

    On the way down the layers have not yet seen the whole picture.
    """
    if not isinstance(model.family, StableDiffusion):
        yield  # joint attention has no layers of words alone
        return
    wanted = slice(1, 1 + model.family.text.count(text))

    def look(layer: Any, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        places = named.get("hidden_states", given[0] if given else None)
        words = named.get("encoder_hidden_states", given[1] if len(given) > 1 else None)
        if places is None or words is None:
            return
        queries = layer.head_to_batch_dim(layer.to_q(places))
        keys = layer.head_to_batch_dim(layer.to_k(words))
        scores = layer.get_attention_scores(queries, keys)[..., wanted].sum(-1)
        # the layers of a UNet halve its latents again and again: what is coarse is brought to full size
        down = round((shape[0] * shape[1] / scores.shape[-1]) ** 0.5)
        high = -(-shape[0] // max(1, down))
        grid = scores.float().mean(0).reshape(1, 1, high, -1)
        whole = torch.nn.functional.interpolate(grid, shape, mode="bilinear", align_corners=False)[0, 0]
        maps.append(whole / whole.mean().clamp_min(1e-9))

    hooks = [
        module.register_forward_pre_hook(look, with_kwargs=True)
        for name, module in model.family.network.named_modules()
        if name.endswith("attn2") and name.startswith("up_blocks")
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def mask(found: Tensor, size: tuple[int, int]) -> Image.Image:
    """Return the mask (white: there) of what was found, at ``size``, cut where the two sides differ most."""
    grey = (found.clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy()
    large = Image.fromarray(grey).resize(size, Image.Resampling.BICUBIC)
    soft = large.filter(ImageFilter.GaussianBlur(max(1, min(size) / 64)))
    cut = _between(soft.histogram())
    return soft.point([0 if level <= cut else 255 for level in range(256)])


def _between(counts: list[int]) -> int:
    """Return the level that parts a histogram best (Otsu, 1979)."""
    total, whole = sum(counts), sum(level * count for level, count in enumerate(counts))
    best, cut, below, sum_below = -1.0, 127, 0, 0
    for level, count in enumerate(counts):
        below += count
        sum_below += level * count
        if not below or below == total:
            continue
        apart = sum_below / below - (whole - sum_below) / (total - below)
        spread = below * (total - below) * apart * apart
        if spread > best:
            best, cut = spread, level
    return cut
