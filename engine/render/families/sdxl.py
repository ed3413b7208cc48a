"""Stable Diffusion XL: the UNet of `sd`, with a second text encoder, pooled text and the picture's size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from engine.render.families import vae
from engine.render.families.base import Row, stacked
from engine.render.families.sd import StableDiffusion


class StableDiffusionXL(StableDiffusion):
    """SDXL and what was made from it: Turbo, Lightning, Pony, Illustrious, NoobAI."""

    name = "sdxl"
    title = "Stable Diffusion XL"
    _overflowing = (torch.float16, torch.bfloat16)
    # as the community fitted it (TimothyAlexisVass, 2023)
    rgb = (
        (0.3920, 0.4054, 0.4549),
        (-0.2634, -0.0196, 0.0653),
        (0.0568, 0.1687, -0.0755),
        (-0.3112, -0.2359, -0.2076),
    )

    def inputs(self, size: tuple[int, int], guidance_scale: float) -> Mapping[str, Tensor]:
        """Give the size, uncropped, twice over: as it was and as it is wanted."""
        width, height = size
        ids = torch.tensor([[height, width, 0, 0, height, width]], dtype=self.dtype, device=self.device)
        return {**super().inputs(size, guidance_scale), "time_ids": ids}

    def _added(self, rows: Sequence[Row]) -> dict[str, Tensor | None]:
        pooled = [row.text.pooled for row in rows if row.text.pooled is not None]
        return {"text_embeds": torch.cat(pooled), "time_ids": stacked(rows, "time_ids")}

    def _scaled(self, latents: Tensor) -> Tensor:
        mean, spread = vae.statistics(self.vae, latents)
        return (latents - mean) * self.vae.config.scaling_factor / spread

    def _unscaled(self, latents: Tensor) -> Tensor:
        mean, spread = vae.statistics(self.vae, latents)
        return latents * spread / self.vae.config.scaling_factor + mean
