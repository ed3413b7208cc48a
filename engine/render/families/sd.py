"""Stable Diffusion 1.x and 2.x: a UNet that reads its text by cross-attention; latents as they are."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from engine.render import samplers
from engine.render.conditioning import ip_adapter, reference_attention
from engine.render.conditioning.text import TextEncoder
from engine.render.families import vae
from engine.render.families.base import Can, Embedding, Family, Row, Texts, stacked


class StableDiffusion(Family):
    """A UNet with one text encoder. Texts of unlike length are repeated to a common one."""

    name = "sd"
    title = "Stable Diffusion 1.x, 2.x"
    _overflowing: tuple[torch.dtype, ...] = (torch.float16,)
    """In which precisions diffusers' pipelines of the family do not encode, where the VAE says so."""
    can = Can(emphasis=True, references=True, tile=True)
    samplers = tuple(samplers.SAMPLERS)
    # as the community fitted it (keturn, "Decoding latents to RGB without upscaling", 2022)
    rgb = ((0.298, 0.207, 0.208), (0.187, 0.286, 0.173), (-0.158, 0.189, 0.264), (-0.184, -0.271, -0.473))

    @classmethod
    def understands(cls, scheduler: Any) -> bool:
        """Noise as DDPM's, over a table of betas."""
        return samplers.understood(scheduler)

    def __init__(self, pipe: Any, device: torch.device) -> None:
        super().__init__(pipe, device)
        self.text = TextEncoder(pipe, device)

    @property
    def network(self) -> Any:
        """The UNet."""
        return self.pipe.unet

    @property
    def extra_channels(self) -> int:
        """Five, for UNets of nine."""
        return int(self.network.config.in_channels) - self.channels

    def encode_texts(self, texts: Texts) -> tuple[list[Embedding], Embedding | None]:
        """Encode in chunks, all padded to as many as the longest has."""
        return self.text.encode_all(texts.conditions, texts.unconditional, texts.state)

    def guided(self, guidance_scale: float) -> bool:
        """Guide by a second prediction, but for UNets that take the scale as an input."""
        return guidance_scale > 1 and self.network.config.time_cond_proj_dim is None

    def text_key(self, embedding: Embedding) -> Hashable:
        """A UNet that pools over tokens by itself would count repeated ones twice."""
        return embedding.tokens.shape[1] if self.network.config.addition_embed_type == "text" else None

    def schedule(self, sampler: str, steps: int, shape: Sequence[int]) -> Any:
        """Make the sampler from the model's own noise schedule; sizes do not matter to it."""
        return samplers.make(sampler, self.pipe.scheduler, steps)

    def skipped(self, steps: int, strength: float) -> int:
        """Run whole steps, as diffusers' UNet pipelines count."""
        return max(steps - min(int(steps * strength), steps), 0)

    def inputs(self, size: tuple[int, int], guidance_scale: float) -> Mapping[str, Tensor]:
        """Give distilled UNets the guidance scale."""
        width = self.network.config.time_cond_proj_dim
        if width is None:
            return {}
        scale = torch.tensor([guidance_scale - 1], dtype=torch.float64)
        embedding = self.pipe.get_guidance_scale_embedding(scale, width)
        return {"timestep_cond": embedding.to(self.device, self.dtype)}

    def predict(self, rows: Sequence[Row]) -> list[Tensor]:
        """Run the UNet."""
        # a text repeated k times attends exactly as the text itself: softmax spreads evenly over the copies
        length = math.lcm(*(row.text.tokens.shape[1] for row in rows))
        tokens = torch.cat([row.text.tokens.repeat(1, length // row.text.tokens.shape[1], 1) for row in rows])
        sample = torch.cat([row.sample for row in rows])
        timestep = torch.cat([row.timestep for row in rows])
        references = [row.references for row in rows]
        adapter = [row.adapter for row in rows]
        with (
            reference_attention.shared(self.network, references),
            ip_adapter.adapted(self.network, adapter),
        ):
            prediction: Tensor = self.network(
                sample,
                timestep.to(sample.device, torch.float32),
                encoder_hidden_states=tokens,
                timestep_cond=stacked(rows, "timestep_cond"),
                added_cond_kwargs=self._added(rows),
                return_dict=False,
            )[0]
        return list(prediction.split(1))

    def _added(self, rows: Sequence[Row]) -> dict[str, Tensor | None] | None:
        """Return what else the UNet is conditioned on."""
        return None

    def fits(self, lengths: Sequence[int]) -> bool:
        """Texts repeated to a common length should stay within four times the longest of them."""
        return math.lcm(*lengths) <= 4 * max(lengths)  # of 3, 4 and 5 chunks all would be stretched to 60

    def encode(self, pixels: Tensor, generator: torch.Generator) -> Tensor:
        """Draw from the posterior."""
        forced = self.vae.dtype in self._overflowing and self._upcast
        return self._scaled(vae.encoded(self.vae, pixels, generator, forced).to(self.dtype))

    def decode(self, latents: Tensor) -> Tensor:
        """Decode, in full precision where half overflows."""
        forced = self.vae.dtype == torch.float16 and self._upcast
        return vae.decoded(self.vae, latents, self._unscaled, forced)

    @property
    def _upcast(self) -> bool:
        return bool(getattr(self.vae.config, "force_upcast", False))

    def _scaled(self, latents: Tensor) -> Tensor:
        """Bring the autoencoder's latents to the loop's scale, in the arithmetic of diffusers."""
        return latents * self.vae.config.scaling_factor

    def _unscaled(self, latents: Tensor) -> Tensor:
        """Undo `_scaled`."""
        return latents / self.vae.config.scaling_factor

    def around(self, mask: Tensor, small: Tensor, pixels: Tensor, generator: torch.Generator) -> Tensor:
        """Nine channels: latents, the mask, and the latents of what is around it."""
        return torch.cat([small, self.encode(pixels * (mask < 0.5), generator)], dim=1)
