"""A recipe as AUTOMATIC1111 would have written it, so that others redraw from it. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from engine.jobs import JobSpec, Kind
from engine.prompt.samplers import sampler_names
from engine.provenance.texts import FACT


def as_written_elsewhere(
    stored: str, spec: JobSpec, hashes: Mapping[str, str], version: str, clip_skip: int | None = None
) -> str:
    """Return the stored ``parameters`` with the names and facts that other programs know.

    ``hashes``: SHA-256 by the names of models and LoRAs, as far as they are known. ``clip_skip``: the layer,
    counted from the end, that the model's text is taken from; None: its usual one.
    """
    head, _, last = stored.rpartition("\n")
    head = _without_negative_weights(head)
    facts: dict[str, str] = {}
    for name, value in FACT.findall(last):
        if name == "Model" and spec.model in hashes:
            facts["Model hash"] = hashes[spec.model][:10]
        if name == "Sampler":
            facts |= sampler_names(value)
        else:
            facts[name] = value
    loras = [f"{lora.name}: {hashes[lora.name][:12]}" for lora in spec.loras if lora.name in hashes]
    if loras:
        facts["Lora hashes"] = json.dumps(", ".join(loras), ensure_ascii=False)
    if clip_skip is not None and clip_skip > 1:
        facts["Clip skip"] = str(clip_skip)
    if spec.kind is Kind.UPSCALE:
        facts["Hires upscale"] = str(spec.scale)
        if spec.strength is not None:
            facts["Hires steps"] = str(spec.steps)
    facts["Version"] = f"limner {version}"
    return f"{head}\n" + ", ".join(f"{name}: {value}" for name, value in facts.items())


_NEGATIVE = "\nNegative prompt: "
_LORAS = re.compile(r"(?: <lora:[^<>]+>)+$")
_STEERED_AWAY = re.compile(r"(.+) :-([0-9.]+)$", re.DOTALL)


def _without_negative_weights(head: str) -> str:
    """Return prompt and negative prompt with texts of negative weight (``--no``) in the negative prompt.

    >>> _without_negative_weights("a fox AND trees :-0.5")
    'a fox\\nNegative prompt: trees'
    """
    wanted, _, unwanted = head.partition(_NEGATIVE)
    loras = found[0] if (found := _LORAS.search(wanted)) else ""
    kept, away = [], [unwanted] if unwanted else []
    for text in wanted.removesuffix(loras).split(" AND "):
        if (steered := _STEERED_AWAY.fullmatch(text)) is None:
            kept.append(text)
        else:
            weight = 2 * float(steered[2])  # `--no` is half of what wants, and the whole of what does not
            away.append(steered[1] if weight == 1 else f"({steered[1]}:{weight:g})")
    if not kept:
        return head
    return " AND ".join(kept) + loras + (_NEGATIVE + ", ".join(away) if away else "")


def record(stored: str, spec: JobSpec, hashes: Mapping[str, str], version: str) -> str:
    """Return our own JSON with the version and the hash of the weights beside what is stored."""
    values = json.loads(stored) | {"version": version}
    if spec.model in hashes:
        values["weights"] = hashes[spec.model]
    return json.dumps(values, ensure_ascii=False, sort_keys=True)
