"""Numbers and ratios as people write them, brought to the nearest that can be."""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction

from engine.prompt.flags import Flag, FlagType
from engine.prompt.prompt import number
from engine.prompt.tokens import (
    QUOTES,
    TRAILING,
    BadValueError,
    Reading,
    first,
    not_taken,
    quote,
    read_as,
    trim,
    value_read_as,
)
from engine.words import Sentence

NUMBER = re.compile(r"[+-]?(?:\d{1,20}+(?:\.\d{0,9}+)?|\.\d{1,9}+)")
RATIO = re.compile(
    r"[\"'(\[]?(\d{1,5}+(?:\.\d{1,4}+)?)(?:\s*+([:/*xX×∶：÷⁄]|by|to)\s*+|(\s++|-))(\d{1,5}+(?:\.\d{1,4}+)?)(?![\w:])[\"')\]]?"
)
_SOME_RATIO = re.compile(r"(\d{1,5}+)\s?[:/xX×∶：⁄]\s?(\d{1,5}+)")
_RATIOS = ("1:1", "3:2", "2:3", "4:3", "3:4", "5:4", "4:5", "16:9", "9:16", "21:9", "16:10")
_GLUED_RATIOS = {ratio.replace(":", ""): ratio for ratio in _RATIOS}
_RATIO_WORDS = {
    "square": "1:1", "portrait": "2:3", "landscape": "3:2", "vertical": "2:3", "horizontal": "3:2",
    "wide": "16:9", "widescreen": "16:9", "tall": "9:16",
}  # fmt: skip
_ANY_SEED = frozenset({"random", "rand", "none", "auto", "any", "default"})


def read_number(flag: Flag, body: str) -> Reading:
    """Read a number, also with a per cent sign, a decimal comma or words behind it. Raises BadValueError."""
    notes: list[str] = []
    token = first(body)
    word = _meant(flag, token, notes)
    if flag.name in ("seed", "sameseed") and (word.lower() in _ANY_SEED or re.fullmatch(r"-\d{1,20}", word)):
        # -1 is what most programs write for it
        told = Sentence("`--{name} {word}` is a random seed, as without it.")
        return Reading(None, len(token), [Sentence(told, name=flag.name, word=word)])
    match = NUMBER.match(word)
    rest = "" if match is None else word[match.end() :]
    if rest and (cut := _GOES_ON.match(token)) is not None:
        # "7,masterpiece": the number ends at the punctuation, the words go on; "7::2" is their weight
        shorter: list[str] = []
        if NUMBER.fullmatch(alone := _meant(flag, cut[1], shorter)) is not None:
            used = len(cut[1]) + (not token.startswith("::", len(cut[1])))
            told = Sentence("`--{name}` was read as `{word}`; what follows belongs to the prompt.")
            shorter.append(Sentence(told, name=flag.name, word=alone))
            return Reading(_in_range(flag, alone, used, shorter), used, shorter)
    if match is None or rest:
        example = flag.example or number(flag.low)
        raise BadValueError(
            not_taken(flag, word),
            example if match is None else match.group(),
            len(token),
        )
    return Reading(_in_range(flag, word, len(token), notes), len(token), notes)


_GOES_ON = re.compile(r"([^\s,;:)\]，；：）］]++)[,;:)\]，；：）］]")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3}){1,3}")
_WHOLE_THOUSANDS = re.compile(r"[1-9]\d{0,2}(?:\.\d{3}){1,3}")
"""With points, as much of Europe writes them; only a whole number has no other reading."""


def _meant(flag: Flag, token: str, notes: list[str]) -> str:
    """Return a typed number as this program writes it; what was changed is said."""
    word = trim(flag, token, notes)
    if (plain := _plain(word, flag)) != word:
        notes.append(value_read_as(flag, word, plain))
        word = plain
    if word.endswith("%"):
        word = word[:-1]
        notes.append(Sentence("The per cent sign after `--{name}` was left out.", name=flag.name))
    whole = flag.kind is FlagType.INT and _WHOLE_THOUSANDS.fullmatch(word) is not None
    if whole or _THOUSANDS.fullmatch(word):
        word = word.replace(",", "").replace(".", "")
        notes.append(value_read_as(flag, token, word))
    if re.fullmatch(r"[+-]?\d{1,9},\d{1,2}", word) and flag.kind is FlagType.NUMBER:
        word = word.replace(",", ".")
        told = Sentence("The decimal comma after `--{name}` was read as a point: `{word}`.")
        notes.append(Sentence(told, name=flag.name, word=word))
    return word


