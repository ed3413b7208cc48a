"""Whose turn it is: fairness by hand arithmetic, and as invariants over random histories."""

from __future__ import annotations

import random
from collections import Counter, defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.jobs import Condition, Input, JobSpec, Kind, Role, Speed
from engine.planning.cost import rows, work
from engine.schedule.queue import CROWD, FairQueue
from engine.schedule.tickets import QueueEntry, ticket
from tests.counting import events
from tests.engine.schedule.one_device import pick


def fill(queue: FairQueue, owner: str, count: int, cost: float = 1.0, **more: object) -> None:
    for index in range(count):
        queue.push(QueueEntry(f"{owner}{index}", owner, cost, **more))  # type: ignore[arg-type]


def serve(queue: FairQueue, count: int) -> list[str]:
    served = []
    for _ in range(count):
        one = pick(queue)
        assert one is not None
        queue.done(one.owner)
        served.append(one.owner)
    return served


def test_a_burst_does_not_hold_up_those_who_come_after_it() -> None:
    queue = FairQueue()
    fill(queue, "greedy", 40)
    assert serve(queue, 2) == ["greedy", "greedy"]
    fill(queue, "anna", 1)
    fill(queue, "ben", 1)
    assert {"anna", "ben"} <= set(serve(queue, 3))


def test_people_are_charged_for_work_and_not_for_jobs() -> None:
    queue = FairQueue()
    fill(queue, "large", 30, 4.0)
    fill(queue, "small", 120, 1.0)
    served = Counter(serve(queue, 100))
    assert served == {"large": 20, "small": 80}  # 80 units each


def test_a_returning_person_starts_level_and_has_saved_nothing_up() -> None:
    queue = FairQueue()
    fill(queue, "steady", 200)
    fill(queue, "guest", 1)
    serve(queue, 100)
    fill(queue, "guest2", 1)  # somebody new, for comparison
    queue.push(QueueEntry("again", "guest", 1.0))
    for index in range(20):
        queue.push(QueueEntry(f"more{index}", "guest", 1.0))
    assert Counter(serve(queue, 11))["guest"] == pytest.approx(5, abs=1)


def test_speeds_share_the_engine_by_their_weights() -> None:
    queue = FairQueue()
    spec = JobSpec(
        model="m", width=512, height=512, steps=10, guidance_scale=1, sampler="ddim", seed=0, count=1
    )
    for index in range(100):
        for speed in Speed:
            queue.push(ticket(f"{speed}{index}", speed, spec, speed))
    served = Counter(serve(queue, 65))
    # weights 0.25 : 1 : 2 share 65 equal jobs as 5 : 20 : 40
    assert served == {
        "relax": pytest.approx(5, abs=1),
        "fast": pytest.approx(20, abs=1),
        "turbo": pytest.approx(40, abs=2),
    }


def test_an_urgent_job_passes_the_owners_own_patient_ones() -> None:
    queue = FairQueue()
    fill(queue, "anna", 3, urgency=2, weight=0.25)
    queue.push(QueueEntry("now", "anna", 1.0, urgency=1))
    first = pick(queue)
    assert first is not None
    assert first.job == "now"


def test_a_loaded_model_goes_first_within_the_bound_only() -> None:
    queue = FairQueue(affinity=0.5)
    for index in range(20):
        queue.push(QueueEntry(f"a{index}", "anna", 1.0, model="warm"))
        queue.push(QueueEntry(f"b{index}", "ben", 1.0, model="cold"))
    order = []
    for _ in range(20):
        one = pick(queue, warm={"warm"})
        assert one is not None
        queue.done(one.owner)
        order.append(one.owner)
    assert order[:2] != ["ben", "ben"]
    assert Counter(order) == {"anna": 10, "ben": 10}


def test_nobody_runs_more_than_their_share_at_once() -> None:
    queue = FairQueue(running=3)
    fill(queue, "anna", 10)
    assert [pick(queue) is not None for _ in range(4)] == [True, True, True, False]
    queue.done("anna")
    assert pick(queue) is not None


def test_what_fits_never_overtakes_what_is_due() -> None:
    queue = FairQueue()
    queue.push(QueueEntry("wide", "anna", 8.0, rows=16))
    queue.push(QueueEntry("slim", "ben", 8.0, rows=1))
    assert pick(queue, room=4, idle=False) is None
    first = pick(queue, room=4, idle=True)
    assert first is not None
    assert first.job == "wide"


