"""``python -m bench.simulate``: the production queue, unchanged, in virtual time, against first come first
served.

Six kinds of load for 1,000, 100,000 and 1,000,000 people; the same seed gives the same hash. Times are in
seconds of virtual time: an ordinary job takes one. Exits with 1 where a promise is broken.
"""

from __future__ import annotations

import gc
import hashlib
import heapq
import itertools
import os
import random
import struct
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from math import inf
from typing import Protocol

from engine.schedule.devices import Devices
from engine.schedule.queue import FairQueue
from engine.schedule.tickets import QueueEntry

PLACES = 8  # jobs that run at once
LOAD = 0.7  # of what the places can do, from ordinary people
GREEDY = 5  # people who send bursts
BURST = 40
HOP = 0.5  # what loading another model takes
WATCHED = 24  # people whose gaps are measured pairwise
SEED = 20260101


class Policy(Protocol):
    """What is compared."""

    def push(self, ticket: QueueEntry) -> None: ...

    def pick(self, devices: Devices) -> tuple[QueueEntry, str] | None: ...

    def done(self, owner: str) -> None: ...

    def remove(self, job: str) -> QueueEntry | None: ...


class FirstCome:
    """First come, first served, whoever it is."""

    def __init__(self) -> None:
        self._waiting: deque[QueueEntry] = deque()
        self._gone: set[str] = set()

    def push(self, ticket: QueueEntry) -> None:
        self._waiting.append(ticket)

    def pick(self, devices: Devices) -> tuple[QueueEntry, str] | None:
        while self._waiting and devices.opened:
            ticket = self._waiting.popleft()
            if ticket.job not in self._gone:
                device = devices.cold(ticket.model, ticket.rows)
                assert device is not None
                devices.give(device, ticket)
                return ticket, device.name
            self._gone.discard(ticket.job)
        return None

    def done(self, owner: str) -> None:
        pass

    def remove(self, job: str) -> QueueEntry | None:
        self._gone.add(job)
        return None


Arrival = tuple[float, str, float, str, float]
"""When, who, work, model, and how long the person waits before cancelling."""


def arrivals(kind: str, people: int, jobs: int, seed: int) -> Iterator[Arrival]:
    """Yield a load's jobs in order of time, ordinary people and others together."""
    dice = random.Random(seed)
    at = 0.0
    bursts: list[Arrival] = []
    zipf = [1 / (rank + 1) ** 1.1 for rank in range(min(people, 100_000))] if kind == "heavy tail" else []
    heavy = iter(()) if not zipf else iter(dice.choices(range(len(zipf)), zipf, k=jobs))
    sizes = (1.0,) if kind != "heavy tail" else (0.5, 0.5, 0.5, 1.0, 1.0, 4.0)
    mean = sum(sizes) / len(sizes)
    hop = HOP / 2 if kind == "model hopping" else 0.0  # loading takes time too
    rate = PLACES * LOAD / (mean + hop)
    crowd = jobs / rate * 0.3, jobs / rate * 0.3 + min(300.0, jobs / rate * 0.05)
    # bursts make a fifth of all jobs: 70 % of the places' time is ordinary, 87.5 % in all
    every = GREEDY * BURST / (rate / 4)
    following = dice.random() * every
    for _ in range(jobs):
        hurry = 10.0 if kind == "flash crowd" and crowd[0] <= at < crowd[1] else 1.0
        at += dice.expovariate(rate * hurry)
        if kind == "greedy":
            while following <= at:
                bursts = [(following, f"greedy{n % GREEDY}", 1.0, "a", inf) for n in range(GREEDY * BURST)]
                yield from bursts
                following += every
        who = next(heavy) if zipf else dice.randrange(people)
        model = dice.choice("abcd") if kind == "model hopping" else "a"
        patience = dice.expovariate(1.0) if kind == "cancelling" and dice.random() < 0.4 else inf
        yield at, f"p{who}", dice.choice(sizes), model, patience


@dataclass
class Outcome:
    """What a run showed."""

    waits: list[float] = field(default_factory=list)
    greedy: list[float] = field(default_factory=list)
    jobs: int = 0
    switches: int = 0
    gap: float = 0.0  # in largest jobs
    digest: str = ""
    seconds: float = 0.0

    def at(self, share: float) -> float:
        """Return an ordinary wait that this share does not pass."""
        return sorted(self.waits)[int(len(self.waits) * share)] if self.waits else 0.0


