"""What time it is for certain: deleting by age goes by this, since a machine's clock may be wrong at boot."""

from __future__ import annotations

import time
from collections.abc import Callable


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
