"""How fast the house is, as ratios measured side by side; refuses to compare numbers of different runs.

``python -m bench`` prints one table. A module of this package takes part by exposing ``ROWS``. Each row
measures its two sides in turn (A B A B …) in one process, since the same work may take twice as long a
minute later on a machine that others use too.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


class Skipped(Exception):
    """A row cannot be measured here; its words say why, and what to do."""


@dataclass(frozen=True)
class Row:
    """One line of the table. ``measure`` returns one value per repetition, in ``unit``."""

    name: str
    measure: Callable[[], Sequence[float]]
    goal: float
    at_most: bool = True
    """Whether the goal is a ceiling (or a floor)."""
    unit: str = "×"

    def met(self, median: float) -> bool:
        """Return whether a median meets the goal."""
        return median <= self.goal if self.at_most else median >= self.goal


def paired(a: Callable[[], object], b: Callable[[], object], pairs: int) -> list[float]:
    """Time A and B in turn, ``pairs`` times, and return each pair's A ÷ B; one unmeasured pair goes before.

    Which of the two goes first alternates too, so that neither always finds the caches warm. The clock is the
    processor time of this process: what neighbours on the machine take is not counted.
    """
    a(), b()
    ratios = []
    for index in range(pairs):
        order = (a, b) if index % 2 == 0 else (b, a)
        spent = {}
        for side in order:
            began = time.process_time()
            side()
            spent[side] = time.process_time() - began
        ratios.append(spent[a] / spent[b])
    return ratios


HEAD = "| what | n | median | range | goal | met |\n|---|---|---|---|---|---|"


def line(row: Row, values: Sequence[float]) -> str:
    """Return a row's line of the Markdown table: n, median, range, goal, and whether it is met."""
    median = statistics.median(values)
    sign = "≤" if row.at_most else "≥"
    return (
        f"| {row.name} | {len(values)} | {_number(median)} {row.unit} "
        f"| {_number(min(values))} … {_number(max(values))} | {sign} {_number(row.goal)} {row.unit} "
        f"| {'yes' if row.met(median) else '**no**'} |"
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
