"""What is counted while the bot runs, for whoever watches it: plain numbers, no people; knows no format."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

SECONDS = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0)
"""Bounds of waits and of drawing, in seconds."""


class Histogram:
    """How often a value was at most each bound; ``total`` is the sum of all values."""

    def __init__(self, bounds: Sequence[float] = SECONDS) -> None:
        self.bounds = tuple(bounds)
        self.total = 0.0
        self._counts = [0] * (len(self.bounds) + 1)

    def add(self, value: float) -> None:
        """Count a value."""
        self._counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def cumulative(self) -> list[tuple[str, float]]:
        """Return (bound, how many were at most that), as Prometheus wants it; the last bound is ``+Inf``."""
        found, count = [], 0
        for bound, more in zip((*map(str, self.bounds), "+Inf"), self._counts, strict=True):
            count += more
            found.append((bound, float(count)))
        return found


@dataclass
class Metrics:
    """Since the start of this process: jobs by how they ended, failures by kind, waits and drawing."""

    ended: Counter[str] = field(default_factory=Counter)  # by state
    failed: Counter[str] = field(default_factory=Counter)  # by kind: user, memory, engine, worker, disk
    waits: Histogram = field(default_factory=Histogram)  # from the request to the start of drawing
    drawing: Histogram = field(default_factory=Histogram)  # seconds of the device a job took
