"""Names as values: choices, models, versions, samplers, styles, profiles."""

from __future__ import annotations

import re
from itertools import islice

from engine.prompt import samplers
from engine.prompt.flags import OTHER_STYLES, STYLE_NAMES, Flag
from engine.prompt.tokens import (
    MARKS,
    QUOTES,
    TRAILING,
    BadValueError,
    Reading,
    first,
    near,
    not_taken,
    quote,
    trim,
    value_read_as,
)
from engine.words import Sentence

_PLAIN = re.compile(r"\w[\w.+/-]{0,63}(?: [\w.+/-]{1,32}){0,3}")
_CODE = re.compile(r"(?=\D{0,39}\d)[\w@<>-]{4,40}|@[\w-]{1,40}")
VERSION = re.compile(r"v?(\d{1,2})(?:\.(\d))?", re.IGNORECASE)


def read_choice(flag: Flag, body: str) -> Reading:
    """Read one of the values that the flag takes. Raises BadValueError."""
    notes: list[str] = []
    token = first(body)
    word = trim(flag, token, notes)
    if word.lower() not in flag.choices:
        raise BadValueError(
            not_taken(flag, word),
            near(word, flag.choices) or flag.choices[0],
            len(token),
        )
    return Reading(word.lower(), len(token), notes)


def read_optional(flag: Flag, body: str) -> Reading:
    """Read a value that may be missing: a version, a profile."""
    notes: list[str] = []
    token = first(body)
    word = trim(flag, token, notes)
    if flag.name == "niji" and (match := VERSION.fullmatch(word)):
        return Reading(_version(match), len(token), notes)
    if flag.name == "video" and word.lower() in ("1", "true", "on"):
        return Reading(True, len(token), notes)
    if flag.name == "profile" and word:
        alone = len(token) == len(body.rstrip())
        if (alone or any(char.isdigit() for char in word)) and re.fullmatch(r"[\w@<][\w@<>-]{0,63}", word):
            return _codes(word, len(token), body, notes)
    return Reading(True, 0)


def _codes(first: str, used: int, body: str, notes: list[str]) -> Reading:
    """Read the further codes behind the first of ``--profile``: what holds a digit, or names somebody."""
    found, end = [first], used
    for token in re.finditer(r"\S+", body[used:]):
        word = token.group().rstrip(TRAILING)
        if not _CODE.fullmatch(word):
            break
        found.append(word)
        end = used + token.end()
    return Reading(" ".join(found), end, notes)


def _version(match: re.Match[str]) -> str:
    return f"{int(match[1])}.{match[2]}" if match[2] and match[2] != "0" else str(int(match[1]))


def read_word(flag: Flag, body: str) -> Reading:
    """Read a name: a model, a version, a style, a sampler. Raises BadValueError."""
    notes: list[str] = []
    token = first(body)
    if flag.name == "sampler":
        return _sampler(body)
    word = trim(flag, token, notes)
    if flag.name == "v":
        match = VERSION.fullmatch(word)
        if match is None:
            raise BadValueError(
                Sentence("`--v` takes a version number, such as `--v 7`, not {word}.", word=quote(word)),
                begun.group() if (begun := VERSION.match(word)) is not None else None,
                len(token),
            )
        return Reading(_version(match), len(token), notes)
    if flag.name == "style" and (style := _style(flag, body, token, word, notes)) is not None:
        return style
    if not _PLAIN.fullmatch(word):
        raise BadValueError(
            Sentence("`--{name}` takes a name, not {word}.", name=flag.name, word=quote(word)),
            None,
            len(token),
        )
    return Reading(word, len(token), notes)


def _prefixes(body: str, most: int) -> list[tuple[str, int]]:
    """Return the first ``most`` words of ``body`` together, then one fewer …, each with its length."""
    ends = [token.end() for token in islice(re.finditer(r"\S+", body), most)]
    return [(body[:end], end) for end in reversed(ends)]


def _sampler(body: str) -> Reading:
    """Read a sampler's name, all its words: none of them may be drawn."""
    whole, used = samplers.longest(body)
    words = whole.strip(QUOTES + MARKS).rstrip(TRAILING)
    if words.lower() in ("none", "auto", "automatic", "default"):
        told = Sentence("`--sampler {words}` is the model's own sampler, as without it.", words=words)
        return Reading(None, used, [told])
    name, dropped = samplers.nearest(words)
    if name is None:
        raise BadValueError(
            Sentence(
                "There is no sampler {words}. There are {samplers}.",
                words=quote(words),
                samplers=", ".join(f"`{known}`" for known in samplers.SAMPLERS),
            ),
            samplers.alike(words),
            used,
        )
    notes: list[str] = []
    if dropped:
        told = Sentence("{words} is drawn with `{name}`: here it has no {steps} steps.")
        notes = [Sentence(told, words=quote(words), name=name, steps=quote(dropped))]
    elif whole != name:
        notes = [Sentence("The sampler {words} is called `{name}` here.", words=quote(words), name=name)]
    return Reading(name, used, notes)


def _style(flag: Flag, body: str, token: str, word: str, notes: list[str]) -> Reading | None:
    """Read a preset, all its words, or a name of Midjourney's; None of any other."""
    for words, used in _prefixes(body, 3):
        plain = "-".join(words.strip(QUOTES).rstrip(TRAILING).lower().replace("_", "-").split())
        if plain in STYLE_NAMES:
            if words != plain:
                notes = [value_read_as(flag, words, plain)]
            return Reading(plain, used, notes)
    low = word.lower()
    if low == "raw":
        return Reading("raw", len(token), notes)
    if low in OTHER_STYLES or re.fullmatch(r"random-\d{1,3}", low):
        told = Sentence("`--style {word}` belongs to Midjourney's own models and was left out.", word=word)
        return Reading(None, len(token), [told])
    return None
