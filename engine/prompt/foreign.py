"""Prompts with their settings as other programs write them, turned into a line with flags."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

from engine.prompt import switches
from engine.prompt.attention import take_networks
from engine.prompt.flags import DIRECT
from engine.prompt.prompt import number
from engine.prompt.samplers import sampler

_NEGATIVE = re.compile(r"(?<!\w)negative prompt\s?:\s*", re.IGNORECASE)
_FACTS = re.compile(
    r"(?<!\w)steps\s?: ?\d{1,5},\s{0,4}(?=[A-Za-z][\w +\-./]{0,40}: )"
    r"|(?:^|(?<=\n))steps\s?: ?\d{1,5}\s*$",
    re.IGNORECASE,
)
_FACT = re.compile(
    r'([A-Za-z][\w +\-./]{0,40}): ?("(?:[^"\\]|\\.)*+"|\[(?:[^\[\]]*+)\]|\{[^{}]*+\}|[^,\n]*+)(?:,\s*|\n|$)'
)
_APPENDED = re.compile(r"(?:^|\s)(?:--|—)[A-Za-z]")
_HORDE = re.compile(r"\s*(?<!#)###(?!#)\s*")
_AND = re.compile(r"\s*\bAND\b\s*")
_TAIL_WEIGHT = re.compile(r"\s*:\s*([+-]?(?:\d{1,4}(?:\.\d{0,6})?|\.\d{1,6}))$")
_SIZE = re.compile(r"(\d{1,5})\s*[x×]\s*(\d{1,5})")
_NUMBER = re.compile(r"[+-]?\d{1,20}(?:\.\d{1,9})?")
_FLAGS = {
    "steps": "steps",
    "cfg scale": "cfg",
    "seed": "seed",
    "stylize": "stylize",
    "stop": "stop",
    "width": "width",
    "height": "height",
    **{flag.name: flag.name for flag in DIRECT},
}
"""Settings that are numbers, and our flags for them; from ``stylize`` on they are this bot's own."""
_SWITCHES = {"tile": "tile", "tiling": "tile", "film": "video"}
_JSON_NAMES = {
    "positive_prompt": "prompt",
    "positive": "prompt",
    "text": "prompt",
    "negative_prompt": "negative",
    "negativeprompt": "negative",
    "uc": "negative",
    "num_inference_steps": "steps",
    "cfg_scale": "cfg scale",
    "cfgscale": "cfg scale",
    "cfg": "cfg scale",
    "guidance_scale": "cfg scale",
    "guidance": "cfg scale",
    "scale": "cfg scale",
    "sampler_name": "sampler",
    "scheduler": "sampler",
    "noise_seed": "seed",
}
MOST_NAMED = 8
"""Settings that a note names; further ones are counted."""

_EMBEDDING = re.compile(
    r"(?<!\w)embedding:\s?[\w./\-]{1,80}(?::[\d.]{1,6})?|<[A-Za-z0-9]{1,40}[_\-][\w.\-]{1,40}>"
)
_TURNS = re.compile(r"(?<!\\)\[[^\[\]|]{0,400}\|[^\[\]]{0,400}\]")
_HALFWAY = re.compile(
    r"(?<!\\)\[(?=[^\[\]:]{0,400}[^\W\d])[^\[\]:]{0,400}:(?:[^\[\]:]{0,400}:)?\s?\d*\.?\d+\s?\]"
)
_COMPOSED = re.compile(r"\S\s+AND\s+\S")
_METHOD = re.compile(r"\)\.(?:blend|swap|and)\(")
_UNKNOWN_FORMS = (
    (
        _TURNS,
        "`[a|b]` (a word at each step in turn) is not known here and was read as words; `{a|b}` picks one.",
    ),
    (_HALFWAY, "`[a:b:0.5]` (another word from half-way on) is not known here and was read as words."),
    (_COMPOSED, "`AND` was read as a word; `a:: b` draws two texts together."),
    (_METHOD, "`.blend()`, `.swap()` and `.and()` are not known here and were read as words; see `a::2 b`."),
)
"""What other programs' prompts may hold that is not done here, and what is said of it."""