def test_a_suspect_waits_for_an_idle_worker() -> None:
    queue = FairQueue()
    queue.push(QueueEntry("suspect", "anna", 1.0, alone=True))
    assert pick(queue, room=100, idle=False) is None
    assert pick(queue, idle=True) is not None


def test_a_stream_of_newcomers_does_not_starve_who_waits() -> None:
    """Lifted to the current minimum alone, newcomers would pass her for ever."""
    queue = FairQueue()
    queue.push(QueueEntry("large", "anna", 16.0))
    for index in range(20):
        queue.push(QueueEntry(f"early{index}", f"early{index}", 1.0))
    assert serve(queue, 1) == ["anna"]
    queue.push(QueueEntry("second", "anna", 1.0))  # charged 16 just now, so she stands behind
    waited = 0
    while "second" in queue:
        queue.push(QueueEntry(f"new{waited}", f"new{waited}", 1.0))  # one comes for each that is served
        serve(queue, 1)
        waited += 1
        assert waited <= 16 * 25  # her 16, times everybody who shares the engine with her


def test_even_without_end_of_the_crowd_the_wait_has_one() -> None:
    """Twice as many come as can be served, for ever; her fair share shrinks, her wait is still bounded."""
    queue = FairQueue()
    queue.push(QueueEntry("large", "anna", 16.0))
    fill(queue, "rival", 2)
    serve(queue, 1)
    queue.push(QueueEntry("second", "anna", 1.0))
    waited = 0
    while "second" in queue:
        for extra in "ab":
            queue.push(QueueEntry(f"{waited}{extra}", f"{waited}{extra}", 1.0))
        serve(queue, 1)
        waited += 1
        assert waited <= 2 * 16 * CROWD


def test_positions_count_what_goes_before() -> None:
    queue = FairQueue()
    fill(queue, "anna", 3)
    fill(queue, "ben", 2)
    assert [queue.position(job) for job in ("anna0", "ben0", "anna1", "ben1", "anna2")] == [0, 1, 2, 3, 4]
    assert queue.position("nobody") is None
    queue.remove("anna0")
    assert queue.position("ben0") == 1
    assert [one.job for one in queue.waiting()] == ["anna1", "ben0", "anna2", "ben1"]


def test_work_by_hand() -> None:
    spec = JobSpec(
        model="m", conditions=(Condition(text="a"),), width=512, height=512, steps=20, guidance_scale=7,
        sampler="ddim", seed=0, count=4,
    )  # fmt: skip
    assert rows(spec) == 8  # four pictures, with and without the prompt
    assert work(spec) == pytest.approx(8 * 20 + 4 * 2)
    assert work(spec.model_copy(update={"stop": 50})) == pytest.approx(8 * 10 + 8)
    start = (Input(sha256="0" * 64, role=Role.INIT),)
    varied = spec.model_copy(update={"kind": Kind.VARY, "inputs": start, "strength": 0.35})
    assert work(varied) == pytest.approx(8 * 7 + 8)
    larger = spec.model_copy(update={"width": 1024, "height": 1024})
    assert work(larger) > 4 * work(spec)
    plain = spec.model_copy(update={"guidance_scale": 1.0})
    assert rows(plain) == 4


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 6), st.booleans())
def test_backlogged_people_are_never_two_largest_jobs_apart(seed: int, people: int, hop: bool) -> None:
    """The published bound of virtual-token counters, over random sizes, models, arrivals and leavings."""
    dice = random.Random(seed)
    queue = FairQueue(running=3)
    count = 0
    given_: dict[str, float] = defaultdict(float)
    running: list[QueueEntry] = []

    def one(owner: str) -> None:
        nonlocal count
        count += 1
        model = dice.choice("ab") if hop else "a"
        queue.push(QueueEntry(f"{count}", owner, dice.choice((1.0, 2.0, 5.0, 16.0)), model=model))

    steady = [f"p{index}" for index in range(people)]
    for owner in steady:
        for _ in range(5):
            one(owner)
    start = dict.fromkeys(steady, 0.0)
    for step in range(400):
        if dice.random() < 0.3:
            one(f"guest{dice.randrange(40)}")
        chosen = pick(queue, warm={"a"} if dice.random() < 0.5 else ())
        if chosen is not None:
            given_[chosen.owner] += chosen.work
            running.append(chosen)
            if chosen.owner in start:
                one(chosen.owner)  # always backlogged
        while running and (chosen is None or len(running) > 2):
            queue.done(running.pop(dice.randrange(len(running))).owner)
            chosen = QueueEntry("", "", 0.0)
        if step == 100:
            start = {owner: given_[owner] for owner in steady}
        gained = [given_[owner] - start[owner] for owner in steady]
        assert max(gained) - min(gained) <= 2 * 16.0 * (1 if step <= 100 else 2)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["push", "pick", "done", "remove"]), st.integers(0, 5), st.integers(0, 40))
    )
)
def test_no_ticket_is_lost_or_served_twice(history: list[tuple[str, int, int]]) -> None:
    queue, waiting, running = FairQueue(running=2), {}, []
    for act, person, number in history:
        job, owner = f"{person}.{number}", f"p{person}"
        if act == "push" and job not in {one.job for one in running}:
            waiting.setdefault(job, owner)
            queue.push(QueueEntry(job, owner, 1.0 + number, model="ab"[number % 2], urgency=number % 3))
        elif act == "remove":
            assert (queue.remove(job) is not None) == (waiting.pop(job, None) is not None)
        elif act == "done" and running:
            queue.done(running.pop(number % len(running)).owner)
        elif act == "pick":
            busy = Counter(one.owner for one in running)
            allowed = {job for job, owner in waiting.items() if busy[owner] < 2}
            chosen = pick(queue)
            assert (chosen is not None) == bool(allowed)  # work-conserving
            if chosen is not None:
                assert chosen.job in allowed
                del waiting[chosen.job]
                running.append(chosen)
        assert {one.job for one in queue.waiting()} == set(waiting)
        assert len(queue) == len(waiting)


