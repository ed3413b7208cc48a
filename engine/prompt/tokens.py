"""One value's text: its first word, the marks around it, how it is quoted. Knows no flag's own rules."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from typing import Any

from engine.prompt.flags import Flag, FlagType
from engine.prompt.prompt import DASHES, Value, number
from engine.words import Sentence

TRAILING = ",.;!?，。；！？、"
QUOTES = "\"'`"
MARKS = "*~|)]}>）］」』】》〉»›"
"""What closes a wrapping behind a value: Markdown's marks, brackets."""
_ALIKE = ("***", "**", "__", "~~", "||", "*", "_", "``", "`", '"""', "'''", '"', "'")
_PAIRED = ("«»", "‹›", "()", "[]", "<>", "「」", "『』", "【】", "《》", "〈〉", "（）", "［］")
PAIRS = (*((mark, mark) for mark in _ALIKE), *((pair[0], pair[1]) for pair in _PAIRED))
"""What a prompt is wrapped in: what opens, what closes."""
OPENING = "".join(dict.fromkeys(opening for opening, closing in PAIRS if opening not in "\"'`_"))
"""The same in front of a value; quotes and what may begin a name aside."""


class BadValueError(Exception):
    """A value that cannot be taken. ``instead`` is what to put in its place; None takes the flag out."""

    def __init__(self, message: str, instead: str | None, used: int) -> None:
        super().__init__(message)
        self.instead = instead
        self.used = used


@dataclass(slots=True)
class Reading:
    """A value, how many characters it took, and what was repaired. ``value`` None: the flag says nothing."""

    value: Value | None
    used: int
    notes: list[str] = field(default_factory=list)


def noted(notes: list[str], before: str, after: str, said: Sentence) -> str:
    """Return what a text has become; where that is another, it is said."""
    if after != before:
        notes.append(said)
    return after


def quote(text: str, limit: int = 60) -> str:
    """Return a person's own word between backticks, shortened, unable to close them."""
    shown = text.replace("`", "'")
    return f"`{shown if len(shown) <= limit else shown[:limit] + '…'}`"


def read_as(typed: str, meant: str) -> Sentence:
    """Say that what was typed was read as something else; both between backticks."""
    return Sentence("{typed} was read as {meant}.", typed=typed, meant=meant)


def value_read_as(flag: Flag, typed: str, meant: str) -> Sentence:
    """The same of a flag's value."""
    return Sentence(
        "{typed} after `--{name}` was read as {meant}.",
        typed=quote(typed),
        name=flag.name,
        meant=quote(meant),
    )


def near(word: str, names: list[str] | tuple[str, ...]) -> str | None:
    """Return the name that ``word`` was most likely meant to be, or None."""
    found = difflib.get_close_matches(word.lower()[:40], names, n=1, cutoff=0.6)
    return found[0] if found else None


def unshield(text: str) -> str:
    """Return text with one backslash taken from before each run of dashes."""
    return _SHIELDED.sub(lambda match: match.group()[1:], text)


_SHIELDED = re.compile(r"\\++" + DASHES.pattern)


def not_taken(flag: Flag, word: str) -> Sentence:
    """Say that ``flag`` does not take a word, and what it takes."""
    return Sentence(
        "`--{name}` takes {wanted}, not {word}.", name=flag.name, wanted=wanted(flag), word=quote(word)
    )


def never_sent(url: str) -> Sentence:
    """Say that a link leads to somebody's own machine."""
    return Sentence(
        "{url} leads nowhere: the picture was never sent. Send it as an attachment and use its link.",
        url=quote(url),
    )


def wanted(flag: Flag) -> Sentence:
    """Say in words what ``flag`` takes, with an example."""
    fields: dict[str, Any] = {
        "low": number(flag.low),
        "high": number(flag.high),
        "example": Sentence(", such as `--{name} {value}`", name=flag.name, value=flag.example)
        if flag.example
        else "",
    }
    match flag.kind:
        case FlagType.INT:
            return Sentence("a whole number from {low} to {high}{example}", **fields)
        case FlagType.NUMBER:
            return Sentence("a number from {low} to {high}{example}", **fields)
        case FlagType.RATIO:
            return Sentence("two whole numbers with a colon, such as `--ar 3:2`")
        case FlagType.CHOICE:
            return Sentence("one of {choices}", choices=", ".join(f"`{choice}`" for choice in flag.choices))
        case FlagType.REFS:
            return Sentence("a link to a picture, or a code")
        case _ if flag.name == "v":
            return Sentence("a version number, such as `--v 7`")
        case FlagType.LORA:
            return Sentence("a name and a weight, such as `--lora ink:0.8`")
        case _:
            return Sentence("{kind}{example}", kind=Sentence(flag.kind.value), **fields)


def first(body: str) -> str:
    """Return the first word of ``body``, or what stands between quotes at its start."""
    if body and body[0] in QUOTES and (end := body.find(body[0], 1, 200)) > 0:
        return body[: end + 1]
    return body.split(None, 1)[0] if body else ""


def trim(flag: Flag, token: str, notes: list[str]) -> str:
    """Take quotes, marks and trailing punctuation off a word, and say so."""
    bare = token.strip(QUOTES).rstrip(TRAILING + MARKS + QUOTES).lstrip(OPENING).strip(QUOTES)
    bare = bare.removesuffix("__")
    if flag.kind in (FlagType.INT, FlagType.NUMBER):
        bare = bare.strip("_")
    return noted(notes, token, bare, value_read_as(flag, token, bare))


def marks_before(rest: str) -> str:
    """Return the marks that touch a value's end and close a wrapping there: ``**`` of ``**a cat --ar 3:2**``.

    >>> marks_before("** on a mat"), marks_before("**bold**"), marks_before(" **bold**")
    ('**', '', '')
    """
    found = _CLOSING.match(rest)
    return "" if found is None else found.group()


_CLOSING = re.compile(r"[*_~|\"'`)\]}>）］」』】》〉»›]++(?=[\s.,;!?]|$)")


def balanced(bare: str) -> str:
    """Return words without the marks at their end that close what was opened before the flag."""
    while True:
        before = bare
        for opening, closing in PAIRS:
            if not bare.endswith(closing):
                continue
            there = bare.count(closing)
            if there > bare.count(opening) or (opening == closing and there % 2):
                bare = bare[: -len(closing)].rstrip()
        if bare == before:
            return bare