def run(
    policy: Policy, load: Iterator[Arrival], *, check: bool = False, cap: int = 3, price: float = 0.0
) -> Outcome:
    """Serve a load to its end; ``price``: what the queue believes that loading a model costs."""
    outcome = Outcome()
    ends: list[tuple[float, int, QueueEntry, str]] = []
    quits: list[tuple[float, str]] = []
    devices, loaded = Devices(dict.fromkeys("abcd", price)), dict.fromkeys(map(str, range(PLACES)), "")
    for place in loaded:
        devices.add(place)
        devices.seen(place, (), 1)
    since: dict[str, float] = {}
    digest = hashlib.sha256()
    watch = Watch() if check else None
    busy: Counter[str] = Counter()
    numbers = itertools.count()
    following = next(load, None)
    began = time.perf_counter()
    while following is not None or ends:
        when = following[0] if following is not None else inf
        if quits and quits[0][0] < min(when, ends[0][0] if ends else inf):
            job = heapq.heappop(quits)[1]
            if job in since:
                del since[job]
                policy.remove(job)
                if watch:
                    watch.left(job)
            continue
        if ends and ends[0][0] <= when:
            now, _, ended, place = heapq.heappop(ends)
            devices.ended(place, ended.job)
            devices.seen(place, {ended.model}, 1)
            policy.done(ended.owner)
            if watch:
                busy[ended.owner] -= 1
        else:
            assert following is not None
            now, owner, work, model, patience = following
            job = str(next(numbers))
            since[job] = now
            policy.push(QueueEntry(job, owner, work, model))
            if patience < inf:
                heapq.heappush(quits, (now + patience, job))
            if watch:
                watch.came(job, owner, work)
            following = next(load, None)
        while (chosen := policy.pick(devices)) is not None:
            ticket, place = chosen
            waited = now - since.pop(ticket.job)
            (outcome.greedy if ticket.owner[0] == "g" else outcome.waits).append(waited)
            outcome.jobs += 1
            takes = ticket.work
            if loaded[place] != ticket.model:
                outcome.switches += bool(loaded[place])
                takes += HOP if loaded[place] else 0.0
                loaded[place] = ticket.model
            heapq.heappush(ends, (now + takes, outcome.jobs, ticket, place))
            digest.update(struct.pack("<dI", now, int(ticket.job)))
            if watch:
                busy[ticket.owner] += 1
                watch.served(ticket, busy)
                assert busy[ticket.owner] <= cap, f"{ticket.owner} runs {busy[ticket.owner]} jobs"
        if watch and devices.opened and not price:  # with one, it may be better to wait
            idle = [job for job, owner in watch.waiting.items() if busy[owner] < cap]
            assert not idle, f"a place is free and {len(idle)} jobs wait"
    assert not since, f"{len(since)} jobs were forgotten"
    outcome.seconds = time.perf_counter() - began
    outcome.digest = digest.hexdigest()[:12]
    if watch:
        outcome.gap = watch.gap / watch.largest
    return outcome


class Watch:
    """Looks after every event: who waits, and how far apart the service of those who wait together drifts."""

    def __init__(self) -> None:
        self.waiting: dict[str, str] = {}
        self.largest = 0.0
        self.gap = 0.0
        self._count: Counter[str] = Counter()
        self._watched: list[str] = []
        # of each pair that waits together: service of one less the other's, its least and its most
        self._pairs: dict[tuple[str, str], tuple[float, float, float]] = {}

    def came(self, job: str, owner: str, work: float) -> None:
        """Note a job that waits."""
        self.largest = max(self.largest, work)
        self.waiting[job] = owner
        self._count[owner] += 1
        if owner not in self._watched and len(self._watched) < WATCHED and self._count[owner] > 3:
            self._watched.append(owner)

    def left(self, job: str) -> None:
        """Note a job that was cancelled."""
        self._drop(self.waiting.pop(job))

    def _drop(self, owner: str) -> None:
        self._count[owner] -= 1
        if not self._count[owner]:
            self._forget(owner)

    def _forget(self, owner: str) -> None:
        for pair in [pair for pair in self._pairs if owner in pair]:
            del self._pairs[pair]

    def served(self, ticket: QueueEntry, busy: Counter[str], cap: int = 3) -> None:
        """Note a job that starts."""
        del self.waiting[ticket.job]
        owner = ticket.owner
        if owner in self._watched:
            for other in self._watched:
                if other != owner and self._count[other] and busy[other] < cap:
                    pair = (owner, other) if owner < other else (other, owner)
                    sign = ticket.work if pair[0] == owner else -ticket.work
                    now, least, most = self._pairs.get(pair, (0.0, 0.0, 0.0))
                    now += sign
                    least, most = min(least, now), max(most, now)
                    self._pairs[pair] = now, least, most
                    self.gap = max(self.gap, most - least)
        self._drop(owner)
        if busy[owner] >= cap:  # by its own limit it waits no longer for the queue
            self._forget(owner)


