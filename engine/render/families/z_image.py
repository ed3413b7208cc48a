"""Z-Image (Turbo and base): lists of latents and captions, so pictures of unlike sizes share a call."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import torch
from diffusers.models.transformers.transformer_z_image import SEQ_MULTI_OF
from torch import Tensor, nn

from engine.render.conditioning import lora_rows
from engine.render.families.base import Can, Embedding, Row
from engine.render.families.beside import Beside


class ZImage(Beside):
    """A single-stream transformer. It counts time up, and predicts the way back."""

    name = "z_image"
    title = "Z-Image, Turbo"
    can = Can(mixes_sizes=True)

    @property
    def dtype(self) -> torch.dtype:
        """Latents are kept in single precision, whatever the network computes in."""
        return torch.float32

    def encode_text(self, text: str) -> Embedding:
        """Read a chat's one message, at most 512 tokens of it."""
        [[tokens], _] = self.pipe.encode_prompt([text], self.device, do_classifier_free_guidance=False)
        return Embedding(tokens[None])

    def size_key(self, shape: Sequence[int], beside: Sequence[Sequence[int]] = ()) -> Hashable:
        """Sizes may be unlike."""
        return None

    def predict(self, rows: Sequence[Row]) -> list[Tensor]:
        """Run the transformer; it pads and masks by itself."""
        dtype = self.network.dtype
        timestep = torch.cat([row.timestep for row in rows]).to(self.device, torch.float32)
        with lora_rows.in_line(self._in_line(rows)):
            predictions = self.network(
                [row.sample[0].to(dtype).unsqueeze(1) for row in rows],
                (1000 - timestep) / 1000,
                [row.text.tokens[0] for row in rows],
                return_dict=False,
            )[0]
        return [-prediction.float().squeeze(1)[None] for prediction in predictions]

    def _in_line(self, rows: Sequence[Row]) -> Mapping[nn.Module, Sequence[int]]:
        """Return the layers that see all rows' tokens behind each other, filled up, and whose each is."""
        return {
            self.network.all_x_embedder["2-1"]: _filled([self.tokens(row.sample.shape) for row in rows]),
            self.network.cap_embedder[1]: _filled([row.text.tokens.shape[1] for row in rows]),
        }


def _filled(tokens: Sequence[int]) -> list[int]:
    """Return the row of each token, where those of each row are filled up to a whole block."""
    blocks = [-(-count // SEQ_MULTI_OF) * SEQ_MULTI_OF for count in tokens]
    return [row for row, count in enumerate(blocks) for _ in range(count)]
