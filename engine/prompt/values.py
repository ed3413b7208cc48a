"""The value behind one flag's name, as people type it. Knows the table's kinds, not the line around them."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from fractions import Fraction

from engine.prompt import links, samplers
from engine.prompt.flags import OTHER_STYLES, STYLE_NAMES, Flag, Kind
from engine.prompt.prompt import DASHES, Value, number

_NUMBER = re.compile(r"[+-]?(?:\d{1,20}+(?:\.\d{0,9}+)?|\.\d{1,9}+)")
_RATIO = re.compile(
    r"\"?(\d{1,5}+(?:\.\d{1,4}+)?)(?:\s*+([:/*xX×∶：÷⁄])\s*+|(\s++|-))(\d{1,5}+(?:\.\d{1,4}+)?)(?![\w:])\"?"
)
_REF = re.compile(
    r"(random|\d{1,12}|[A-Za-z]?\d[\w-]{3,40})(?:::([+-]?(?:\d{1,6}(?:\.\d{0,6})?|\.\d{1,6})))?",
    re.IGNORECASE,
)
_PLAIN = re.compile(r"\w[\w.+/-]{0,63}(?: [\w.+/-]{1,32}){0,3}")
_CODE = re.compile(r"(?=\D{0,39}\d)[\w@<>-]{4,40}|@[\w-]{1,40}")
_LORA = re.compile(r"(\w[\w.-]{0,63})(?::([+-]?(?:\d{1,4}(?:\.\d{0,6})?|\.\d{1,6})))?")
_VERSION = re.compile(r"v?(\d{1,2})(?:\.(\d))?", re.IGNORECASE)
_COMMA = re.compile("[,，、]")
_TRAILING = ",.;，。"
_QUOTES = "\"'`"
_MARKS = "*~|)]}>"
"""What closes a wrapping behind a value: Markdown's marks, brackets."""
_UNPAIRED = ("**", "__", "~~", "||", "*", "`", '"')
_GLUED_RATIOS = {
    "11": "1:1",
    "32": "3:2",
    "23": "2:3",
    "43": "4:3",
    "34": "3:4",
    "54": "5:4",
    "45": "4:5",
    "169": "16:9",
    "916": "9:16",
    "219": "21:9",
    "1610": "16:10",
}
_ON, _OFF = frozenset({"true", "on", "yes", "1"}), frozenset({"false", "off", "no", "0"})
SWITCHES = frozenset({"raw", "tile"})
"""Flags whose ``off`` says something: it wins over a suffix, settings or a server that turn them on."""
_RATIO_WORDS = {"square": "1:1", "portrait": "2:3", "landscape": "3:2"}


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


def quote(text: str, limit: int = 60) -> str:
    """Return a person's own word between backticks, shortened, unable to close them."""
    shown = text.replace("`", "'")
    return f"`{shown if len(shown) <= limit else shown[:limit] + '…'}`"


def near(word: str, names: list[str] | tuple[str, ...]) -> str | None:
    """Return the name that ``word`` was most likely meant to be, or None."""
    found = difflib.get_close_matches(word.lower()[:40], names, n=1, cutoff=0.6)
    return found[0] if found else None


def unshield(text: str) -> str:
    """Return text with one backslash taken from before each run of dashes."""
    return _SHIELDED.sub(lambda match: match.group()[1:], text)


_SHIELDED = re.compile(r"\\++" + DASHES.pattern)


def plausible(flag: Flag, line: str, at: int) -> bool:
    """Tell whether an unmistakable value of ``flag`` begins at ``at``: a ground for repairs."""
    at += len(_BLANKS.match(line, at).group())  # type: ignore[union-attr]
    if line[at : at + 1] in ("=", ":"):
        at += 1
    match flag.kind:
        case Kind.RATIO:
            return _RATIO.match(line, at) is not None
        case Kind.INT | Kind.NUMBER:
            return _ends(line, _NUMBER.match(line, at))
        case Kind.CHOICE:
            return line[at : at + 40].split(" ", 1)[0].lower().rstrip(_TRAILING) in flag.choices
        case _ if flag.name in ("v", "niji"):
            return _ends(line, _VERSION.match(line, at))
        case _:
            return False


_BLANKS = re.compile(r"\s*+")


