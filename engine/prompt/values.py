"""The value behind one flag's name, as people type it. Knows the table's kinds, not the line around them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from engine.prompt import links
from engine.prompt.flags import Flag, FlagType
from engine.prompt.names import VERSION, read_choice, read_optional, read_word
from engine.prompt.numbers import NUMBER, RATIO, read_number, read_ratio
from engine.prompt.prompt import number
from engine.prompt.tokens import (
    MARKS,
    QUOTES,
    TRAILING,
    BadValueError,
    Reading,
    balanced,
    first,
    never_sent,
    not_taken,
    quote,
    read_as,
    unshield,
    value_read_as,
    wanted,
)
from engine.words import Sentence

_REF = re.compile(rf"(random|\d{{1,12}}|[A-Za-z]?\d[\w-]{{3,40}})(?:::({links.NUMBER}))?", re.IGNORECASE)
_LORA_NAME = re.compile(r"\w[\w.-]{0,63}")
HEAVIEST = 10.0
"""What a LoRA weighs at most, either way."""
_COMMA = re.compile("[,，、]")
_ON, _OFF = frozenset({"true", "on", "yes", "1"}), frozenset({"false", "off", "no", "0"})
SWITCHES = frozenset({"raw", "tile"})
"""Flags whose ``off`` says something: it wins over a suffix, settings or a server that turn them on."""


def plausible(flag: Flag, line: str, at: int) -> bool:
    """Tell whether an unmistakable value of ``flag`` begins at ``at``: a ground for repairs."""
    at += len(_BLANKS.match(line, at).group())  # type: ignore[union-attr]
    if line[at : at + 1] in ("=", ":"):
        at += 1
    match flag.kind:
        case FlagType.RATIO:
            return RATIO.match(line, at) is not None
        case FlagType.INT | FlagType.NUMBER:
            return _ends(line, NUMBER.match(line, at))
        case FlagType.CHOICE:
            return line[at : at + 40].split(" ", 1)[0].lower().rstrip(TRAILING) in flag.choices
        case _ if flag.name in ("v", "niji"):
            return _ends(line, VERSION.match(line, at))
        case _:
            return False


_BLANKS = re.compile(r"\s*+")


def _ends(line: str, match: re.Match[str] | None) -> bool:
    """Tell whether the match is a word of its own, punctuation aside."""
    if match is None:
        return False
    after = line[match.end() : match.end() + 2].lstrip(TRAILING + "%")
    return not after or after[0].isspace() or after[0] in "-–—"


def read(flag: Flag, region: str) -> Reading:
    """Read the value of ``flag`` from the text between its name and the next flag.

    Raises BadValueError for a value that is missing, wrong, or has two readings.
    """
    lead = len(region) - len(region.lstrip())
    body = region[lead:]
    if flag.kind is FlagType.BARE:
        reading = _bare(flag, body, bool(lead))
    elif body.strip(QUOTES + TRAILING) or flag.kind in (FlagType.TEXT, FlagType.OPTIONAL):
        reading = _READERS[flag.kind](flag, body)
    else:
        raise BadValueError(
            Sentence("`--{name}` needs a value: {wanted}.", name=flag.name, wanted=wanted(flag)),
            flag.example or None,
            len(region),
        )
    if lead > 1 and reading.used:
        reading.notes.append(Sentence("Doubled blanks after `--{name}` were read as one.", name=flag.name))
    reading.used += lead
    return reading


def _bare(flag: Flag, body: str, apart: bool) -> Reading:
    """Read a flag without a value; ``true`` or ``off`` alone behind it is no word of the prompt."""
    word = body.strip().strip(QUOTES).rstrip(TRAILING).lower()
    if apart and word in _ON | _OFF:
        shown = f"`--{flag.name} {word}`"
        if word in _ON:
            return Reading(True, len(body), [read_as(shown, f"`--{flag.name}`")])
        if flag.name in SWITCHES:
            return Reading(False, len(body))
        told = Sentence("{flag} is what happens without it; it was left out.", flag=shown)
        return Reading(None, len(body), [told])
    return Reading(True, 0 if apart else len(body) - len(body.lstrip(TRAILING)))


def _wordless(flag: Flag, body: str) -> BadValueError:
    told = Sentence(
        "`--{name}` needs words after it, such as `--{name} {example}`.", name=flag.name, example=flag.example
    )
    return BadValueError(told, None, len(body))


def _text(flag: Flag, body: str) -> Reading:
    notes: list[str] = []
    typed = " ".join(body.split())
    text = balanced(typed)
    if len(text) > 2 and text[0] == text[-1] and text[0] in '"`' and text.count(text[0]) == 2:
        text = text[1:-1].strip()
    text = links.whole(text)
    if (link := next(links.find(text), None)) is not None:
        kept = " ".join(f"{text[: link.start]} {text[link.end :]}".split())
        raise BadValueError(
            Sentence(
                "`--{name}` takes words, and {url} is a link. Say in words what to leave out.",
                name=flag.name,
                url=quote(link.url),
            ),
            kept or None,
            len(body),
        )
    bare = text
    while flag.name == "no" and (less := balanced(bare.rstrip(TRAILING + " "))) != bare:
        bare = less
    if text != typed:
        notes.append(Sentence("Marks at the end of `--{name}` were left out.", name=flag.name))
    if not bare:
        raise _wordless(flag, body)
    if flag.name != "no":
        return Reading(unshield(bare), len(body), notes)
    if bare != text:
        notes.append(Sentence("Punctuation at the end of `--{name}` was left out.", name=flag.name))
    items = tuple(item for piece in _COMMA.split(bare) if (item := unshield(piece.strip())))
    if not items:
        raise _wordless(flag, body)
    return Reading(items, len(body), notes)


def _refs(flag: Flag, body: str) -> Reading:
    found: list[str] = []
    notes: list[str] = []
    at = used = 0
    while (blank := _BETWEEN.match(body, at)) is not None and blank.end() < len(body):
        at = blank.end()
        link = links.at(body, at)
        token = "" if link is not None else first(body[at : at + 200])
        word = token.strip(QUOTES).rstrip(TRAILING + MARKS + QUOTES).lstrip("*~|")
        if link is not None and (link.is_unsent or link.url[:4].lower() == "ftp:"):
            raise BadValueError(never_sent(link.url), " ".join(found) or None, link.end)
        if link is not None:
            if "<" in link.marked:
                notes.append(Sentence("Angle brackets around a link were taken off."))
            weight, name, end = link.weight, link.url, link.end
        elif match := _REF.fullmatch(word):
            weight, name, end = float(match[2]) if match[2] else None, match[1], at + len(token)
        else:
            break
        at = used = end
        if weight is not None and weight < 0:
            kept = " ".join([*found, f"{name}::{number(-weight)}"])
            raise BadValueError(
                Sentence(
                    "A picture cannot weigh less than nothing: {what} after `--{name}`. Say what to avoid "
                    "with `--no`.",
                    what=quote(f"{name}::{number(weight)}"),
                    name=flag.name,
                ),
                kept,
                used,
            )
        found.append(name if weight is None else f"{name}::{number(weight)}")
    if not found:
        raise BadValueError(not_taken(flag, first(body)), None, len(first(body)))
    return Reading(tuple(found), used, notes)


_BETWEEN = re.compile(r"[\s,]*+")


_ITEM = re.compile(
    r"(?P<comma>[\s,;+&]*+)[\"'`*~|(<\[]{0,3}(?:lora:(?=[\w.-]+:))?(?P<name>\w(?:[\w.-]{0,62}[\w-])?)"
    r"(?:\s?[:=]\s?(?P<weight>[+-]?(?:\d{1,4}(?:\.\d{0,6})?|\.\d{1,6}))(?P<cent>%?)|[:=](?=[\s,;]|$)"
    r"|\s++(?P<apart>[+-]?\d?\.\d{1,6}|\d(?=\s*$))(?=[\s,;)\"'`*|]|$))?"
    r"(?=[\"'`*~|)\]}>,;.!?）］」』】》〉»›。！？；\s]|$)"
)
_CLOSING = re.compile(r"[\"'`*~|)\]}>）］」』】》〉»›]{0,3}")


def _lora(flag: Flag, body: str) -> Reading:
    found: list[str] = []
    notes: list[str] = []
    used, comma = 0, False
    quoted = first(body).strip(QUOTES) if body[:1] in QUOTES else ""
    while (item := _ITEM.match(body, used)) is not None and not (" " in quoted and "," not in quoted):
        said = item["weight"] or item["apart"]
        if found and not (comma or item["comma"].strip()) and said is None:
            break  # after a blank, only `name:weight` is one more
        weight = float(said or 1) / (100 if item["cent"] else 1)
        name = item["name"].removesuffix("__") or item["name"]
        found.append(lora_text(name, weight))
        typed = item.group()[len(item["comma"]) :].strip("\"'`*~|(<[")
        if abs(weight) > HEAVIEST or item["cent"] or item["apart"]:
            notes.append(value_read_as(flag, typed, found[-1]))
        used = _CLOSING.match(body, item.end()).end()  # type: ignore[union-attr]
        comma = body[used : used + 1] in (",", ";") if used < len(body) else False
        used += comma
    if not found:
        raise BadValueError(not_taken(flag, first(body)), None, len(first(body)))
    return Reading(tuple(found), used, notes)


_READERS: Mapping[FlagType, Callable[[Flag, str], Reading]] = {
    FlagType.INT: read_number,
    FlagType.NUMBER: read_number,
    FlagType.RATIO: read_ratio,
    FlagType.CHOICE: read_choice,
    FlagType.WORD: read_word,
    FlagType.OPTIONAL: read_optional,
    FlagType.TEXT: _text,
    FlagType.REFS: _refs,
    FlagType.LORA: _lora,
}


def is_lora(name: str) -> bool:
    """Say whether ``--lora`` can name a LoRA so."""
    return _LORA_NAME.fullmatch(name) is not None


def lora_text(name: str, weight: float) -> str:
    """Return a LoRA as ``--lora`` writes it."""
    return f"{name}:{number(max(-HEAVIEST, min(HEAVIEST, weight)))}"
