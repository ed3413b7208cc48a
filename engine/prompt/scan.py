"""Where flags begin in a line, and which dashes are prose. Reads names; leaves values to ``values``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from engine.prompt import links
from engine.prompt.flags import BY_NAME, Flag, FlagType
from engine.prompt.prompt import DASHES
from engine.prompt.tokens import near
from engine.prompt.values import plausible
from engine.words import Sentence

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,40}(?:-[A-Za-z0-9_]{1,20}){0,3}")
_LETTERS = re.compile(r"[A-Za-z]+")
_VALUE = re.compile(r"[=:]\S++|\s++[+-]?\d[\d.,:/x×%]*+(?!\S)")
_LAST_WORD = re.compile(r"\s++[^\s\-–—]\S*+(?=\s*+(?:$|(?:--|—)[A-Za-z]))")
_COUNTED = (FlagType.INT, FlagType.NUMBER, FlagType.RATIO)
_WORDY = (FlagType.BARE, FlagType.TEXT)
_LONGEST = 200
"""Characters that a value of one word may have."""
_SPACED = re.compile(r"\s++([A-Za-z][A-Za-z0-9_]{0,40})")


class FlagError(Exception):
    """A flag cannot be read; ``start:end`` of the line is to be replaced by ``instead`` (None: no guess)."""

    def __init__(self, message: str, start: int, end: int, instead: str | None) -> None:
        super().__init__(message)
        self.start, self.end, self.instead = start, end, instead


@dataclass(slots=True)
class Hit:
    """A flag's name in a line; ``flag`` None: dashes that say nothing and are dropped."""

    start: int
    end: int
    flag: Flag | None
    typed: str = ""


def scan(line: str) -> list[Hit]:
    """Return where flags begin in the line, and which dashes say nothing."""
    hits: list[Hit] = []
    guarded = [(link.start, link.end) for link in links.find(line)]
    link = 0
    for run in DASHES.finditer(line):
        start, end = run.span()
        while link < len(guarded) and guarded[link][1] <= start:
            link += 1
        if link < len(guarded) and guarded[link][0] <= start:
            continue
        if start and line[start - 1] == "\\":
            continue
        at_link = link > 0 and guarded[link - 1][1] == start  # where a link ends, a flag may begin
        before = " " if at_link or not start else line[start - 1]
        hit = _hit(line, start, end, bool(hits), before, bool(hits) and _in_value(hits[-1], line, start))
        if hit is not None:
            hits.append(hit)
    # 2022's `--w 1920 --h 1080` was a size, not weirdness
    if any(hit.typed == "h" for hit in hits):
        for hit in hits:
            if hit.typed == "w":
                hit.flag = BY_NAME["width"]
    return hits


def _in_value(hit: Hit, line: str, at: int) -> bool:
    """Tell whether ``at`` ends a flag's name, or stands in the one word behind it: no place for prose."""
    if hit.flag is None or at - hit.end > _LONGEST:
        return False
    between = line[hit.end : at]
    return not between or (hit.flag.kind not in _WORDY and len(between.split()) == 1)


def _hit(line: str, start: int, end: int, among_flags: bool, before: str, touches: bool) -> Hit | None:
    """Decide what one run of dashes is: a flag, dashes to drop, or prose (None). Raises Refusal.

    ``before`` is the character in front of it; ``touches``: another flag, or its one word, ends there.
    """
    dashes = line[start:end]
    glued = before.isalnum() or before == "_"
    name = _NAME.match(line, end)
    if name is not None:
        found = _resolve(name.group(), line, end)
        if found is None:
            if dashes == "--" and (before.isspace() or before in "\"'"):
                raise _unknown(name.group(), line, start)
            return None
        flag, after, typed = found
        if glued and dashes == "--" and touches:
            return Hit(start, after, flag, typed)  # --tile--raw, --v 5--tile
        if (dashes == "-" or glued) and not plausible(flag, line, after):
            return None
        if dashes == "-" and glued:
            return None
        return Hit(start, after, flag, typed)
    if not before.isspace() or (line[end : end + 1] and not line[end].isspace()):
        return None
    spaced = _SPACED.match(line, end)
    found = _resolve(spaced[1], line, spaced.start(1)) if spaced is not None else None
    if found is not None and (dashes != "-" or among_flags):
        flag, after, typed = found
        if plausible(flag, line, after):
            return Hit(start, after, flag, typed)
        if flag.kind is FlagType.BARE and dashes != "-":
            follows = line[after : after + 4].lstrip(" ,.;")
            if not follows or (DASHES.match(follows) and len(follows) > 1):
                return Hit(start, after, flag, typed)
        elif dashes == "--" and (after == len(line) or line[after].isspace()):
            if among_flags:
                return Hit(start, after, flag, typed)
            raise FlagError(
                Sentence(
                    "`-- {typed}` can be the flag `--{name}` or plain words. Write the dashes close to the "
                    "name for the flag, or `—` for a dash in the text.",
                    typed=typed,
                    name=flag.name,
                ),
                start,
                after,
                f"--{flag.name}",
            )
    if len(dashes) > 2 and set(dashes) == {"-"}:
        return Hit(start, end, None)
    if dashes == "--" and not line[end : end + 1]:
        return Hit(start, end, None)
    return None


def _resolve(word: str, line: str, at: int) -> tuple[Flag, int, str] | None:
    """Return the flag a word names, where its name ends, and the name; ``ar16`` is ``ar`` and a value."""
    low = word.lower()
    joined = low.replace("-", "_")
    if joined in BY_NAME:
        return BY_NAME[joined], at + len(word), joined
    head = low.split("-", 1)[0]
    if (
        head in BY_NAME
        and BY_NAME[head].kind in (FlagType.INT, FlagType.NUMBER)
        and re.match(r"-\.?\d", low[len(head) :])
    ):
        return BY_NAME[head], at + len(head), head  # --chaos-5
    letters = _LETTERS.match(head)
    if letters is not None and letters.group() in BY_NAME and letters.end() < len(head):
        flag = BY_NAME[letters.group()]
        if flag.kind is not FlagType.BARE and head[letters.end()].isdigit():
            return flag, at + letters.end(), letters.group()
    return None


def _may_take(flag: Flag, line: str, at: int) -> bool:
    """Tell whether the number behind a misspelt flag can be this one's: a size is no strength."""
    return flag.kind not in _COUNTED or plausible(flag, line, at)


def _unknown(word: str, line: str, start: int) -> FlagError:
    head, _, tail = word.partition("-")
    end = line.find(word, start) + len(word)
    flag = BY_NAME.get(head.lower())
    said = tail.replace("-", " ")
    if flag is not None and tail and _may_take(flag, said, 0):
        return FlagError(
            Sentence("There is no flag `--{word}`.", word=word),
            start,
            end,
            f"--{head.lower()} {said}",
        )
    meant = near(word.replace("-", "_"), tuple(name for name in BY_NAME if len(name) > 2))
    value = _VALUE.match(line, end)
    if meant is not None and (value is None or _may_take(BY_NAME[meant], line, end)):
        return FlagError(
            Sentence("There is no flag `--{word}`. Did you mean `--{meant}`?", word=word, meant=meant),
            start,
            end,
            f"--{meant}",
        )
    # left behind, the 3 of `--foo 3` and the folder of `--outt here` at the end would be drawn
    value = value or (_LAST_WORD.match(line, end) if line[:start].strip() else None)
    end = end if value is None else value.end()
    return FlagError(
        Sentence("There is no flag `--{word}`. `/help` lists them all.", word=word), start, end, ""
    )