def test_everybody_may_ask_where_they_stand_and_is_ranked_once_a_change() -> None:
    class Counting(FairQueue):
        rankings = 0

        def waiting(self) -> list[QueueEntry]:
            self.rankings += 1
            return super().waiting()

    queue = Counting()
    for number in range(2000):
        queue.push(QueueEntry(f"job{number}", f"person{number % 500}", 1.0 + number % 7))

    def positions() -> list[int | None]:
        return [queue.position(f"job{number}") for number in range(2000)]

    assert sorted(place for place in positions() if place is not None) == list(range(2000))
    assert queue.rankings == 1
    positions()
    assert queue.rankings == 1
    first = pick(queue)
    assert first is not None
    assert positions().count(None) == 1
    assert queue.position(first.job) is None
    for change in (
        lambda: queue.done(first.owner),
        lambda: queue.move("job1999", -1),
        lambda: queue.remove("job7"),
        lambda: queue.push(QueueEntry("late", "somebody", 1.0)),
    ):
        change()
        before = queue.rankings
        expected = [ticket.job for ticket in FairQueue.waiting(queue)]
        assert [queue.position(job) for job in expected] == list(range(len(expected)))
        assert queue.rankings == before + 1


@pytest.mark.parametrize("order", [1, -1])
def test_taking_out_all_of_one_persons_jobs_costs_as_much_for_each(order: int) -> None:
    """Such as when a server is paused in which an API's key has thousands waiting."""

    def cost(count: int) -> int:
        queue = FairQueue()
        fill(queue, "anna", count)
        fill(queue, "ben", 5)
        jobs = [f"anna{number}" for number in range(count)][::order]

        def take_out() -> None:
            for job in jobs:
                assert queue.remove(job) is not None

        spent = events(take_out)
        assert len(queue) == 5
        assert serve(queue, 5) == ["ben"] * 5
        return spent

    assert cost(1600) <= 2.6 * cost(800)  # twice, and the depth of a heap


def test_what_was_taken_out_and_came_back_is_served_once_and_in_its_new_place() -> None:
    queue = FairQueue(running=100)
    fill(queue, "anna", 60)
    for number in range(0, 60, 2):
        one = queue.remove(f"anna{number}")
        assert one is not None
        queue.push(one)
    assert queue.remove("anna0") is not None
    assert queue.move("anna59", -1)
    wanted = ["anna59", *(f"anna{n}" for n in range(1, 59, 2)), *(f"anna{n}" for n in range(2, 60, 2))]
    assert [ticket.job for ticket in queue.waiting()] == wanted
    served = []
    while (one := pick(queue)) is not None:
        served.append(one.job)
        queue.done("anna")
    assert served == wanted
