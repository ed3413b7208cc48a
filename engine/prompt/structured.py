"""Settings of other programs as JSON, brought to their usual names and to texts. Writes no line."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.prompt import cut_json, workflow
from engine.prompt.prompt import number
from engine.words import Sentence

_ELSEWHERE = {
    "prompt": ("positive_prompt", "positive", "text", "inputs"),
    "negative": ("negative_prompt", "negativeprompt", "uc", "undesired_content"),
    "steps": ("num_inference_steps", "sampling_steps"),
    "cfg scale": ("cfg_scale", "cfgscale", "cfg", "guidance_scale", "guidance", "scale"),
    "sampler": ("sampler_name", "sampling_method"),
    "seed": ("noise_seed",),
    "size": ("resolution", "dimensions"),
    "clip skip": ("clipskip",),
    "schedule type": ("schedule",),
}
"""What a block of AUTOMATIC1111's names, and how programs call it otherwise."""
_USUAL = {other: usual for usual, others in _ELSEWHERE.items() for other in others}
_BEGINS = re.compile(r"[{\[]*\s*[\"']\w[\w ]{0,40}[\"']\s*:")
_PAIR = re.compile(
    r"[\"'](\w[\w ]{0,40})[\"']\s*:\s*"
    r"(?:\"((?:[^\"\\]|\\.)*+)(?:\"|$)|'((?:[^'\\]|\\.)*+)(?:'|$)|(-?\d[\d.]{0,20}))"
)
_DEPTH = 4
_TELLING = frozenset({"steps", "cfg scale", "sampler", "seed", "size", "width", "height", "negative"})
_FLAG = re.compile(r"(?:--|—)[A-Za-z]")
_NAMED = re.compile(r"\"\s*:")
_ENDS = re.compile(r"[}\]\"'\d]\s*$")


def called(name: str) -> str:
    """Return a setting's usual name.

    >>> called("CFGScale"), called("Negative Prompt"), called("Model hash")
    ('cfg scale', 'negative', 'model hash')
    """
    plain = " ".join(name.lower().replace("_", " ").split())
    return _USUAL.get(plain.replace(" ", "_"), plain)


@dataclass(frozen=True, slots=True)
class PastedSettings:
    """What a text in JSON's form says: settings by their usual names, and what was written behind it."""

    facts: dict[str, str]
    rest: str = ""
    cut: bool = False
    """Whether the text ends, or begins, in the middle."""


CUT = Sentence("The pasted settings are cut off, and were read as far as they go.")
_CUT_BEFORE = Sentence(
    "The pasted settings are cut off, and do not say which words are drawn. Paste all of them, or the prompt "
    "alone."
)
_NO_WORDS = Sentence("These settings do not say which words are drawn. Write the prompt alone.")


def settings(text: str) -> PastedSettings | None:
    """Return the prompt and the settings that a text in JSON's form holds, or None where it is none.

    One that was cut, or has a comma too many, is read as far as it goes: its braces are no choices.
    """
    found = _found(text)
    return found if found is not None and found.facts.get("prompt") else None


def refusal(text: str) -> Sentence | None:
    """Say why a text that is another program's settings, and no prompt, is not drawn; None of other texts."""
    found = _found(text)
    if found is not None and found.facts.get("prompt"):
        return None
    graphic = workflow.MARK.search(text) is not None
    if _is_tail(text) or (found is not None and found.cut and (text[:1] in "{[" or graphic)):
        return _CUT_BEFORE
    return _NO_WORDS if graphic or (found and len(_TELLING & set(found.facts)) > 1) else None


def _is_tail(text: str) -> bool:
    """Tell whether a text is the end of JSON whose beginning is lost."""
    if text.rstrip()[-1:] not in ("}", "]") or _NAMED.search(text) is None:
        return False
    return sum(text.count(one) for one in "}]") > sum(text.count(one) for one in "{[")


def _found(text: str) -> PastedSettings | None:
    graphic = workflow.MARK.search(text) is not None
    if graphic and text[:1] not in "{[" and "{" in text:  # words before it
        found = _found(text[text.index("{") :])
        if found is not None and not found.cut:
            return found
    if _BEGINS.match(text) is None and not graphic:
        return None
    value, rest = _value(text)
    cut = value is None
    if value is None and text[:1] in "{[":
        value, _ = _value(cut_json.closed(text, _speaks))
    if not isinstance(value, dict | list) and graphic:
        value, cut = workflow.from_pieces(cut_json.pieces(text)), True
    if isinstance(value, list):
        value = next((one for one in value if isinstance(one, dict)), None)
    facts: dict[str, str] = {}
    if isinstance(value, dict) and (value or graphic):
        graph = next((nodes for nodes in (value, value.get("prompt")) if workflow.is_graph(nodes)), None)
        if graph is None and isinstance(value.get("nodes"), list):
            graph = workflow.drawn_graph(value)
        if graph is not None or graphic:
            return PastedSettings(workflow.from_nodes(graph or value, cut), rest, cut)
        _collect(value, facts, _DEPTH)
    else:
        pairs = _PAIR.findall(text)
        if text[0] in "\"'" and len(pairs) < 2:
            return None  # a word in quotes and a colon
        for key, double, single, plain in pairs:
            words = re.sub(r"\\n", "\n", double or single)
            facts.setdefault(called(key), re.sub(r"\\(.)", r"\1", words) or plain)
        cut = cut and _ENDS.search(text) is None
    return PastedSettings(facts, rest, cut)


def _value(text: str) -> tuple[Any, str]:
    """Return what JSON, or Python, says, and the flags behind it."""
    try:
        value, end = json.JSONDecoder().raw_decode(text)
        rest = text[end:].strip()
        if not rest or _FLAG.match(rest) is not None:
            return value, rest
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(text), ""
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
        return None, ""


def _speaks(key: str) -> bool:
    return called(key) in ("prompt", "negative") or key in (*workflow.SPOKEN, "widgets_values")


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
            if all(isinstance(one, str) for one in inner):  # no link to a node
                found.setdefault(name, ", ".join(inner))
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
