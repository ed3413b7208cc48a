r"""Choices in a line: ``{a, b}`` makes one line of each, ``{a|b}`` and ``__name__`` one at random.

Counted before it is expanded. Knows braces and backslashes, nothing of flags.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from engine.errors import PromptError
from engine.words import Sentence

MANY = 10**9
"""Counts stop growing here, so that counting a hostile line stays linear."""
NESTED = 8
"""How often a wildcard's choice may name wildcards that name wildcards."""

Dice = Callable[[int], int]
"""Returns a whole number from 0 up to, not including, the one given."""
Wildcards = Callable[[str], Sequence[str]]
"""Returns the choices that the host keeps under a name; none where there is no such name."""

WILDCARD = re.compile(r"(?<![\w\\])__([A-Za-z0-9*][\w./*\-]{0,78}?[A-Za-z0-9*]|[A-Za-z0-9*])__(?!\w)")

_MARK = re.compile(r"\\[{},|]|[{},|]")
_WEIGHT = re.compile(r"\s*(\d{1,4}(?:\.\d{0,4})?|\.\d{1,4})::")
_SEVERAL = re.compile(r"\s*(\d{1,2})(?:-(\d{1,2}))?\$\$(?:([^{}|$]{0,20})\$\$)?")
_SHARES = 10_000
"""Weights are counted in ten-thousandths."""


@dataclass(slots=True)
class _Sequence:
    """Text and choices one after the other. ``weight``: its share among a random choice's options."""

    items: list[str | _Choice] = field(default_factory=list)
    count: int = 1
    weight: float = 1.0


@dataclass(slots=True)
class _Choice:
    """Alternatives between one pair of braces.

    ``random``: some of them are taken, ``least`` to ``most``, with ``between`` between them; else each makes
    a line.
    """

    options: list[_Sequence] = field(default_factory=list)
    count: int = 0
    random: bool = False
    least: int = 1
    most: int = 1
    between: str = ", "


@dataclass(frozen=True, slots=True)
class Line:
    """A line whose braces have been read.

    ``count`` combinations; ``unclosed`` braces were taken as text; ``random`` says whether reading it again
    may give other lines; ``single``: some braces held one choice only.
    """

    root: _Sequence
    unclosed: int
    random: bool = False
    single: bool = False

    @property
    def count(self) -> int:
        """Return how many lines it stands for, at most ``MANY``."""
        return self.root.count

    def one(self, index: int, dice: Dice) -> str:
        """Return one of ``count`` combinations, the leftmost choice varying slowest.

        Its random choices are made anew with each call.
        """
        return _pick(self.root, index, dice)


def read(line: str) -> Line:
    r"""Read ``{a, b}`` and ``{a|b}``; ``\{``, ``\}`` and, inside braces, ``\,`` and ``\|`` are literal.

    So are braces without partner. A brace that holds a ``|`` of its own is a random choice; commas in it are
    text, and ``{2::a|b}`` takes the first twice as often, ``{2$$a|b|c}`` two of them.

    >>> read("a {red, {big, small} blue} ball").count
    3
    >>> read("a {red|green, dotted} ball").one(0, lambda most: most - 1)
    'a green, dotted ball'
    """
    pairs = _partners(line)
    root = _Sequence()
    stack: list[tuple[_Sequence, _Choice]] = []  # the sequence to return to, the choice being filled
    here = root
    at = 0
    unclosed = 0
    single = False
    for mark in _MARK.finditer(line):
        if mark.start() > at:
            here.items.append(line[at : mark.start()])
        at = mark.end()
        text = mark.group()
        choice = stack[-1][1] if stack else None
        if len(text) == 2:
            literal = text[1] in "{}" or choice is not None
            here.items.append(text[1] if literal else text)
        elif text in ",|":
            if choice is not None and choice.random == (text == "|"):
                choice.options.append(here)
                here = _Sequence()
            else:
                here.items.append(text)
        elif mark.start() not in pairs:
            unclosed += 1
            here.items.append(text)
        elif text == "{":
            stack.append((here, _Choice(random=pairs[mark.start()])))
            here = _Sequence()
        else:
            outer, choice = stack.pop()
            choice.options.append(here)
            single = single or (len(choice.options) == 1 and bool(here.items))
            outer.items.append(choice)
            _weigh(choice)
            for option in choice.options:
                _settle(option)
            here = outer
    if at < len(line):
        here.items.append(line[at:])
    _settle(root)
    return Line(root, unclosed, any(pairs.values()), single)


