"""What time it is, and what time it is for certain: a machine's clock may be wrong, at boot or later."""

from __future__ import annotations

import time
from collections.abc import Callable

AGREES = 120.0
"""Seconds by which two clocks may differ and both be right."""
BUILT = 1_767_225_600.0
"""The year 2026, in Unix seconds: a clock that shows an earlier one is wrong, this program is younger."""


class Clock:
    """The time by which everything is written down and compared, in Unix seconds.

    It is the machine's, unless somebody who knows has told another one twice: then theirs holds, whatever the
    machine's clock does meanwhile. One answer alone may be anybody's, such as a cache's from long ago. Until
    then a clock from before this program begins at the newest row: charges, links and keys of somebody are
    neither had again nor lost by a machine that thinks it is 1970.
    """

    def __init__(self, machine: Callable[[], float], passed: Callable[[], float] = time.monotonic) -> None:
        self.machine = machine
        self._passed = passed
        self._heard: tuple[float, float] | None = None
        self._told: tuple[float, float] | None = None
        self._newest: tuple[float, float] | None = None

    def told(self, at: float) -> bool:
        """Take the time from somebody who knows it; return whether it agrees with what they told last."""
        mark = at, self._passed()
        agrees = self._heard is not None and abs(at - self._since(self._heard)) <= AGREES
        self._heard = mark
        if agrees:
            self._told = mark
        return agrees

    def told_late(self, at: float) -> None:
        """Take a time that has come for certain, such as when an event happened that arrives only now."""
        if at > self.now() + AGREES:
            self.told(at)

    def begins_at(self, newest: float | None) -> None:
        """Take the time of the newest row that was written before the start."""
        self._newest = None if newest is None else (newest, self._passed())

    def now(self) -> float:
        """Return the time."""
        machine = self.machine()
        if self._told is not None:
            known = self._since(self._told)
            return machine if abs(machine - known) <= AGREES else known
        if machine < BUILT and self._newest is not None:
            return max(machine, self._since(self._newest))
        return machine

    def _since(self, mark: tuple[float, float]) -> float:
        return mark[0] + self._passed() - mark[1]


class CertainClock:
    """The latest time, in Unix seconds, that has come for certain; never later than the machine's clock says.

    Until somebody outside has told the time, that is the time of the newest row written before the start, and
    what has passed since: a clock that is a month ahead makes nothing older. ``newest`` None: nothing was
    written yet. ``clock`` is the machine's, ``passed`` counts seconds and is never set.
    """

    def __init__(
        self, clock: Callable[[], float], newest: float | None, passed: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._passed = passed
        self.told(clock() if newest is None else newest)

    def told(self, at: float) -> None:
        """Take the time from somebody who knows it, such as a ``Date`` header or an id of Discord's."""
        self._at, self._since = at, self._passed()

    def now(self) -> float:
        """Return the time that has come for certain."""
        return min(self._clock(), self._at + self._passed() - self._since)
