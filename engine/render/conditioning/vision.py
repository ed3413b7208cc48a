"""What makes pictures and words into what Qwen2.5-VL reads; refuses to read films, which need torchvision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import ProcessorMixin, Qwen2VLProcessor
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

WANTED = "Qwen2VLProcessor"
"""The part of a pipeline that this stands for."""


class PictureProcessor(Qwen2VLProcessor):
    """The processor of transformers without its part for films, on Pillow and numpy."""

    def __init__(self, image_processor: Any, tokenizer: Any) -> None:
        for kind in ("image", "video"):
            mark = f"<|{kind}_pad|>"
            setattr(self, f"{kind}_token", mark)
            setattr(self, f"{kind}_token_id", tokenizer.convert_tokens_to_ids(mark))
        ProcessorMixin.__init__(self, image_processor, tokenizer)  # what the class between asks for besides


def processor(folder: Path, tokenizer: Any) -> PictureProcessor:
    """Return the processor that a model's folder describes, with the model's own tokenizer."""
    return PictureProcessor(Qwen2VLImageProcessorPil.from_pretrained(folder), tokenizer)