def _plain(word: str, flag: Flag) -> str:
    """Return a number's text in plain digits: wide ones, ``½``, ``1/2``, ``7_000``, ``1e5``, ``#7``.

    >>> _plain("７．５", Flag("cfg", FlagType.NUMBER, "")), _plain("½", Flag("q", FlagType.NUMBER, ""))
    ('7.5', '0.5')
    """
    plain = unicodedata.normalize("NFKC", word).replace("\u2212", "-").replace("\u2044", "/")
    plain = re.sub(r"(?<=\d)·(?=\d)", ".", re.sub(r"(?<=\d)_(?=\d)", "", plain)).removeprefix("#")
    if re.fullmatch(r"\d{1,3}e\+?\d", plain, re.IGNORECASE):
        plain = str(int(float(plain)))
    share = re.fullmatch(r"(\d{1,4})/(\d{1,4})", plain)
    if share is not None and flag.kind is FlagType.NUMBER and int(share[2]):
        plain = number(int(share[1]) / int(share[2]))
    return plain


def _in_range(flag: Flag, word: str, used: int, notes: list[str]) -> int | float:
    """Return a number, brought to the nearest that can be, which is said. Copies are refused: they cost."""
    value = float(word)
    if flag.name in ("seed", "sameseed") and value > flag.high and word.isdecimal():
        kept = int(word) % (int(flag.high) + 1)
        told = Sentence("Seeds end at {high}; `{word}` was read as `--seed {kept}`.")
        notes.append(Sentence(told, high=number(flag.high), word=word, kept=kept))
        return kept
    if not flag.low <= value <= flag.high:
        best = min(max(value, flag.low), flag.high)
        fields = {"name": flag.name, "low": number(flag.low), "high": number(flag.high)}
        if flag.name == "repeat":
            told = Sentence("`--{name}` must be between {low} and {high}, not {value}.")
            raise BadValueError(Sentence(told, value=number(value), **fields), number(best), used)
        told = Sentence("`--{name}` must be between {low} and {high}; {word} was read as `{best}`.")
        notes.append(Sentence(told, word=quote(word), best=number(best), **fields))
        value = best
    if flag.kind is FlagType.INT:
        if value != int(value):
            raise BadValueError(
                Sentence("`--{name}` takes whole numbers, not {value}.", name=flag.name, value=number(value)),
                number(round(value)),
                used,
            )
        return int(value)
    return int(value) if value == int(value) else value


def read_ratio(flag: Flag, body: str) -> Reading:
    """Read width to height, ``W:H``. Raises BadValueError."""
    match = RATIO.match(body)
    if match is None:
        token = first(body)
        word = token.strip(QUOTES).rstrip(TRAILING).strip(QUOTES).lower()
        if word in _RATIO_WORDS:
            ratio = _RATIO_WORDS[word]
            return Reading(ratio, len(token), [read_as(f"`--ar {word}`", f"`--ar {ratio}`")])
        instead: str | None = "3:2"
        if re.fullmatch(r"\d{1,4}\.\d{1,2}", word):
            whole, _, part = word.partition(".")
            instead = _GLUED_RATIOS.get(whole + part)  # 16.9; but 1.5 and 2.39 are quotients
            if instead is None:
                alone = float(word) < 4 and float(word) > 0
                share = Fraction(word) if alone else Fraction(int(whole) or 1, int(part) or 1)
                instead = f"{share.numerator}:{share.denominator}"
        elif re.fullmatch(r"\d{1,4}", word):
            instead = _GLUED_RATIOS.get(word, f"{max(1, int(word))}:1")
        elif (some := _SOME_RATIO.search(word)) is not None and int(some[1]) and int(some[2]):
            instead = f"{int(some[1])}:{int(some[2])}"
        raise BadValueError(not_taken(flag, word), instead, len(token))
    used = match.end()
    typed = match.group()
    trail = len(body[used:]) - len(body[used:].lstrip(TRAILING))
    wide, high = Fraction(match[1]), Fraction(match[4])
    if wide <= 0 or high <= 0:
        raise BadValueError(
            Sentence("`--ar {typed}` has a side of nothing. Both numbers must be at least 1.", typed=typed),
            "1:1",
            used + trail,
        )
    if wide.denominator == high.denominator == 1:
        value = f"{wide}:{high}"
    else:
        quotient = wide / high
        value = f"{quotient.numerator}:{quotient.denominator}"
    notes: list[str] = []
    if typed + body[used : used + trail] != value:
        notes.append(read_as(f"`--ar {typed}{body[used : used + trail]}`", f"`--ar {value}`"))
    return Reading(value, used + trail, notes)