LOADS = ("poisson", "flash crowd", "heavy tail", "greedy", "cancelling", "model hopping")
SIZES = ((1_000, 30_000), (100_000, 100_000), (1_000_000, 300_000))


def decisions(people: int = 1_000_000, picks: int = 200_000) -> float:
    """Return decisions a second of processor time while this many people wait, without any checks."""
    queue, devices = FairQueue(), Devices()
    devices.add("one")
    devices.seen("one", {"a"}, inf)
    for number in range(people):
        queue.push(QueueEntry(str(number), str(number), 1.0 + number % 7, "a"))
    gc.collect()
    gc.freeze()
    began = time.process_time()
    for _ in range(picks):
        queue.pick(devices)
    return picks / (time.process_time() - began)


def compared(case: tuple[int, int, str]) -> tuple[list[str], list[str]]:
    """Run one load under both policies; return its lines of the table, and which promises it broke."""
    people, jobs, kind = case
    lines: list[str] = []
    broken: list[str] = []
    found: dict[str, Outcome] = {}
    policies: tuple[tuple[str, Policy], ...] = (("first come", FirstCome()), ("fair", FairQueue()))
    for name, policy in policies:
        price = HOP if kind == "model hopping" else 0.0
        outcome = found[name] = run(policy, arrivals(kind, people, jobs, SEED), price=price)
        gap = "–"
        if name == "fair" and people == SIZES[0][0]:
            checked = run(FairQueue(), arrivals(kind, people, jobs, SEED), check=True, price=price)
            gap = f"{checked.gap:.2f}"
            if checked.gap > 2:
                broken.append(f"{kind}: people were {checked.gap:.2f} largest jobs apart")
            if checked.digest != outcome.digest:
                broken.append(f"{kind}: the same seed gave another order")
        greedy = sorted(outcome.greedy)
        slow = f"{greedy[int(len(greedy) * 0.99)]:.1f}" if greedy else "–"
        lines.append(
            f"| {kind} | {people:,} | {name} | {outcome.jobs:,} | {outcome.at(0.5):.2f} "
            f"| {outcome.at(0.99):.2f} | {max(outcome.waits):.2f} | {slow} | {outcome.switches:,} "
            f"| {gap} | {outcome.digest} |"
        )
    if kind == "greedy":
        ratio = found["fair"].at(0.99) / found["first come"].at(0.99)
        if ratio > 0.15:
            broken.append(f"greedy, {people:,} people: p99 is {ratio:.2f} × first come first served")
    return lines, broken


def main() -> int:
    """Print the table; return 1 where a promise is broken."""
    started = time.perf_counter()
    broken: list[str] = []
    print("| load | people | policy | jobs | p50 | p99 | max | greedy p99 | switches | gap | hash |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    # the longest first, so that no core waits at the end; a process for each: virtual time does not care
    cases = [(people, jobs, kind) for people, jobs in SIZES for kind in LOADS]
    cores, busy = os.cpu_count() or 1, os.getloadavg()[0]
    with ProcessPoolExecutor(cores) as pool:
        running = {case: pool.submit(compared, case) for case in reversed(cases)}
        for case in cases:
            lines, wrong = running[case].result()
            print("\n".join(lines), flush=True)
            broken += wrong
    # timed alone, when the others are done
    rate = decisions()
    print(f"\n{rate:,.0f} decisions a second of processor time, 1,000,000 people waiting (goal ≥ 100,000).")
    if rate < 100_000:
        broken.append("too few decisions a second")
    print(f"Seed {SEED}; waits in seconds where an ordinary job takes one; gap in largest jobs (goal ≤ 2).")
    times, took = os.times(), time.perf_counter() - started
    used = times.user + times.system + times.children_user + times.children_system
    print(
        f"Took {took:.0f} s and {used:.0f} s of processor time in {cores} processes; load "
        f"{busy:.1f} before, {os.getloadavg()[0]:.1f} after."
    )
    for line in broken:
        print(f"BROKEN: {line}", file=sys.stderr)
    return bool(broken)


if __name__ == "__main__":
    raise SystemExit(main())
