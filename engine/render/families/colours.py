"""Fast previews: a latent's colour as a mix of its channels, fitted once to what a model's autoencoder does.

Published tables exist for some autoencoders only; this needs none, and fits a fine-tuned one as well.
"""

from __future__ import annotations

import torch
from torch import Tensor

from engine.render.families.base import Family

PICTURES = 12
"""Made-up pictures the fit is made on."""
LATENTS = 16
"""How many latents wide and high each is: 3,072 equations in all, for at most 129 unknowns a colour."""


@torch.inference_mode()
def fitted(family: Family) -> Tensor:
    """Return (channels + 1, 3): red, green and blue in −1…1 for each channel of a latent, and for none."""
    generator = torch.Generator().manual_seed(0)
    rows, colours = [], []
    for index in range(PICTURES):
        pixels = _made_up(LATENTS * family.scale, index, generator).to(family.device)
        latents = family.encode(pixels, generator).double().cpu()
        seen = torch.nn.functional.avg_pool2d(pixels.double().cpu(), family.scale)
        rows.append(latents[0].flatten(1).T)
        colours.append(seen[0].flatten(1).T)
    known = torch.cat(rows)
    known = torch.cat([known, known.new_ones(len(known), 1)], dim=1)
    # a channel that says nothing of colour gets next to no weight, instead of a wild one
    ridge = 1e-3 * len(known) * torch.eye(known.shape[1], dtype=known.dtype)
    return torch.linalg.solve(known.T @ known + ridge, known.T @ torch.cat(colours)).float()


def mixed(latents: Tensor, mix: Tensor) -> Tensor:
    """Return a pixel per latent (1, 3, height, width), near −1…1, given what `fitted` returned."""
    mix = mix.to(latents.device)
    return torch.einsum("nchw,cr->nrhw", latents.float(), mix[:-1]) + mix[-1][None, :, None, None]


def _made_up(side: int, index: int, generator: torch.Generator) -> Tensor:
    """Return a picture (1, 3, side, side) in −1…1: soft fields of colour, or patches with edges, in turn."""
    coarse = torch.rand(1, 3, 3 + index % 6, 3 + index % 6, generator=generator) * 2 - 1
    soft = index % 2 == 0
    whole = torch.nn.functional.interpolate(coarse, (side, side), mode="bicubic" if soft else "nearest")
    grain = torch.randn(whole.shape, generator=generator) * 0.05
    return (whole + grain).clamp(-1, 1)
