"""Prompts with their settings as other programs write them, turned into a line with flags."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

from engine.prompt import structured, switches
from engine.prompt.attention import take_networks
from engine.prompt.flags import DIRECT
from engine.prompt.prompt import number
from engine.prompt.samplers import nearest, sampler
from engine.words import Sentence

_NEGATIVE = re.compile(
    r"(?<![\w‐‑‒–—―−－-])negative prompts?\s?:\s*"
    r"|(?<=\n)\s*(?:negatives?|neg|neg prompt|negative_prompt|undesired content|uc)\s?:\s*"
    r"|(?<=[,.;|] )(?:negatives?|neg prompt|negative_prompt)\s?:\s*",
    re.IGNORECASE,
)
_NEGATIVE_AMONG_FACTS = re.compile(r"(?<![\w‐‑‒–—―−－-])(?:negatives?|neg)\s?:\s*", re.IGNORECASE)
"""The same in a line that has lost its breaks; a word like any other where no settings follow."""
_POSITIVE = re.compile(r"\s*(?:positive(?: prompt)?|prompt)\s?:\s*", re.IGNORECASE)
_DASHED = re.compile(r"\n-(?=[^\s\-])([^\n]+)\s*$")
"""Draw Things' unwanted words: the last line before its settings."""
_FACTS = re.compile(
    r"(?<![\w‐‑‒–—―−－-])steps\s?: ?\d{1,5},\s{0,4}(?=[A-Za-z][\w +\-./]{0,40}: )"
    r"|(?:^|(?<=\n))steps\s?: ?\d{1,5}\s*$",
    re.IGNORECASE,
)
_FACT = re.compile(
    r'([A-Za-z][\w +\-./]{0,40}): ?("(?:[^"\\]|\\.)*+"|\[(?:[^\[\]]*+)\]|\{[^{}]*+\}|[^,\n]*+)(?:,\s*|\n|$)'
)
_KEY = re.compile(
    r"(?<![\w‐‑‒–—―−－-])(steps|sampling steps|sampler|sampling method|schedule type|scheduler|cfg scale|cfg"
    r"|guidance scale|seed|size|resolution|model|model hash|clip skip|width|height|vae|version"
    r"|denoising strength"
    r"|num_inference_steps|guidance_scale|cfg_scale|sampler_name)\s?[:=]\s?",
    re.IGNORECASE,
)
_COUNTED = {
    "steps": re.compile(r"\d{1,4}(?![\w.])"),
    "seed": re.compile(r"-?\d{1,20}(?![\w.])"),
    "cfg scale": re.compile(r"\d{1,2}(?:\.\d{1,3})?(?![\w.])"),
    "size": re.compile(r"\(?\d{2,5}\s?[x×,]\s?\d{2,5}(?!\w)"),
}
"""Settings that are told by their values: two of them are no prose."""
_BOLD_KEY = re.compile(r"(\*\*|__|\*)([A-Za-z][A-Za-z _]{1,30})(:?)\1:?[ \t]*(?=\S)")
_TITLE = re.compile(
    r"(?im)^(?:(prompt)|(negative prompt)|other metadata|generation data|resources used)[ \t]*\n"
)
_ESCAPED = re.compile(r"\\n(?=\s?(?:negative prompts?|steps)\s?:)", re.IGNORECASE)
_HORDE = re.compile(r"\s*(?<!#)###(?!#)\s*")
_AND = re.compile(r"\s*\bAND\b\s*")
_TAIL_WEIGHT = re.compile(r"\s*:\s*([+-]?(?:\d{1,4}(?:\.\d{0,6})?|\.\d{1,6}))$")
_SIZE = re.compile(r"\(?(\d{1,5})\s*[x×,]\s*(\d{1,5})\)?")
_NUMBER = re.compile(r"[+-]?\d{1,20}(?:\.\d{1,9})?")
_FLAGS = {
    "cfg scale": "cfg",
    **{name: name for name in ("steps", "seed", "width", "height", "stylize", "stop")},
    **{flag.name: flag.name for flag in DIRECT},
}
"""Settings that are numbers, and our flags for them; from ``stylize`` on they are this bot's own."""
_SWITCHES = {"tile": "tile", "tiling": "tile", "film": "video"}
MOST_NAMED = 8
"""Settings that a note names; further ones are counted."""


def as_line(text: str, notes: list[str], models: Collection[str] = ()) -> str:
    """Return a block of AUTOMATIC1111, Civitai, InvokeAI, ComfyUI or AI Horde as a line; else the text.

    Settings that have no meaning here are named in a note, as is a model that is not one of ``models``.
    """
    if (pasted := structured.settings(text)) is not None:
        facts = pasted.facts
        line = _written(facts.pop("prompt", ""), facts.pop("negative", ""), facts, notes, models)
        if pasted.cut:
            notes.append(structured.CUT)
        return f"{line} {pasted.rest}".strip()
    text = _plain_keys(text)
    facts_at, read = _facts(text)
    negative_at = _NEGATIVE.search(text)
    if negative_at is None and facts_at is not None:
        negative_at = _NEGATIVE_AMONG_FACTS.search(text)
    if negative_at is not None and facts_at is None:
        facts_at, read = _facts(text, fewest=1)
    if facts_at is None and negative_at is None:
        return _horde(switches.as_flags(text, notes), notes)
    head, negative, tail = text[:facts_at], "", "" if facts_at is None else text[facts_at:]
    if negative_at is not None and negative_at.start() <= len(head):
        head, negative = head[: negative_at.start()], head[negative_at.end() :]
    elif (dashed := _DASHED.search(head)) is not None:
        head, negative = head[: dashed.start()], dashed[1]
    if tail:
        tail, appended = _apart(tail)
    else:
        negative, appended = _apart(negative)
    negative, appended = (_NEGATIVE.sub(" ", piece) for piece in (negative, appended))  # said twice
    if (opening := _POSITIVE.match(head)) is not None:
        head = head[opening.end() :]
    facts, words = read(tail)
    if read is _told:
        head, negative = (piece.rstrip(" ([") for piece in (head, negative))
        head = f"{head} {words}"
    return f"{_written(head, negative, facts, notes, models)} {appended}".strip()