def _ends(line: str, match: re.Match[str] | None) -> bool:
    """Tell whether the match is a word of its own, punctuation aside."""
    if match is None:
        return False
    after = line[match.end() : match.end() + 2].lstrip(_TRAILING + "%")
    return not after or after[0].isspace() or after[0] in "-–—"


def read(flag: Flag, region: str) -> Reading:
    """Read the value of ``flag`` from the text between its name and the next flag.

    Raises BadValueError for a value that is missing, wrong, or has two readings.
    """
    lead = len(region) - len(region.lstrip())
    body = region[lead:]
    match flag.kind:
        case Kind.BARE:
            reading = _bare(flag, body, bool(lead))
        case Kind.TEXT:
            reading = _text(flag, body)
        case _ if not body.strip(_QUOTES + _TRAILING) and flag.kind is not Kind.OPTIONAL:
            raise BadValueError(
                f"`--{flag.name}` needs a value: {wanted(flag)}.", flag.example or None, len(region)
            )
        case Kind.RATIO:
            reading = _ratio(flag, body)
        case Kind.INT | Kind.NUMBER:
            reading = _number(flag, body)
        case Kind.CHOICE:
            reading = _choice(flag, body)
        case Kind.REFS:
            reading = _refs(flag, body)
        case Kind.LORA:
            reading = _lora(flag, body)
        case Kind.OPTIONAL:
            reading = _optional(flag, body)
        case Kind.WORD:
            reading = _word(flag, body)
    if lead > 1 and reading.used:
        reading.notes.append(f"Doubled blanks after `--{flag.name}` were read as one.")
    reading.used += lead
    return reading


def _bare(flag: Flag, body: str, apart: bool) -> Reading:
    """Read a flag without a value; ``true`` or ``off`` alone behind it is no word of the prompt."""
    word = body.strip().strip(_QUOTES).rstrip(_TRAILING).lower()
    if apart and word in _ON | _OFF:
        shown = f"`--{flag.name} {word}`"
        if word in _ON:
            return Reading(True, len(body), [f"{shown} was read as `--{flag.name}`."])
        if flag.name in SWITCHES:
            return Reading(False, len(body))
        return Reading(None, len(body), [f"{shown} is what happens without it; it was left out."])
    return Reading(True, 0 if apart else len(body) - len(body.lstrip(_TRAILING)))


def wanted(flag: Flag) -> str:
    """Say in words what ``flag`` takes, with an example."""
    example = f", such as `--{flag.name} {flag.example}`" if flag.example else ""
    match flag.kind:
        case Kind.INT:
            return f"a whole number from {number(flag.low)} to {number(flag.high)}{example}"
        case Kind.NUMBER:
            return f"a number from {number(flag.low)} to {number(flag.high)}{example}"
        case Kind.RATIO:
            return "two whole numbers with a colon, such as `--ar 3:2`"
        case Kind.CHOICE:
            return "one of " + ", ".join(f"`{choice}`" for choice in flag.choices)
        case Kind.REFS:
            return "a link to a picture, or a code"
        case _ if flag.name == "v":
            return "a version number, such as `--v 7`"
        case Kind.LORA:
            return "a name and a weight, such as `--lora ink:0.8`"
        case _:
            return flag.kind.value + example


def _first(body: str) -> str:
    """Return the first word of ``body``, or what stands between quotes at its start."""
    if body and body[0] in _QUOTES and (end := body.find(body[0], 1, 200)) > 0:
        return body[: end + 1]
    return body.split(None, 1)[0] if body else ""


def _trim(flag: Flag, token: str, notes: list[str]) -> str:
    """Take quotes, marks and trailing punctuation off a word, and say so."""
    bare = token.strip(_QUOTES).rstrip(_TRAILING + _MARKS + _QUOTES).lstrip("*~|").strip(_QUOTES)
    bare = bare.removesuffix("__")
    if flag.kind in (Kind.INT, Kind.NUMBER):
        bare = bare.strip("_")
    if bare != token:
        notes.append(f"{quote(token)} after `--{flag.name}` was read as {quote(bare)}.")
    return bare


def marks_before(rest: str) -> str:
    """Return the marks that touch a value's end and close a wrapping there: ``**`` of ``**a cat --ar 3:2**``.

    >>> marks_before("** on a mat"), marks_before("**bold**"), marks_before(" **bold**")
    ('**', '', '')
    """
    found = _CLOSING.match(rest)
    return "" if found is None else found.group()


