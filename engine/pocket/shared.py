"""What the small flow model takes from the first: words and autoencoder, as Z-Image's pipeline wants them.

```python
pipeline = ZImagePipeline.from_pretrained(FLOW, **shared.parts())
```
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderTiny
from transformers import CLIPTextModel, CLIPTokenizer

from engine.pocket import FOLDER

LENGTH = 512
"""Tokens that Z-Image's pipeline fills every text up to."""

TEMPLATE = "{% for message in messages %}{{ message['content'] }}{% endfor %}"
"""A chat of one message, which is the prompt and nothing around it."""


def parts(folder: Path = FOLDER, dtype: torch.dtype = torch.float32) -> dict[str, Any]:
    """Return the parts of a Z-Image pipeline that lie in the first model's folder, by name."""
    tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer", model_max_length=LENGTH)
    tokenizer.chat_template = TEMPLATE
    encoder = lengthened(CLIPTextModel.from_pretrained(folder / "text_encoder"))
    vae = AutoencoderTiny.from_pretrained(folder / "vae", dtype=dtype)
    return {"tokenizer": tokenizer, "text_encoder": encoder.to(dtype), "vae": vae}


@torch.no_grad()
def lengthened(encoder: CLIPTextModel) -> CLIPTextModel:
    """Give a text encoder places for `LENGTH` tokens: each that it was not taught is like its last."""
    embeddings: Any = next(module for module in encoder.modules() if hasattr(module, "position_embedding"))
    taught = embeddings.position_embedding.weight
    places = torch.nn.Embedding(LENGTH, taught.shape[1])
    places.weight.copy_(torch.cat([taught, taught[-1:].expand(LENGTH - len(taught), -1)]))
    embeddings.position_embedding = places
    embeddings.position_ids = torch.arange(LENGTH)[None]
    encoder.config.max_position_embeddings = LENGTH
    return encoder
