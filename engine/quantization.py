"""Weights of fewer bits: which library keeps them, and what speaks against it; loads nothing, knows no torch.

All of these round weights alone, once, and row by row of each matrix: what a call computes for one picture
depends on no other's. Quantizations that round activations too, by scales of the whole call, are not offered.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.config import ModelConfig


@dataclass(frozen=True, slots=True)
class Quantization:
    """A quantization: the Python package that does it, and the bits that a weight takes with its scales."""

    package: str
    bits: float


QUANTIZATIONS: Mapping[str, Quantization] = {
    "fp8": Quantization("torchao", 8.1),
    "int8": Quantization("torchao", 8.1),
    "nf4": Quantization("bitsandbytes", 4.5),  # a 32-bit scale for every 64 weights
    "gguf": Quantization("gguf", 0),  # as its file says
}
"""By the name that an entry gives it."""


def trouble(model: ModelConfig, found: Path) -> str:
    """Return why a model, found at a place, cannot be quantized as its entry asks; empty where it can."""
    asked = model.quantization
    if not asked:
        return '`gguf` names a file, but `quantization` is not "gguf"' if model.gguf else ""
    package = QUANTIZATIONS[asked].package
    if importlib.util.find_spec(package) is None:
        return (
            f'`quantization = "{asked}"` wants the Python package {package}, which is not installed; '
            f"install it: .venv/bin/pip install 'limner[{package}]'"
        )
    if found.is_file():
        return "`quantization` wants a diffusers folder, and `source` is a single file"
    if asked != "gguf":
        return '`gguf` names a file, but `quantization` is not "gguf"' if model.gguf else ""
    return _file_trouble(model.gguf)


def _file_trouble(name: str) -> str:
    if not name:
        return '`quantization = "gguf"` wants the file with the network\'s weights in `gguf`'
    try:
        with Path(name).open("rb") as opened:
            start = opened.read(4)
    except OSError:
        return f"the file `{name}` that `gguf` names cannot be read"
    return "" if start == b"GGUF" else f"`{name}` is no GGUF file, though `gguf` names it"