_CLOSING = re.compile(r"[*_~|\"'`)\]}>]++(?=[\s.,;!?]|$)")


def _balanced(bare: str) -> str:
    """Return words without the marks at their end that close what was opened before the flag."""
    while True:
        before = bare
        for mark in _UNPAIRED:
            if bare.endswith(mark) and bare.count(mark) % 2:
                bare = bare[: -len(mark)].rstrip()
        for closing, opening in ((")", "("), ("]", "[")):
            if bare.endswith(closing) and bare.count(closing) > bare.count(opening):
                bare = bare[:-1].rstrip()
        if bare == before:
            return bare


def _number(flag: Flag, body: str) -> Reading:
    notes: list[str] = []
    token = _first(body)
    word = _trim(flag, token, notes)
    if word.endswith("%"):
        word = word[:-1]
        notes.append(f"The per cent sign after `--{flag.name}` was left out.")
    if re.fullmatch(r"\d{1,3}(?:,\d{3}){1,3}", word):
        word = word.replace(",", "")
        notes.append(f"{quote(token)} after `--{flag.name}` was read as {quote(word)}.")
    if re.fullmatch(r"[+-]?\d{1,9},\d{1,2}", word) and flag.kind is Kind.NUMBER:
        word = word.replace(",", ".")
        notes.append(f"The decimal comma after `--{flag.name}` was read as a point: `{word}`.")
    if flag.name in ("seed", "sameseed") and (word.lower() == "random" or re.fullmatch(r"-\d{1,20}", word)):
        # -1 is what most programs write for it
        return Reading(None, len(token), [f"`--{flag.name} {word}` is a random seed, as without it."])
    match = _NUMBER.match(word)
    rest = "" if match is None else word[match.end() :]
    if match is not None and rest and DASHES.match(rest) is None and re.match(r"[,;:)\]]", rest):
        # "7,masterpiece": the number ends at the punctuation, the words go on
        used = len(token) - len(token.lstrip(_QUOTES)) + match.end() + 1
        notes.append(f"`--{flag.name}` was read as `{match.group()}`; what follows belongs to the prompt.")
        return Reading(_in_range(flag, match.group(), used, notes), used, notes)
    if match is None or rest:
        example = flag.example or number(flag.low)
        raise BadValueError(
            f"`--{flag.name}` takes {wanted(flag)}, not {quote(word)}.",
            example if match is None else match.group(),
            len(token),
        )
    return Reading(_in_range(flag, word, len(token), notes), len(token), notes)


def _in_range(flag: Flag, word: str, used: int, notes: list[str]) -> int | float:
    """Return a number, brought to the nearest that can be, which is said. Copies are refused: they cost."""
    value = float(word)
    if flag.name in ("seed", "sameseed") and value > flag.high and word.isdecimal():
        kept = int(word) % (int(flag.high) + 1)
        notes.append(f"Seeds end at {number(flag.high)}; `{word}` was read as `--seed {kept}`.")
        return kept
    if not flag.low <= value <= flag.high:
        best = min(max(value, flag.low), flag.high)
        told = f"`--{flag.name}` must be between {number(flag.low)} and {number(flag.high)}"
        if flag.name == "repeat":
            raise BadValueError(f"{told}, not {number(value)}.", number(best), used)
        notes.append(f"{told}; {quote(word)} was read as `{number(best)}`.")
        value = best
    if flag.kind is Kind.INT:
        if value != int(value):
            raise BadValueError(
                f"`--{flag.name}` takes whole numbers, not {number(value)}.", number(round(value)), used
            )
        return int(value)
    return int(value) if value == int(value) else value


