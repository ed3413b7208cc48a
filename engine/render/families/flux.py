"""FLUX.1 (dev, schnell): latents packed 2 × 2; dev reads the guidance scale as a number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from engine.render.families.base import Can, Embedding, Row
from engine.render.families.flow import Flow, pack, unpack


class Flux(Flow):
    """T5 reads the text, filled up to 512 tokens, which all are looked at; CLIP sums it up."""

    name = "flux"
    title = "FLUX.1 dev, schnell"
    can = Can(emphasis=False, negative=False)

    @property
    def reads_guidance(self) -> bool:
        """Dev does, schnell does not."""
        return bool(self.network.config.guidance_embeds)

    def encode_text(self, text: str) -> Embedding:
        """Read it by both encoders."""
        tokens, pooled, _ = self.pipe.encode_prompt(text, None, self.device)
        return Embedding(tokens, pooled)

    def inputs(self, size: tuple[int, int], guidance_scale: float) -> Mapping[str, Tensor]:
        """Give dev the guidance scale."""
        if not self.network.config.guidance_embeds:
            return {}
        return {"guidance": torch.tensor([guidance_scale], dtype=torch.float32, device=self.device)}

    def predict(self, rows: Sequence[Row]) -> list[Tensor]:
        """Run the transformer on packed latents."""
        sample = torch.cat([row.sample for row in rows])
        high, wide = sample.shape[2:]
        text = torch.cat([row.text.tokens for row in rows])
        pooled = [row.text.pooled for row in rows if row.text.pooled is not None]
        guidance = torch.cat([row.inputs["guidance"] for row in rows]) if rows[0].inputs else None
        timestep = torch.cat([row.timestep for row in rows]).to(self.device, self.dtype)
        prediction = self.network(
            hidden_states=pack(sample),
            timestep=timestep / 1000,
            guidance=guidance,
            pooled_projections=torch.cat(pooled),
            encoder_hidden_states=text,
            txt_ids=torch.zeros(text.shape[1], 3).to(self.device, self.dtype),
            img_ids=_places(high // 2, wide // 2).to(self.device, self.dtype),
            return_dict=False,
        )[0]
        return list(unpack(prediction, high, wide).split(1))


def _places(high: int, wide: int) -> Tensor:
    """Return coordinates (tokens, 3): 0, row, column."""
    return torch.cartesian_prod(torch.zeros(1), torch.arange(high).float(), torch.arange(wide).float())
