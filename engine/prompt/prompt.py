"""What a person said, as one frozen value, and how it is printed again. Knows no defaults and no models."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from engine.jobs import Condition, Lora, Speed
from engine.prompt.flags import BY_NAME, ORDER, FlagType
from engine.prompt.permutations import escape

Source = Literal["prompt", "suffix", "settings", "server", "model"]
Value = bool | int | float | str | tuple[str, ...]

NO_WEIGHT = -0.5
"""What ``--no`` weighs: it equals ``::-0.5`` (Midjourney, "Multi-Prompts & Weights")."""

DASHES = re.compile(r"[-‐‑‒–—―−－]+")
"""A run of dashes: hyphens, en and em dashes, the minus sign."""

_BULLET = re.compile(r"-#?\s")
"""What would be taken for the mark of a list, or of small text."""
_ESCAPABLE = re.compile(r"\\*[-‐‑‒–—―−－]+")


def number(value: float) -> str:
    """Return a number as people write it, without exponent or needless zeros.

    >>> number(2.0), number(-0.5), number(1e-05)
    ('2', '-0.5', '0.00001')
    """
    text = f"{value:.6f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


@dataclass(frozen=True, slots=True)
class ImageLink:
    """A picture given by link, and what it weighs among its like (None: not said)."""

    url: str
    weight: float | None = None

    def __str__(self) -> str:
        return self.url if self.weight is None else f"{self.url}::{number(self.weight)}"


@dataclass(frozen=True, slots=True)
class Given:
    """One flag as given: its value and who gave it."""

    name: str
    value: Value
    source: Source = "prompt"

    def plain(self) -> bool | int | float | str:
        """Return the value as JSON shows it; values that were collected become one text."""
        if isinstance(self.value, tuple):
            return (", " if self.name in ("no", "lora") else " ").join(self.value)
        return self.value

    def __str__(self) -> str:
        if isinstance(self.value, bool):
            return f"--{self.name}" if self.value else f"--{self.name} off"
        shown = self.plain()
        text = number(shown) if isinstance(shown, int | float) else shown
        match BY_NAME[self.name].kind:
            case FlagType.TEXT:
                text = shield(text)
            case FlagType.WORD if " " in text:
                text = f'"{text}"'
        return f"--{self.name} {text}"


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a person said. ``turn`` counts the copies of ``--repeat`` from 0.

    ``parts`` are the texts with their weights (one of weight 1 for a plain prompt); ``given`` holds at most
    one entry for each flag, in the table's order.
    """

    parts: tuple[Condition, ...] = ()
    images: tuple[ImageLink, ...] = ()
    given: tuple[Given, ...] = ()
    turn: int = 0

    @property
    def text(self) -> str:
        """Return the words without links and flags; a multi-prompt as it is written."""
        if len(self.parts) == 1 and self.parts[0].weight == 1:
            return self.parts[0].text
        shown = []
        for part in self.parts:
            glue = " ::" if part.text.endswith(":") else "::"
            shown.append(f"{part.text}{glue}{number(part.weight)}")
        return " ".join(shown)

    @property
    def words(self) -> str:
        """Return links and words, without flags: what messages show."""
        return " ".join([*map(str, self.images), self.text]).strip()

    def get(self, name: str) -> Value | None:
        """Return the value of a flag by its key, or None where nobody gave it."""
        return next((given.value for given in self.given if given.name == name), None)

    def source(self, name: str) -> Source | None:
        """Return who gave a flag, or None."""
        return next((given.source for given in self.given if given.name == name), None)

    @property
    def flags(self) -> Mapping[str, Given]:
        """Return the flags by their keys."""
        return {given.name: given for given in self.given}

    @property
    def no(self) -> tuple[str, ...]:
        """Return what ``--no`` names."""
        value = self.get("no")
        return value if isinstance(value, tuple) else ()

    @property
    def loras(self) -> tuple[Lora, ...]:
        """Return the LoRAs by name; of two equal names the last one counts."""
        value = self.get("lora")
        found: dict[str, Lora] = {}
        for item in value if isinstance(value, tuple) else ():
            name, _, weight = item.partition(":")
            found[name] = Lora(name=name, weight=float(weight or 1))
        return tuple(found.values())

    @property
    def speed(self) -> Speed | None:
        """Return the speed that was asked for, or None."""
        return next((Speed(name) for name in ("relax", "fast", "turbo") if self.get(name)), None)

    def with_flags(self, changes: Mapping[str, Value | None], source: Source = "prompt") -> Prompt:
        """Return the prompt with flags set (by key), or taken out where the value is None."""
        kept = {name: given for name, given in self.flags.items() if name not in changes}
        kept |= {name: Given(name, value, source) for name, value in changes.items() if value is not None}
        return Prompt(self.parts, self.images, ordered(kept.values()), self.turn)

    def to_line(self, sources: Iterable[Source] = ("prompt", "suffix", "settings", "server")) -> str:
        """Return a line that reads as this prompt again: links, words, flags (those of ``sources``)."""
        wanted = set(sources)
        flags = [str(given) for given in self.given if given.source in wanted]
        line = " ".join([*map(str, self.images), shield(self.text), *flags]).strip()
        return escape(f"\\{line}" if _BULLET.match(line) else line)

    def __str__(self) -> str:
        return self.to_line()


def ordered(given: Iterable[Given]) -> tuple[Given, ...]:
    """Return flags in the table's order."""
    return tuple(sorted(given, key=lambda one: ORDER[one.name]))


def shield(text: str) -> str:
    r"""Return text whose dashes cannot be taken for flags: a backslash before each run that could be.

    >>> shield("silence--an echo"), shield("say --no more")
    ('silence--an echo', 'say \\--no more')
    """

    def guard(match: re.Match[str]) -> str:
        run = match.group()
        if run.startswith("\\") or flaggish(text, match.start(), match.end()):
            return "\\" + run
        return run

    return _ESCAPABLE.sub(guard, text)


_NAME = re.compile(r"\s*+([A-Za-z][A-Za-z0-9_]{0,40})")
_PROSE = re.compile(r"\s++(?!low\b|high\b)[^\W\d]")
_LETTERS = re.compile(r"[A-Za-z]+")


def flaggish(text: str, start: int, end: int) -> bool:
    """Tell whether the run of dashes at ``start:end`` could be read as a flag's beginning, or be dropped."""
    name = _NAME.match(text, end)
    if name is not None:
        word = name[1].lower()
        letters = _LETTERS.match(word)
        apart = text[end].isspace() and "--" not in text[start:end]
        if apart and word in BY_NAME and _PROSE.match(text, name.end()):
            return False  # "a cat — style of": apart from its name, a dash needs a value that can't be prose
        if word in BY_NAME or (letters is not None and letters.group() in BY_NAME):
            return True
    glued = start > 0 and (text[start - 1].isalnum() or text[start - 1] == "_")
    return not glued and end - start > 1