def _ratio(flag: Flag, body: str) -> Reading:
    match = _RATIO.match(body)
    if match is None:
        token = _first(body)
        word = token.strip(_QUOTES).rstrip(_TRAILING).strip(_QUOTES).lower()
        if word in _RATIO_WORDS:
            ratio = _RATIO_WORDS[word]
            return Reading(ratio, len(token), [f"`--ar {word}` was read as `--ar {ratio}`."])
        instead: str | None = "3:2"
        if re.fullmatch(r"\d{1,4}\.\d{1,2}", word):
            whole, _, part = word.partition(".")
            instead = f"{int(whole)}:{int(part) or 1}" if int(whole) else "1:1"
        elif re.fullmatch(r"\d{1,4}", word):
            instead = _GLUED_RATIOS.get(word, f"{max(1, int(word))}:1")
        raise BadValueError(f"`--ar` takes {wanted(flag)}, not {quote(word)}.", instead, len(token))
    used = match.end()
    typed = match.group()
    trail = len(body[used:]) - len(body[used:].lstrip(_TRAILING))
    wide, high = Fraction(match[1]), Fraction(match[4])
    if wide <= 0 or high <= 0:
        raise BadValueError(
            f"`--ar {typed}` has a side of nothing. Both numbers must be at least 1.", "1:1", used + trail
        )
    if wide.denominator == high.denominator == 1:
        value = f"{wide}:{high}"
    else:
        quotient = wide / high
        value = f"{quotient.numerator}:{quotient.denominator}"
    notes = []
    if typed + body[used : used + trail] != value:
        notes.append(f"`--ar {typed}{body[used : used + trail]}` was read as `--ar {value}`.")
    return Reading(value, used + trail, notes)


def _text(flag: Flag, body: str) -> Reading:
    notes: list[str] = []
    typed = " ".join(body.split())
    text = _balanced(typed)
    bare = text
    while flag.name == "no" and (less := _balanced(bare.rstrip(_TRAILING + " "))) != bare:
        bare = less
    if text != typed:
        notes.append(f"Marks at the end of `--{flag.name}` were left out.")
    if not bare:
        raise BadValueError(
            f"`--{flag.name}` needs words after it, such as `--{flag.name} {flag.example}`.", None, len(body)
        )
    if flag.name != "no":
        return Reading(unshield(bare), len(body), notes)
    if bare != text:
        notes.append(f"Punctuation at the end of `--{flag.name}` was left out.")
    items = tuple(item for piece in _COMMA.split(bare) if (item := unshield(piece.strip())))
    if not items:
        raise BadValueError(
            f"`--{flag.name}` needs words after it, such as `--{flag.name} {flag.example}`.", None, len(body)
        )
    return Reading(items, len(body), notes)


def _choice(flag: Flag, body: str) -> Reading:
    notes: list[str] = []
    token = _first(body)
    word = _trim(flag, token, notes)
    if word.lower() not in flag.choices:
        raise BadValueError(
            f"`--{flag.name}` takes {wanted(flag)}, not {quote(word)}.",
            near(word, flag.choices) or flag.choices[0],
            len(token),
        )
    return Reading(word.lower(), len(token), notes)


def _refs(flag: Flag, body: str) -> Reading:
    found: list[str] = []
    notes: list[str] = []
    at = used = 0
    while (blank := _BETWEEN.match(body, at)) is not None and blank.end() < len(body):
        at = blank.end()
        link = links.at(body, at)
        token = "" if link is not None else _first(body[at : at + 200])
        word = token.strip(_QUOTES).rstrip(_TRAILING + _MARKS + _QUOTES).lstrip("*~|")
        if link is not None:
            if "<" in link.marked:
                notes.append("Angle brackets around a link were taken off.")
            weight, name, end = link.weight, link.url, link.end
        elif match := _REF.fullmatch(word):
            weight, name, end = float(match[2]) if match[2] else None, match[1], at + len(token)
        else:
            break
        at = used = end
        if weight is not None and weight < 0:
            kept = " ".join([*found, f"{name}::{number(-weight)}"])
            raise BadValueError(
                f"A picture cannot weigh less than nothing: {quote(f'{name}::{number(weight)}')} after "
                f"`--{flag.name}`. Say what to avoid with `--no`.",
                kept,
                used,
            )
        found.append(name if weight is None else f"{name}::{number(weight)}")
    if not found:
        raise BadValueError(
            f"`--{flag.name}` takes {wanted(flag)}, not {quote(_first(body))}.", None, len(_first(body))
        )
    return Reading(tuple(found), used, notes)


_BETWEEN = re.compile(r"[\s,]*+")