def _partners(line: str) -> dict[int, bool]:
    """Return where the braces stand that have a partner, and whether the pair holds a ``|`` of its own."""
    paired: dict[int, bool] = {}
    open_: list[tuple[int, bool]] = []
    for mark in _MARK.finditer(line):
        match mark.group():
            case "{":
                open_.append((mark.start(), False))
            case "|" if open_:
                open_[-1] = (open_[-1][0], True)
            case "}" if open_:
                start, random = open_.pop()
                paired[start] = paired[mark.start()] = random
    return paired


def _weigh(choice: _Choice) -> None:
    """Take ``2$$`` off a random choice's front, and ``2::`` off its options'."""
    if not choice.random:
        return
    first = choice.options[0].items
    if first and isinstance(first[0], str) and (several := _SEVERAL.match(first[0])) is not None:
        first[0] = first[0][several.end() :]
        choice.least = int(several[1])
        choice.most = max(choice.least, int(several[2] or 0))
        choice.between = ", " if several[3] is None else several[3]
    for option in choice.options:
        start = option.items[0] if option.items else None
        if isinstance(start, str) and (weight := _WEIGHT.match(start)) is not None:
            option.items[0] = start[weight.end() :]
            option.weight = float(weight[1])


def _settle(sequence: _Sequence) -> None:
    count = 1
    for item in sequence.items:
        if isinstance(item, _Choice):
            item.count = 1 if item.random else min(MANY, sum(option.count for option in item.options))
            count = min(MANY, count * item.count)
    sequence.count = count


def _pick(root: _Sequence, index: int, dice: Dice) -> str:
    """Return combination number ``index``, with a stack of our own: nesting may be deeper than Python's.

    Written from right to left, so that the rightmost choice takes the lowest digit of ``index``.
    """
    out: list[str] = []
    stack: list[tuple[_Sequence, int, int]] = [(root, len(root.items), index)]
    while stack:
        sequence, at, number = stack.pop()
        while at:
            at -= 1
            item = sequence.items[at]
            if isinstance(item, str):
                out.append(item)
                continue
            if item.random:
                stack.append((sequence, at, number))
                stack.extend((one, len(one.items), _thrown(dice, one.count)) for one in _drawn(item, dice))
                break
            number, within = divmod(number, item.count)
            stack.append((sequence, at, number))
            for option in item.options:
                if within < option.count:
                    sequence, at, number = option, len(option.items), within
                    break
                within -= option.count
    return "".join(reversed(out))


def _thrown(dice: Dice, most: int) -> int:
    return dice(most) if most > 1 else 0


def _drawn(choice: _Choice, dice: Dice) -> list[_Sequence]:
    """Return what a random choice takes, in its own order, as sequences to write from the right."""
    left = [one for one in choice.options if one.weight > 0] or [*choice.options]
    wanted = choice.least + _thrown(dice, choice.most - choice.least + 1)
    taken: list[_Sequence] = []
    while left and len(taken) < wanted:
        shares = [max(1, round(one.weight * _SHARES)) for one in left]
        share = _thrown(dice, sum(shares)) if len(left) > 1 else 0
        at = next(index for index, end in enumerate(accumulate(shares)) if share < end)
        taken.append(left.pop(at))
    between = _Sequence([choice.between])
    return [piece for one in taken for piece in (between, one)][1:]


def fill(line: str, wildcards: Wildcards, dice: Dice, length: int, notes: list[str]) -> str:
    """Return the line with each ``__name__`` as a choice of the host's, and what that choice names as well.

    Names that nobody keeps stay, and are said. Raises PromptError past ``length`` characters.
    """
    for _ in range(NESTED):
        before, unknown = line, dict[str, None]()

        def choose(match: re.Match[str], unknown: dict[str, None] = unknown) -> str:
            choices = wildcards(match[1])
            if not choices:
                unknown[match[1]] = None
                return match.group()
            chosen = choices[_thrown(dice, len(choices))]
            return _pick(_random(read(chosen).root), 0, dice)

        line = WILDCARD.sub(choose, line)
        if len(line) > length:
            raise PromptError(
                Sentence(
                    "With its wildcards filled in, this prompt passes {length} characters.", length=length
                )
            )
        if line == before:
            break
    told = Sentence("There is no wildcard `__{name}__` here; it was read as words.")
    notes.extend(Sentence(told, name=name) for name in list(unknown)[:3])
    return line


def _random(root: _Sequence) -> _Sequence:
    """Make every choice of a wildcard's text a random one: it stands for one thing."""
    stack = [root]
    while stack:
        for item in stack.pop().items:
            if isinstance(item, _Choice):
                item.random = True
                stack.extend(item.options)
    return root


def escape(line: str) -> str:
    """Return ``line`` with its braces made literal.

    >>> escape("a {b}")
    'a \\\\{b\\\\}'
    """
    return line.replace("{", "\\{").replace("}", "\\}")
