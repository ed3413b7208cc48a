r"""Weights inside the text as AUTOMATIC1111 reads them: ``(x:1.2)``, ``[x]``, ``BREAK``. Knows no tokens.

The grammar and its constants (1.1 for round brackets, ÷ 1.1 for square ones) are those of
``prompt_parser.parse_prompt_attention`` of stable-diffusion-webui, rewritten to cost linear time. Two
differences: a ``BREAK`` inside brackets stays a break, and weights stop at ±100, past which pictures are
only noise.
"""

from __future__ import annotations

import re
from itertools import groupby

from engine.jobs import Lora

BREAK = ("BREAK", -1.0)
"""The pair that stands for a ``BREAK``: what follows begins a new chunk of 75 tokens."""

FACTORS = {"(": 1.1, "[": 1 / 1.1}
LIMIT = 100.0

# possessive quantifiers: a long run of digits without its bracket must not be read again and again
_TOKEN = re.compile(
    r"\\[()\[\]\\]|\\"  # an escaped bracket or backslash; a backslash alone
    r"|[(\[]"
    r"|:\s*+(?P<weight>[+-]?(?:\d++(?:\.\d*+)?|\.\d++))\s*+\)"
    r"|[)\]]"
    r"|[^\\()\[\]:]+"
    r"|:"
)
_BREAK = re.compile(r"\bBREAK\b")
_NETWORK = re.compile(r"<(lora|lyco|hypernet):([^:<>\s][^:<>]*+)(?::([^<>]*+))?>", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?(?:\d{1,6}(?:\.\d{0,9})?|\.\d{1,9})")


def parse_attention(text: str) -> list[tuple[str, float]]:
    r"""Return the text in pieces with the weight of each; the pair ``BREAK`` stands between chunks.

    >>> parse_attention("a (red:1.5) apple")
    [('a ', 1.0), ('red', 1.5), (' apple', 1.0)]
    >>> parse_attention(r"\(literal\]")
    [('(literal]', 1.0)]

    Neighbours of equal weight are joined; an empty text gives ``[("", 1.0)]``; brackets left open count to
    the end. Round and square brackets are matched apart, so they may cross.
    """
    pieces: list[str | None] = []  # None is a BREAK
    opened: dict[str, list[int]] = {"(": [], "[": []}
    spans: dict[str, list[tuple[int, int, float]]] = {"(": [], "[": []}
    for match in _TOKEN.finditer(text):
        token = match.group()
        weight = match["weight"]
        kind = "[" if token[-1] == "]" else "("
        if token[0] == "\\":
            pieces.append(token[1:])
        elif token in opened:
            opened[token].append(len(pieces))
        elif token[-1] in ")]" and opened[kind]:
            factor = FACTORS[kind] if weight is None else float(weight)
            spans[kind].append((opened[kind].pop(), len(pieces), factor))
        else:
            for index, part in enumerate(_split(token)):
                if index:
                    pieces.append(None)
                pieces.append(part)
    for kind, starts in opened.items():
        spans[kind] += ((start, len(pieces), FACTORS[kind]) for start in starts)
    both = (_products(len(pieces), its) for its in spans.values())
    weights = [_clamp(a * b) for a, b in zip(*both, strict=True)]
    return _join(pieces, weights)


def _split(token: str) -> list[str]:
    """Split at ``BREAK``, which swallows the blanks around it."""
    parts = _BREAK.split(token)
    last = len(parts) - 1
    return [
        (part.rstrip() if index < last else part).lstrip(None if index else "")
        for index, part in enumerate(parts)
    ]


def _clamp(weight: float) -> float:
    return max(-LIMIT, min(LIMIT, weight))


def _products(count: int, spans: list[tuple[int, int, float]]) -> list[float]:
    """Return for each piece the product over the spans that hold it.

    Spans of one kind of bracket nest, so a stack of running products does it in one sweep, where multiplying
    every piece of every span would be quadratic.
    """
    starts: dict[int, list[tuple[int, float]]] = {}
    for start, end, factor in spans:  # in closing order: inner spans come first
        if end > start:
            starts.setdefault(start, []).append((end, factor))
    products: list[float] = []
    stack: list[tuple[int, float]] = [(count + 1, 1.0)]
    for index in range(count):
        while stack[-1][0] <= index:
            stack.pop()
        for end, factor in reversed(starts.get(index, [])):
            stack.append((end, _clamp(stack[-1][1] * factor)))
        products.append(stack[-1][1])
    return products


def _join(pieces: list[str | None], weights: list[float]) -> list[tuple[str, float]]:
    result: list[tuple[str, float]] = []
    shown = (one for one in zip(pieces, weights, strict=True) if one[0] != "")
    for (text, weight), run in groupby(shown, key=lambda one: (one[0] is not None, one[1])):
        if text:
            result.append(("".join(piece or "" for piece, _ in run), weight))
        else:
            result += [BREAK for _ in run]
    return result or [("", 1.0)]


def take_networks(text: str) -> tuple[str, list[Lora], list[str]]:
    """Take ``<lora:name:weight>`` out of the text; return the text, the LoRAs, and other tags.

    >>> take_networks("a fox <lora:ink:0.8> <hypernet:x:1>")
    ('a fox  ', [Lora(name='ink', weight=0.8)], ['<hypernet:x:1>'])
    """
    loras: list[Lora] = []
    others: list[str] = []

    def take(match: re.Match[str]) -> str:
        kind, name, rest = match.groups()
        # "<lora:name:text encoder:unet>" may carry two weights; the first counts for both
        first = (rest or "1").split(":", 1)[0].strip()
        if kind.lower() == "hypernet" or not _NUMBER.fullmatch(first):
            others.append(match.group())
        else:
            loras.append(Lora(name=name.strip(), weight=float(first)))
        return ""

    return _NETWORK.sub(take, text), loras, others
