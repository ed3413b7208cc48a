"""A recipe as AUTOMATIC1111 would have written it, so that others redraw from it. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from engine.jobs import JobSpec, Kind

FACT = re.compile(r'\s*([\w ./+\-]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')
"""AUTOMATIC1111's own expression for its last line (``modules/infotext_utils.py``)."""

_SAMPLERS = {
    "ddim": "DDIM",
    "ddpm": "DDPM",
    "euler": "Euler",
    "euler_ancestral": "Euler a",
    "dpmpp_2m": "DPM++ 2M",
    "dpmpp_2m_sde": "DPM++ 2M SDE",
    "dpmpp_3m_sde": "DPM++ 3M SDE",
    "dpmpp_2s": "DPM++ 2S a",
    "dpmpp_sde": "DPM++ SDE",
    "heun": "Heun",
    "kdpm2": "DPM2",
    "kdpm2_ancestral": "DPM2 a",
    "lms": "LMS",
    "unipc": "UniPC",
    "pndm": "PLMS",
    "lcm": "LCM",
}
_SCHEDULES = {
    "karras": "Karras", "exponential": "Exponential", "beta": "Beta", "sgm_uniform": "SGM Uniform",
    "simple": "Simple", "normal": "Normal",
}  # fmt: skip
"""Names of the web UI's release 1.10 (``modules/sd_samplers*.py``, ``modules/sd_schedulers.py``)."""


def sampler_names(sampler: str) -> dict[str, str]:
    """Return ``Sampler`` and ``Schedule type`` as the web UI writes them.

    >>> sampler_names("dpmpp_2m_karras"), sampler_names("euler_ancestral")
    ({'Sampler': 'DPM++ 2M', 'Schedule type': 'Karras'}, {'Sampler': 'Euler a'})
    """
    for schedule, shown in _SCHEDULES.items():
        base = sampler.removesuffix(f"_{schedule}")
        if base != sampler:
            return {"Sampler": _SAMPLERS.get(base, base), "Schedule type": shown}
    return {"Sampler": _SAMPLERS.get(sampler, sampler)}


def as_written_elsewhere(stored: str, spec: JobSpec, hashes: Mapping[str, str], version: str) -> str:
    """Return the stored ``parameters`` with the names and facts that other programs know.

    ``hashes``: SHA-256 by the names of models and LoRAs, as far as they are known.
    """
    head, _, last = stored.rpartition("\n")
    head = _without_negative_weights(head)
    facts: dict[str, str] = {}
    for name, value in FACT.findall(last):
        if name == "Sampler":
            facts |= sampler_names(value)
        elif name == "Model":
            if spec.model in hashes:
                facts["Model hash"] = hashes[spec.model][:10]
            facts[name] = value
        else:
            facts[name] = value
    loras = [f"{lora.name}: {hashes[lora.name][:12]}" for lora in spec.loras if lora.name in hashes]
    if loras:
        facts["Lora hashes"] = json.dumps(", ".join(loras), ensure_ascii=False)
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
