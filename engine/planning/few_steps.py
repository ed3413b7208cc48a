"""How much is done for a picture: how many steps, and with the model's few-step weights or not. Pure."""

from __future__ import annotations

import math

from engine.config import LimitsConfig, ModelConfig
from engine.jobs import Speed
from engine.planning.values import decimal, integer
from engine.prompt.prompt import Given, Prompt, Value, number
from engine.prompt.samplers import sampler
from engine.words import Sentence, all_of

QUALITIES = (0.25, 0.5, 1.0, 2.0, 4.0)
"""What ``--quality`` is brought to: Midjourney rounds other values to its own steps."""

_NEARNESS = ("prompt", "suffix", "settings", "server", "model")


def quick(prompt: Prompt, model: ModelConfig, speed: Speed | None, notes: list[str]) -> tuple[Prompt, bool]:
    """Return whether few-step weights draw, and the prompt without the settings that these overrule.

    ``--draft`` and turbo ask for them. Steps, guidance or a sampler of other numbers, given at least as near
    as that wish, leave them out; given farther away (a server's defaults, for one) they give way.
    """
    draft = prompt.flags.get("draft")
    turbo = speed is Speed.TURBO
    if draft is None and not turbo:
        return prompt, False
    asked = "--draft" if draft is not None else "turbo"
    if not model.few_steps:
        if draft is not None:
            told = Sentence("`{model}` has no few-step weights: `--draft` took half the usual steps.")
        else:
            told = Sentence("`{model}` has no few-step weights: turbo only let it go ahead of the others.")
        notes.append(Sentence(told, model=model.name))
        return prompt, False
    wish = draft if draft is not None else prompt.flags.get("turbo")
    near = _NEARNESS.index(wish.source) if wish is not None else 0
    against = [given for given in prompt.given if _against(given, model)]
    nearer = [given for given in against if _NEARNESS.index(given.source) <= near]
    if nearer:
        notes.append(
            Sentence.counted(
                len(nearer),
                "{shown} was asked for, so {asked} did not use the few-step weights.",
                "{shown} were asked for, so {asked} did not use the few-step weights.",
                shown=all_of([f"`{given}`" for given in nearer]),
                asked=asked,
            )
        )
        return prompt, False
    if turbo:
        told = Sentence("Turbo: drawn in {steps} steps with few-step weights.", steps=model.few_steps)
        notes.append(told)
    dropped: dict[str, None] = {given.name: None for given in against}
    return prompt.with_flags(dropped), True


def _against(given: Given, model: ModelConfig) -> bool:
    """Say whether a flag asks for other work than the few-step weights are made for."""
    theirs: dict[str, Value] = {
        "steps": model.few_steps,
        "quality": 1,
        "cfg": model.few_steps_guidance,
        "sampler": sampler(model.few_steps_sampler) or model.few_steps_sampler,
    }
    return given.name in theirs and given.value != theirs[given.name]


def steps(prompt: Prompt, model: ModelConfig, limits: LimitsConfig, few: bool, notes: list[str]) -> int:
    """Return the steps; ``few`` as from ``quick``. Past the server's, the most are taken, and said."""
    if few:
        wanted = model.few_steps
    elif asked := integer(prompt, "steps", 0):
        wanted = asked
    elif prompt.get("draft"):
        wanted = max(1, math.ceil(model.steps / 2))
    else:
        quality = decimal(prompt, "quality", 1.0)
        rounded = min(QUALITIES, key=lambda step: (abs(step - quality), -step))
        if rounded != quality:
            told = Sentence("`--quality {quality}` was rounded to {rounded}.")
            notes.append(Sentence(told, quality=number(quality), rounded=number(rounded)))
        wanted = max(1, round(model.steps * rounded))
    if wanted <= limits.max_steps:
        return wanted
    told = Sentence("The steps were held at {steps}, the most this server takes.")
    notes.append(Sentence(told, steps=limits.max_steps))
    return limits.max_steps
