"""From what a person said to everything that decides the pixels: ``Prompt`` → ``JobSpec``. Draws nothing."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from engine.config import Config, LimitsConfig, LoraConfig, ModelConfig
from engine.errors import PromptError
from engine.jobs import SEED_MAX, Condition, JobSpec, Kind, Lora, Role, Speed
from engine.planning import few_steps, references, wildcards
from engine.prompt.explain import as_json as read_as_json
from engine.prompt.flags import STYLE_NAMES, STYLIZE_DEFAULT
from engine.prompt.prompt import NO_WEIGHT, Given, Prompt, Source, Value, number
from engine.prompt.samplers import sampler
from engine.prompt.tokens import near, quote

CELLS = 4
"""Pictures of one grid."""

_CODE = re.compile(r"(?=.*\d)[A-Za-z0-9]{6,}(?:-[A-Za-z0-9]{4,})*")


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be drawn, sentences for under the result, and who chose what, by flag name."""

    spec: JobSpec
    notes: tuple[str, ...] = ()
    sources: Mapping[str, Source] = field(default_factory=dict)


def plan(
    prompt: Prompt,
    models: Sequence[ModelConfig],
    limits: LimitsConfig | None = None,
    seed: int = 0,
    *,
    loras: Sequence[LoraConfig] = (),
    styles: Mapping[str, str] = MappingProxyType({}),
    pictures: Mapping[str, str] | None = None,
    speed: Speed | None = None,
) -> Plan:
    """Decide everything a prompt leaves open, with ``seed`` where none was given.

    ``styles`` are a server's own styles next to the 17 presets, by name: the words each adds; ``pictures``
    gives the SHA-256 of what stands behind each of the prompt's links (``planning.references``); whoever can
    fetch them has done so. ``speed`` goes before the prompt's own: turbo takes few-step weights where the
    model has them.

    Raises PromptError where the prompt asks for what cannot be: an unknown model, LoRA or style, pictures
    that nobody fetched.
    """
    limits = limits or LimitsConfig()
    notes: list[str] = []
    inputs = references.inputs(prompt, pictures or {})
    model = choose_model(prompt, models, notes)
    width, height = size(prompt, model, limits, notes)
    prompt, few = few_steps.quick(prompt, model, speed or prompt.speed, notes)
    steps = few_steps.steps(prompt, model, limits, few, notes)
    guidance = _float(prompt, "cfg", model.few_steps_guidance if few else model.guidance_scale)
    usual_sampler = model.few_steps_sampler if few else model.sampler
    stylize = _stylize(prompt, model, notes)
    spec = JobSpec(
        kind=Kind.IMAGINE if prompt.parts else Kind.BLEND,
        model=model.name,
        conditions=_conditions(prompt),
        negative_prompt=_negative(prompt, model, guidance, notes),
        width=width,
        height=height,
        steps=steps,
        guidance_scale=guidance,
        sampler=_text(prompt, "sampler") or sampler(usual_sampler) or usual_sampler,
        seed=_seed(prompt, seed, notes),
        count=CELLS,
        inputs=inputs,
        stop=_int(prompt, "stop", 100),
        chaos=_int(prompt, "chaos", 0),
        stylize=stylize,
        weird=_int(prompt, "weird", 0),
        exp=_int(prompt, "exp", 0),
        style=_style(prompt, styles, notes),
        tile=bool(prompt.get("tile")),
        film=bool(prompt.get("video")),
        few_steps=few,
        loras=_loras(prompt, model, loras),
        adapter=model.ip_adapter is not None and any(one.role is not Role.TASTE for one in inputs),
    )
    if guidance <= 1 and len(spec.conditions) > 1:
        notes.append("Without guidance (`--cfg 1` or less) `--no` and weights between `::` steer weakly.")
    return Plan(spec, tuple(notes), sources(prompt))


def sources(prompt: Prompt) -> dict[str, Source]:
    """Return who chose each value, by flag name; what nobody gave is the model's."""
    found: dict[str, Source] = {given.name: given.source for given in prompt.given}
    if not found.keys() & {"v", "niji", "model"}:
        found["model"] = "model"
    if not found.keys() & {"ar", "width", "height"}:
        found["ar"] = "model"
    for name in ("steps", "cfg", "sampler"):
        if name not in found and not (name == "steps" and found.keys() & {"quality", "draft"}):
            found[name] = "model"
    return found


