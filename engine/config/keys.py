"""The keys a host wrote: which there are not, what the environment lays over them, which values are wrong.

Pure: knows how sections are declared (`engine.config` has them), not what any of them means.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from types import UnionType
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from engine.config.devices import WORKERS_GONE
from engine.errors import ConfigError

MISTAKES = 5
"""So many mistakes of a configuration are told at once."""
# variables that begin like a setting and are none
_NOT_SETTINGS = frozenset({"LIMNER_DISCORD_API", "LIMNER_DISCORD_GATEWAY"})


def _section_of(annotation: object) -> tuple[type[BaseModel] | None, bool]:
    """Return the section class an annotation holds, and whether it is a list of them."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, False
    if get_origin(annotation) is tuple:
        inner = get_args(annotation)[0]
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            return inner, True
    if get_origin(annotation) is UnionType:  # a section that may be absent
        return _section_of(get_args(annotation)[0])
    return None, False


def unknown_keys(
    values: Mapping[str, Any], section: type[BaseModel], root: type[BaseModel], prefix: str = ""
) -> Iterator[str]:
    """Yield a sentence for each unknown key, with the nearest right one; pydantic would only say 'extra'.

    ``root`` is the whole configuration: a key may belong into another of its sections.
    """
    for key, value in values.items():
        field = section.model_fields.get(key)
        if prefix + key == "engine.workers":
            yield WORKERS_GONE
            continue
        if field is None:
            yield _unknown(prefix + key, key, section, prefix, root)
            continue
        inner, many = _section_of(field.annotation)
        if inner is None:
            continue
        if many:
            if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
                yield f"`{prefix}{key}` is a list of tables. Write `[[{prefix}{key}]]` above each."
                continue
            for number, item in enumerate(value, start=1):
                yield from (f"{key} number {number}: {said}" for said in unknown_keys(item, inner, root))
        elif not isinstance(value, dict):
            yield f"`{prefix}{key}` is a section. Write `[{key}]` above its keys."
        else:
            yield from unknown_keys(value, inner, root, f"{prefix}{key}.")


def drop_retired(values: dict[str, Any]) -> Iterator[str]:
    """Take keys that older versions read out of a file's values, in place; yield a sentence for each."""
    models = values.get("models")
    for number, model in enumerate(models if isinstance(models, list) else (), start=1):
        if isinstance(model, dict) and model.pop("family", None) is not None:
            yield f"models number {number}: `family` is read no more: the weights say it. Delete the line."


def listed(mistakes: Sequence[str]) -> str:
    """Return all mistakes in one line, each a sentence; of very many the first."""
    more = f" And {len(mistakes) - MISTAKES} more." if len(mistakes) > MISTAKES else ""
    return " ".join([mistakes[0], *(one[0].upper() + one[1:] for one in mistakes[1:MISTAKES])]) + more


def _unknown(shown: str, key: str, section: type[BaseModel], prefix: str, root: type[BaseModel]) -> str:
    """Say that a key is unknown and which one is nearest: here first, then in the other sections."""
    near = difflib.get_close_matches(key, section.model_fields, n=1, cutoff=0.6)
    if near:
        return f"there is no key `{shown}`. Did you mean `{prefix}{near[0]}`?"
    for name, field in root.model_fields.items():
        inner, many = _section_of(field.annotation)
        if inner is not None and key in inner.model_fields:
            table = f"[[{name}]]" if many else f"[{name}]"
            return f"there is no key `{shown}`. `{key}` belongs under `{table}`."
    keys = ", ".join(f"`{name}`" for name in section.model_fields)
    return f"there is no key `{shown}`. The keys here are {keys}."


def overlay(values: dict[str, Any], environ: Mapping[str, str], root: type[BaseModel]) -> None:
    """Lay ``LIMNER_…`` variables over the file's values, in place."""
    for variable, text in sorted(environ.items()):
        if not variable.startswith("LIMNER_") or variable in _NOT_SETTINGS:
            continue
        rest = variable.removeprefix("LIMNER_").lower()
        for name, field in root.model_fields.items():
            inner, many = _section_of(field.annotation)
            if inner is None and rest == name:
                values[name] = _from_text(text, field.annotation)
            elif inner is not None and not many and rest.startswith(f"{name}_"):
                key = rest.removeprefix(f"{name}_")
                if variable == "LIMNER_ENGINE_WORKERS":
                    raise ConfigError(f"The environment: {WORKERS_GONE}")
                if key not in inner.model_fields:
                    near = difflib.get_close_matches(key, inner.model_fields, n=1, cutoff=0.6)
                    hint = f" Did you mean `LIMNER_{name.upper()}_{near[0].upper()}`?" if near else ""
                    raise ConfigError(f"The environment variable `{variable}` names no setting.{hint}")
                values.setdefault(name, {})[key] = _from_text(text, inner.model_fields[key].annotation)


def _from_text(text: str, annotation: object) -> object:
    """Read an environment variable's text: a list is split at commas, the rest is left to pydantic."""
    if get_origin(annotation) is tuple:
        return [part.strip() for part in text.split(",") if part.strip()]
    return text


def wrong_values(error: ValidationError, where: str, environ: Mapping[str, str]) -> str:
    """Turn pydantic's complaints into one line that names each key as the host wrote it."""
    said = []
    for one in error.errors(include_url=False):
        location = list(one["loc"])
        shown = ".".join(str(part) for part in location if not isinstance(part, int))
        variable = f"LIMNER_{shown.replace('.', '_').upper()}"
        place = where
        if variable in environ:
            place, shown = "the environment", variable
        elif location and location[0] in ("models", "loras") and len(location) > 1:
            shown = ".".join(str(part) for part in location[2:]) or str(location[0])
            place = f"{where}: {location[0]} number {int(location[1]) + 1}"
        if one["type"] == "missing":
            said.append(f"{place}: the key `{shown}` is missing. Add it.")
            continue
        given = one["input"]
        text = f'"{given}"' if isinstance(given, str) else json.dumps(given, default=str, ensure_ascii=False)
        said.append(f"{place}: `{shown}` cannot be {text[:80]}. It {_wanted(dict(one))}.")
    more = f" And {len(said) - MISTAKES} more." if len(said) > MISTAKES else ""
    return " ".join(said[:MISTAKES]) + more


def _wanted(first: Mapping[str, Any]) -> str:
    """Say what a value must be, from pydantic's error type."""
    context = first.get("ctx") or {}
    kinds = {
        "int": "must be a whole number",
        "float": "must be a number",
        "bool": "must be true or false",
        "string": "must be text in quotes",
        "tuple": "must be a list in square brackets",
        "path": "must be a path in quotes",
    }
    kind = str(first["type"])
    if kind == "literal_error":
        return f"must be one of {context.get('expected')}"
    if kind == "string_pattern_mismatch":
        return "must be lower-case letters, digits, dots, dashes and underscores, at most 64, without spaces"
    for name, words in kinds.items():
        if kind.startswith(name):
            return words
    return str(first["msg"]).replace("Input should be", "must be").replace("Value error, ", "is wrong: ")
