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
from engine.jobs import Input, Job, JobSpec, Kind, Role
from engine.prompt import WeightedText, parse
from engine.prompt.permutations import escape

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
    return JobSpec(
        kind=Kind.DESCRIBE,
        model=usual.model,
        width=width,
        height=height,
        steps=1,
        guidance_scale=1.0,
        sampler=usual.sampler,
        seed=usual.seed,
        count=1,
        inputs=(Input(sha256=picture, role=Role.INIT),),
    )


def shortened(usual: JobSpec) -> JobSpec:
    """Return the spec that shortens the prompt of ``usual``. Raises UserError for several weighted texts."""
    if len(usual.conditions) != 1:
        raise UserError("`/shorten` reads one plain text. Take `::` and `--no` out of the prompt first.")
    if len(usual.conditions[0].text.split()) < 2:
        raise UserError("One word cannot be shortened. Write a longer prompt.")
    return JobSpec(
        kind=Kind.SHORTEN,
        model=usual.model,
        conditions=usual.conditions,
        width=usual.width,
        height=usual.height,
        steps=1,
        guidance_scale=1.0,
        sampler=usual.sampler,
        seed=usual.seed,
        count=1,
    )


_WORD = re.compile(r"\S+")


def words(text: str) -> list[str]:
    """Return the words of a prompt, punctuation with the word before it."""
    return _WORD.findall(text)


def without(pieces: Sequence[str], left_out: frozenset[int]) -> str:
    """Return the text without some of its words, and without the commas that then stand alone or last."""
    kept = " ".join(word for index, word in enumerate(pieces) if index not in left_out)
    return re.sub(r"(?:\s*[,;:]+)+$", "", re.sub(r"^(?:[,;:]+\s*)+", "", kept)).strip()


@dataclass(frozen=True, slots=True)
class Shortened:
    """What matters in a prompt: its words with their shares (they sum to 1), and shorter prompts."""

    words: tuple[tuple[str, float], ...]
    prompts: tuple[str, ...]

    @classmethod
    def of(cls, pieces: Sequence[str], changes: Sequence[float]) -> Shortened:
        """Make the shorter prompts from what leaving out each word changes: the least matter goes first."""
        total = sum(changes) or 1.0
        shares = [max(0.0, change) / total for change in changes]
        order = sorted(range(len(pieces)), key=lambda index: (shares[index], -index))
        found: list[str] = []
        most = len(pieces) - 1
        for step in range(1, SHORTER + 1):
            gone = max(1, round(most * step / SHORTER))
            text = without(pieces, frozenset(order[:gone]))
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
    return tuple(replace(line, parts=(WeightedText(text),)).to_line(("prompt",)) for text in found)


def together(lines: Sequence[str]) -> str:
    """Return one line that draws several: a choice between them, as permutations are written."""
    return "{" + ", ".join(escape(line).replace(",", "\\,") for line in lines) + "}"
