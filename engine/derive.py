"""From a stored picture to the spec of what is made of it: sizes, inputs, strengths. Pure; loads nothing."""

from __future__ import annotations

from collections.abc import Mapping

from engine.config import LimitsConfig, ModelConfig
from engine.errors import UserError
from engine.jobs import Input, JobSpec, Kind, Role
from engine.plan import sides

STRENGTHS: Mapping[str, float] = {"vary": 0.75, "vary_strong": 0.75, "vary_subtle": 0.35}
"""How much of the noise schedule a variation runs: subtle keeps the composition, strong keeps the idea."""

REPAINT = 1.0
"""The same for the masked part of a picture: painted afresh."""

OUTWARD: Mapping[str, str] = {
    "zoom": "Zoomed out {factor:g}×.",
    "square": "Made square.",
    "pan_left": "Panned to the left.",
    "pan_right": "Panned to the right.",
    "pan_up": "Panned upwards.",
    "pan_down": "Panned downwards.",
}
"""The verbs that paint around a picture, and the note that says so under the result."""

LARGEST = 2.25
"""Edits are drawn at no more than this many times a model's own pixels: beyond, models repeat themselves."""
SMALLEST = 0.25
"""And at no less than this share of them: below, they draw nothing that can be recognised."""


def enlargement(spec: JobSpec | None, size: tuple[int, int], model: ModelConfig) -> float:
    """Return how many times as wide as drawn a stored picture of ``size`` is; ``spec``: what it came of."""
    if spec is None or spec.kind is Kind.UPSCALE:
        return model.enlarged
    return size[0] / spec.width


def drawn(
    size: tuple[int, int], times: float, model: ModelConfig, limits: LimitsConfig
) -> tuple[int, int]:
    """Return the size an edit of a picture of ``size`` is drawn at, its sides on the model's multiple.

    ``times`` as from ``enlargement``. Raises UserError for shapes the model cannot draw, or past the
    server's pixels.
    """
    width, height = size
    if width * height > limits.max_pixels:
        raise UserError(
            f"That would be {width} × {height} pixels, and this server makes at most "
            f"{limits.max_pixels:,} in one picture. Start from a smaller one."
        )
    if max(size) > model.max_ratio * min(size) * (1 + 1e-9):
        raise UserError(
            f"That would be {width} × {height}, and `{model.name}` draws up to {model.max_ratio:g} times as "
            "long as wide. Pan the other way, make it square, or crop it first."
        )
    usual = model.width * model.height
    area = min(max(width * height / times**2, usual * SMALLEST), usual * LARGEST, limits.max_pixels)
    return sides(area, width, height, model.multiple)


def again(before: JobSpec, spec: JobSpec) -> JobSpec:
    """Return ``spec``, read from a changed prompt, with what was being done to a picture kept."""
    if before.kind in (Kind.IMAGINE, Kind.BLEND):
        return spec
    kept = ("kind", "model", "width", "height", "count", "strength", "scale", "tile")
    told = {name: getattr(before, name) for name in kept}
    return spec.model_copy(update={**told, "inputs": before.inputs})


def varied(spec: JobSpec, start: str, size: tuple[int, int], strength: float) -> JobSpec:
    """Return the spec of four variations of the picture ``start``, drawn at ``size``."""
    return spec.model_copy(
        update={
            "kind": Kind.VARY,
            "inputs": (Input(sha256=start, role=Role.INIT), *_references(spec)),
            "strength": strength,
            "width": size[0],
            "height": size[1],
            "count": 4,
            "scale": 1,
        }
    )


def repainted(spec: JobSpec, start: str, mask: str, size: tuple[int, int], strength: float) -> JobSpec:
    """Return the spec that repaints ``start`` where ``mask`` is white; drawn at ``size``."""
    inputs = (Input(sha256=start, role=Role.INIT), Input(sha256=mask, role=Role.MASK))
    return spec.model_copy(
        update={
            "kind": Kind.INPAINT,
            "inputs": inputs,
            "strength": strength,
            "width": size[0],
            "height": size[1],
            "count": 4,
            "scale": 1,
            "tile": False,
        }
    )


def upscaled(spec: JobSpec, start: str, size: tuple[int, int], scale: int) -> JobSpec:
    """Return the spec that enlarges the picture ``start`` of ``size`` faithfully."""
    return spec.model_copy(
        update={
            "kind": Kind.UPSCALE,
            "scale": scale,
            "width": size[0] * scale,
            "height": size[1] * scale,
            "count": 1,
            "inputs": (Input(sha256=start, role=Role.INIT),),
            "strength": None,
            "film": False,
        }
    )


def _references(spec: JobSpec) -> tuple[Input, ...]:
    """Return the inputs that a variation keeps: what it looks like, not what it starts from."""
    return tuple(one for one in spec.inputs if one.role not in (Role.INIT, Role.MASK))
