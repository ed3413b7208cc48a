"""FLUX.1 (dev, schnell): latents packed 2 × 2; dev reads the guidance scale as a number."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from engine.render.families.base import Can, Embedding, Row, stacked
from engine.render.families.beside import Beside, attention, gathered
from engine.render.families.flow import pack, unpack


class Flux(Beside):
    """T5 reads the text, filled up to 512 tokens, which all are looked at; CLIP sums it up."""

    name = "flux"
    title = "FLUX.1 dev, schnell"
    can = Can(negative=False)

    @property
    def reads_guidance(self) -> bool:
        """Dev does, schnell does not."""
        return bool(self.network.config.guidance_embeds)

    def encode_text(self, text: str) -> Embedding:
        """Read it by both encoders."""
        tokens, pooled, _ = self.pipe.encode_prompt(text, None, self.device)
        return Embedding(tokens, pooled)

    def predict(self, rows: Sequence[Row]) -> list[Tensor]:
        """Run the transformer on packed latents."""
        sample = torch.cat([row.sample for row in rows])
        high, wide = sample.shape[2:]
        text = torch.cat([row.text.tokens for row in rows])
        pooled = [row.text.pooled for row in rows if row.text.pooled is not None]
        beside = gathered(rows, sample)
        tokens = [pack(sample), *(pack(one) for one, _ in beside)]
        places = [_places(1, there.shape[1] // 2, there.shape[2] // 2) for _, there in beside]
        own = text.shape[1] + tokens[0].shape[1]
        hidden = attention([there[:, ::2, ::2].flatten(1) for _, there in beside], own)
        timestep = torch.cat([row.timestep for row in rows]).to(self.device, self.dtype)
        prediction = self.network(
            hidden_states=torch.cat(tokens, 1),
            timestep=timestep / 1000,
            guidance=stacked(rows, "guidance"),
            pooled_projections=torch.cat(pooled),
            encoder_hidden_states=text,
            txt_ids=torch.zeros(text.shape[1], 3).to(self.device, self.dtype),
            img_ids=torch.cat([_places(0, high // 2, wide // 2), *places]).to(self.device, self.dtype),
            joint_attention_kwargs=hidden,
            return_dict=False,
        )[0][:, : tokens[0].shape[1]]
        return list(unpack(prediction, high, wide).split(1))


def _places(picture: int, high: int, wide: int) -> Tensor:
    """Return coordinates (tokens, 3): which picture, row, column."""
    return torch.cartesian_prod(torch.tensor([picture]), torch.arange(high), torch.arange(wide))
