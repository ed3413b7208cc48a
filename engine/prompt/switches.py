"""The switches of InvokeAI's old command line, ``-s 50 -S 7 -C 7.5``, turned into flags."""

from __future__ import annotations

import re

from engine.prompt.tokens import quote, read_as
from engine.words import Sentence

_MARK = re.compile(r"(?<!\S)-(?:S\s?\d{1,10}|C\s?\d{1,2}(?:\.\d{1,3})?|[WH]\s?\d{2,5})(?!\S)")
_SWITCH = re.compile(
    r"(?P<before>^|\s)-(?P<letter>[A-Za-z])(?:(?:\s|(?=\d))(?P<value>(?!-)\S+)(?P<more>(?:\s\d[\d.]*)*))?(?=\s|$)"
)
_FLAGS = {"s": "steps", "S": "seed", "W": "width", "H": "height", "C": "cfg", "A": "sampler"}
_OTHERS = frozenset("nNfgGUvVItTbFiMo")
"""Its switches that mean nothing here: how many, grids, faces, enlarging, variations, a start's strength."""
_VALUES = {
    **dict.fromkeys(("steps", "width", "height"), re.compile(r"\d{1,5}")),
    "seed": re.compile(r"\d{1,10}"),
    "cfg": re.compile(r"\d{1,2}(?:\.\d{1,3})?"),
    "sampler": re.compile(r"[A-Za-z][\w+]{1,30}"),
}
_NUMBER = re.compile(r"\d[\d.]{0,20}")
_SIZE = re.compile(
    r"(?<!\S)(?:--|—)(?:size|resolution)(?:\s|[=:])\s?(\d{2,5})\s?[x×*]\s?(\d{2,5})(?!\S)", re.IGNORECASE
)
_SEAMLESS = re.compile(r"(?<!\S)--seamless(?!\S)(?:\s--seamless_axes\s\S+)?")
_NO_MEANING = re.compile(
    r"(?<!\S)--(?:hires(?:_fix)?|grid|log_tokenization|free_gpu_mem|save_original|karras_max)(?!\S)(?:\s\d+)?"
)
_UNWANTED = re.compile(r"(?<!\\)\[([^\[\]:|]{1,400})\](?!\()")
FIRST_FLAG = re.compile(r"(?:^|\s)(?:--|—)[A-Za-z]")
READ = Sentence("Pasted settings were read as flags.")


def left_out(shown: str, more: int = 0) -> Sentence:
    """Say which settings have no meaning here, and how many more of them there are."""
    return Sentence(
        "Settings that say nothing here were left out: {shown}."
        if more <= 0
        else "Settings that say nothing here were left out: {shown} and {more} more.",
        shown=shown,
        more=more,
    )


def _sides(size: re.Match[str], notes: list[str]) -> str:
    meant = f"--width {size[1]} --height {size[2]}"
    notes.append(read_as(quote(size.group()), quote(meant)))
    return meant


def as_flags(text: str, notes: list[str]) -> str:
    """Read the switches of InvokeAI's old command line, which are one dash and one letter.

    A capital one with a value of its kind tells it: ``-s 50`` alone is ``--s`` of Midjourney.
    """
    text = _SIZE.sub(lambda found: _sides(found, notes), text)
    first = _MARK.search(text)
    if first is None:
        return text
    left: list[str] = []

    def flag(found: re.Match[str]) -> str:
        letter, value = found["letter"], found["value"]
        name = _FLAGS.get(letter)
        if name is not None and value is not None and _VALUES[name].fullmatch(value):
            return f"{found['before']}--{name} {value}{found['more']}"
        if letter not in _OTHERS:
            return found[0]
        if letter == "I" and value is not None and value.lower().startswith(("http://", "https://")):
            return f" {value}{found['more']}"  # the picture to begin with
        left.append(f"-{letter}")
        words = value is not None and letter != "I" and _NUMBER.fullmatch(value) is None
        return f" {value}{found['more']}" if words else ""

    def gone(found: re.Match[str]) -> str:
        left.append(found[0].split()[0])
        return ""

    line = _NO_MEANING.sub(gone, _SEAMLESS.sub("--tile", _SWITCH.sub(flag, text)))
    start = min(found.start() for found in (FIRST_FLAG.search(line), first) if found is not None)
    quoted = line[:start].strip()
    if len(quoted) > 2 and quoted[0] == quoted[-1] == '"' and '"' not in quoted[1:-1]:
        line = f"{quoted[1:-1]} {line[start:].strip()}"
    if unwanted := _UNWANTED.findall(line[:start]):  # what it writes in square brackets is not wanted
        line = f"{_UNWANTED.sub('', line)} --negative {', '.join(unwanted)}"
    notes.append(READ)
    if left:
        shown = ", ".join(f"`{name}`" for name in dict.fromkeys(left))
        notes.append(left_out(shown))
    return " ".join(line.split())
