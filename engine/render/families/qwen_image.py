"""Qwen-Image: latents packed 2 × 2, texts padded and masked; guidance keeps each token's length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from engine.render.conditioning import lora_rows
from engine.render.families import vae
from engine.render.families.base import Embedding, Row
from engine.render.families.flow import Flow, pack, padded, unpack

BUCKETS = (64, 128, 256, 512)
"""Lengths that texts of a call are padded to."""


class QwenImage(Flow):
    """Texts of unlike length are padded and masked; the autoencoder is that of a video model."""

    name = "qwen_image"
    title = "Qwen-Image"

    @property
    def channels(self) -> int:
        """The autoencoder's."""
        return int(self.vae.config.z_dim)

    def encode_text(self, text: str) -> Embedding:
        """Read it within the model's own instruction, which is cut off again: at most 512 tokens."""
        tokens, _ = self.pipe.encode_prompt(text or " ", self.device, max_sequence_length=512)
        return Embedding(tokens)

    def predict(self, rows: Sequence[Row]) -> list[Tensor]:
        """Run the transformer on packed latents."""
        sample = torch.cat([row.sample for row in rows])
        high, wide = sample.shape[2:]
        alike = len({row.text.tokens.shape[1] for row in rows}) == 1
        text, mask = padded([row.text for row in rows], () if alike else BUCKETS)
        prediction = self.run(
            rows,
            hidden_states=pack(sample),
            encoder_hidden_states=text,
            encoder_hidden_states_mask=None if alike else mask,
            img_shapes=[[(1, high // 2, wide // 2)]] * len(rows),
        )
        return list(unpack(prediction, high, wide).split(1))

    def run(self, rows: Sequence[Row], **more: Any) -> Tensor:
        """Run the transformer on rows as it takes them; return what it says of every token."""
        timestep = torch.cat([row.timestep for row in rows]).to(self.device, self.dtype)
        with lora_rows.in_line(self._twice(len(rows))):
            (answer,) = self.network(timestep=timestep / 1000, guidance=None, return_dict=False, **more)
        return answer

    def _twice(self, rows: int) -> Mapping[nn.Module, Sequence[int]]:
        """Return the layers that see each row's time and, after all of those, zero for each, and whose it is.

        Qwen-Image-Edit-2511 is told that pictures beside are without noise.
        """
        if not self.network.config.zero_cond_t:
            return {}
        embedder = self.network.time_text_embed.timestep_embedder
        layers = [embedder.linear_1, embedder.linear_2]
        layers += [block.img_mod[1] for block in self.network.transformer_blocks]
        seen = [*range(rows), *range(rows)]
        return dict.fromkeys(layers, seen)

    def rescaled(self, combined: Tensor, wanted: Tensor) -> Tensor:
        """Give each token the length that it had without guidance."""
        high, wide = combined.shape[2:]
        guided, plain = pack(combined), pack(wanted)
        kept = guided * (plain.norm(dim=-1, keepdim=True) / guided.norm(dim=-1, keepdim=True))
        return unpack(kept, high, wide)

    def _encoded(self, pixels: Tensor, generator: torch.Generator, drawn: bool) -> Tensor:
        """Encode a film of one frame."""
        return super()._encoded(pixels[:, :, None], generator, drawn)[:, :, 0]

    def decode(self, latents: Tensor) -> Tensor:
        """Decode the one frame."""
        return super().decode(latents[:, :, None])[:, :, 0]

    def _scaled(self, latents: Tensor) -> Tensor:
        mean, spread = vae.statistics(self.vae, latents)
        return (latents - mean) / spread

    def _unscaled(self, latents: Tensor) -> Tensor:
        mean, spread = vae.statistics(self.vae, latents)
        return latents * spread + mean