def _apart(text: str) -> tuple[str, str]:
    """Return a text, and the flags that somebody wrote behind it, or chose beside it."""
    found = switches.FIRST_FLAG.search(text)
    return (text, "") if found is None else (text[: found.start()], text[found.start() :].strip())


def _plain_keys(text: str) -> str:
    """Return a text whose settings stand in headings, in bold or between ``\\n`` as a block has them."""
    if "\n" not in text:
        text = _ESCAPED.sub("\n", text)
    text = _BOLD_KEY.sub(lambda key: f"{key[2]}: " if _names_setting(key[2]) else key[0], text)
    if len(_TITLE.findall(text)) > 1:
        text = _TITLE.sub(lambda title: "Negative prompt: " if title[2] else "", text)
    return text


def _names_setting(name: str) -> bool:
    return _KEY.match(f"{name}:") is not None or _NEGATIVE.match(f"{name}:") is not None


def _facts(text: str, fewest: int = 2) -> tuple[int | None, Callable[[str], tuple[dict[str, str], str]]]:
    """Return where the settings behind a prompt begin, and how they are read; None where there are none."""
    told: set[str] = set()
    loose: int | None = None
    for key in _KEY.finditer(text):
        name = structured.called(key[1])
        counted = name in _COUNTED and _COUNTED[name].match(text, key.end()) is not None
        if counted:
            told.add(name)
        if loose is None and (counted or name == "sampler" or text[: key.start()].endswith("\n")):
            loose = key.start()
    if len(told) < fewest:
        loose = None
    strict = _FACTS.search(text)
    if strict is not None:
        if loose is not None:  # "Seed: 5, Steps: 20, …"
            between = text[loose : strict.start()].rstrip(" ")
            if between.endswith(",") and "\n" not in between:
                return loose, _listed
            if (between and "," not in strict.group()) or text[:loose].endswith(("(", "[")):
                return loose, _told
        return strict.start(), _listed
    return loose, _told


def _listed(tail: str) -> tuple[dict[str, str], str]:
    """Read ``Steps: 20, Sampler: Euler a, …`` as AUTOMATIC1111 writes it."""
    return {structured.called(match[1].strip()): match[2].strip() for match in _FACT.finditer(tail)}, ""


def _told(tail: str) -> tuple[dict[str, str], str]:
    """Read settings with whatever stands between them: lines, bars, semicolons, blanks.

    Also returns the words behind numbers, which are no settings.
    """
    facts: dict[str, str] = {}
    words: list[str] = []
    keys = [*_KEY.finditer(tail)]
    for index, key in enumerate(keys):
        stop = keys[index + 1].start() if index + 1 < len(keys) else len(tail)
        name, value = structured.called(key[1]), tail[key.end() : stop].strip()
        form = _COUNTED.get(name)
        found = form.match(value) if form is not None else None
        first = found.group() if found is not None else re.split(r"[,;|\n]", value, maxsplit=1)[0]
        facts.setdefault(name, first.strip(" .)]"))
        rest = value[len(first) :].strip(" ,;|.)]\n")
        others = [*_FACT.finditer(rest)]
        for other in others:
            facts.setdefault(other[1].strip().lower(), other[2].strip())
        if not others and rest:
            words.append(rest)
    return facts, " ".join(words)


def _horde(text: str, notes: list[str]) -> str:
    """Read what stands behind ``###`` as unwanted; none of the marks stays, so that it is read once."""
    wanted, *others = _HORDE.split(text)
    if not others:
        return text
    unwanted = ", ".join(other for other in others if other)
    named, appended = _apart(unwanted)
    if not wanted or not named.strip():
        notes.append(Sentence("`###` with nothing before or behind it was left out."))
        return f"{wanted} {unwanted}".strip()
    notes.append(Sentence("What follows `###` was read as `--negative`."))
    return f"{wanted} --negative {named.strip()} {appended}".strip()


def _written(
    head: str, negative: str, facts: dict[str, str], notes: list[str], models: Collection[str]
) -> str:
    """Return the line: words, negative prompt, the settings that are known here; the others are noted."""
    few = facts.pop("few-step weights", "") == "yes"
    single = facts.pop("texts", "") == "1"
    pieces = [_words(head, single)]
    negative = " ".join(negative.strip(" ,;|\n").split())
    if len(negative) > 2 and negative[0] == negative[-1] == '"':
        negative = negative[1:-1]
    if negative:
        pieces.append(f"--negative {negative}")
    if "scheduler" in facts:  # what solves, or how its steps lie
        facts.setdefault("schedule type" if "sampler" in facts else "sampler", facts.pop("scheduler"))
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
        elif name == "sampler" and (known := sampler(f"{value} {spacing}") or nearest(value)[0]) is not None:
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
    notes.append(switches.READ)
    if left:
        shown = ", ".join(f"`{name.replace('`', '')[:40]}`" for name in left[:MOST_NAMED])
        notes.append(switches.left_out(shown, len(left) - MOST_NAMED))
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
