"""Which models read English alone, by what reads their prompts; loads nothing."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from engine import weights
from engine.config import ModelConfig
from engine.readiness.files import read_json

READERS: tuple[str, ...] = ("CLIPTextModel", "T5EncoderModel")
"""Text encoders taught with English captions (CLIP) or English web pages (T5), as transformers names them.

Others in use are language models of many languages: Qwen, Mistral, Gemma, ChatGLM, UMT5.
"""


def english_only(model: ModelConfig) -> bool:
    """Return whether the words of other languages mean little to a model."""
    found = weights.find(model)
    return found is not None and _english_only(found)


@cache
def _english_only(path: Path) -> bool:
    if not path.is_dir():
        return weights.family_of(path) is not None
    index = read_json(path / "model_index.json")
    readers = [str(part[1]) for name, part in index.items() if name.startswith("text_encoder")]
    readers = [name for name in readers if name != "None"]
    return bool(readers) and all(name.startswith(READERS) for name in readers)
