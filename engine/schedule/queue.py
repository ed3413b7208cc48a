"""Whose turn it is: a fair virtual-time queue, charged by work; refuses to know clocks, stores and devices.

Every person has a counter of the work given to them, divided by their weight; the person with the smallest
counter is next (Sheng et al., "Fairness in Serving Large Language Models", arXiv 2401.00588). Three rules
make that fair to everyone:

* Virtual time moves on with every job by its charge shared among all who are active, as in generalised
  processor sharing. Whoever comes (back) starts at virtual time, so nobody saves up service by staying away,
  and whoever waits is soon ahead of everyone who comes later: waiting earns credit, by itself.
* A job on a model that is already loaded may pass others by ``affinity`` × the largest job seen, no more.
* A person's own jobs stand in order of urgency, then of arrival; at most ``running`` of them run at once.

Between two people of equal weight who both wait, the work given differs by at most two largest jobs.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from heapq import heapify, heappop, heappush, heapreplace
from math import inf
from typing import NamedTuple

from engine.jobs import JobSpec, Speed
from engine.planning.cost import rows, work

WEIGHTS: Mapping[Speed, float] = {Speed.RELAX: 0.25, Speed.FAST: 1.0, Speed.TURBO: 2.0}
"""Share of the engine by speed: relax is never zero, so it never starves."""

CROWD = 256
"""With more people than this, virtual time moves as if there were so many: who waits is served before people
who come this many jobs later."""

_BACK = 9  # from this urgency on: moved after all others by somebody in charge; below 0: before them
_FAR = 1e300  # virtual time that nobody reaches
_URGENCY = {Speed.TURBO: 0, Speed.FAST: 1, Speed.RELAX: 2}


class QueueEntry(NamedTuple):
    """A job in the queue: whose it is, what it costs, what it needs."""

    job: str
    owner: str
    work: float
    model: str = ""
    rows: int = 1
    weight: float = 1.0  # role × speed
    urgency: int = 1  # 0 before 1 before 2 among the owner's own
    alone: bool = False  # a suspect: only on a worker that does nothing else


class _Person:
    __slots__ = ("counter", "entry", "owner", "running", "waiting")

    def __init__(self, owner: str, counter: float) -> None:
        self.owner = owner
        self.counter = counter  # virtual time up to which this person has been served
        self.waiting: list[tuple[int, int, QueueEntry]] = []  # heap: urgency, arrival
        self.running = 0
        self.entry: _Entry | None = None  # the one valid entry in the heaps


_Entry = tuple[float, int, _Person]  # virtual time, arrival


class FairQueue:
    """Tickets waiting for a place. Every change is O(log people); ``position`` ranks all once after each."""

    def __init__(self, running: int = 3, affinity: float = 0.5) -> None:
        self.running = running
        self.affinity = affinity
        self.now = 0.0  # virtual time
        self._highest = 0.0
        self._largest = 0.0  # charge of the largest job seen
        self._active = 0  # people with anything waiting or running
        self._arrivals = 0
        self._people: dict[str, _Person] = {}
        self._swept = 1024
        self._heaps: dict[str, list[_Entry]] = {}  # by model of each person's first ticket
        self._tickets: dict[str, QueueEntry] = {}
        self._ranks: dict[str, int] | None = None  # of every waiting job; None: something changed since

    def __len__(self) -> int:
        return len(self._tickets)

    def standing(self, owner: str) -> tuple[float, float]:
        """Return virtual time, and up to which of it this person has been served: what ``restore`` takes."""
        person = self._people.get(owner)
        return self.now, self.now if person is None else person.counter

    def restore(self, now: float, counters: Mapping[str, float]) -> None:
        """Go on where an earlier queue ended: at this virtual time, with people served beyond it."""
        self._ranks = None
        self.now = now
        for owner, counter in counters.items():
            if counter > now:
                self._people[owner] = _Person(owner, counter)
                self._highest = max(self._highest, counter)

    def __contains__(self, job: str) -> bool:
        return job in self._tickets

    def push(self, ticket: QueueEntry) -> None:
        """Let a job wait its turn. A job that waits already is left where it is."""
        if ticket.job in self._tickets:
            return
        self._ranks = None
        self._tickets[ticket.job] = ticket
        person = self._people.get(ticket.owner)
        if person is None:
            person = self._people[ticket.owner] = _Person(ticket.owner, self.now)
        if not person.waiting and not person.running:
            self._active += 1
            if person.counter < self.now:
                person.counter = self.now
        self._arrivals += 1
        heappush(person.waiting, (ticket.urgency, self._arrivals, ticket))
        if person.running < self.running and person.waiting[0][2] is ticket:
            self._enter(person)

    def pick(self, warm: Collection[str] = (), room: float = inf, *, idle: bool = True) -> QueueEntry | None:
        """Take the next job for a worker with these models loaded and room for this many rows.

        None: nobody may start now, or the next in turn does not fit yet. It is waited for: what fits never
        overtakes what is due. An ``idle`` worker takes any job.
        """
        chosen: list[_Entry] | None = None
        least = inf
        for model, heap in self._heaps.items():
            while heap and heap[0][2].entry is not heap[0]:
                heappop(heap)  # left behind by a cancel or a more urgent job
            if heap:
                key = heap[0][0] - self.affinity * self._largest if model in warm else heap[0][0]
                if key < least:
                    chosen, least = heap, key
        if chosen is None:
            return None
        person = chosen[0][2]
        ticket = person.waiting[0][2]
        if not idle and (ticket.alone or ticket.rows > room):
            return None
        self._ranks = None
        heappop(person.waiting)
        del self._tickets[ticket.job]
        person.running += 1
        self._charge(person, ticket.work / ticket.weight)
        if person.waiting and person.running < self.running:
            following = person.waiting[0][2]
            if self._heaps.get(following.model) is chosen:
                person.entry = _key(person.counter, following), person.waiting[0][1], person
                heapreplace(chosen, person.entry)
            else:
                heappop(chosen)
                self._enter(person)
        else:
            person.entry = None
            heappop(chosen)
        return ticket

    def _charge(self, person: _Person, charge: float) -> None:
        if charge > self._largest:
            self._largest = charge
        # what was given is shared among all who are active; in a crowd it counts for more, so that who waits
        # is not passed by every newcomer
        now = self.now + charge / min(self._active, CROWD)
        if person.counter > now:
            now = min(person.counter, self.now + charge)  # nobody is owed more than who is next
        elif now > person.counter + self._largest:
            now = max(self.now, person.counter + self._largest)  # newcomers are not held up for longer
        self.now = now
        person.counter += charge
        if person.counter > self._highest:
            self._highest = person.counter

    def done(self, owner: str, refund: float = 0.0) -> None:
        """A picked job of this person ended; ``refund`` is charge for work that was not given."""
        person = self._people.get(owner)
        if person is None or not person.running:
            return
        self._ranks = None
        person.running -= 1
        person.counter -= refund
        if person.waiting:
            if person.entry is None or refund:
                self._enter(person)
        elif not person.running:
            self._leave()

    def move(self, job: str, moved: int) -> bool:
        """Let a waiting job go before all others, or after them; False where it does not wait.

        ``moved``: below 0 before them, the least first; above 0 after them, the most last. Its owner is
        charged as ever, and no more of theirs run at once than of others.
        """
        ticket = self.remove(job)
        if ticket is None:
            return False
        self.push(ticket._replace(urgency=_moved(moved)))
        return True

    def remove(self, job: str) -> QueueEntry | None:
        """Take a waiting job out; None where it does not wait."""
        ticket = self._tickets.pop(job, None)
        if ticket is None:
            return None
        self._ranks = None
        person = self._people[ticket.owner]
        first = person.waiting[0][2] is ticket
        person.waiting = [one for one in person.waiting if one[2] is not ticket]
        heapify(person.waiting)
        if not person.waiting:
            person.entry = None
            if not person.running:
                self._leave()
        elif first and person.running < self.running:
            self._enter(person)
        return ticket

    def position(self, job: str) -> int | None:
        """Return how many waiting jobs go before this one; None where it does not wait.

        Everybody who waits asks again and again: they are ranked once after each change, not for each.
        """
        if self._ranks is None:
            self._ranks = {ticket.job: index for index, ticket in enumerate(self.waiting())}
        return self._ranks.get(job)

    def waiting(self) -> list[QueueEntry]:
        """Return all waiting tickets in the order in which they would go if nobody else came."""
        ranked: list[tuple[float, int, QueueEntry]] = []
        for person in self._people.values():
            at = person.counter
            for _, arrival, ticket in sorted(person.waiting, key=lambda one: one[:2]):
                ranked.append((_key(at, ticket), arrival, ticket))
                at += ticket.work / ticket.weight
        return [ticket for _, _, ticket in sorted(ranked, key=lambda one: one[:2])]

    def _enter(self, person: _Person) -> None:
        """Make the person's first ticket their one valid entry."""
        _, arrival, ticket = person.waiting[0]
        person.entry = _key(person.counter, ticket), arrival, person
        heap = self._heaps.get(ticket.model)
        if heap is None:
            heap = self._heaps[ticket.model] = []
        heappush(heap, person.entry)

    def _leave(self) -> None:
        self._active -= 1
        if not self._active:
            # nobody is owed anything any more: everybody starts level
            self.now = self._highest
            self._people.clear()
            self._heaps.clear()
        elif len(self._people) > 2 * self._swept:
            # who is not here and is owed nothing need not be remembered
            self._people = {
                owner: person
                for owner, person in self._people.items()
                if person.waiting or person.running or person.counter > self.now
            }
            self._swept = max(1024, len(self._people))


def _key(at: float, ticket: QueueEntry) -> float:
    """Return where a ticket stands whose owner has been served up to ``at``.

    A light ticket stands behind an ordinary one of the same work, a heavy one before it.
    """
    urgency, weight = ticket.urgency, ticket.weight
    if not 0 <= urgency < _BACK:
        return _FAR * (urgency if urgency < 0 else urgency - _BACK + 1)
    return at if weight == 1.0 else at + (ticket.work / weight - ticket.work)


def _moved(place: int) -> int:
    """Return the urgency of a job that was moved to the front (below 0) or the back (above 0)."""
    return place if place < 0 else place + _BACK - 1


def ticket(
    job: str,
    owner: str,
    spec: JobSpec,
    speed: Speed,
    *,
    role: float = 1.0,
    alone: bool = False,
    moved: int = 0,
) -> QueueEntry:
    """Return the ticket of a job; ``role`` is its owner's weight, ``moved`` as for ``FairQueue.move``."""
    return QueueEntry(
        job=job,
        owner=owner,
        work=work(spec),
        model=spec.model,
        rows=rows(spec),
        weight=role * WEIGHTS[speed],
        urgency=_moved(moved) if moved else _URGENCY[speed],
        alone=alone,
    )
