"""How long it takes: the forecast against what then happens, in virtual time with the production queue."""

from __future__ import annotations

import heapq
import random
import statistics
from dataclasses import dataclass, field

import pytest

from engine.schedule.forecast import Device, Measured, forecast
from engine.schedule.queue import FairQueue, QueueEntry

PACES = {"small": 0.05, "large": 0.4}  # what the machine does, seconds for a unit of work
LOADS = {"small": 2.0, "large": 12.0}
ROWS = 8


@dataclass
class Machine:
    """What really happens: one device that divides its time among the rows of the jobs it draws.

    Written apart from the forecast: in small steps of time, each job's true length known to it alone.
    """

    queue: FairQueue = field(default_factory=FairQueue)
    measured: Measured = field(default_factory=Measured)
    models: set[str] = field(default_factory=set)
    running: dict[str, tuple[QueueEntry, float, float, bool]] = field(default_factory=dict)
    ended: dict[str, float] = field(default_factory=dict)
    now: float = 0.0

    def fill(self, dice: random.Random) -> None:
        while True:
            free = ROWS - sum(one[0].rows for one in self.running.values())
            if self.running and free <= 0:
                return
            ticket = self.queue.pick(self.models, free, idle=not self.running)
            if ticket is None:
                return
            warm = ticket.model in self.models
            true = ticket.work * PACES[ticket.model] * dice.uniform(0.8, 1.2)
            true += 0.0 if warm else LOADS[ticket.model]
            self.models.add(ticket.model)
            self.running[ticket.job] = (ticket, true, true, warm)

    def step(self, seconds: float, dice: random.Random) -> None:
        self.now += seconds
        rows = sum(one[0].rows for one in self.running.values())
        for job, (ticket, left, true, warm) in list(self.running.items()):
            left -= seconds * ticket.rows / rows
            if left > 0:
                self.running[job] = (ticket, left, true, warm)
                continue
            del self.running[job]
            self.ended[job] = self.now
            self.queue.done(ticket.owner)
            if warm:
                self.measured.drawn(ticket.model, true, ticket.work)
            else:
                self.measured.loaded(ticket.model, LOADS[ticket.model])
        self.fill(dice)

    def device(self) -> Device:
        """What is known outside: shares of steps that are done, not true lengths."""
        running = []
        for ticket, left, true, warm in self.running.values():
            whole = self.measured.seconds(ticket, warm=warm) if self.measured.paces else 0.0
            running.append((ticket, whole * left / true))
        return Device(ROWS, set(self.models), running)


def arrivals(dice: random.Random, jobs: int) -> list[tuple[float, QueueEntry]]:
    found, at = [], 0.0
    for number in range(jobs):
        at += dice.expovariate(1 / 4.0)
        model = "large" if dice.random() < 0.25 else "small"
        count, steps = dice.choice((1, 2, 4)), dice.choice((10, 20, 40))
        size = dice.choice((0.5, 1.0, 2.0))
        weight, urgency = dice.choice(((1.0, 1), (1.0, 1), (0.25, 2), (2.0, 0)))
        owner = f"person {dice.randrange(12)}"
        work = size * count * steps
        found.append((at, QueueEntry(str(number), owner, work, model, count, weight, urgency)))
    return found


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_two_hundred_mixed_jobs_are_forecast_within_thirty_per_cent(seed: int) -> None:
    dice = random.Random(seed)
    machine = Machine()
    coming = arrivals(dice, 200)
    heapq.heapify(coming)
    told: dict[str, tuple[float, float]] = {}  # when it was asked, and what was said
    while len(machine.ended) < 200:
        while coming and coming[0][0] <= machine.now:
            ticket = heapq.heappop(coming)[1]
            machine.queue.push(ticket)
            machine.fill(dice)
            said = forecast(machine.queue, [machine.device()], machine.measured)
            if ticket.job in said:
                told[ticket.job] = (machine.now, said[ticket.job])
        machine.step(0.05, dice)
    assert len(told) >= 180, "all but those asked for before anything was measured"
    errors = [
        abs(said - (machine.ended[job] - at)) / (machine.ended[job] - at) for job, (at, said) in told.items()
    ]
    assert statistics.median(errors) <= 0.3


def test_two_jobs_by_hand() -> None:
    measured = Measured({"a": 0.5}, {})
    queue = FairQueue()
    queue.push(QueueEntry("first", "x", 10.0, "a", rows=4))
    queue.push(QueueEntry("second", "y", 10.0, "a", rows=4))
    queue.push(QueueEntry("third", "z", 4.0, "b", rows=4))
    # room for two: each has half the device for 10 s; 'b' was never timed, so nothing is told of it
    assert forecast(queue, [Device(8, {"a"})], measured) == pytest.approx({"first": 10.0, "second": 10.0})
    assert len(queue) == 3, "the queue itself is not touched"
    # room for one: one after the other, 5 s each
    assert forecast(queue, [Device(4, {"a"})], measured) == pytest.approx({"first": 5.0, "second": 10.0})
    # two devices, the first of them loading for 3 s and busy for 2 s
    measured = Measured({"a": 0.5, "b": 1.0}, {"b": 3.0})
    busy = Device(4, {"a"}, [(QueueEntry("now", "w", 4.0, "a", rows=4), 2.0)])
    said = forecast(queue, [busy, Device(4, {"a"})], measured)
    assert said == pytest.approx({"now": 2.0, "first": 5.0, "second": 7.0, "third": 5.0 + 3.0 + 4.0})


def test_nothing_measured_nothing_said() -> None:
    queue = FairQueue()
    queue.push(QueueEntry("first", "x", 10.0, "a"))
    assert forecast(queue, [Device(8)], Measured()) == {}
    assert forecast(queue, [], Measured({"a": 1.0})) == {}
