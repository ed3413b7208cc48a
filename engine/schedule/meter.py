"""Whose seconds of the device are whose, where several jobs share its calls."""

from __future__ import annotations

import time
from collections.abc import Callable


class DeviceTimeMeter:
    """Shares one device's time among the jobs it draws at once, by the rows each has in a call."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._at = clock()
        self._per_row = 0.0  # seconds of the device that one row would have had since the beginning
        self._rows: dict[str, tuple[int, float]] = {}

    def _advance(self) -> None:
        now = self._clock()
        rows = sum(rows for rows, _ in self._rows.values())
        if rows:
            self._per_row += (now - self._at) / rows
        self._at = now

    def begin(self, job: str, rows: int) -> None:
        """Count for this job from now on."""
        self._advance()
        self._rows[job] = max(1, rows), self._per_row

    def given(self, job: str) -> float:
        """Return the seconds this job has had so far; 0 for one that is not counted."""
        self._advance()
        rows, began = self._rows.get(job, (0, 0.0))
        return rows * (self._per_row - began)

    def end(self, job: str) -> float:
        """Return the seconds this job had, and count no longer."""
        had = self.given(job)
        self._rows.pop(job, None)
        return had
