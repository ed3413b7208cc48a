"""How many rows a call is worth: learnt from how long calls took; pure, refuses to know pictures and devices.

A device that one large picture keeps busy gains nothing from a second beside it: both then wait for a call
twice as long. So for each model and size the seconds of a call are kept by its rows, and rows are added only
while that draws more of them a second.
"""

from __future__ import annotations

import json
import logging
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

log = logging.getLogger(__name__)

PAYS = 1.05
"""How many times as many rows a second a longer call must draw."""
NEW = 0.2
"""The share of the newest call in what is known of calls like it."""
AGAIN = 500
"""Calls after which one with more rows is tried again: drivers, neighbours and settings change."""
KEPT = 400
"""Calls after which what is known is kept, beside whenever a limit changes."""
LOOKED = 3
"""Calls of so many rows before their time counts; the first compiles kernels and does not count at all."""


class Gain:
    """What is known of calls, by ``size`` (any text) and rows."""

    def __init__(self) -> None:
        self._seconds: dict[str, dict[int, float]] = defaultdict(dict)
        self._calls: dict[str, Counter[int]] = defaultdict(Counter)
        self._since: Counter[str] = Counter()

    def took(self, size: str, rows: int, seconds: float) -> None:
        """Note a call."""
        self._calls[size][rows] += 1
        self._since[size] += 1
        if self._calls[size][rows] == 1:
            return
        known = self._seconds[size]
        known[rows] = seconds if rows not in known else known[rows] + NEW * (seconds - known[rows])

    def most(self, size: str) -> int | None:
        """Return the rows past which nothing is gained; None where more may still pay.

        Once in a while None even so, to look again.
        """
        limit = self.known(size)
        if limit is not None and self._since[size] >= AGAIN:
            self._since[size] = 0
            return None
        return limit

    def known(self, size: str) -> int | None:
        """Return the same, and change nothing: the fewest rows that no longer known call beats by enough."""
        calls = self._calls[size]
        known = {n: t for n, t in self._seconds.get(size, {}).items() if calls[n] >= LOOKED}
        rate = {rows: rows / seconds for rows, seconds in known.items() if seconds > 0}
        for rows in sorted(rate)[:-1]:
            if all(rate[more] < PAYS * rate[rows] for more in rate if more > rows):
                return rows
        return None

    def limits(self) -> dict[str, int]:
        """Return the rows past which nothing is gained, by size, where they are known."""
        found = {size: self.known(size) for size in self._seconds}
        return {size: rows for size, rows in found.items() if rows is not None}

    def as_json(self) -> str:
        """Return what is known, to be kept."""
        return json.dumps(self._seconds)

    @classmethod
    def of_json(cls, kept: str) -> Gain:
        """Return what was kept. Raises ValueError where it is something else."""
        gain = cls()
        read = json.loads(kept)
        if not isinstance(read, Mapping):
            raise ValueError("not what was kept")
        for size, times in read.items():
            for rows, seconds in times.items():
                gain._seconds[size][int(rows)] = float(seconds)
                gain._calls[size][int(rows)] = LOOKED
        return gain


@dataclass(eq=False)
class Pace:
    """Measures calls as they are made, and says how many rows the next may have; or does neither.

    ``file`` keeps what was learnt of this device; ``sync`` waits for it to have finished, where calls return
    before their work is done. ``every``: one call in so many is measured, since waiting costs a little.
    """

    gain: Gain | None
    file: Path | None = None
    sync: Callable[[], None] = lambda: None
    every: int = 1
    _calls: int = 0
    _known: dict[str, int] = field(default_factory=dict)

    def rows(self, size: tuple[str, Sequence[int]], most: int) -> int:
        """Return how many rows a call of this model and size may have, of ``most``."""
        return most if self.gain is None else min(most, self.gain.most(_named(size)) or most)

    def limits(self) -> dict[str, int]:
        """Return what `Gain.limits` knows."""
        return {} if self.gain is None else self.gain.limits()

    @contextmanager
    def call(self, size: tuple[str, Sequence[int]], rows: int) -> Iterator[None]:
        """Measure what is done inside, a call of so many rows; one that fails tells nothing."""
        self._calls += 1
        if self.gain is None or self._calls % self.every:
            yield
            return
        self.sync()
        began = time.perf_counter()
        yield
        self.sync()
        self.gain.took(_named(size), rows, time.perf_counter() - began)
        if (known := self.gain.limits()) != self._known or self._calls % KEPT < self.every:
            self._known = known
            write(self.gain, self.file)


def _named(size: tuple[str, Sequence[int]]) -> str:
    """Return a model and the shape of its latents as text: ``sdxl 128x128``."""
    name, shape = size
    return f"{name} {shape[-1]}x{shape[-2]}"


def read(file: Path | None) -> Gain:
    """Return what a file keeps; nothing where there is none, or it cannot be read."""
    if file is not None and file.exists():
        try:
            return Gain.of_json(file.read_text())
        except (OSError, ValueError, AttributeError, TypeError):
            log.warning("%s cannot be read: how many rows pay is learnt anew", file)
    return Gain()


def write(gain: Gain, file: Path | None) -> None:
    """Keep what is known; a disk that is full costs no picture."""
    if file is None:
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_suffix(".new")
        new.write_text(gain.as_json())
        new.replace(file)
    except OSError as error:
        log.warning("%s cannot be written: %s", file, error.strerror)