def _lora(flag: Flag, body: str) -> Reading:
    found: list[str] = []
    used, comma = 0, False
    for token in re.finditer(r"\S+", body):
        word = token.group().strip(_QUOTES + "*~|")
        match = _LORA.fullmatch(word.rstrip(_TRAILING + _MARKS + _QUOTES).removesuffix("__"))
        if match is None or (found and not comma and match[2] is None):
            break  # after a blank, only `name:weight` is one more
        found.append(lora_text(match[1], float(match[2] or 1)))
        used = token.end()
        comma = word.endswith(",")
    if not found:
        raise BadValueError(
            f"`--lora` takes {wanted(flag)}, not {quote(_first(body))}.", None, len(_first(body))
        )
    return Reading(tuple(found), used)


def is_lora(name: str) -> bool:
    """Say whether ``--lora`` can name a LoRA so."""
    return ":" not in name and _LORA.fullmatch(name) is not None


def lora_text(name: str, weight: float) -> str:
    """Return a LoRA as ``--lora`` writes it."""
    return f"{name}:{number(max(-10.0, min(10.0, weight)))}"


def _optional(flag: Flag, body: str) -> Reading:
    notes: list[str] = []
    token = _first(body)
    word = _trim(flag, token, notes)
    if flag.name == "niji" and (match := _VERSION.fullmatch(word)):
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
        word = token.group().rstrip(_TRAILING)
        if not _CODE.fullmatch(word):
            break
        found.append(word)
        end = used + token.end()
    return Reading(" ".join(found), end, notes)


def _version(match: re.Match[str]) -> str:
    return f"{int(match[1])}.{match[2]}" if match[2] and match[2] != "0" else str(int(match[1]))


def _word(flag: Flag, body: str) -> Reading:
    notes: list[str] = []
    token = _first(body)
    if flag.name == "sampler":
        return _sampler(body)
    word = _trim(flag, token, notes)
    if flag.name == "v":
        match = _VERSION.fullmatch(word)
        if match is None:
            raise BadValueError(
                f"`--v` takes a version number, such as `--v 7`, not {quote(word)}.", None, len(token)
            )
        return Reading(_version(match), len(token), notes)
    if flag.name == "style":
        return _style(body, token, word, notes)
    if not _PLAIN.fullmatch(word):
        raise BadValueError(f"`--{flag.name}` takes a name, not {quote(word)}.", None, len(token))
    return Reading(word, len(token), notes)


def _prefixes(body: str, most: int) -> list[tuple[str, int]]:
    """Return the first ``most`` words of ``body`` together, then one fewer …, each with its length."""
    ends = []
    for index, token in enumerate(re.finditer(r"\S+", body)):
        if index == most:
            break
        ends.append(token.end())
    return [(body[:end], end) for end in reversed(ends)]


def _sampler(body: str) -> Reading:
    """Read a sampler's name, all its words: none of them may be drawn."""
    whole, used = samplers.longest(body)
    words = whole.strip(_QUOTES + _MARKS).rstrip(_TRAILING)
    name, dropped = samplers.nearest(words)
    if name is None:
        raise BadValueError(
            f"There is no sampler {quote(words)}. "
            f"There are {', '.join(f'`{known}`' for known in samplers.SAMPLERS)}.",
            samplers.alike(words),
            used,
        )
    notes = [] if whole == name else [f"The sampler {quote(words)} is called `{name}` here."]
    if dropped:
        notes = [f"{quote(words)} is drawn with `{name}`: here it has no {quote(dropped)} steps."]
    return Reading(name, used, notes)


def _style(body: str, token: str, word: str, notes: list[str]) -> Reading:
    for words, used in _prefixes(body, 3):
        plain = "-".join(words.strip(_QUOTES).rstrip(_TRAILING).lower().replace("_", "-").split())
        if plain in STYLE_NAMES:
            if words != plain:
                notes = [f"{quote(words)} after `--style` was read as `{plain}`."]
            return Reading(plain, used, notes)
    low = word.lower()
    if low == "raw":
        return Reading("raw", len(token), notes)
    if low in OTHER_STYLES or re.fullmatch(r"random-\d{1,3}", low):
        return Reading(
            None, len(token), [f"`--style {word}` belongs to Midjourney's own models and was left out."]
        )
    if not _PLAIN.fullmatch(word):
        raise BadValueError(f"`--style` takes a name, not {quote(word)}.", None, len(token))
    return Reading(word, len(token), notes)
