"""One sitting of a training run: how long it goes on, and at what rate; it refuses to know networks."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Protocol

from tqdm import tqdm  # type: ignore[import-untyped]

from engine.pocket.train.checkpoint import Log


class Budget(Protocol):
    """What a run may spend, and how its learning rate goes."""

    @property
    def minutes(self) -> float:
        """Time spent training, earlier sittings included."""

    @property
    def steps(self) -> int:
        """Steps at most."""

    @property
    def warm_up(self) -> int:
        """Steps over which the rate rises."""

    @property
    def decay_share(self) -> float:
        """Share of the budget, at its end, over which the rate falls."""


class Run(Protocol):
    """A run that counts its own steps."""

    step: int
    log: Log


def rate(budget: Budget, step: int, seconds: float) -> float:
    """Share of the full learning rate: warm-up, flat, then a line to nothing at the end of the budget."""
    done = max(seconds / (budget.minutes * 60), step / budget.steps)
    return min(1.0, (step + 1) / budget.warm_up) * min(1.0, max(0.01, (1 - done) / budget.decay_share))


def sitting(run: Run, budget: Budget, name: str) -> Iterator[tqdm]:
    """Yield the progress bar before each step, until the budget is spent or the process is asked to stop."""
    told: list[int] = []
    # asked to stop, a run saves first; the checkpoint of a killed one is minutes old
    signal.signal(signal.SIGTERM, lambda number, frame: told.append(number))
    bar = tqdm(initial=run.step, total=None if budget.steps >= 1_000_000 else budget.steps, desc=name)
    while not told and run.step < budget.steps and run.log.seconds() < budget.minutes * 60:
        yield bar
        bar.update()
