"""How long it takes: the forecast against what then happens, in virtual time with the production queue."""

from __future__ import annotations

import heapq
import random
import statistics
from dataclasses import dataclass, field

import pytest

from engine.schedule.devices import Devices
from engine.schedule.estimates import Estimates
from engine.schedule.forecast import forecast, seconds
from engine.schedule.queue import FairQueue
from engine.schedule.tickets import QueueEntry
from engine.schedule.waits import Waits

PACES = {"small": 0.05, "large": 0.4}  # what the machine does, seconds for a unit of work
LOADS = {"small": 2.0, "large": 12.0}
ROWS = 8


@dataclass
class Machine:
    """What really happens: one device that divides its time among the rows of the jobs it draws.

    Written apart from the forecast: in small steps of time, each job's true length known to it alone.
    """

    queue: FairQueue = field(default_factory=FairQueue)
    estimates: Estimates = field(default_factory=Estimates)
    devices: Devices = field(default_factory=Devices)
    models: set[str] = field(default_factory=set)
    running: dict[str, tuple[QueueEntry, float, float, bool]] = field(default_factory=dict)
    ended: dict[str, float] = field(default_factory=dict)
    now: float = 0.0

    def __post_init__(self) -> None:
        self.devices.add("card")
        self._seen()

    def _seen(self) -> None:
        self.devices.seen("card", self.models, ROWS - sum(one[0].rows for one in self.running.values()))

    def fill(self, dice: random.Random) -> None:
        while (picked := self.queue.pick(self.devices)) is not None:
            ticket = picked[0]
            warm = ticket.model in self.models
            true = ticket.work * PACES[ticket.model] * dice.uniform(0.8, 1.2)
            true += 0.0 if warm else LOADS[ticket.model]
            self.models.add(ticket.model)
            self.running[ticket.job] = (ticket, true, true, warm)

    def step(self, passed: float, dice: random.Random) -> None:
        self.now += passed
        rows = sum(one[0].rows for one in self.running.values())
        for job, (ticket, left, true, warm) in list(self.running.items()):
            left -= passed * ticket.rows / rows
            if left > 0:
                self.running[job] = (ticket, left, true, warm)
                continue
            del self.running[job]
            self.ended[job] = self.now
            self.devices.ended("card", job)
            self._seen()
            self.queue.done(ticket.owner)
            if warm:
                self.estimates.drew(ticket.model, ticket.work, true)
            else:
                self.estimates.loaded(ticket.model, LOADS[ticket.model])
        self.fill(dice)

    def forecast(self) -> dict[str, float]:
        """What is known outside: shares of steps that are done, not true lengths."""
        running = [
            (ticket, seconds(ticket, self.estimates, warm=warm) * left / true)
            for ticket, left, true, warm in self.running.values()
        ]
        return forecast(self.queue, self.devices, {"card": running}, self.estimates)


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
            said = machine.forecast()
            if ticket.job in said:
                told[ticket.job] = (machine.now, said[ticket.job])
        machine.step(0.05, dice)
    assert len(told) >= 180, "all but those asked for before anything was measured"
    errors = [
        abs(said - (machine.ended[job] - at)) / (machine.ended[job] - at) for job, (at, said) in told.items()
    ]
    assert statistics.median(errors) <= 0.3


def cards(*rows: float, models: tuple[str, ...] = ("a",)) -> Devices:
    devices = Devices()
    for number, room in enumerate(rows):
        devices.add(f"card {number}")
        devices.seen(f"card {number}", models, room)
    return devices


def measured(pace: dict[str, float], loading: dict[str, float] | None = None) -> Estimates:
    estimates = Estimates()
    estimates.pace.update(pace)
    estimates.loading.update(loading or {})
    return estimates


def test_three_jobs_by_hand() -> None:
    queue = FairQueue()
    queue.push(QueueEntry("first", "x", 10.0, "a", rows=4))
    queue.push(QueueEntry("second", "y", 10.0, "a", rows=4))
    queue.push(QueueEntry("third", "z", 4.0, "b", rows=4))
    half = measured({"a": 0.5})
    # room for two: each has half the device for 10 s; 'b' was never timed, so nothing is told of it
    assert forecast(queue, cards(8), {}, half) == pytest.approx({"first": 10.0, "second": 10.0})
    assert len(queue) == 3, "the queue itself is not touched"
    # room for one: one after the other, 5 s each
    assert forecast(queue, cards(4), {}, half) == pytest.approx({"first": 5.0, "second": 10.0})
    # two devices at once, then the third on whichever is free: 3 s of loading and 4 s of drawing
    both = forecast(queue, cards(4, 4), {}, measured({"a": 0.5, "b": 1.0}, {"b": 3.0}))
    assert both == pytest.approx({"first": 5.0, "second": 5.0, "third": 5.0 + 3.0 + 4.0})


def test_what_runs_already_is_waited_for() -> None:
    devices, queue = cards(4), FairQueue()
    queue.push(QueueEntry("now", "w", 4.0, "a", rows=4))
    picked = queue.pick(devices)
    assert picked is not None
    devices.seen("card 0", ("a",), 0)
    queue.push(QueueEntry("next", "x", 10.0, "a", rows=4))
    said = forecast(queue, devices, {"card 0": [(picked[0], 2.0)]}, measured({"a": 0.5}))
    assert said == pytest.approx({"now": 2.0, "next": 7.0})


@pytest.mark.parametrize(("rows", "ends"), [((4,), 10.0), ((4, 4), 5.0)])
def test_what_ends_in_time_is_told_from_what_does_not(rows: tuple[float, ...], ends: float) -> None:
    """One job of 5 s waits: another is done 5 s after it on one device, beside it on two."""
    queue, more = FairQueue(), QueueEntry("more", "y", 10.0, "a", rows=4)
    queue.push(QueueEntry("first", "x", 10.0, "a", rows=4))
    waits = Waits(queue, cards(*rows), measured({"a": 0.5}), lambda now: {}, lambda: 0.0)
    assert waits.beyond(ends, [more]) is None
    assert waits.beyond(ends - 0.01, [more]) == pytest.approx(ends)
    assert waits.beyond(1e6, [more]) is None
    assert len(queue) == 1, "the queue itself is not touched"
    unknown = Waits(queue, cards(*rows), Estimates(), lambda now: {}, lambda: 0.0)
    assert unknown.beyond(0.0, [more]) is None


def test_nothing_measured_nothing_said() -> None:
    queue = FairQueue()
    queue.push(QueueEntry("first", "x", 10.0, "a"))
    assert forecast(queue, cards(8), {}, Estimates()) == {}
    assert forecast(queue, Devices(), {}, measured({"a": 1.0})) == {}
