"""What a file says it was drawn with: our recipe, and those of five other programs. For the decoding process.

``sd_parsers`` reads AUTOMATIC1111 (with SD.Next, Forge), ComfyUI, InvokeAI, NovelAI and Fooocus. It gets
texts that were taken out with limits before, never the file.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import sd_parsers
from PIL import Image
from sd_parsers.data import Generators

from engine.provenance.texts import FACT, texts_of
from engine.provenance.values import FoundRecipe

LONGEST = 20_000
"""Most characters of a prompt that are told."""
FACTS = 40
_OURS = "Limner"


_NAMES = {
    "steps": "Steps",
    "sampler": "Sampler",
    "sampler_name": "Sampler",
    "scheduler": "Schedule type",
    "cfg_scale": "CFG scale",
    "cfg": "CFG scale",
    "scale": "CFG scale",
    "seed": "Seed",
    "noise_seed": "Seed",
    "width": "Width",
    "height": "Height",
    "size": "Size",
    "resolution": "Size",
    "denoise": "Denoising strength",
    "strength": "Denoising strength",
}


def recipe_of(data: bytes) -> FoundRecipe | None:
    """Return the recipe in a file, None where there is none. Never raises, except for memory and time."""
    texts = texts_of(data)
    if not texts:
        return None
    found = _parsed(texts)
    record = texts.get("limner")
    if record is not None and len(record) <= 65_536:
        with contextlib.suppress(ValueError, RecursionError):
            if isinstance(json.loads(record), dict):
                base = found or FoundRecipe(_OURS, "")
                return replace(base, program=_OURS, record=record)
    if found is not None and found.facts.get("Version", "").startswith("limner"):
        return replace(found, program=_OURS)
    return found


def _parsed(texts: Mapping[str, str]) -> FoundRecipe | None:
    """Return what sd_parsers makes of texts, given to it as those of an empty picture."""
    bearer = Image.new("L", (1, 1))
    bearer.format = "PNG"
    bearer.info.update(texts)
    if "prompt" in texts:
        bearer.info["workflow"] = _workflow(texts)
    try:
        info = sd_parsers.ParserManager(eagerness=sd_parsers.Eagerness.FAST).parse(bearer)
    except MemoryError:
        raise
    except Exception:  # a parser may stumble over anything in a strange file
        return None
    if info is None:
        return None
    facts: dict[str, str] = {}
    for sampler in info.samplers[:1]:
        facts |= _facts({"Steps": sampler.parameters.get("steps"), "sampler": sampler.name})
        facts |= _facts(sampler.parameters)
        if sampler.model is not None:
            facts |= _facts({"Model": sampler.model.name, "Model hash": sampler.model.hash})
    facts |= {name: value for name, value in _facts(info.metadata).items() if name not in facts}
    if info.generator is Generators.AUTOMATIC1111:
        last = texts.get("parameters", "").rstrip().rpartition("\n")[2]
        facts = _facts({key.strip(): value.strip('"') for key, value in FACT.findall(last[:LONGEST])})
    for inputs in _nodes(info.metadata):
        facts |= {name: value for name, value in _facts(inputs).items() if name in ("Width", "Height")}
    if "Width" in facts and "Height" in facts:
        facts["Size"] = f"{facts.pop('Width')}x{facts.pop('Height')}"
    if "Size" in facts:
        facts["Size"] = facts["Size"].strip("()[] ").replace(" × ", "x").replace(", ", "x")
    return FoundRecipe(
        info.generator.value, info.full_prompt[:LONGEST], info.full_negative_prompt[:LONGEST], facts
    )


def _nodes(metadata: Mapping[Any, Any]) -> list[dict[str, Any]]:
    """Return the settings of ComfyUI's nodes that the parser put aside."""
    return [
        one
        for nodes in metadata.values()
        if isinstance(nodes, list)
        for one in nodes
        if isinstance(one, dict)
    ]


def _workflow(texts: Mapping[str, str]) -> dict[str, Any]:
    """Return ComfyUI's links by what goes through them, made from its graph: the parser wants both texts.

    A file that was queued over ComfyUI's API has the graph alone.
    """
    try:
        graph = json.loads(texts["prompt"])
        links = [
            [0, str(value[0]), 0, str(node), 0, "CLIP" if key.startswith("clip") else key.upper()]
            for node, one in graph.items()
            for key, value in one["inputs"].items()
            if isinstance(value, list) and value
        ]
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return {}
    return {"links": links}


def _facts(values: Mapping[Any, Any]) -> dict[str, str]:
    """Return plain settings under the names of AUTOMATIC1111."""
    found: dict[str, str] = {}
    for key, value in values.items():
        if isinstance(value, bool) or not isinstance(value, str | int | float) or len(found) >= FACTS:
            continue
        name, text = _NAMES.get(str(key).lower(), str(key)), str(value).replace("\n", " ")
        told_elsewhere = name in ("full_prompt", "full_negative_prompt")
        if 0 < len(text) <= 200 and len(name) <= 40 and not told_elsewhere:
            found[name] = text
    return found
