"""How a line is read and planned, as JSON for people who look: ``limner prompt --json``. Draws nothing."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import Any

from engine.config import Config
from engine.errors import UserError
from engine.planning import references, wildcards
from engine.planning.plan import Plan, plan
from engine.prompt.clean import clean
from engine.prompt.parse import Parsed, TooManyJobsError, parse
from engine.prompt.prompt import Given, Value


def as_json(
    line: str, config: Config, *, styles: Mapping[str, str] = MappingProxyType({}), **more: Any
) -> dict[str, Any]:
    """Return ``{"prompt", "flags", "notes", "jobs", "error"}`` for any line whatever; never raises.

    ``flags`` maps each flag's name to ``{"value", "from"}``, also those that the model decides where nobody
    said; where the jobs of one line differ, ``value`` is the list of the different ones. ``error`` is None or
    the sentence of the refusal; then ``flags`` is empty. ``styles`` as for ``plan``, the others as for
    ``parse``.
    """
    limits = config.limits
    try:
        parsed = parse(
            line,
            limit=limits.permutations,
            length=limits.prompt_length,
            models=tuple(name for model in config.models for name in (model.name, *model.aliases)),
            wildcards=wildcards.keeper(config.wildcards.folder),
            **more,
        )
        return _shown(parsed, config, styles)
    except UserError as error:
        said = " ".join(str(error).split())
        return {
            "prompt": clean(line[: limits.prompt_length], []),
            "flags": {},
            "notes": [],
            "jobs": error.jobs if isinstance(error, TooManyJobsError) else 0,
            "error": f"{said} Try: {error.repaired}" if error.repaired else said,
        }


def _shown(parsed: Parsed, config: Config, styles: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, list[Any]] = {}
    origins: dict[str, str] = {}
    notes = list(parsed.notes)
    for prompt in parsed.prompts:
        pictures = references.stand_ins(prompt)
        planned = plan(
            prompt, config.models, config.limits, loras=config.loras, styles=styles, pictures=pictures
        )
        notes.extend(planned.notes)
        for given in (*prompt.given, *_decided(planned)):
            seen = values.setdefault(given.name, [])
            if given.plain() not in seen:
                seen.append(given.plain())
            origins.setdefault(given.name, given.source)
    words = dict.fromkeys(prompt.words for prompt in parsed.prompts)
    return {
        "prompt": next(iter(words)) if len(words) == 1 else parsed.line,
        "flags": {
            name: {"value": seen[0] if len(seen) == 1 else seen, "from": origins[name]}
            for name, seen in values.items()
        },
        "notes": list(dict.fromkeys(notes)),
        "jobs": parsed.jobs,
        "error": None,
    }


def _decided(planned: Plan) -> list[Given]:
    """Return what the model decides where nobody said."""
    spec = planned.spec
    decided: dict[str, Value] = {
        "model": spec.model,
        "ar": "{}:{}".format(*Fraction(spec.width, spec.height).as_integer_ratio()),
        "steps": spec.steps,
        "cfg": spec.guidance_scale,
        "sampler": spec.sampler,
    }
    return [Given(name, decided[name], "model") for name, who in planned.sources.items() if who == "model"]