def without_embeddings(text: str, notes: list[str]) -> str:
    """Return the text without names of embeddings; what else another program would act on is said."""
    notes.extend(said for form, said in _UNKNOWN_FORMS if form.search(text) is not None)
    bare = _EMBEDDING.sub(" ", text)
    if bare != text:
        notes.append("Embeddings are not known here; their names were left out.")
    return bare


def as_line(text: str, notes: list[str], models: Collection[str] = ()) -> str:
    """Return a block of AUTOMATIC1111, Civitai, InvokeAI, ComfyUI or AI Horde as a line; else the text.

    Settings that have no meaning here are named in a note, as is a model that is not one of ``models``.
    """
    if text.startswith("{") and (facts := _from_json(text)) is not None:
        return _written(facts.pop("prompt", ""), facts.pop("negative", ""), facts, notes, models)
    facts_at = _FACTS.search(text)
    negative_at = _NEGATIVE.search(text)
    if facts_at is None and negative_at is None:
        return _horde(switches.as_flags(text, notes), notes)
    end = len(text) if facts_at is None else facts_at.start()
    if negative_at is not None and negative_at.start() > end:
        negative_at = None
    head = text[: end if negative_at is None else negative_at.start()]
    negative = "" if negative_at is None else text[negative_at.end() : end]
    tail = "" if facts_at is None else text[facts_at.start() :]
    appended = ""
    found = _APPENDED.search(tail or negative)
    if found is not None:  # flags somebody wrote behind it, or chose beside it
        source = tail or negative
        appended = source[found.start() :].strip()
        if tail:
            tail = tail[: found.start()]
        else:
            negative = negative[: found.start()]
    negative, appended = (_NEGATIVE.sub(" ", piece) for piece in (negative, appended))  # said twice
    facts = {match[1].strip().lower(): match[2].strip() for match in _FACT.finditer(tail)}
    return f"{_written(head, negative, facts, notes, models)} {appended}".strip()


def _horde(text: str, notes: list[str]) -> str:
    """Read what stands behind ``###`` as unwanted; none of the marks stays, so that it is read once."""
    wanted, *others = _HORDE.split(text)
    if not others:
        return text
    unwanted = ", ".join(other for other in others if other)
    appended = _APPENDED.search(unwanted)
    cut = len(unwanted) if appended is None else appended.start()
    if not wanted or not unwanted[:cut].strip():
        notes.append("`###` with nothing before or behind it was left out.")
        return f"{wanted} {unwanted}".strip()
    notes.append("What follows `###` was read as `--negative`.")
    return f"{wanted} --negative {unwanted[:cut].strip()}{unwanted[cut:]}"


def _written(
    head: str, negative: str, facts: dict[str, str], notes: list[str], models: Collection[str]
) -> str:
    """Return the line: words, negative prompt, the settings that are known here; the others are noted."""
    few = facts.pop("few-step weights", "") == "yes"
    single = facts.pop("texts", "") == "1"
    pieces = [_words(head, single)]
    if negative.strip(" ,\n"):
        pieces.append(f"--negative {' '.join(negative.split())}")
    spacing = facts.pop("schedule type", "")
    if (drawn := facts.pop("drawn", "")) and "size" in facts:  # of a file that has another size
        facts["size"] = drawn
    flags: dict[str, str] = {}
    left: list[str] = []
    for name, value in facts.items():
        value = value.strip('"')
        if few and name in ("steps", "sampler", "cfg scale"):
            continue  # the few-step weights' own
        if name in _FLAGS and _NUMBER.fullmatch(value):
            flags[_FLAGS[name]] = value
        elif name == "size" and (size := _SIZE.fullmatch(value)) is not None:
            flags["width"], flags["height"] = size.groups()
        elif name == "sampler" and (known := sampler(f"{value} {spacing}") or sampler(value)) is not None:
            flags["sampler"] = known
        elif name == "style" and re.fullmatch(r"\w[\w.+/-]{0,63}", value):
            flags["style"] = value
        elif name == "model" and value.lower() in (known.lower() for known in models):
            flags["model"] = f'"{value}"' if " " in value else value
        elif name in _SWITCHES and value.lower() in ("true", "yes"):
            flags[_SWITCHES[name]] = ""
        elif value and value.lower() not in ("false", "none", "no", "null"):
            left.append(name)
    pieces += [f"--{name} {value}".strip() for name, value in flags.items()]
    if few:
        pieces.append("--draft")
    notes.append("Pasted settings were read as flags.")
    if left:
        shown = ", ".join(f"`{name.replace('`', '')[:40]}`" for name in left[:MOST_NAMED])
        more = f" and {len(left) - MOST_NAMED} more" if len(left) > MOST_NAMED else ""
        notes.append(f"Settings that say nothing here were left out: {shown}{more}.")
    return " ".join(piece for piece in pieces if piece)


