"""FLUX.2 klein: patches of 2 × 2, normalised; pictures beside the one it draws are further tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from diffusers.pipelines.flux2.pipeline_flux2_klein import compute_empirical_mu
from PIL import Image, ImageOps
from torch import Tensor

from engine.render.families.base import Can, Embedding, Row, stacked
from engine.render.families.beside import Beside, attention, gathered
from engine.render.families.flow import down_to, make

SHOWN = 1024 * 1024
"""Pixels that it is shown of a picture beside, at most."""
APART = 10
"""How far apart in time pictures beside each other are, the one that is drawn being at 0."""


class Flux2Klein(Beside):
    """A latent of the loop is one token: 128 channels for 16 × 16 pixels."""

    name = "flux2"
    title = "FLUX.2 klein"
    can = Can(edit=4)
    sees_repainted = True  # Flux2KleinInpaintPipeline
    drawn = False

    @property
    def scale(self) -> int:
        """Two latents of the autoencoder each way."""
        return 2 * super().scale

    @property
    def multiple(self) -> int:
        """Every latent is a token."""
        return self.scale

    @property
    def channels(self) -> int:
        """Four times the autoencoder's."""
        return 4 * super().channels

    def guided(self, guidance_scale: float) -> bool:
        """Distilled models are not guided."""
        return guidance_scale > 1 and not self.pipe.config.is_distilled

    @property
    def reads_guidance(self) -> bool:
        """Base models do."""
        return not self.pipe.config.is_distilled

    def encode_text(self, text: str) -> Embedding:
        """Read a chat's one message, filled up to 512 tokens, which all are looked at."""
        tokens, _ = self.pipe.encode_prompt(text, self.device)
        return Embedding(tokens)

    def tokens(self, shape: Sequence[int]) -> int:
        """One a latent."""
        return shape[-2] * shape[-1]

    def inputs(self, size: tuple[int, int], guidance_scale: float) -> Mapping[str, Tensor]:
        """Give none: klein was taught without the number."""
        return {}

    def schedule(self, sampler: str, steps: int, shape: Sequence[int]) -> Any:
        """Shift by size and steps."""
        mu = compute_empirical_mu(self.tokens(shape), steps)
        return make(sampler, self.pipe.scheduler, steps, down_to(steps), mu)

    def mask(self, mask: Tensor, size: tuple[int, int]) -> Tensor:
        """Tokens at the mask's edge are repainted in part."""
        return torch.nn.functional.interpolate(mask, size=size, mode="bilinear")

    def predict(self, rows: Sequence[Row]) -> list[Tensor]:
        """Run the transformer on the tokens of pictures and of those beside them."""
        dtype = self.network.dtype
        sample = torch.cat([row.sample for row in rows]).to(dtype)
        text = torch.cat([row.text.tokens for row in rows])
        count, _, high, wide = sample.shape
        beside = gathered(rows, sample)
        places = [_places(APART * (i + 1), *there.shape[1:]) for i, (_, there) in enumerate(beside)]
        hidden = attention([there.flatten(1) for _, there in beside], text.shape[1] + high * wide)
        timestep = torch.cat([row.timestep for row in rows]).to(self.device, dtype)
        prediction = self.network(
            hidden_states=torch.cat([_tokens(each) for each in (sample, *(one for one, _ in beside))], dim=1),
            timestep=timestep / 1000,
            guidance=stacked(rows, "guidance"),
            encoder_hidden_states=text,
            txt_ids=_places(0, 1, 1, text.shape[1]).to(self.device),
            img_ids=torch.cat([_places(0, high, wide), *places]).to(self.device),
            joint_attention_kwargs=hidden,
            return_dict=False,
        )[0][:, : high * wide]
        pictures = prediction.transpose(1, 2).reshape(count, -1, high, wide)
        return list(pictures.split(1))

    def shown(self, picture: Image.Image) -> Image.Image:
        """Show a megapixel of it at most, its edges cut to whole tokens."""
        wide, high = picture.size
        share = min(1.0, (SHOWN / (wide * high)) ** 0.5)
        size = [max(1, int(side * share) // self.multiple) * self.multiple for side in (wide, high)]
        return ImageOps.fit(picture, (size[0], size[1]), Image.Resampling.LANCZOS)

    def _scaled(self, latents: Tensor) -> Tensor:
        """Take patches, normalised."""
        patches = torch.nn.functional.pixel_unshuffle(latents, 2)
        mean, spread = self._statistics(patches)
        return (patches - mean) / spread

    def _unscaled(self, latents: Tensor) -> Tensor:
        mean, spread = self._statistics(latents)
        return torch.nn.functional.pixel_shuffle((latents * spread + mean).contiguous(), 2)

    def _statistics(self, like: Tensor) -> tuple[Tensor, Tensor]:
        norm = self.vae.bn
        mean = norm.running_mean.view(1, -1, 1, 1).to(like)
        spread = (norm.running_var.view(1, -1, 1, 1) + self.vae.config.batch_norm_eps).sqrt().to(like)
        return mean, spread


def _tokens(latents: Tensor) -> Tensor:
    return latents.flatten(2).transpose(1, 2)


def _places(time: int, high: int, wide: int, length: int = 1) -> Tensor:
    """Return coordinates (tokens, 4): time, row, column, and place in a text."""
    axes = (torch.tensor([time]), torch.arange(high), torch.arange(wide), torch.arange(length))
    return torch.cartesian_prod(*axes)
