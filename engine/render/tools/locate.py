"""Where in a picture something is, asked of the model that draws, in two ways. Knows no jobs.

The picture's latents are noised and shown to the UNet with the words and without any. Where the words help it
to tell the noise, what they name is there (Li et al., "Your Diffusion Model is Secretly a Zero-Shot
Classifier", 2023, taken place by place). And its cross-attention says which places the words speak to (Tang
et al., "What the DAAM", 2023). Both are averaged over noises and noise levels, and multiplied: a place must
show both.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from PIL import Image, ImageFilter
from torch import Tensor

from engine.errors import UserError
from engine.render import decode
from engine.render.denoise import signal_and_noise
from engine.render.models import Model

LEVELS = (0.3, 0.5, 0.7)
"""How far the latents are noised, as shares of the schedule: shapes are settled early, details late."""
NOISES = 4
"""Noises at each level."""
SMALL_WORDS = frozenset({"a", "an", "the", "of", "in", "on", "at", "and", "with", "its", "his", "her"})
"""Words that mean no thing."""


@torch.inference_mode()
def attention(model: Model, picture: Image.Image, words: str, size: tuple[int, int]) -> Tensor:
    """Return how much each latent pixel of ``picture`` (drawn at ``size``) speaks of ``words``.

    (latent height, latent width), from 0 to 1 at the most. Raises UserError where nothing can be looked for.
    """
    if model.text is None:
        raise UserError("This model cannot look for words. Mark the part with squares, or bring a mask.")
    wanted = [word for word in words.split() if word.lower() not in SMALL_WORDS] or words.split()
    if not wanted:
        raise UserError("Say what to look for, such as `the hat`.")
    fitted = picture if picture.size == size else picture.resize(size, Image.Resampling.LANCZOS)
    generator = torch.Generator().manual_seed(0)
    latents = decode.encode(model, decode.to_pixels(fitted, model), generator)
    steps = model.pipe.scheduler.config.num_train_timesteps
    noised, truths, times = [], [], []
    for level in LEVELS:
        time = round(level * (steps - 1))
        alpha, sigma = signal_and_noise(model.pipe.scheduler, float(time))
        for _ in range(NOISES):
            noise = torch.randn(latents.shape, generator=generator).to(latents)
            noised.append(alpha * latents + sigma * noise)
            truths.append(_truth(model, latents, noise, alpha, sigma))
            times.append(time)
    sample, timestep = torch.cat(noised), torch.tensor(times, device=latents.device)
    shape = (latents.shape[2], latents.shape[3])
    maps: list[Tensor] = []
    with _watching(model, " ".join(wanted), shape, maps):
        said = _predicted(model, sample, timestep, " ".join(wanted), size)
    silent = _predicted(model, sample, timestep, "", size)
    truth = torch.cat(truths)
    gain = ((silent - truth) ** 2 - (said - truth) ** 2).float().sum(1)
    gain = (gain / gain.abs().mean((1, 2), keepdim=True).clamp_min(1e-9)).mean(0)
    gain = torch.nn.functional.avg_pool2d(gain[None, None], 3, 1, 1, count_include_pad=False)[0, 0]
    return _unit(gain) * _unit(torch.stack(maps).mean(0))


def _unit(found: Tensor) -> Tensor:
    found = found - found.min()
    return found / found.max().clamp_min(1e-9)


def _truth(model: Model, latents: Tensor, noise: Tensor, alpha: float, sigma: float) -> Tensor:
    """Return what a perfect guess would be, in the model's own terms."""
    kind = model.pipe.scheduler.config.prediction_type
    if kind == "v_prediction":
        return alpha * noise - sigma * latents
    return noise if kind == "epsilon" else latents


def _predicted(model: Model, sample: Tensor, timestep: Tensor, text: str, size: tuple[int, int]) -> Tensor:
    """Return what the UNet says to each row of ``sample`` with ``text``."""
    assert model.text is not None
    embedding = model.text.encode(text)
    rows = len(sample)
    added = None
    if model.family == "sdxl" and embedding.pooled is not None:
        ids = torch.tensor([[size[1], size[0], 0, 0, size[1], size[0]]], dtype=sample.dtype)
        added = {
            "text_embeds": embedding.pooled.repeat(rows, 1),
            "time_ids": ids.repeat(rows, 1).to(sample.device),
        }
    channels = model.unet.config.in_channels - sample.shape[1]
    if channels:  # a repainting model: everything is masked
        grey = torch.ones(rows, channels, *sample.shape[2:], device=sample.device, dtype=sample.dtype)
        sample = torch.cat([sample, grey], dim=1)
    tokens = embedding.tokens.repeat(rows, 1, 1)
    return model.unet(
        sample, timestep, encoder_hidden_states=tokens, added_cond_kwargs=added, return_dict=False
    )[0]


@contextmanager
def _watching(model: Model, text: str, shape: tuple[int, int], maps: list[Tensor]) -> Iterator[None]:
    """While inside, add to ``maps`` how much each cross-attention layer on the way up gives to ``text``.

    On the way down the layers have not yet seen the whole picture.
    """
    assert model.text is not None
    wanted = slice(1, 1 + model.text.count(text))

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
        for name, module in model.unet.named_modules()
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
