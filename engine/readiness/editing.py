"""Which configured models edit by instruction, read from their folders; loads nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from engine import weights
from engine.config import ModelConfig
from engine.errors import UserError
from engine.readiness.files import read_json
from engine.words import Sentence

EDITORS: Mapping[str, tuple[str, int]] = {
    "Flux2KleinPipeline": ("FLUX.2 klein", 4),
    "Flux2Pipeline": ("FLUX.2 dev", 4),
    "FluxKontextPipeline": ("FLUX.1 Kontext", 1),
    "QwenImageEditPipeline": ("Qwen-Image-Edit", 1),
    "QwenImageEditPlusPipeline": ("Qwen-Image-Edit-2509 and later", 3),
}
"""The pipelines of diffusers that do, how people call their models, and how many pictures they look at."""


def editors(models: Sequence[ModelConfig]) -> dict[str, int]:
    """Return the names of the models that change in a picture what words say, and how many they look at."""
    found = {model.name: weights.find(model) for model in models}
    most = {name: _most(path) for name, path in found.items() if path is not None}
    return {name: many for name, many in most.items() if many}


@cache
def _most(path: Path) -> int:
    kind = str(read_json(path / "model_index.json").get("_class_name")) if path.is_dir() else ""
    return EDITORS.get(kind, ("", 0))[1]


def require(models: Sequence[ModelConfig]) -> dict[str, int]:
    """Return the same. Raises UserError where there is none, with those that would."""
    if not (found := editors(models)):
        would = ", ".join(title for title, _ in EDITORS.values())
        raise UserError(
            Sentence(
                "No model here can change a picture by words alone. `/inpaint` repaints a part of one. "
                "Whoever runs this bot can add a model that does: {would}.",
                would=would,
            )
        )
    return found


def editor(models: Sequence[ModelConfig], likely: Sequence[str], count: int, *, chosen: bool) -> str:
    """Return which model edits ``count`` pictures: the first of ``likely`` that can, else the first of all.

    ``chosen``: somebody asked for the first of them. Raises UserError where it cannot, or none can.
    """
    able = require(models)
    fitting = [name for name, most in able.items() if most >= count]
    if not fitting:
        raise UserError(
            Sentence(
                "That makes {count} pictures; {most} at most can be looked at here.",
                count=count,
                most=max(able.values()),
            )
        )
    if chosen and likely[0] not in fitting:
        raise UserError(
            Sentence(
                "`{likely}` does not look at {count} pictures. Here does: {fitting}."
                if likely[0] in able
                else "`{likely}` does not edit by instruction. Here does: {fitting}.",
                likely=likely[0],
                count=count,
                fitting=", ".join(f"`{name}`" for name in fitting),
            )
        )
    return next((name for name in likely if name in fitting), fitting[0])
