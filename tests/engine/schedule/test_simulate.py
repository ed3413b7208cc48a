"""The simulator's promises at a size that takes a second; ``make simulate`` prints the full table."""

from __future__ import annotations

import pytest

from bench import fleet
from bench.simulate import LOADS, FirstCome, arrivals, run
from engine.schedule.queue import FairQueue


@pytest.mark.parametrize("kind", LOADS)
def test_every_invariant_holds_after_every_event(kind: str) -> None:
    outcome = run(FairQueue(), arrivals(kind, 200, 3000, 1), check=True)
    assert outcome.jobs > 2500
    assert outcome.gap <= 2


def test_greedy_people_slow_themselves_down_and_nobody_else() -> None:
    fair, first = (run(policy, arrivals("greedy", 1000, 12_000, 2)) for policy in (FairQueue(), FirstCome()))
    assert fair.jobs == first.jobs
    assert fair.at(0.99) <= 0.15 * first.at(0.99)


def test_the_same_seed_gives_the_same_order() -> None:
    digests = {run(FairQueue(), arrivals("model hopping", 300, 2000, seed)).digest for seed in (7, 7, 8)}
    assert len(digests) == 2


def test_a_small_fleet_is_fair_while_devices_fail() -> None:
    found = fleet.run(240.0, count=14, check=True, load=2.0, fails=3.0)
    assert found.jobs > 600
    assert found.failures > 0
    assert found.gap <= 2
