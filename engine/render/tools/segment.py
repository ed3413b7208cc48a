"""Where in a picture something is, asked of CLIPSeg where a host has configured it. Knows no jobs."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

SIDE = 352
"""Pixels a side that CLIPSeg was trained at (Lüddecke and Ecker, 2022)."""
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of its training pictures' channels (its preprocessor_config.json; ImageNet's)."""


class ClipSeg:
    """CLIPSeg in memory, from a folder or a hub name whose weights are ``.safetensors``."""

    def __init__(self, source: str, device: torch.device) -> None:
        from transformers import AutoTokenizer, CLIPSegForImageSegmentation

        self._device = device
        self._tokens: Any = AutoTokenizer.from_pretrained(source)
        model: Any = CLIPSegForImageSegmentation.from_pretrained(source, use_safetensors=True)
        self._model = model.eval().to(device)

    @torch.inference_mode()
    def find(self, picture: Image.Image, words: str) -> Tensor:
        """Return how surely each place shows ``words``: (side, side), 0 to 1."""
        own = int(self._model.config.vision_config.image_size)
        side = own if own < SIDE // 2 else SIDE  # some take pictures of one small size only
        small = picture.convert("RGB").resize((side, side), Image.Resampling.BICUBIC)
        pixels = torch.from_numpy(np.asarray(small, dtype=np.float32) / 255.0)
        pixels = (pixels - torch.tensor(MEAN)) / torch.tensor(DEVIATION)
        read = self._tokens([words], return_tensors="pt", truncation=True)
        logits = self._model(
            pixel_values=pixels.permute(2, 0, 1)[None].to(self._device),
            input_ids=read["input_ids"].to(self._device),
            attention_mask=read["attention_mask"].to(self._device),
        ).logits
        return torch.sigmoid(logits).reshape(logits.shape[-2:]).float()
