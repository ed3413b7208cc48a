"""How flags bend a picture beyond its words: stylize, weird, chaos, exp; knows no prompts and no people.

Each is a small change to what the loop already has, so it works with every UNet model and needs no weights:

- **stylize** moves a condition from the prompt toward the prompt in the model's house style.
- **weird** shifts a condition along a direction drawn from the seed. A shift that is equal for all tokens
  leaves where the picture looks unchanged (softmax ignores it) and bends what it sees there.
- **chaos** is CADS (Sadat and others, ICLR 2024, arXiv 2310.17347): noise on the condition while the
  composition forms, gone before the details do, from a generator of each cell's own. Models that are sure of
  themselves draw the same all the same, so it also leans each cell's estimate toward a colour, and toward a
  coarse pattern, of its own over the same stretch: light, palette and ground part the four. A model may name
  words besides (`scatter`), toward which its cells lean in turn.
- **exp** stretches the estimate of the final latents around its mean and sharpens it.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from engine.render.families.base import Embedding

Bend = Callable[[Tensor, float], Tensor]
"""Bends tokens, or an estimate, given the share of the schedule still to run."""

CHAOS_UNTIL = 0.6
"""Share of the schedule over which chaos fades out."""
CHAOS_NOISE = 0.5
"""Share of a condition's variance that chaos 100 makes noise, at first: more, and its words are forgotten."""
CHAOS_LEAN = 0.85
"""Share of the way to its scatter words that a condition goes at chaos 100."""
CHAOS_TINT, CHAOS_PATTERN = 2.5, 0.7
"""Standard deviations by which chaos 100 leans an estimate to its colour and its pattern, at first."""
WEIRD_SHIFT = 0.6
"""Standard deviations a condition is shifted by at weird 3000."""
EXP_CONTRAST, EXP_DETAIL = 0.12, 0.5
"""Gain of contrast and of fine detail in the latents at exp 100, over the whole schedule."""


def stylized(plain: Embedding, styled: Embedding, stylize: int) -> Embedding:
    """Return the condition moved toward its styled form: 0 is plain, 100 a third of the way, 1000 there."""
    return _between(plain, styled, math.sqrt(min(max(stylize / 1000, 0.0), 1.0)))


def weirded(plain: Embedding, weird: int, seed: int) -> Embedding:
    """Return the condition shifted along the direction that belongs to ``seed``, far at ``weird`` 3000."""
    generator = torch.Generator().manual_seed((seed ^ 0x5EED_0DD) & 0xFFFF_FFFF)
    amount = WEIRD_SHIFT * weird / 3000

    def shifted(values: Tensor) -> Tensor:
        direction = torch.randn(values.shape[-1], generator=generator).to(values)
        return values + amount * values.float().std().to(values) * direction

    return Embedding(shifted(plain.tokens), None if plain.pooled is None else shifted(plain.pooled))


def leaned(plain: Embedding, there: Embedding, chaos: int) -> Embedding:
    """Return the condition moved toward another by chaos: 0 is plain, 100 goes ``CHAOS_LEAN`` of the way."""
    # words begin to show half-way, so the first half is gone soon
    return _between(plain, there, CHAOS_LEAN * (chaos / 100) ** 0.4)


def _between(plain: Embedding, there: Embedding, share: float) -> Embedding:
    if share == 0:
        return plain
    pooled = None
    if plain.pooled is not None and there.pooled is not None:
        pooled = torch.lerp(plain.pooled, there.pooled, share)
    length = max(plain.tokens.shape[1], there.tokens.shape[1])
    return Embedding(
        torch.lerp(_stretched(plain.tokens, length), _stretched(there.tokens, length), share), pooled
    )


def _stretched(tokens: Tensor, length: int) -> Tensor:
    """Return a text's tokens, its last one repeated up to ``length``."""
    return torch.cat([tokens, tokens[:, -1:].repeat(1, length - tokens.shape[1], 1)], dim=1)


def chaotic(chaos: int, seed: int) -> Bend:
    """Return the bend of one cell's condition by chaos; cells of unlike seeds are bent unlike ways."""
    generator = torch.Generator().manual_seed((seed ^ 0xCA05_CA05) & 0xFFFF_FFFF)
    directions: dict[tuple[int, ...], Tensor] = {}

    def bend(tokens: Tensor, remaining: float) -> Tensor:
        # its share of the variance
        noise = CHAOS_NOISE * chaos / 100 * (remaining - 1 + CHAOS_UNTIL) / CHAOS_UNTIL
        if noise <= 0:
            return tokens
        shape = tuple(tokens.shape)
        if shape not in directions:
            directions[shape] = torch.randn(shape, generator=generator).to(tokens)
        mean, std = tokens.mean(), tokens.std()
        noisy = math.sqrt(1 - noise) * tokens + math.sqrt(noise) * std * directions[shape]
        # as in the paper, back to the mean and spread the UNet knows
        return (noisy - noisy.mean()) / noisy.std() * std + mean

    return bend


def scattered(chaos: int, seed: int) -> Bend:
    """Return the push of one cell's estimate by chaos: to a colour and a coarse pattern of its own.

    An even seed and the next lean opposite ways, so that each grid of four has two that part.
    """
    generator = torch.Generator().manual_seed((seed >> 1 ^ 0x7117_CA05) & 0xFFFF_FFFF)
    way = 1 - 2 * (seed & 1)
    leaning: dict[tuple[int, ...], Tensor] = {}

    def push(estimate: Tensor, remaining: float) -> Tensor:
        share = (chaos / 100) ** 0.6 * (remaining - 1 + CHAOS_UNTIL) / CHAOS_UNTIL
        if share <= 0:
            return estimate
        shape = tuple(estimate.shape)
        if shape not in leaning:
            tint = torch.randn(1, shape[1], 1, 1, generator=generator)
            # as many coarse cells in one picture, whatever its size
            coarse = torch.randn(1, shape[1], 3, 3, generator=generator)
            pattern = torch.nn.functional.interpolate(coarse, shape[2:], mode="bicubic")
            leaning[shape] = way * (CHAOS_TINT * tint / tint.norm() + CHAOS_PATTERN * pattern).to(estimate)
        return estimate + share * estimate.std() * leaning[shape]

    return push


def both(first: Bend | None, then: Bend | None) -> Bend | None:
    """Return one push after the other."""
    if first is None or then is None:
        return first or then
    return lambda estimate, remaining: then(first(estimate, remaining), remaining)


def expressive(exp: int, steps: int) -> Bend:
    """Return the push of the estimate by ``exp``; its effect does not depend on how many steps share it."""
    contrast = (1 + EXP_CONTRAST * exp / 100) ** (8 / max(8, steps))
    detail = EXP_DETAIL * exp / 100 * 8 / max(8, steps)

    def push(estimate: Tensor, remaining: float) -> Tensor:
        if remaining > 0.7:  # the composition first, undisturbed
            return estimate
        mean = estimate.mean(dim=(2, 3), keepdim=True)
        smooth = torch.nn.functional.avg_pool2d(
            torch.nn.functional.pad(estimate, (1, 1, 1, 1), mode="replicate"), 3, stride=1
        )
        return mean + contrast * (estimate - mean) + detail * (estimate - smooth)

    return push
