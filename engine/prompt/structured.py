"""Settings of other programs as JSON or as a graph of ComfyUI, brought to names and texts. Writes no line."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from engine.prompt.prompt import number

NAMES = {
    "positive_prompt": "prompt",
    "positive": "prompt",
    "text": "prompt",
    "inputs": "prompt",
    "negative_prompt": "negative",
    "negativeprompt": "negative",
    "uc": "negative",
    "undesired_content": "negative",
    "num_inference_steps": "steps",
    "sampling_steps": "steps",
    "cfg_scale": "cfg scale",
    "cfgscale": "cfg scale",
    "cfg": "cfg scale",
    "guidance_scale": "cfg scale",
    "guidance": "cfg scale",
    "scale": "cfg scale",
    "sampler_name": "sampler",
    "sampling_method": "sampler",
    "noise_seed": "seed",
    "resolution": "size",
    "dimensions": "size",
    "clipskip": "clip skip",
    "schedule": "schedule type",
}
"""How programs call what a block of AUTOMATIC1111's names otherwise."""
_BEGINS = re.compile(r"[{\[]*\s*[\"']\w[\w ]{0,40}[\"']\s*:")
_PAIR = re.compile(
    r"[\"'](\w[\w ]{0,40})[\"']\s*:\s*"
    r"(?:\"((?:[^\"\\]|\\.)*+)(?:\"|$)|'((?:[^'\\]|\\.)*+)(?:'|$)|(-?\d[\d.]{0,20}))"
)
_DEPTH = 4


def called(name: str) -> str:
    """Return a setting's usual name.

    >>> called("CFGScale"), called("Negative Prompt"), called("Model hash")
    ('cfg scale', 'negative', 'model hash')
    """
    plain = " ".join(name.lower().replace("_", " ").split())
    return NAMES.get(plain.replace(" ", "_"), plain)


def settings(text: str) -> dict[str, str] | None:
    """Return the prompt and the settings that a text in JSON's form holds, or None where it is none.

    One that was cut, or has a comma too many, is read as far as it goes: its braces are no choices.
    """
    if _BEGINS.match(text) is None:
        return None
    value = _value(text)
    if isinstance(value, list):
        value = next((one for one in value if isinstance(one, dict)), None)
    found: dict[str, str] = {}
    if isinstance(value, dict):
        graph = next((nodes for nodes in (value, value.get("prompt")) if _is_graph(nodes)), None)
        if graph is not None:
            return _from_nodes(graph)
        if isinstance(value.get("nodes"), list):
            return _from_nodes(_drawn_graph(value))
        _collect(value, found, _DEPTH)
    else:
        pairs = _PAIR.findall(text)
        if text[0] in "\"'" and len(pairs) < 2:
            return None  # a word in quotes and a colon
        for key, double, single, plain in pairs:
            words = re.sub(r"\\n", "\n", double or single)
            found.setdefault(called(key), re.sub(r"\\(.)", r"\1", words) or plain)
    return found if found.get("prompt") else None


def _value(text: str) -> Any:
    for read in (json.loads, ast.literal_eval):
        try:
            return read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            continue
    return None


def _collect(value: Mapping[Any, Any], found: dict[str, str], depth: int) -> None:
    """Put the settings of an object, and of those in it, into ``found``; outer ones win."""
    inner_ones = []
    for key, inner in value.items():
        name = called(str(key))
        if isinstance(inner, dict):
            if name == "model" and isinstance(inner.get("name"), str):
                found.setdefault(name, inner["name"])
            else:
                inner_ones.append(inner)
        elif name in ("text prompts", "prompts") and isinstance(inner, list):
            _weighed(inner, found)
        elif name in ("prompt", "negative") and isinstance(inner, list):
            found.setdefault(name, ", ".join(one for one in inner if isinstance(one, str)))
        elif isinstance(inner, str | int | float):
            found.setdefault(name, str(inner))
    for inner in inner_ones if depth else ():
        _collect(inner, found, depth - 1)


