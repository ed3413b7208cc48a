"""Flags taken out of a line, their values read; the words between them stay. Knows no layers, no pictures."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from engine.prompt import values
from engine.prompt.flags import BY_NAME, Action, Flag, FlagType
from engine.prompt.prompt import Given, Source
from engine.prompt.scan import FlagError, Hit, scan
from engine.prompt.tokens import OPENING, QUOTES, BadValueError, marks_before, quote, read_as
from engine.words import Sentence

_LEFTOVER = ",.;!?)]}，。；！？、"
"""Marks that say nothing right after a flag's value."""
_OPENING = OPENING + QUOTES + "_"
_SIGN = re.compile(r"[=:](?!:)|\s++=|\s++:(?=\s)")
"""What other programs write between a flag and its value."""


@dataclass(slots=True)
class Taken:
    """A line taken apart."""

    text: str
    given: list[Given] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def take_flags(line: str, source: Source = "prompt") -> Taken:
    """Split a line into its text and its flags. Raises Refusal."""
    hits = scan(line)
    starts = [_opened(line, hit.start) for hit in hits] + [len(line)]
    pieces = [line[: starts[0]]]
    taken = Taken("")
    moved: list[str] = []
    for index, hit in enumerate(hits):
        stop = max(starts[index + 1], hit.end)
        if hit.flag is None:
            what = quote(line[hit.start : hit.end], 10)
            taken.notes.append(Sentence("{what} was ignored: it is not a flag.", what=what))
            pieces.append(line[hit.end : stop])
            continue
        rest = _flag(line, hit, stop, taken, source)
        if rest:
            moved.append(rest)
            pieces.append(rest)
    if moved and source == "prompt":
        words = " … ".join(piece.strip() for piece in moved)
        taken.notes.append(
            Sentence("Words after a flag were moved in front of the flags: {words}.", words=quote(words))
        )
    taken.text = " ".join(kept for piece in pieces if (kept := _without_stray(piece, taken.notes)))
    return taken


def _opened(line: str, start: int) -> int:
    """Return where the marks begin that open a wrapping right before a flag: ``a cat (--seed 7)``."""
    at = start
    while at and line[at - 1] in _OPENING:
        at -= 1
    return at if not at or line[at - 1].isspace() else start


def _without_stray(piece: str, notes: list[str]) -> str:
    """Return the piece trimmed, without bare dashes at its end: they stood before a flag or at the end."""
    piece = piece.strip()
    bare = piece.rstrip("-")
    if len(piece) - len(bare) > 1 and (not bare or bare[-1].isspace()):
        notes.append(Sentence("`--` was ignored: it is not a flag."))
        return bare.rstrip()
    return piece


def _flag(line: str, hit: Hit, stop: int, taken: Taken, source: Source) -> str:
    """Read one flag with its value into ``taken``; return the words after it that belong to the prompt."""
    flag = hit.flag
    assert flag is not None
    at = hit.end
    shown = line[hit.start : hit.end]
    sign = _SIGN.match(line, at, stop) if flag.kind is not FlagType.BARE else None
    if sign is not None and sign.end() < stop:
        at = sign.end()
    try:
        reading = values.read(flag, line[at:stop])
    except BadValueError as bad:
        end = min(stop, at + bad.used + len(line[at:stop]) - len(line[at:stop].lstrip()))
        instead = "" if bad.instead is None else f"--{flag.name} {bad.instead}"
        raise FlagError(bad.args[0], hit.start, end, instead) from None
    names = {f"--{name}" for name in flag.names}
    tight = reading.used and flag.kind is not FlagType.BARE and not line[at : at + 1].isspace()
    if shown not in names or at != hit.end or tight:
        typed = line[hit.start : at + reading.used if tight else at].strip()
        value = line[at : at + reading.used].strip() if tight else ""
        name = hit.typed if BY_NAME[hit.typed] is flag else flag.name
        taken.notes.append(read_as(quote(typed), quote(f"--{name} {value}".strip())))
    if hit.start and not line[hit.start - 1].isspace():
        taken.notes.append(Sentence("A blank was missing before `--{name}`.", name=flag.name))
    taken.notes.extend(reading.notes)
    rest = line[at + reading.used : stop]
    rest = rest[len(marks_before(rest)) :].strip()
    if rest and rest[0] in _LEFTOVER:
        taken.notes.append(Sentence("Punctuation after `--{name}` was left out.", name=flag.name))
        rest = rest.lstrip(_LEFTOVER + " ")
    if reading.value is not None:
        give(taken, flag, Given(flag.name, reading.value, source))
    return rest


def give(taken: Taken, flag: Flag, given: Given) -> None:
    """Add a flag: mapped ones become what they mean, equals are overruled or collected."""
    if flag.action is not Action.HONOURED and flag.note not in taken.notes:
        said = Sentence(flag.note)
        if f"--{flag.name}" not in flag.note:
            said = Sentence("`--{name}` was left out. {note}", name=flag.name, note=said)
        taken.notes.append(said)
    if flag.action is Action.MAPPED:
        name, _, text = flag.becomes.removeprefix("--").partition(" ")
        value = given.value if text == "{value}" else values.read(BY_NAME[name], f" {text}").value
        assert value is not None
        flag, given = BY_NAME[name], Given(name, value, given.source)
    if flag.name == "style" and given.value == "raw":
        flag, given = BY_NAME["raw"], Given("raw", True, given.source)
    for index, old in enumerate(taken.given):
        if old.name == given.name:
            if flag.repeats and isinstance(old.value, tuple) and isinstance(given.value, tuple):
                taken.given[index] = Given(
                    old.name, tuple(dict.fromkeys(old.value + given.value)), old.source
                )
                return
            if old.value != given.value:
                taken.notes.append(
                    Sentence(
                        "`--{name}` was given more than once; the last one counts: `{given}`.",
                        name=given.name,
                        given=str(given),
                    )
                )
            taken.given[index] = given
            return
        if flag.group and flag.group == BY_NAME[old.name].group and flag.group != "shape":
            taken.notes.append(
                Sentence("`{old}` gives way to `{given}`, which comes later.", old=str(old), given=str(given))
            )
            taken.given[index] = given
            return
    taken.given.append(given)
