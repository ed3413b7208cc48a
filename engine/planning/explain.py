"""How a line is read and planned, as JSON for people who look: ``limner prompt --json``."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import Any

from engine.config import Config
from engine.planning import references, wildcards
from engine.planning.plan import plan
from engine.prompt.explain import as_json as read_as_json
from engine.prompt.prompt import Given, Prompt, Value


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
            "ar": "{}:{}".format(*Fraction(spec.width, spec.height).as_integer_ratio()),
            "steps": spec.steps,
            "cfg": spec.guidance_scale,
            "sampler": spec.sampler,
        }
        return [
            Given(name, decided[name], "model") for name, who in planned.sources.items() if who == "model"
        ], planned.notes

    kept = wildcards.keeper(config.wildcards.folder)
    return read_as_json(line, config, planner=decide, wildcards=kept, **more)