# ---------------------------------------------------------------------------------------- the model


def default_model(models: Sequence[ModelConfig]) -> ModelConfig:
    """Return the model people get who name none. Raises PromptError where none is configured."""
    if not models:
        raise PromptError("No model is set up on this server. Ask its host to add one.")
    return next((model for model in models if model.default), models[0])


def find_model(name: str, models: Sequence[ModelConfig]) -> ModelConfig | None:
    """Return the model that goes by ``name`` or has it as an alias, whatever the case; or None."""
    wanted = " ".join(name.lower().split())
    for model in models:
        if wanted == model.name or wanted in (" ".join(alias.lower().split()) for alias in model.aliases):
            return model
    return None


def choose_model(prompt: Prompt, models: Sequence[ModelConfig], notes: list[str]) -> ModelConfig:
    """Return the model a prompt asks for by ``--model``, ``--v`` or ``--niji``, else the default one."""
    usual = default_model(models)
    name = _text(prompt, "model")
    if name:
        found = find_model(name, models)
        if found is None:
            meant = near(name, [model.name for model in models]) or usual.name
            raise PromptError(
                f"There is no model {quote(name)} here. There {'is' if len(models) == 1 else 'are'} "
                + ", ".join(f"`{model.name}`" for model in models)
                + ".",
                _with(prompt, {"model": meant}),
            )
        return found
    version = _text(prompt, "v")
    if version:
        for alias in (f"v {version}", f"v{version}", version, f"v {version}.0"):
            if (found := find_model(alias, models)) is not None:
                return found
        notes.append(f"No model here stands for `--v {version}`; it was drawn with `{usual.name}`.")
        return usual
    niji = prompt.get("niji")
    if niji is not None:
        for alias in ([f"niji {niji}", f"niji{niji}"] if isinstance(niji, str) else []) + ["niji"]:
            if (found := find_model(alias, models)) is not None:
                return found
        notes.append(f"No model here stands for `--niji`; it was drawn with `{usual.name}`.")
    return usual


# ---------------------------------------------------------------------------------------- the size


def size(prompt: Prompt, model: ModelConfig, limits: LimitsConfig, notes: list[str]) -> tuple[int, int]:
    """Return width and height in pixels: the ones asked for, or the model's own pixel count at ``--ar``.

    Sides are brought to the model's multiple, to the model's widest or tallest shape and to the pixels this
    server draws at once; each is said.
    """
    wide, high = prompt.get("width"), prompt.get("height")
    ratio = _text(prompt, "ar")
    a, b = (int(side) for side in ratio.split(":")) if ratio else (model.width, model.height)
    if not isinstance(wide, int) and not isinstance(high, int):
        if _too_long(a, b, model):
            nearest = _limit_ratio(model, a > b)
            notes.append(
                f"`--ar {ratio}` is too {'wide' if a > b else 'tall'} for `{model.name}`; it was drawn at "
                f"{nearest}, the nearest shape that model draws."
            )
            a, b = (int(side) for side in nearest.split(":"))
        width, height = sides(model.width * model.height, a, b, model.multiple)
    else:
        if isinstance(wide, int) and isinstance(high, int) and ratio:
            notes.append(f"`--ar {ratio}` gives way to `--width` and `--height`.")
        asked_wide = wide if isinstance(wide, int) else int(high) * a / b  # type: ignore[arg-type]
        asked_high = high if isinstance(high, int) else int(wide) * b / a  # type: ignore[arg-type]
        width, height = _near(asked_wide, model.multiple), _near(asked_high, model.multiple)
        if (isinstance(wide, int) and width != wide) or (isinstance(high, int) and height != high):
            notes.append(
                f"Drawn at {width} × {height}: sides of `{model.name}` are multiples of {model.multiple}."
            )
        if _too_long(width, height, model):
            asked = f"{width} × {height} is too {'wide' if width > height else 'tall'} for `{model.name}`"
            longest = int(min(width, height) * model.max_ratio) // model.multiple * model.multiple
            width, height = min(width, longest), min(height, longest)
            notes.append(f"{asked}; it was drawn at {width} × {height}, the nearest shape that model draws.")
    if width * height > limits.max_pixels:
        fitting = sides(limits.max_pixels, width, height, model.multiple, upward=False)
        notes.append(
            f"{width} × {height} pixels is more than this server draws at once; it was drawn at "
            f"{fitting[0]} × {fitting[1]}, the most at this shape."
        )
        width, height = fitting
    return width, height


