"""From a structured request to a spec: its text is taken as it is, without anyone's settings. Pure.

The file handed out has exactly the size that was asked. It is drawn at the nearest size the model does well,
of the same shape, then cropped to the shape and resampled (``JobSpec.fitted``).
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.config import LimitsConfig, ModelConfig
from engine.errors import UserError
from engine.jobs import Condition, Input, JobSpec, Lora, Role
from engine.planning import edit_specs as specs
from engine.planning.references import IMAGE_WEIGHT
from engine.planning.size import sides
from engine.prompt.flags import STYLE_NAMES
from engine.prompt.samplers import sampler

WELL = (0.5, 1.5)
"""Shares of a model's own pixels between which it draws well from words; 1.0: as it was trained."""

SIDES = (16, 4096)
"""The shortest and the longest side of a file in pixels."""

LARGEST_FILE = 4096 * 4096
"""Most pixels of a file that is resampled or enlarged."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A picture as a program asks for it. None: what the model's entry says.

    ``size``: of the file, width and height in pixels. ``start``: SHA-256 of the kept picture it begins with;
    ``strength``: the share of the noise schedule that is run on it, 0 (none: the picture itself) to 1 (it is
    ignored). ``mask``: SHA-256 of a kept mask, white repaints. ``until``: the share of the schedule at which
    it stops. ``enlarge``: nothing is drawn, ``start`` is brought to ``size``. ``beside``: SHA-256 of kept
    pictures that are looked at while ``start`` is drawn over.
    """

    texts: tuple[Condition, ...] = ()
    negative: str | None = None
    model: str | None = None
    size: tuple[int, int] | None = None
    count: int = 1
    seed: int | None = None
    steps: int | None = None
    guidance: float | None = None
    sampler: str | None = None
    style: str = ""
    loras: tuple[Lora, ...] = ()
    tile: bool = False
    start: str | None = None
    strength: float | None = None
    mask: str | None = None
    until: float = 1.0
    enlarge: bool = False
    beside: tuple[str, ...] = ()


def spec_of(
    asked: Literal,
    model: ModelConfig,
    limits: LimitsConfig,
    seed: int,
    start_size: tuple[int, int] | None = None,
) -> JobSpec:
    """Return the spec. ``seed`` where none was asked for; ``start_size``: that of ``start``, in pixels.

    Raises UserError with one sentence for what cannot be drawn here.
    """
    size = asked.size or start_size or (model.width * model.enlarged, model.height * model.enlarged)
    _check(asked, size, limits)
    drawn = well(size, model, limits, start=start_size is not None)
    name = asked.sampler and sampler(asked.sampler)
    if asked.sampler and not name:
        raise UserError(f"There is no sampler `{asked.sampler[:40]}`.")
    guidance = model.guidance_scale if asked.guidance is None else asked.guidance
    spec = JobSpec(
        model=model.name,
        conditions=asked.texts or (Condition(text=""),),
        negative_prompt=model.negative_prompt if asked.negative is None else asked.negative,
        width=drawn[0],
        height=drawn[1],
        steps=model.steps if asked.steps is None else asked.steps,
        guidance_scale=guidance,
        sampler=name or sampler(model.sampler) or model.sampler,
        seed=seed if asked.seed is None else asked.seed,
        count=asked.count,
        style=asked.style,
        loras=asked.loras,
        tile=asked.tile,
        stop=max(10, min(100, round(asked.until * 100))),
        inputs=tuple(
            Input(sha256=one, role=Role.PROMPT, weight=IMAGE_WEIGHT / len(asked.beside))
            for one in asked.beside
        ),
        fitted=size,
    )
    return spec if asked.start is None else _from_picture(asked, spec, start_size or size, limits)


def check_size(size: tuple[int, int], limits: LimitsConfig, *, enlarged: bool = False) -> None:
    """Raise UserError where no file of this size is made. ``enlarged``: nothing is drawn for it."""
    if not SIDES[0] <= min(size) <= max(size) <= SIDES[1]:
        raise UserError(f"{size[0]} × {size[1]} cannot be made: a side has {SIDES[0]} to {SIDES[1]} pixels.")
    if size[0] * size[1] > (LARGEST_FILE if enlarged else max(limits.max_pixels, LARGEST_FILE // 4)):
        raise UserError(f"{size[0]} × {size[1]} pixels is more than this server makes in one picture.")


def _check(asked: Literal, size: tuple[int, int], limits: LimitsConfig) -> None:
    if asked.texts and not any(text.weight > 0 for text in asked.texts):
        raise UserError("At least one text needs a weight above 0: there is nothing to draw.")
    check_size(size, limits, enlarged=asked.enlarge)
    if asked.steps is not None and not 1 <= asked.steps <= limits.max_steps:
        raise UserError(f"Steps go from 1 to {limits.max_steps} on this server.")
    if asked.style and asked.style not in STYLE_NAMES:
        raise UserError(f"There is no style `{asked.style[:40]}`. There are {', '.join(STYLE_NAMES)}.")


def well(
    size: tuple[int, int], model: ModelConfig, limits: LimitsConfig, *, start: bool = False
) -> tuple[int, int]:
    """Return the size at which the model draws a file of ``size`` well: its shape, on the model's multiple.

    A shape too long for the model is drawn at its longest, and cropped. ``start``: from a picture, whose own
    structure bears more and less.
    """
    wide, high = size
    longest = model.max_ratio * min(size)
    wide, high = min(wide, int(longest)), min(high, int(longest))
    usual = model.width * model.height
    least, most = (specs.SMALLEST, specs.LARGEST) if start else WELL
    area = min(max(wide * high / model.enlarged**2, usual * least), usual * most, limits.max_pixels)
    return sides(area, wide, high, model.multiple)


def _from_picture(asked: Literal, spec: JobSpec, size: tuple[int, int], limits: LimitsConfig) -> JobSpec:
    """Return the spec that begins with a picture of ``size``."""
    start = asked.start
    assert start is not None
    fitted = spec.fitted or size
    if asked.enlarge or asked.strength == 0:
        scale = (
            1 if asked.strength == 0 or max(fitted) <= max(size) else 2 if max(fitted) <= 2 * max(size) else 4
        )
        while scale > 1 and size[0] * size[1] * scale**2 > limits.max_pixels:
            scale //= 2
        return specs.upscaled(spec, start, size, scale)
    strength = 1.0 if asked.strength is None else asked.strength
    if asked.mask is None:
        changed = specs.varied(spec, start, (spec.width, spec.height), strength)
    else:
        changed = specs.repainted(spec, start, asked.mask, (spec.width, spec.height), strength)
    return changed.model_copy(update={"count": asked.count})
