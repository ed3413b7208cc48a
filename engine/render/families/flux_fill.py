"""FLUX.1 Fill: FLUX.1 made to repaint; it sees the mask, and what is around it, as further channels."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.render.families.flux import Flux


class FluxFill(Flux):
    """Each token is told its latents, those of what stays, and its part of the mask to the pixel."""

    name = "flux_fill"
    title = "FLUX.1 Fill"
    draws_over = True  # FluxFillPipeline noises the parent even where nothing of it is left

    @property
    def extra_channels(self) -> int:
        """Those of what stays, and one for each of a latent's pixels."""
        return int(self.network.config.in_channels) // 4 - self.channels

    def around(self, mask: Tensor, small: Tensor, pixels: Tensor, generator: torch.Generator) -> Tensor:
        """Encode what stays; cut the mask into squares of pixels."""
        kept = self.encode(pixels * (mask < 0.5), generator)
        return torch.cat([kept, torch.nn.functional.pixel_unshuffle(mask, self.scale).to(kept)], dim=1)
