"""Jobs that answer in words: prompts read off a picture (describe), prompts made shorter (shorten). Pure.

Such a job's answer is a list of texts, kept with it. A describe's texts are prompts. A shorten's are the
shorter prompts, then the words with what each matters: ``Shortened`` packs and unpacks them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from engine.errors import UserError
from engine.jobs import Condition, Input, Job, JobSpec, Kind, Role
from engine.planning.edit_specs import undrawn
from engine.prompt import parse
from engine.prompt.permutations import escape
from engine.words import Sentence

DESCRIBED = 4
"""Prompts a description offers, as in Midjourney."""
SHORTER = 5
"""Shorter prompts offered at the most, as in Midjourney."""
LARGEST = 1024
"""Pixels of the longer side that is said of a described picture: its shape counts, not its size."""

DESCRIBE = "/describe"
"""The line of a description, which has no prompt: what shows in lists of jobs."""

RATIOS = ("1:1", "5:4", "4:5", "4:3", "3:4", "3:2", "2:3", "16:9", "9:16", "2:1", "1:2", "3:1", "1:3")


def ratio(width: int, height: int) -> str:
    """Return the usual ratio nearest to a picture's own.

    >>> ratio(160, 104), ratio(1080, 1920), ratio(500, 505)
    ('3:2', '9:16', '1:1')
    """

    def off(name: str) -> float:
        wide, high = map(int, name.split(":"))
        share = Fraction(width * high, height * wide)
        return float(max(share, 1 / share))

    return min(RATIOS, key=off)


def described(usual: JobSpec, picture: str, size: tuple[int, int]) -> JobSpec:
    """Return the spec that describes a kept picture of ``size``. ``usual``: what a plain prompt would be."""
    shrink = min(1.0, LARGEST / max(size))
    width, height = (max(1, round(side * shrink)) for side in size)
    return undrawn(usual, Kind.DESCRIBE, (width, height), inputs=(Input(sha256=picture, role=Role.INIT),))


def shortened(usual: JobSpec) -> JobSpec:
    """Return the spec that shortens the prompt of ``usual``. Raises UserError for several weighted texts."""
    if len(usual.conditions) != 1:
        raise UserError(
            Sentence("`/shorten` reads one plain text. Take `::` and `--no` out of the prompt first.")
        )
    if len(usual.conditions[0].text.split()) < 2:
        raise UserError(Sentence("One word cannot be shortened. Write a longer prompt."))
    return undrawn(usual, Kind.SHORTEN, (usual.width, usual.height), conditions=usual.conditions)


def without(pieces: Sequence[str], left_out: frozenset[int]) -> str:
    """Return the text without some of its words, and without the commas that then stand alone or last."""
    kept = " ".join(word for index, word in enumerate(pieces) if index not in left_out)
    return re.sub(r"(?:\s*[,;:]+)+$", "", re.sub(r"^(?:[,;:]+\s*)+", "", kept)).strip()


def _ended(text: str) -> str:
    """Return a shortened text without little words at its end: what they led to is gone."""
    return re.sub(rf"(?:[\s,;:]+(?:{_HANGING}))+$", "", text, flags=re.IGNORECASE)


_HANGING = "a|an|the|of|in|on|at|by|with|and|or|to|for|from|under|over|very|highly|so"
"""What ends no phrase."""


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_MEDIUM = _set(
    """picture pictures image photo photograph photography painting portrait drawing illustration sketch
    render rendering close-up closeup shot view watercolor watercolour poster logo icon artwork art scene"""
)
"""What a picture is, where "of" tells what it shows."""
_AFTER = _set(
    """about above across after against along among and around as at before behind below beneath beside
    between beyond by during for from full in inside into is near next off on onto or outside over past that
    through to toward towards under underneath up upon wearing which while who whose with within without
    are has"""
)
"""What no subject is named behind."""
_BEGINS = _set("a an the one two three four five six some several many his her their my")
_FULL_OF = _set(
    """field herd flock pile group bunch pair couple stack crowd cup bowl glass plate basket bottle box jar
    slice piece"""
)
"""What shows what "of" names, too."""
_ONLY_HOW = _set(
    """red orange yellow green blue purple pink brown black white grey gray golden silver dark bright big
    small large little huge tiny giant old young ancient new tall short long wide beautiful pretty cute
    lonely happy sad angry scary strange colorful colourful soft shiny wooden dirty broken empty quiet cold
    warm hot"""
)
"""What is said of a thing and is none: a comma behind it ends no phrase."""


def subject(pieces: Sequence[str]) -> frozenset[int]:
    """Return which words of a prompt name what it shows: the noun of its first phrase with an article.

    Where no phrase has one, the noun of the first phrase: words go before it, and a preposition, a comma or
    what it is doing come after it.
    """
    plain = [re.sub(r"[^\w'-]", "", piece).lower() for piece in pieces]
    phrases: list[list[int]] = [[]]
    for index, piece in enumerate(pieces):
        phrases[-1].append(index)
        if piece.endswith((",", ";", ".", ":")) and plain[index] not in _ONLY_HOW:
            phrases.append([])
    phrases = [phrase for phrase in phrases if phrase] or [[]]
    chosen = next((one for one in phrases if plain[one[0]] in _BEGINS), phrases[0]) if pieces else []
    return frozenset(_nouns(plain, chosen))


def _nouns(plain: Sequence[str], phrase: Sequence[int]) -> list[int]:
    found: list[int] = []
    last: int | None = None
    for at, index in enumerate(phrase):
        word = plain[index]
        if word == "of" and last is not None:
            if plain[last] in _MEDIUM | _FULL_OF:
                found += [] if plain[last] in _MEDIUM else [last]
                last = None
                continue
            break
        # "a flying fox" is a fox, "a fox flying" is one too
        doing = word.endswith("ing") and len(word) > 4 and last is not None and at > 1
        if word in _AFTER or (doing and plain[last or 0] not in _BEGINS):
            if last is not None:
                break
            continue
        last = index
    return [*found, last] if last is not None else found


@dataclass(frozen=True, slots=True)
class Shortened:
    """What matters in a prompt: its words with their shares (they sum to 1), and shorter prompts."""

    words: tuple[tuple[str, float], ...]
    prompts: tuple[str, ...]

    @classmethod
    def of(cls, pieces: Sequence[str], changes: Sequence[float]) -> Shortened:
        """Make the shorter prompts from what leaving out each word changes: the least matter goes first.

        The subject stays, however little it is said to matter.
        """
        total = sum(changes) or 1.0
        shares = [max(0.0, change) / total for change in changes]
        stays = subject(pieces)
        order = sorted(
            (index for index in range(len(pieces)) if index not in stays),
            key=lambda index: (shares[index], -index),
        )
        found: list[str] = []
        most = min(len(order), len(pieces) - 1)
        for step in range(1, SHORTER + 1):
            gone = max(1, round(most * step / SHORTER))
            text = _ended(without(pieces, frozenset(order[:gone])))
            if text and text not in found:
                found.append(text)
        return cls(tuple(zip(pieces, shares, strict=True)), tuple(found))

    def texts(self) -> tuple[str, ...]:
        """Return it as a job's texts: the prompts, then each word behind its share."""
        return (*self.prompts, "", *(f"{share:.4f} {word}" for word, share in self.words))

    @classmethod
    def read(cls, texts: Sequence[str]) -> Shortened:
        """Return what a job's texts say."""
        gap = list(texts).index("")
        weighed = [text.split(" ", 1) for text in texts[gap + 1 :]]
        return cls(tuple((word, float(share)) for share, word in weighed), tuple(texts[:gap]))


def prompts(job: Job) -> tuple[str, ...]:
    """Return the prompts a job answered with, with the flags of the line that was shortened."""
    if job.spec.kind is not Kind.SHORTEN:
        return job.texts
    found = Shortened.read(job.texts).prompts
    try:
        line = parse(job.prompt).prompts[0]
    except UserError:  # it was read with the person's own options, which may be gone by now
        return found
    return tuple(replace(line, parts=(Condition(text=text),)).to_line(("prompt",)) for text in found)


def together(lines: Sequence[str]) -> str:
    """Return one line that draws several: a choice between them, as permutations are written."""
    return "{" + ", ".join(escape(line).replace(",", "\\,") for line in lines) + "}"