def _weighed(texts: list[Any], found: dict[str, str]) -> None:
    """Read the Stability API's ``text_prompts``: what weighs less than nothing is unwanted."""
    wanted: list[tuple[str, float]] = []
    unwanted: list[tuple[str, float]] = []
    for one in texts:
        its = one if isinstance(one, dict) else {"text": one}
        text, weight = its.get("text"), its.get("weight", 1)
        if isinstance(text, str) and isinstance(weight, int | float):
            (wanted if weight >= 0 else unwanted).append((text, float(weight)))
    if len(wanted) == 1:
        found.setdefault("prompt", wanted[0][0])
    elif wanted:
        found.setdefault("prompt", " ".join(f"{text}::{number(weight)}" for text, weight in wanted))
    if unwanted:
        found.setdefault("negative", ", ".join(text for text, _ in unwanted))


# ------------------------------------------------------------------------------------ graphs of ComfyUI


def _is_graph(nodes: Any) -> bool:
    return isinstance(nodes, dict) and any(
        isinstance(node, dict) and "class_type" in node for node in nodes.values()
    )


_WIDGETS = {
    "KSampler": ("seed", "", "steps", "cfg", "sampler_name", "scheduler"),
    "KSamplerAdvanced": ("", "noise_seed", "", "steps", "cfg", "sampler_name", "scheduler"),
    "CLIPTextEncode": ("text",),
    "EmptyLatentImage": ("width", "height", "batch_size"),
    "EmptySD3LatentImage": ("width", "height", "batch_size"),
}
"""What a saved canvas calls the fields of these nodes by their place alone."""


def _drawn_graph(canvas: Mapping[str, Any]) -> dict[str, Any]:
    """Return a saved canvas (``nodes`` and ``links``) in the form in which graphs are queued."""
    links = canvas.get("links")
    ends = {
        str(link[0]): link[1]
        for link in (links if isinstance(links, list) else ())
        if isinstance(link, list) and len(link) > 1
    }
    graph: dict[str, Any] = {}
    for node in canvas["nodes"]:
        if not isinstance(node, dict):
            continue
        values = node.get("widgets_values")
        names = _WIDGETS.get(str(node.get("type")), ())
        its = dict(zip(names, values, strict=False)) if isinstance(values, list) else {}
        slots = node.get("inputs")
        for slot in slots if isinstance(slots, list) else ():
            if isinstance(slot, dict) and str(slot.get("link")) in ends:
                its[str(slot.get("name"))] = [ends[str(slot["link"])], 0]
        graph[str(node.get("id"))] = {"class_type": node.get("type"), "inputs": its}
    return graph


def _from_nodes(nodes: Mapping[str, Any]) -> dict[str, str] | None:
    """Return what a ComfyUI graph says: the sampler's settings, and the texts it leads back to."""
    every = [*_inputs(nodes)]
    # one node that samples holds all; newer graphs have one for the noise, one for the steps, …
    main = next(
        (its for its in every if "positive" in its and {"steps", "seed", "noise_seed"} & set(its)), {}
    )
    guides = next((its for its in every if {"positive", "conditioning"} & set(its)), {})
    wanted = main.get("positive") or guides.get("positive") or guides.get("conditioning")
    found = {
        "prompt": _words(nodes, wanted),
        "negative": _words(nodes, main.get("negative") or guides.get("negative")),
    }
    for its in (main, *every):
        for key in ("seed", "noise_seed", "steps", "cfg"):
            if isinstance(its.get(key), int | float):
                found.setdefault(called(key), str(its[key]))
        if isinstance(its.get("sampler_name"), str):
            found.setdefault("sampler", its["sampler_name"])
        if isinstance(its.get("scheduler"), str):
            found.setdefault("schedule type", its["scheduler"])
        if {"width", "height", "batch_size"} <= set(its) and isinstance(its["width"], int):
            found.setdefault("width", str(its["width"]))
            found.setdefault("height", str(its["height"]))
    return found if found["prompt"] else None


def _inputs(nodes: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for node in nodes.values():
        found = node.get("inputs") if isinstance(node, dict) else None
        if isinstance(found, dict):
            yield found


def _words(nodes: Mapping[str, Any], link: Any) -> str:
    """Return the text a link leads back to."""
    for _ in range(8):  # conditioning may pass through nodes that change it
        if not (isinstance(link, list) and link):
            break
        node = nodes.get(str(link[0]))
        behind = node.get("inputs") if isinstance(node, dict) else None
        if not isinstance(behind, dict):
            break
        for key in ("text", "t5xxl", "text_g", "string", "value"):
            if isinstance(behind.get(key), str):
                return str(behind[key])
        link = next(
            (behind[key] for key in ("text", "conditioning", "positive", "string") if key in behind), None
        )
    return ""
