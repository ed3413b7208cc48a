"""From words to what the UNet reads; refuses to know flags, pictures and people.

A prompt is split into (text, weight) pieces, tokenized piece by piece, cut into chunks as long as the text
encoder reads (77 tokens for CLIP, fewer for small models), encoded chunk by chunk and joined again: nothing
is cut off. A prompt that fits and carries no weights gives exactly diffusers' embedding.

Weights multiply the token vectors, as AUTOMATIC1111's "No norm" emphasis does (its default then rescales by
the mean, which SDXL's near-zero mean makes meaningless; its own notes advise this form there).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import torch
from torch import Tensor

from engine.errors import EngineError
from engine.prompt.attention import parse_attention
from engine.render.conditioning.kept import KeptTexts
from engine.render.families.base import Embedding

Chunk = list[tuple[int, float]]
"""Token ids with their weights, at most as many as the encoder reads between its begin and end marks."""


class TextEncoder:
    """The text side of one model: one tokenizer and encoder for SD 1.x and 2.x, two for SDXL."""

    def __init__(self, pipe: Any, device: torch.device) -> None:
        self._device = device
        self._parts: list[tuple[Any, Any]] = [
            (getattr(pipe, f"tokenizer{end}"), getattr(pipe, f"text_encoder{end}"))
            for end in ("", "_2")
            if getattr(pipe, f"text_encoder{end}", None) is not None
        ]
        self._is_xl = getattr(pipe, "text_encoder_2", None) is not None
        self._zero_when_empty = self._is_xl and bool(pipe.config.get("force_zeros_for_empty_prompt", False))
        self._dtype = pipe.unet.dtype
        self._before = 0
        """Layers before the usual one whose output is read."""
        self._kept = KeptTexts()

    def skip(self, clip_skip: int) -> None:
        """Read this layer's output, counted from the encoder's end as AUTOMATIC1111 does: 1 is the last.

        SDXL and SD 2.x were taught with the layer before the last, so 1 and 2 are one and the same there.
        Raises EngineError where there are not so many layers.
        """
        first = self._parts[0][1].config
        # of SD 2.x, whose text is 1,024 wide, conversions to diffusers leave the last layer out
        usual = 2 if self._is_xl or first.hidden_size == 1024 else 1
        before = max(0, clip_skip - usual)
        layers = min(encoder.config.num_hidden_layers for _, encoder in self._parts)
        if before >= layers:
            raise EngineError(f"clip_skip = {clip_skip}, but its text encoder has {layers} layers")
        self._before = before
        self._kept = KeptTexts()

    def encode(self, text: str, chunks: int = 1, state: Hashable = None) -> Embedding:
        """Return the embedding of ``text``: tokens (1, chunks × length, width), pooled for SDXL.

        Filled up to so many ``chunks``. ``state`` names what else decides it (the LoRAs in the encoder), for
        the cache.
        """
        return self._kept.get((text, chunks, state), lambda: self._encoded(text, chunks))

    def encode_all(
        self, conditions: Sequence[str], unconditional: str | None, state: Hashable = None
    ) -> tuple[list[Embedding], Embedding | None]:
        """Return the embeddings of a picture's texts, all padded with empty chunks to the longest of them.

        ``unconditional`` is the negative prompt, or None where there is no guidance. An empty one is all
        zeros where the model was trained so (SDXL's ``force_zeros_for_empty_prompt``).
        """
        texts = [*conditions, *([] if unconditional is None else [unconditional])]
        chunks = max(len(self._chunks(text, tokenizer)) for text in texts for tokenizer, _ in self._parts)
        encoded = [self.encode(text, chunks, state) for text in conditions]
        if unconditional is None:
            return encoded, None
        if unconditional == "" and self._zero_when_empty:
            model = encoded[0]
            pooled = None if model.pooled is None else torch.zeros_like(model.pooled)
            return encoded, Embedding(torch.zeros_like(model.tokens), pooled)
        return encoded, self.encode(unconditional, chunks, state)

    @torch.no_grad()
    def summaries(self, texts: Sequence[str]) -> Tensor:
        """Return one vector a text (n, width): what the last encoder holds at the end marks, averaged."""
        tokenizer, encoder = self._parts[-1]
        rows = []
        for text in texts:
            ends = []
            for chunk in self._chunks(text, tokenizer):
                tokens, _ = self._encode_chunk([(token, 1.0) for token, _ in chunk], tokenizer, encoder)
                ends.append(tokens[0, len(chunk) + 1])
            rows.append(torch.stack(ends).mean(0))
        return torch.stack(rows).float().cpu()

    def count(self, text: str) -> int:
        """Return how many tokens the text has, marks not counted."""
        return sum(len(chunk) for chunk in self._chunks(text, self._parts[0][0]))

    @torch.inference_mode()
    def _encoded(self, text: str, chunks: int) -> Embedding:
        columns: list[Tensor] = []
        pooled: Tensor | None = None
        for tokenizer, encoder in self._parts:
            pieces = self._chunks(text, tokenizer)
            pieces += [[] for _ in range(chunks - len(pieces))]
            encoded = [self._encode_chunk(chunk, tokenizer, encoder) for chunk in pieces]
            columns.append(torch.cat([tokens for tokens, _ in encoded], dim=1))
            pooled = encoded[0][1]  # of the first chunk, by the last encoder: SDXL pools there
        return Embedding(torch.cat(columns, dim=-1), pooled if self._is_xl else None)

    def _chunks(self, text: str, tokenizer: Any) -> list[Chunk]:
        """Cut a prompt into chunks; ``BREAK`` ends one early. There is always at least one."""
        room = tokenizer.model_max_length - 2
        chunks: list[Chunk] = [[]]
        for piece, weight in parse_attention(text):
            if piece == "BREAK":
                chunks.append([])
                continue
            for token in tokenizer(piece, add_special_tokens=False, verbose=False).input_ids:
                if len(chunks[-1]) == room:
                    chunks.append([])
                chunks[-1].append((token, weight))
        return chunks

    def _encode_chunk(self, chunk: Chunk, tokenizer: Any, encoder: Any) -> tuple[Tensor, Tensor | None]:
        length = tokenizer.model_max_length
        padding = length - 2 - len(chunk)
        ids = [tokenizer.bos_token_id, *(token for token, _ in chunk), tokenizer.eos_token_id]
        ids += [tokenizer.pad_token_id] * padding
        mask = None
        if getattr(encoder.config, "use_attention_mask", False):
            mask = torch.tensor([[1] * (length - padding) + [0] * padding], device=self._device)
        output = encoder(
            torch.tensor([ids], device=self._device),
            attention_mask=mask,
            output_hidden_states=self._is_xl or self._before > 0,
        )
        # SDXL was trained on the layer before the last, without its norm; SD on the last one
        if self._is_xl:
            tokens = output.hidden_states[-2 - self._before]
        elif self._before:
            inner = getattr(encoder, "text_model", encoder)
            tokens = inner.final_layer_norm(output.hidden_states[-1 - self._before])
        else:
            tokens = output[0]
        pooled = output[0] if self._is_xl and output[0].ndim == 2 else None
        if any(weight != 1.0 for _, weight in chunk):
            weights = [1.0, *(weight for _, weight in chunk), 1.0] + [1.0] * padding
            tokens = tokens * torch.tensor(weights, device=tokens.device, dtype=tokens.dtype)[None, :, None]
        return tokens.to(self._dtype), None if pooled is None else pooled.to(self._dtype)
