"""One line in, one JSON object out: how a prompt is read and who chose what. Never raises; draws nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.config import Config
from engine.errors import PromptError, UserError
from engine.prompt.clean import clean
from engine.prompt.parse import Parsed, TooManyJobsError, parse
from engine.prompt.permutations import Wildcards
from engine.prompt.prompt import Given, Prompt, Source

Planner = Callable[[Prompt], tuple[Sequence[Given], Sequence[str]]]
"""Decides what a prompt leaves open: further values with their sources, and notes. May raise UserError."""


def as_json(
    line: str,
    config: Config | None = None,
    *,
    options: Mapping[str, str] | None = None,
    suffix: str = "",
    layers: Sequence[tuple[Source, str]] = (),
    planner: Planner | None = None,
    wildcards: Wildcards = lambda name: (),
) -> dict[str, Any]:
    """Return ``{"prompt", "flags", "notes", "jobs", "error"}`` for any line whatever.

    ``flags`` maps each flag's name to ``{"value", "from"}``; where the jobs of one line differ, ``value`` is
    the list of the different ones. ``error`` is None or the sentence of the refusal; then ``flags`` is empty.
    """
    config = config or Config()
    limits = config.limits
    try:
        parsed = parse(
            line,
            options=options,
            suffix=suffix,
            layers=layers,
            limit=limits.permutations,
            length=limits.prompt_length,
            models=tuple(name for model in config.models for name in (model.name, *model.aliases)),
            wildcards=wildcards,
        )
        return _shown(parsed, planner)
    except UserError as error:
        jobs = error.jobs if isinstance(error, TooManyJobsError) else 0
        return {
            "prompt": clean(line[: limits.prompt_length], []),
            "flags": {},
            "notes": [],
            "jobs": jobs,
            "error": sentence(error),
        }


def sentence(error: UserError) -> str:
    """Return a refusal in one line, with the corrected prompt at its end where one could be guessed."""
    said = " ".join(str(error).split())
    repaired = error.repaired if isinstance(error, PromptError) else None
    return f"{said} Try: {repaired}" if repaired else said


def _shown(parsed: Parsed, planner: Planner | None) -> dict[str, Any]:
    values: dict[str, list[Any]] = {}
    origins: dict[str, str] = {}
    notes = list(parsed.notes)
    for prompt in parsed.prompts:
        more, said = planner(prompt) if planner is not None else ((), ())
        notes.extend(said)
        for given in (*prompt.given, *more):
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
