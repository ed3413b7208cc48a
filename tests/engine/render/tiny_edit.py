"""Tiny Qwen-Image-Edits of random weights, and the processor that diffusers' own pipelines are given."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import QwenImageEditPipeline, QwenImageEditPlusPipeline, QwenImageTransformer2DModel
from PIL import Image
from transformers import BatchFeature
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from tests.engine.render.tiny_flow import qwen_image, randomized

PATCH, MERGED, FRAMES = 14, 2, 2
"""Qwen2.5-VL's vision: pixels of a patch each way, patches of a token each way, frames of a patch."""
MEAN, SPREAD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
"""Of CLIP's pictures, which it was taught with."""


class OnDisk:
    """A pipeline that lies on the disk as the published ones do, with a processor beside its tokenizer."""

    def __init__(self, pipe: Any) -> None:
        self.pipe = pipe

    def save_pretrained(self, folder: Path, **options: Any) -> None:
        self.pipe.save_pretrained(folder, **options)
        Qwen2VLImageProcessorPil().save_pretrained(folder / "processor")
        index = json.loads((folder / "model_index.json").read_text())
        index["processor"] = ["transformers", "Qwen2VLProcessor"]
        (folder / "model_index.json").write_text(json.dumps(index))


def qwen_edit(folder: Path, cls: Any = QwenImageEditPipeline, zero_cond_t: bool = False) -> OnDisk:
    """A Qwen-Image-Edit: Qwen-Image, that sees a picture."""
    parts = qwen_image(folder).components
    config = {**parts["transformer"].config, "zero_cond_t": zero_cond_t}
    parts["transformer"] = randomized(QwenImageTransformer2DModel.from_config(config))
    return OnDisk(cls(**parts, processor=None))


def qwen_edit_plus(folder: Path, zero_cond_t: bool = False) -> OnDisk:
    """A Qwen-Image-Edit-2509; with ``zero_cond_t`` a 2511, which knows that what it sees has no noise."""
    return qwen_edit(folder, QwenImageEditPlusPipeline, zero_cond_t)


class Processor:
    """What Qwen2.5-VL reads, written out from its documentation: patches in the order of their tokens."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer

    def __call__(self, text: Sequence[str], images: Any, padding: bool, return_tensors: str) -> BatchFeature:
        pictures = images if isinstance(images, list) else [images]
        grids, values = zip(*(patches(picture) for picture in pictures), strict=True)
        [words] = text
        for high, wide in grids:
            marks = "<|seen|>" * (high * wide // MERGED**2)
            words = words.replace("<|image_pad|>", marks, 1)
        read = self.tokenizer([words.replace("<|seen|>", "<|image_pad|>")], return_tensors=return_tensors)
        seen = {
            "pixel_values": torch.from_numpy(np.concatenate(values)),
            "image_grid_thw": torch.tensor([[1, high, wide] for high, wide in grids]),
        }
        return BatchFeature({**read, **seen})


def patches(picture: Image.Image) -> tuple[tuple[int, int], np.ndarray]:
    """Cut a picture into patches; those of a token stand together, and the one frame is there twice."""
    side = PATCH * MERGED
    wide, high = (max(2, round(length / side)) * side for length in picture.size)
    resized = picture.resize((wide, high), Image.Resampling.BICUBIC)
    pixels = (np.asarray(resized, dtype=np.float32) / 255 - MEAN) / SPREAD
    rows, columns = high // PATCH, wide // PATCH
    found = []
    for top in range(0, rows, MERGED):
        for left in range(0, columns, MERGED):
            for down in range(MERGED):
                for right in range(MERGED):
                    y, x = (top + down) * PATCH, (left + right) * PATCH
                    patch = pixels[y : y + PATCH, x : x + PATCH].transpose(2, 0, 1)  # colours first
                    found.append(np.repeat(patch[:, None], FRAMES, axis=1).reshape(-1))
    return (rows, columns), np.stack(found).astype(np.float32)
