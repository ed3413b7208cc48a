"""Specs of what is made of a stored picture: sizes, inputs, strengths. Pure; ``edits`` has the table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from engine.config import LimitsConfig, ModelConfig
from engine.errors import UserError
from engine.jobs import Input, JobSpec, Kind, Role
from engine.planning.size import sides
from engine.prompt.samplers import sampler
from engine.words import Sentence

REMASTER = 0.6
"""How much of the noise schedule runs where another model draws a picture again."""

REPAINT = 1.0
"""The same for the masked part of a picture: painted afresh."""

STEADY = frozenset({"ddim", "euler", "euler_karras", "dpmpp_2m", "dpmpp_2m_karras", "unipc", "lms"})
"""Samplers that add no noise on the way: tiles that drew their own would blur where they overlap."""

LARGEST = 2.25
"""Edits are drawn at no more than this many times a model's own pixels: beyond, models repeat themselves."""
SMALLEST = 0.25
"""And at no less than this share of them: below, they draw nothing that can be recognised."""


def enlargement(spec: JobSpec | None, size: tuple[int, int], model: ModelConfig) -> float:
    """Return how many times as wide as drawn a stored picture of ``size`` is; ``spec``: what it came of."""
    if spec is None or spec.kind is Kind.UPSCALE:
        return model.enlarged
    return size[0] / spec.width


def drawn(size: tuple[int, int], times: float, model: ModelConfig, limits: LimitsConfig) -> tuple[int, int]:
    """Return the size an edit of a picture of ``size`` is drawn at, its sides on the model's multiple.

    ``times`` as from ``enlargement``. Raises UserError for shapes the model cannot draw, or past the
    server's pixels.
    """
    width, height = size
    if width * height > limits.max_pixels:
        raise UserError(
            Sentence(
                "That would be {width} × {height} pixels, and this server makes at most {max_pixels:,} "
                "in one picture. Start from a smaller one.",
                width=width,
                height=height,
                max_pixels=limits.max_pixels,
            )
        )
    if max(size) > model.max_ratio * min(size) * (1 + 1e-9):
        raise UserError(
            Sentence(
                "That would be {width} × {height}, and `{name}` draws up to {max_ratio:g} times as long "
                "as wide. Pan the other way, make it square, or crop it first.",
                width=width,
                height=height,
                name=model.name,
                max_ratio=model.max_ratio,
            )
        )
    usual = model.width * model.height
    area = min(max(width * height / times**2, usual * SMALLEST), usual * LARGEST, limits.max_pixels)
    return sides(area, width, height, model.multiple)


def remade(before: JobSpec, spec: JobSpec, model: ModelConfig) -> JobSpec:
    """Return ``spec`` drawn as ``before`` was; what came of a picture takes the ordinary weights."""
    return again(before, spec if before.strength is None else whole(spec, model))


def again(before: JobSpec, spec: JobSpec) -> JobSpec:
    """Return ``spec``, read from a changed prompt, with what was being done to a picture kept."""
    if before.kind in (Kind.IMAGINE, Kind.BLEND):
        return spec
    kept = ("kind", "model", "width", "height", "count", "strength", "scale", "tile")
    told = {name: getattr(before, name) for name in kept}
    told["wordless"] = before.wordless and spec.conditions == before.conditions
    if before.strength is not None:
        told["strength"] = enough(before.strength, spec.steps)
    canvas = tuple(one for one in before.inputs if one.role in (Role.INIT, Role.MASK))
    return spec.model_copy(update={**told, "inputs": (*canvas, *_references(spec))})


def loosened(spec: JobSpec, model: ModelConfig) -> JobSpec:
    """Return the spec with what ``model`` needs to vary strongly."""
    chaos, weird = max(spec.chaos, model.strong_chaos), max(spec.weird, model.strong_weird)
    return spec.model_copy(update={"chaos": chaos, "weird": weird})


def quiet(spec: JobSpec, before: JobSpec | None, model: ModelConfig) -> JobSpec:
    """Return the spec of an edit that continues a picture, without its words where ``model`` is better so.

    Words that differ from those of ``before`` were meant for this edit, and count.
    """
    same = before is not None and spec.conditions == before.conditions
    return spec.model_copy(update={"wordless": True}) if model.wordless and same else spec


def calm(spec: JobSpec, model: ModelConfig) -> JobSpec:
    """Return a stored picture's spec without the chaos and weird that a strong variation added to it."""
    added = {"chaos": model.strong_chaos, "weird": model.strong_weird} if spec.kind is Kind.VARY else {}
    ours = {name: 0 for name, much in added.items() if getattr(spec, name) == much}
    return spec.model_copy(update=ours)


def whole(spec: JobSpec, model: ModelConfig) -> JobSpec:
    """Return the spec with the model's ordinary weights, if few-step ones drew: they know whole ways only.

    An edit runs a part of the schedule, from a picture; few-step weights learnt to start at noise.
    """
    if not spec.few_steps:
        return spec
    usual = {"steps": model.steps, "guidance_scale": model.guidance_scale}
    return spec.model_copy(
        update={**usual, "sampler": sampler(model.sampler) or model.sampler, "few_steps": False}
    )


