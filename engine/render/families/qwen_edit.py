"""Qwen-Image-Edit: Qwen-Image that sees pictures beside the one it draws; its text encoder sees them too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import diffusers
import torch
from diffusers.models.attention_dispatch import dispatch_attention_fn
from diffusers.models.transformers.transformer_qwenimage import QwenDoubleStreamAttnProcessor2_0
from diffusers.pipelines.qwenimage import pipeline_qwenimage_edit as edit
from diffusers.pipelines.qwenimage import pipeline_qwenimage_edit_plus as edit_plus
from PIL import Image
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from engine.render.families.base import Can, Embedding, Row
from engine.render.families.beside import Beside
from engine.render.families.flow import pack, padded, unpack
from engine.render.families.qwen_image import BUCKETS, QwenImage

SHOWN = 1024 * 1024
"""Pixels that it is shown of a picture beside."""


class QwenImageEdit(QwenImage, Beside):
    """It sees one picture. Without any it draws as Qwen-Image does."""

    name = "qwen_image_edit"
    title = "Qwen-Image-Edit"
    can = Can(edit=1)
    sees_repainted = True  # QwenImageEditInpaintPipeline
    texts_see = True

    def __init__(self, pipe: Any, device: torch.device) -> None:
        super().__init__(pipe, device)
        parts = ("scheduler", "vae", "text_encoder", "tokenizer", "transformer")
        self._drawing = diffusers.QwenImagePipeline(**{part: getattr(pipe, part) for part in parts})
        self.network.set_attn_processor(Unlike())

    def encode_text(self, text: str) -> Embedding:
        """Read it as Qwen-Image does."""
        tokens, _ = self._drawing.encode_prompt(text or " ", self.device, max_sequence_length=512)
        return Embedding(tokens)

    def encode_instruction(self, text: str, seen: Sequence[Image.Image]) -> Embedding:
        """Read it with the pictures it is about, of about a megapixel each."""
        tokens, _ = self.pipe.encode_prompt(text or " ", self._given(seen), self.device)
        return Embedding(tokens)

    def _given(self, seen: Sequence[Image.Image]) -> Any:
        """Return pictures as the pipeline hands them to its text encoder."""
        return resized(seen[0], SHOWN)

    def shown(self, picture: Image.Image) -> Image.Image:
        """Show about a megapixel of it."""
        return resized(picture, SHOWN)

    def predict(self, rows: Sequence[Row]) -> list[Tensor]:
        """Run the transformer on the tokens of pictures and of those beside them."""
        if not any(row.beside for row in rows):
            return super().predict(rows)
        own = pack(torch.cat([row.sample for row in rows]))
        high, wide = rows[0].sample.shape[2:]
        seen = [torch.cat([own[0, :0], *(pack(one.to(own))[0] for one in row.beside)]) for row in rows]
        shapes = [[_shape(one) for one in (row.sample, *row.beside)] for row in rows]
        longest = max(range(len(rows)), key=lambda row: len(seen[row]))
        texts = [row.text for row in rows]
        alike = len({text.tokens.shape[1] for text in texts}) == 1 and all(s == shapes[0] for s in shapes)
        tokens, there = padded(texts, () if alike else BUCKETS)
        prediction = self.run(
            rows,
            hidden_states=torch.cat([own, pad_sequence(seen, batch_first=True)], dim=1),
            encoder_hidden_states=tokens,
            img_shapes=[shapes[longest]] * len(rows),
            attention_kwargs=None if alike else self._unlike(shapes, there),
        )[:, : own.shape[1]]
        return list(unpack(prediction, high, wide).split(1))

    def _unlike(self, shapes: Sequence[Sequence[tuple[int, int, int]]], text: Tensor) -> dict[str, Tensor]:
        """Return where each token of each row is, and which are there; ``text``: which of the text are."""
        places = [
            self.network.pos_embed([list(row)], max_txt_seq_len=text.shape[1], device=self.device)
            for row in shapes
        ]
        pictures = pad_sequence([there.new_ones(len(there), dtype=torch.bool) for there, _ in places], True)
        return {
            "picture_places": pad_sequence([there for there, _ in places], batch_first=True),
            "text_places": torch.stack([there for _, there in places]),
            "there": torch.cat([text, pictures], dim=1)[:, None, None],
        }


class QwenImageEditPlus(QwenImageEdit):
    """Qwen-Image-Edit-2509 and later: up to three pictures, named in the text by their numbers."""

    name = "qwen_image_edit_plus"
    title = "Qwen-Image-Edit-2509 and later"
    can = Can(edit=3)

    def shown(self, picture: Image.Image) -> Image.Image:
        """Show as much as diffusers encodes of it."""
        return resized(picture, edit_plus.VAE_IMAGE_SIZE)

    def _given(self, seen: Sequence[Image.Image]) -> Any:
        return [resized(one, edit_plus.CONDITION_IMAGE_SIZE) for one in seen]


def resized(picture: Image.Image, area: int) -> Image.Image:
    """Return a picture of about as many pixels, its sides whole tokens."""
    wide, high, _ = edit.calculate_dimensions(area, picture.width / picture.height)
    return picture.resize((wide, high), Image.Resampling.LANCZOS)


def _shape(latents: Tensor) -> tuple[int, int, int]:
    """Return frames, rows and columns of tokens."""
    return (1, latents.shape[2] // 2, latents.shape[3] // 2)


class Unlike(QwenDoubleStreamAttnProcessor2_0):
    """The network's attention, for rows whose tokens are not in the same places too, nor as many."""

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        encoder_hidden_states_mask: Tensor | None = None,
        attention_mask: Tensor | None = None,
        image_rotary_emb: Any = None,
        picture_places: Tensor | None = None,
        text_places: Tensor | None = None,
        there: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Attend; ``…_places`` (rows, tokens, width / 2) and ``there`` are of each row."""
        if picture_places is None or text_places is None or encoder_hidden_states is None:
            answer: tuple[Tensor, Tensor] = super().__call__(
                attn,
                hidden_states,
                encoder_hidden_states,
                encoder_hidden_states_mask,
                attention_mask,
                image_rotary_emb,
            )
            return answer
        width = attn.inner_dim // attn.heads
        words, places = encoder_hidden_states, torch.cat([text_places, picture_places], dim=1)
        joined = []
        for ours, theirs, norms in (
            (attn.to_q, attn.add_q_proj, (attn.norm_q, attn.norm_added_q)),
            (attn.to_k, attn.add_k_proj, (attn.norm_k, attn.norm_added_k)),
            (attn.to_v, attn.add_v_proj, (None, None)),
        ):
            picture, text = (each.unflatten(-1, (-1, width)) for each in (ours(hidden_states), theirs(words)))
            picture = picture if norms[0] is None else norms[0](picture)
            text = text if norms[1] is None else norms[1](text)
            joined.append(torch.cat([text, picture], dim=1))
        query, key = (_turned(each, places) for each in joined[:2])
        backend = self._attention_backend
        attended = dispatch_attention_fn(query, key, joined[2], attn_mask=there, backend=backend)
        attended = attended.flatten(2, 3).to(query.dtype)
        text, picture = attended.split([words.shape[1], hidden_states.shape[1]], dim=1)
        for layer in attn.to_out:
            picture = layer(picture)
        return picture, attn.to_add_out(text)


def _turned(heads: Tensor, places: Tensor) -> Tensor:
    """Rotate (rows, tokens, heads, width) each by its own place, in the arithmetic of diffusers."""
    turned = torch.view_as_complex(heads.float().unflatten(-1, (-1, 2))) * places[:, :, None]
    return torch.view_as_real(turned).flatten(3).type_as(heads)