def _too_long(a: float, b: float, model: ModelConfig) -> bool:
    return max(a, b) > model.max_ratio * min(a, b) * (1 + 1e-9)


def sides(area: float, a: int, b: int, multiple: int, upward: bool = True) -> tuple[int, int]:
    """Return the sides of ``area`` pixels at the ratio ``a:b``, each at the nearest multiple (half goes up).

    ``upward`` False takes the multiple below, so that the area is not passed.

    >>> sides(512 * 512, 3, 2, 8), sides(1024 * 1024, 16, 9, 8)
    ((624, 416), (1368, 768))
    """
    wide, high = math.sqrt(area * a / b), math.sqrt(area * b / a)
    if not upward:
        return max(multiple, int(wide // multiple) * multiple), max(
            multiple, int(high // multiple) * multiple
        )
    return _near(wide, multiple), _near(high, multiple)


def _near(side: float, multiple: int) -> int:
    return max(multiple, math.floor(side / multiple + 0.5) * multiple)


def _limit_ratio(model: ModelConfig, wide: bool) -> str:
    """Return the model's widest (or tallest) ratio in whole numbers."""
    hundredths = int(model.max_ratio * 100)
    common = math.gcd(hundredths, 100)
    long, short = hundredths // common, 100 // common
    return f"{long}:{short}" if wide else f"{short}:{long}"


# ---------------------------------------------------------------------------------------- the rest


def _conditions(prompt: Prompt) -> tuple[Condition, ...]:
    texts = [Condition(text=part.text, weight=part.weight) for part in prompt.parts] or [Condition(text="")]
    if prompt.no:
        texts.append(Condition(text=", ".join(prompt.no), weight=NO_WEIGHT))
    return tuple(texts)


def _negative(prompt: Prompt, model: ModelConfig, guidance: float, notes: list[str]) -> str:
    given = prompt.get("negative")
    if given is not None and guidance <= 1:
        notes.append("`--negative` does nothing without guidance; raise `--cfg` above 1.")
    return str(given) if given is not None else model.negative_prompt


def _stylize(prompt: Prompt, model: ModelConfig, notes: list[str]) -> int:
    """Return the strength of the house style: 100 where nobody said, none for models without one."""
    raw = bool(prompt.get("raw"))
    if not model.house_style:
        if prompt.get("stylize") or raw:
            flag = "--stylize" if prompt.get("stylize") else "--raw"
            notes.append(f"`{flag}` changes nothing: `{model.name}` has no house style.")
        return 0
    if prompt.get("stylize") is None:
        return 0 if raw else STYLIZE_DEFAULT
    stylize = _int(prompt, "stylize", STYLIZE_DEFAULT)
    return stylize // 2 if raw else stylize


def _style(prompt: Prompt, styles: Mapping[str, str], notes: list[str]) -> str:
    """Return a preset's name, or the words of a server's own style: what is drawn must stand in the spec."""
    name = _text(prompt, "style")
    known = {style.lower(): style for style in (*STYLE_NAMES, *styles)}
    if not name or name.lower() in known:
        return styles.get(known[name.lower()], known[name.lower()]) if name else ""
    meant = near(name, tuple(known))
    if meant is None and _CODE.fullmatch(name):
        notes.append(f"`--style {name}` looks like a code of Midjourney's style tuner and was left out.")
        return ""
    raise PromptError(
        f"There is no style {quote(name)}. There are "
        + ", ".join(f"`{style}`" for style in known.values())
        + ".",
        _with(prompt, {"style": meant}),
    )


def _loras(prompt: Prompt, model: ModelConfig, loras: Sequence[LoraConfig]) -> tuple[Lora, ...]:
    fitting = {lora.name: lora for lora in loras if lora.model in ("", model.name)}
    found = []
    for asked in prompt.loras:
        name = asked.name.lower()
        if name not in fitting:
            listed = ", ".join(f"`{known}`" for known in fitting)
            have = f"There are {listed}." if fitting else "There are none."
            meant = near(name, tuple(fitting))
            kept = tuple(
                f"{meant if lora.name == asked.name else lora.name}:{number(lora.weight)}"
                for lora in prompt.loras
                if lora.name != asked.name or meant
            )
            raise PromptError(
                f"There is no LoRA {quote(asked.name)} for `{model.name}`. {have}",
                _with(prompt, {"lora": kept or None}),
            )
        found.append(Lora(name=name, weight=asked.weight))
    return tuple(found)


def _seed(prompt: Prompt, seed: int, notes: list[str]) -> int:
    """Return the seed of the first cell; copies of ``--repeat`` go on where the one before ended."""
    given = prompt.get("seed")
    first = _int(prompt, "seed", seed) if given is not None else seed
    if given is not None and prompt.turn:
        first += CELLS * prompt.turn
        if prompt.turn == 1:
            notes.append("With `--seed` and `--repeat`, each copy goes on with the next seeds.")
    return first % (SEED_MAX + 1)


def _int(prompt: Prompt, name: str, default: int) -> int:
    value = prompt.get(name)
    return int(value) if isinstance(value, int | float) else default


def _float(prompt: Prompt, name: str, default: float) -> float:
    value = prompt.get(name)
    return float(value) if isinstance(value, int | float) else default


def _text(prompt: Prompt, name: str) -> str:
    value = prompt.get(name)
    return value if isinstance(value, str) else ""


def _with(prompt: Prompt, changes: Mapping[str, int | str | tuple[str, ...] | None]) -> str:
    """Return the person's line with flags changed: the line to copy."""
    return prompt.with_flags(changes).to_line(("prompt",))


# ---------------------------------------------------------------------------------------- for people


def plain(model: ModelConfig) -> JobSpec:
    """Return the spec of a prompt without flags: what prices are told in."""
    return JobSpec(
        model=model.name,
        conditions=(Condition(text=""),),
        width=model.width,
        height=model.height,
        steps=model.steps,
        guidance_scale=model.guidance_scale,
        sampler=sampler(model.sampler) or model.sampler,
        seed=0,
        count=CELLS,
    )


def price(work: float, plain_work: float) -> str:
    """Return a job's work as people read it: in grids without flags, whose work is ``plain_work``.

    >>> price(160, 160), price(80, 160), price(3, 160), price(4000, 160)
    ('1 grid', '0.5 grids', 'less than 0.1 grids', '25 grids')
    """
    grids = work / plain_work
    if grids < 0.1:
        return "less than 0.1 grids"
    shown = number(round(grids, 1 if grids < 10 else 0))
    return f"{shown} grid" if shown == "1" else f"{shown} grids"


def as_json(
    line: str, config: Config, *, styles: Mapping[str, str] = MappingProxyType({}), **more: Any
) -> dict[str, Any]:
    """Return how a line is read, what the model decides where nobody said, and every refusal; never raises.

    The object is ``engine.prompt.as_json``'s, which also says what ``more`` may hold; ``styles`` as for
    ``plan``.
    """

    def decide(prompt: Prompt) -> tuple[list[Given], tuple[str, ...]]:
        planned = plan(
            prompt,
            config.models,
            config.limits,
            loras=config.loras,
            styles=styles,
            pictures=references.stand_ins(prompt),
        )
        spec = planned.spec
        decided: dict[str, Value] = {
            "model": spec.model,
            "ar": "{}:{}".format(*_ratio(spec.width, spec.height)),
            "steps": spec.steps,
            "cfg": spec.guidance_scale,
            "sampler": spec.sampler,
        }
        return [
            Given(name, decided[name], "model") for name, who in planned.sources.items() if who == "model"
        ], planned.notes

    kept = wildcards.keeper(config.wildcards.folder)
    return read_as_json(line, config, planner=decide, wildcards=kept, **more)


def _ratio(width: int, height: int) -> tuple[int, int]:
    common = math.gcd(width, height)
    return width // common, height // common
