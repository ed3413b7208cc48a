"""How fast work gets done, as lately seen: plain numbers by model; knows neither jobs' owners nor devices."""

from __future__ import annotations

import json
from collections.abc import Mapping


def _eased(before: float | None, seen: float) -> float:
    return seen if before is None else 0.8 * before + 0.2 * seen


class Estimates:
    """By model: seconds of a device for one unit of work, and seconds to load it."""

    def __init__(self) -> None:
        self.pace: dict[str, float] = {}
        self.loading: dict[str, float] = {}
        self.price: dict[str, float] = {}
        """By model: the work that a device could do while it loads it."""

    def drew(self, model: str, work: float, seconds: float) -> None:
        """Note what a job on a model that was loaded took of its device."""
        self.pace[model] = _eased(self.pace.get(model), seconds / work)
        self._priced(model)

    def loaded(self, model: str, seconds: float) -> None:
        """Note how long a model took to load."""
        self.loading[model] = _eased(self.loading.get(model), seconds)
        self._priced(model)

    def _priced(self, model: str) -> None:
        if model in self.loading and self.pace.get(model):
            self.price[model] = self.loading[model] / self.pace[model]

    def stored(self) -> str:
        """Return what a restart should not forget, as JSON."""
        return json.dumps({"pace": self.pace, "loading": self.loading})

    def restore(self, text: str | None) -> None:
        """Go on from what was stored; older versions stored the pace alone."""
        found = json.loads(text or "{}")
        if not isinstance(found.get("pace"), Mapping):
            found = {"pace": found}
        self.pace.update(found["pace"])
        self.loading.update(found.get("loading", {}))
        for model in self.pace:
            self._priced(model)
