"""The words of a prompt: picture links taken out, weighted parts told apart. Knows no flags."""

from __future__ import annotations

import re
import unicodedata

from engine.errors import PromptError
from engine.jobs import Condition
from engine.prompt import links
from engine.prompt.prompt import ImageLink, number
from engine.prompt.tokens import never_sent, quote, unshield
from engine.prompt.wrapping import unwrapped
from engine.words import Sentence

MAX_CONDITIONS = 6
"""Texts one picture can be steered by: each is a row of every UNet call."""

_PART = re.compile(rf"::+(?:({links.NUMBER})(?![\w.]))?")
_SPACED_WEIGHT = re.compile(r"\s([+-]?(?:\d{1,6}\.\d{1,6}|\.\d{1,6}|\d{1,6}(?=\s*+(?:::|$))))(?![\w.])")
_BETWEEN = re.compile(r"[\s,]*+(?:[.;!?)\]%]++(?=\s|$))?+\s*+")
"""What says nothing between a weight and the next text."""
_BLANK = frozenset("\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Characters that Unicode counts as letters or symbols and that show nothing."""


def take_images(text: str, notes: list[str], typed: str) -> tuple[str, list[ImageLink]]:
    """Take the links out of the text. Raises PromptError for one that is no picture."""
    words: list[str] = []
    images: list[ImageLink] = []
    at = 0
    text = links.whole(text)  # once more: flags that are gone may have hidden one
    for link in links.find(text):
        words.append(text[at : link.start])
        at = link.end
        word = text[link.start : link.end].strip()
        if "<" in link.marked:
            notes.append(Sentence("Angle brackets around a link were taken off."))
        elif link.marked.strip(",;"):
            notes.append(Sentence("Marks around a link were taken off."))
        if link.is_unsent:
            raise PromptError(never_sent(link.url), _without(typed, word))
        if not link.is_picture:
            raise PromptError(
                Sentence(
                    "{url} is not a direct link to a picture. It must end in .png, .jpg, .jpeg, .webp or "
                    ".gif; leave it out otherwise.",
                    url=quote(link.url),
                ),
                typed.replace(link.url, link.parted, 1)
                if link.parted is not None and link.url in typed
                else _without(typed, word),
            )
        if link.weight is not None and link.weight < 0:
            raise PromptError(
                Sentence(
                    "A picture cannot weigh less than nothing: `::{weight}` after {url}. Say what to avoid "
                    "with `--no`.",
                    weight=number(link.weight),
                    url=quote(link.url),
                ),
                typed.replace(word, f"{link.url}::{number(-link.weight)}", 1) if word in typed else None,
            )
        images.append(ImageLink(link.url, link.weight))
    return " ".join([*words, text[at:]]) if images else text, images


def _without(typed: str, word: str) -> str | None:
    return " ".join(typed.replace(word, "", 1).split()) or None if word in typed else None


def parts_of(text: str, notes: list[str]) -> tuple[Condition, ...]:
    """Split a multi-prompt ``a:: b::2``. A weight touches its ``::``; after a blank it is the next text."""
    if "::" not in text:
        return _alone(text, notes)
    parts: list[Condition] = []
    at = 0
    for match in _PART.finditer(text):
        _add_part(parts, text[at : match.start()], float(match[1]) if match[1] else 1.0, notes)
        at = match.end()
        if match[1] is None and (spaced := _SPACED_WEIGHT.match(text, at)):
            notes.append(
                Sentence(
                    "`:: {weight}` is read as text, as Midjourney does; for a weight, write `::{weight}` "
                    "without the blank.",
                    weight=spaced[1],
                )
            )
    _add_part(parts, text[at:], 1.0, notes)
    if len(parts) == 1 and parts[0].weight == 1:
        return _alone(parts[0].text, notes)
    return tuple(parts)


def _alone(text: str, notes: list[str]) -> tuple[Condition, ...]:
    """Return a prompt's only text, without what wraps it: printed and read again, it stays."""
    text = unwrapped(unshield(text), notes)
    return (Condition(text=text),) if _shows(text) else ()


def _shows(text: str) -> bool:
    """Say whether a text shows anything: blanks, joiners and marks without a letter say nothing to draw."""
    unseen = ("Cc", "Cf", "Cs", "Mn", "Me", "Zs", "Zl", "Zp")
    return any(char not in _BLANK and unicodedata.category(char) not in unseen for char in text)


def _add_part(parts: list[Condition], text: str, weight: float, notes: list[str]) -> None:
    text = _BETWEEN.sub("", text, count=1) if parts else unwrapped(text, notes)  # "a::2, b", "a::2; b"
    text = text.strip()
    if not _shows(text):
        return
    if len(parts) <= MAX_CONDITIONS:  # one more than may stand is kept, so that the refusal sees it
        parts.append(Condition(text=unshield(text), weight=weight + 0.0))
