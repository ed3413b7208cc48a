"""Stable Diffusion 3 and 3.5: two CLIPs and T5 read the text, always to one length; latents as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from engine.render.families.base import Embedding, Row
from engine.render.families.flow import Flow, make, shift_by_tokens


class StableDiffusion3(Flow):
    """A transformer of picture and text, each with weights of its own."""

    name = "sd3"
    title = "Stable Diffusion 3, 3.5"

    @property
    def multiple(self) -> int:
        """Sides are whole patches."""
        return self.scale * int(self.network.config.patch_size)

    def encode_text(self, text: str) -> Embedding:
        """Read it by all encoders there are: 77 tokens by CLIP and 256 by T5, no more."""
        tokens, _, pooled, _ = self.pipe.encode_prompt(
            text, None, None, device=self.device, do_classifier_free_guidance=False
        )
        return Embedding(tokens, pooled)

    def tokens(self, shape: Sequence[int]) -> int:
        """One a patch."""
        patch = int(self.network.config.patch_size)
        return (shape[-2] // patch) * (shape[-1] // patch)

    def schedule(self, sampler: str, steps: int, shape: Sequence[int]) -> Any:
        """Take the model's own sigmas, shifted by a number of its own unless its settings say by size."""
        mu = shift_by_tokens(self.pipe.scheduler.config, self.tokens(shape))
        return make(sampler, self.pipe.scheduler, steps, None, mu)

    def predict(self, rows: Sequence[Row]) -> list[Tensor]:
        """Run the transformer."""
        pooled = [row.text.pooled for row in rows if row.text.pooled is not None]
        prediction: Tensor = self.network(
            hidden_states=torch.cat([row.sample for row in rows]),
            timestep=torch.cat([row.timestep for row in rows]).to(self.device),
            encoder_hidden_states=torch.cat([row.text.tokens for row in rows]),
            pooled_projections=torch.cat(pooled),
            return_dict=False,
        )[0]
        return list(prediction.split(1))