def enough(strength: float, steps: int) -> float:
    """Return the strength, raised where it would run none of so few steps: then it is one step's share."""
    # rounded up, for int(strength * steps) is what runs
    return strength if int(strength * steps) else math.ceil(10_000 / steps) / 10_000


def varied(spec: JobSpec, start: str, size: tuple[int, int], strength: float) -> JobSpec:
    """Return the spec of four variations of the picture ``start``, drawn at ``size``."""
    inputs = (Input(sha256=start, role=Role.INIT), *_references(spec))
    return _edited(spec, Kind.VARY, size, inputs, strength=enough(strength, spec.steps))


def repainted(spec: JobSpec, start: str, mask: str, size: tuple[int, int], strength: float) -> JobSpec:
    """Return the spec that repaints ``start`` where ``mask`` is white; drawn at ``size``."""
    canvas = (Input(sha256=start, role=Role.INIT), Input(sha256=mask, role=Role.MASK))
    inputs = (*canvas, *_references(spec))
    return _edited(spec, Kind.INPAINT, size, inputs, strength=enough(strength, spec.steps), tile=False)


def instructed(spec: JobSpec, pictures: Sequence[str], size: tuple[int, int]) -> JobSpec:
    """Return the spec that does to the first of some pictures what the words say, looking at the others."""
    seen = tuple(Input(sha256=one, role=Role.INIT) for one in pictures)
    return _edited(spec, Kind.EDIT, size, (*seen, *_references(spec)))


def upscaled(spec: JobSpec, start: str, size: tuple[int, int], scale: int) -> JobSpec:
    """Return the spec that enlarges the picture ``start`` of ``size`` faithfully."""
    larger = (size[0] * scale, size[1] * scale)
    inputs = (Input(sha256=start, role=Role.INIT),)
    return _edited(spec, Kind.UPSCALE, larger, inputs, scale=scale, count=1, film=False)


def _edited(
    spec: JobSpec, kind: Kind, size: tuple[int, int], inputs: tuple[Input, ...], **more: Any
) -> JobSpec:
    """Return the spec of four pictures made of others; ``more`` is what else is special to their kind."""
    usual = {"count": 4, "scale": 1, "strength": None, "wordless": False}
    told = {"kind": kind, "width": size[0], "height": size[1], "inputs": inputs}
    return spec.model_copy(update={**usual, **told, **more})


def enriched(
    spec: JobSpec,
    start: str,
    size: tuple[int, int],
    scale: int,
    times: float,
    model: ModelConfig,
    limits: LimitsConfig,
    strength: float,
) -> JobSpec:
    """Return the spec that enlarges ``start`` and draws it again in tiles, gently, for new details.

    Raises UserError past the server's pixels.
    """
    wide, high = size[0] * scale, size[1] * scale
    if wide * high > limits.max_pixels:
        raise UserError(
            Sentence(
                "That would be {wide} × {high} pixels, and this server makes at most {max_pixels:,} in "
                "one picture. Take 2x, or a smaller picture.",
                wide=wide,
                high=high,
                max_pixels=limits.max_pixels,
            )
        )
    steady = spec.sampler if spec.sampler in STEADY else "euler"
    return upscaled(spec, start, size, scale).model_copy(
        update={
            "inputs": (Input(sha256=start, role=Role.INIT), *_references(spec)),
            "strength": enough(strength, spec.steps),
            "width": _step(wide / times, model.multiple),
            "height": _step(high / times, model.multiple),
            "sampler": steady,
            "tile": False,
            "stop": 100,
            "chaos": 0,
        }
    )


def _step(side: float, multiple: int) -> int:
    return max(1, round(side / multiple)) * multiple


def located(spec: JobSpec, start: str, size: tuple[int, int]) -> JobSpec:
    """Return the spec that looks in ``start`` for what the spec's words name; equal words find the same."""
    inputs = (Input(sha256=start, role=Role.INIT),)
    return undrawn(spec, Kind.LOCATE, size, seed=0, conditions=spec.conditions[:1], inputs=inputs)


def undrawn(usual: JobSpec, kind: Kind, size: tuple[int, int], **more: Any) -> JobSpec:
    """Return the spec of a job that draws nothing; ``usual``: what a plain prompt would be."""
    told = {"seed": usual.seed, "sampler": usual.sampler, "steps": 1, "guidance_scale": 1.0, "count": 1}
    return JobSpec(kind=kind, model=usual.model, width=size[0], height=size[1], **{**told, **more})


def _references(spec: JobSpec) -> tuple[Input, ...]:
    """Return the inputs that an edit keeps: what it looks like, not what it starts from."""
    return tuple(one for one in spec.inputs if one.role not in (Role.INIT, Role.MASK))
