"""From what a person said to everything that decides the pixels: ``Prompt`` → ``JobSpec``. Draws nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from engine.config import LimitsConfig, LoraConfig, ModelConfig
from engine.errors import PromptError, no_model
from engine.jobs import SEED_MAX, Condition, JobSpec, Kind, Lora, Role, Speed
from engine.planning import few_steps, references
from engine.planning.size import size
from engine.planning.values import decimal, integer, repaired, text
from engine.prompt.flags import DIRECT, STYLE_NAMES, STYLIZE_DEFAULT
from engine.prompt.prompt import NO_WEIGHT, Prompt, Source, number
from engine.prompt.samplers import sampler
from engine.prompt.tokens import near, quote
from engine.words import Sentence, one_of

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
    guidance = decimal(prompt, "cfg", model.few_steps_guidance if few else model.guidance_scale)
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
        sampler=text(prompt, "sampler") or sampler(usual_sampler) or usual_sampler,
        seed=_seed(prompt, seed, notes),
        count=CELLS,
        inputs=inputs,
        stop=integer(prompt, "stop", 100),
        stylize=stylize,
        style=_style(prompt, styles, notes),
        tile=bool(prompt.get("tile")),
        film=bool(prompt.get("video")),
        few_steps=few,
        loras=_loras(prompt, model, loras, notes),
        **{flag.field: integer(prompt, flag.name, 0) for flag in DIRECT},
        adapter=model.ip_adapter is not None and any(one.role is not Role.TASTE for one in inputs),
    )
    if guidance <= 1 and len(spec.conditions) > 1:
        notes.append(
            Sentence("Without guidance (`--cfg 1` or less) `--no` and weights between `::` steer weakly.")
        )
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
        raise PromptError(Sentence("No model is set up on this server. Ask its host to add one."))
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
    name = text(prompt, "model")
    if name:
        found = find_model(name, models)
        if found is None:
            meant = near(name, [model.name for model in models]) or usual.name
            raise PromptError(
                no_model(name, [model.name for model in models]), repaired(prompt, {"model": meant})
            )
        return found
    version, niji = text(prompt, "v"), prompt.get("niji")
    if version:
        aliases = [f"v {version}", f"v{version}", version, f"v {version}.0"]
        told = Sentence("No model here is set for `--v {version}`; it was drawn with `{model}`.")
    elif niji is not None:
        named = [f"niji {niji}", f"niji{niji}"] if isinstance(niji, str) else []
        aliases = [*named, "niji"]
        told = Sentence("No model here is set for `--niji`; it was drawn with `{model}`.")
    else:
        return usual
    for alias in aliases:
        if (found := find_model(alias, models)) is not None:
            return found
    notes.append(Sentence(told, version=version, model=usual.name))
    return usual


# ---------------------------------------------------------------------------------------- the rest


def _conditions(prompt: Prompt) -> tuple[Condition, ...]:
    texts = [*prompt.parts] or [Condition(text="")]
    if prompt.no:
        texts.append(Condition(text=", ".join(prompt.no), weight=NO_WEIGHT))
    return tuple(texts)


def _negative(prompt: Prompt, model: ModelConfig, guidance: float, notes: list[str]) -> str:
    given = prompt.get("negative")
    if given is not None and guidance <= 1:
        notes.append(Sentence("`--negative` does nothing without guidance; raise `--cfg` above 1."))
    return str(given) if given is not None else model.negative_prompt


def _stylize(prompt: Prompt, model: ModelConfig, notes: list[str]) -> int:
    """Return the strength of the house style: 100 where nobody said, none for models without one."""
    raw = bool(prompt.get("raw"))
    if not model.house_style:
        if prompt.get("stylize") or raw:
            flag = "--stylize" if prompt.get("stylize") else "--raw"
            told = Sentence("`{flag}` changes nothing: `{model}` has no house style.")
            notes.append(Sentence(told, flag=flag, model=model.name))
        return 0
    if prompt.get("stylize") is None:
        return 0 if raw else STYLIZE_DEFAULT
    stylize = integer(prompt, "stylize", STYLIZE_DEFAULT)
    return stylize // 2 if raw else stylize


def _style(prompt: Prompt, styles: Mapping[str, str], notes: list[str]) -> str:
    """Return a preset's name, or the words of a server's own style: what is drawn must stand in the spec."""
    name = text(prompt, "style")
    known = {style.lower(): style for style in (*STYLE_NAMES, *styles)}
    if not name or name.lower() in known:
        return styles.get(known[name.lower()], known[name.lower()]) if name else ""
    meant = near(name, tuple(known))
    if meant is None and _CODE.fullmatch(name):
        told = Sentence("`--style {name}` looks like a code of Midjourney's style tuner and was left out.")
        notes.append(Sentence(told, name=name))
        return ""
    raise PromptError(
        Sentence(
            "There is no style {name}. There are {styles}.",
            name=quote(name),
            styles=", ".join(f"`{style}`" for style in known.values()),
        ),
        repaired(prompt, {"style": meant}),
    )


def _loras(
    prompt: Prompt, model: ModelConfig, loras: Sequence[LoraConfig], notes: list[str]
) -> tuple[Lora, ...]:
    fitting = {lora.name: lora for lora in loras if lora.model in ("", model.name)}
    found = []
    for asked in prompt.loras:
        name = asked.name.lower()
        if name not in fitting:
            listed = ", ".join(f"`{known}`" for known in fitting)
            have = Sentence("There are {listed}.", listed=listed) if fitting else Sentence("There are none.")
            meant = near(name, tuple(fitting))
            kept = tuple(
                f"{meant if lora.name == asked.name else lora.name}:{number(lora.weight)}"
                for lora in prompt.loras
                if lora.name != asked.name or meant
            )
            raise PromptError(
                Sentence(
                    "There is no LoRA {name} for `{model}`. {have}",
                    name=quote(asked.name),
                    model=model.name,
                    have=have,
                ),
                repaired(prompt, {"lora": kept or None}),
            )
        found.append(Lora(name=name, weight=asked.weight))
        words = fitting[name].trigger_words or ()
        said = " ".join(part.text for part in prompt.parts).casefold()
        if words and asked.weight and not any(word.casefold() in said for word in words):
            listed = one_of([f"`{word}`" for word in words])
            told = Sentence(
                "The LoRA `{name}` was taught with the words {words}; say them to see more of it."
            )
            notes.append(Sentence(told, name=name, words=listed))
    return tuple(found)


def _seed(prompt: Prompt, seed: int, notes: list[str]) -> int:
    """Return the seed of the first cell; copies of ``--repeat`` go on where the one before ended."""
    given = prompt.get("seed")
    first = integer(prompt, "seed", seed) if given is not None else seed
    if given is not None and prompt.turn:
        first += CELLS * prompt.turn
        if prompt.turn == 1:
            notes.append(Sentence("With `--seed` and `--repeat`, each copy goes on with the next seeds."))
    return first % (SEED_MAX + 1)


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
