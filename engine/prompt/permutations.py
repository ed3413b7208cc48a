"""``{a, b}`` in a line: counted before it is expanded. Knows braces and backslashes, nothing of flags."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

MANY = 10**9
"""Counts stop growing here, so that counting a hostile line stays linear."""

_MARK = re.compile(r"\\[{},]|[{},]")


@dataclass(slots=True)
class _Sequence:
    """Text and choices one after the other."""

    items: list[str | _Choice] = field(default_factory=list)
    count: int = 1


@dataclass(slots=True)
class _Choice:
    """Alternatives between one pair of braces."""

    options: list[_Sequence] = field(default_factory=list)
    count: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """A line whose braces have been read. ``count`` combinations; ``unclosed`` braces were taken as text."""

    root: _Sequence
    unclosed: int

    @property
    def count(self) -> int:
        """Return how many lines it stands for, at most ``MANY``."""
        return self.root.count

    def expand(self) -> list[str]:
        """Return every combination, the leftmost choice varying slowest. Costs ``count`` × length."""
        return [_pick(self.root, index) for index in range(self.root.count)]


def read(line: str) -> Line:
    r"""Read ``{a, b}``; ``\{``, ``\}`` and, inside braces, ``\,`` are literal; so are braces without partner.

    >>> read("a {red, {big, small} blue} ball").count
    3
    """
    pairs = _partners(line)
    root = _Sequence()
    stack: list[tuple[_Sequence, _Choice]] = []  # the sequence to return to, the choice being filled
    here = root
    at = 0
    unclosed = 0
    for mark in _MARK.finditer(line):
        if mark.start() > at:
            here.items.append(line[at : mark.start()])
        at = mark.end()
        text = mark.group()
        if len(text) == 2:
            here.items.append(text[1] if text[1] != "," or stack else text)
        elif text == ",":
            if stack:
                stack[-1][1].options.append(here)
                here = _Sequence()
            else:
                here.items.append(text)
        elif mark.start() not in pairs:
            unclosed += 1
            here.items.append(text)
        elif text == "{":
            stack.append((here, _Choice()))
            here = _Sequence()
        else:
            outer, choice = stack.pop()
            choice.options.append(here)
            outer.items.append(choice)
            for option in choice.options:
                _settle(option)
            here = outer
    if at < len(line):
        here.items.append(line[at:])
    _settle(root)
    return Line(root, unclosed)


def _partners(line: str) -> set[int]:
    """Return where the braces stand that have a partner."""
    paired: set[int] = set()
    open_: list[int] = []
    for mark in _MARK.finditer(line):
        if mark.group() == "{":
            open_.append(mark.start())
        elif mark.group() == "}" and open_:
            paired.update((open_.pop(), mark.start()))
    return paired


def _settle(sequence: _Sequence) -> None:
    count = 1
    for item in sequence.items:
        if isinstance(item, _Choice):
            item.count = min(MANY, sum(option.count for option in item.options))
            count = min(MANY, count * item.count)
    sequence.count = count


def _pick(root: _Sequence, index: int) -> str:
    """Return combination number ``index``, with a stack of our own: nesting may be deeper than Python's.

    Written from right to left, so that the rightmost choice takes the lowest digit of ``index``.
    """
    out: list[str] = []
    stack = [(root, len(root.items), index)]
    while stack:
        sequence, at, number = stack.pop()
        while at:
            at -= 1
            item = sequence.items[at]
            if isinstance(item, str):
                out.append(item)
                continue
            number, within = divmod(number, item.count)
            stack.append((sequence, at, number))
            for option in item.options:
                if within < option.count:
                    sequence, at, number = option, len(option.items), within
                    break
                within -= option.count
    return "".join(reversed(out))


def escape(line: str) -> str:
    """Return ``line`` with its braces made literal.

    >>> escape("a {b}")
    'a \\\\{b\\\\}'
    """
    return line.replace("{", "\\{").replace("}", "\\}")