def _words(head: str, single: bool) -> str:
    """Return the wanted text; ``a AND b :0.5`` becomes two parts with their weights."""
    text, loras, others = take_networks(" ".join(head.split()))
    texts = [text] if single else _AND.split(text)
    parts = []
    for one in texts:
        weight = 1.0
        if (single or len(texts) > 1) and (found := _TAIL_WEIGHT.search(one)) is not None:
            weight, one = float(found[1]), one[: found.start()]
        if one.strip():
            shown = " ".join(one.split())
            parts.append(shown if len(texts) == 1 and weight == 1 else f"{shown}::{number(weight)}")
    parts += [f"<lora:{lora.name}:{number(lora.weight)}>" for lora in loras]
    return " ".join([*parts, *others])


def _from_json(text: str) -> dict[str, str] | None:
    """Return the prompt and the settings that a JSON text holds, or None where it is none."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    inner = value.get("prompt")
    nodes: dict[str, Any] = inner if isinstance(inner, dict) else value
    if any(isinstance(node, dict) and "class_type" in node for node in nodes.values()):
        return _from_nodes(nodes)
    found: dict[str, str] = {}
    for key, inner in value.items():
        name = _JSON_NAMES.get(str(key).lower(), str(key).lower().replace("_", " "))
        if isinstance(inner, dict) and name == "model":
            inner = inner.get("name", "")
        if isinstance(inner, str | int | float) and name not in found:
            found[name] = str(inner)
    return found if found.get("prompt") else None


def _from_nodes(nodes: Mapping[str, Any]) -> dict[str, str] | None:
    """Return what a ComfyUI graph says: the sampler's settings, and the texts it leads back to."""

    def inputs(node: Any) -> Mapping[str, Any]:
        found = node.get("inputs") if isinstance(node, dict) else None
        return found if isinstance(found, dict) else {}

    def words(link: Any) -> str:
        for _ in range(8):  # conditioning may pass through nodes that change it
            if not (isinstance(link, list) and link):
                break
            behind = inputs(nodes.get(str(link[0])))
            for key in ("text", "text_g", "string"):
                if isinstance(behind.get(key), str):
                    return str(behind[key])
            link = next((behind[key] for key in ("text", "conditioning", "positive") if key in behind), None)
        return ""

    for node in nodes.values():
        its = inputs(node)
        if "positive" in its and ("steps" in its or "seed" in its or "noise_seed" in its):
            found = {"prompt": words(its["positive"]), "negative": words(its.get("negative"))}
            for key, name in (
                ("seed", "seed"),
                ("noise_seed", "seed"),
                ("steps", "steps"),
                ("cfg", "cfg scale"),
            ):
                if isinstance(its.get(key), int | float):
                    found[name] = str(its[key])
            if isinstance(its.get("sampler_name"), str):
                found["sampler"] = its["sampler_name"]
                found["schedule type"] = str(its.get("scheduler", ""))
            for other in nodes.values():
                if {"width", "height", "batch_size"} <= set(inputs(other)):
                    found["width"], found["height"] = (
                        str(inputs(other)[side]) for side in ("width", "height")
                    )
            return found if found["prompt"] else None
    return None
