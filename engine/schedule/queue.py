"""Whose turn it is, and where: a fair virtual-time queue, charged by work; refuses to know clocks and stores.

Every person has a counter of the work given to them, divided by their weight; the person with the smallest
counter is next (Sheng et al., "Fairness in Serving Large Language Models", arXiv 2401.00588). Three rules
make that fair to everyone:

* Virtual time moves on with every job by its charge shared among all who are active, as in generalised
  processor sharing. Whoever comes (back) starts at virtual time, so nobody saves up service by staying away,
  and whoever waits is soon ahead of everyone who comes later: waiting earns credit, by itself.
* A job on a model that an open device has loaded may pass others by ``affinity`` × the largest job seen, no
  more.
* A person's own jobs stand in order of urgency, then of arrival; at most ``running`` of them run at once.

Between two people of equal weight who both wait for the same devices, the work given differs by at most two
largest jobs. Which device the job that is due goes to (``engine.schedule.devices`` finds it):

* One that may draw its model and has room; one that does nothing takes any job, a suspect only such a one.
* Of these, one that has its model loaded; then the one with most room; of equal ones the one that may draw
  fewest models.
* Loading has a price: the work a device could do meanwhile. Where a busy device has the model and no more in
  hand than that, the job waits for it. What is then drawn with that model while others wait is counted, and
  once it comes to the price a second device loads it: waiting costs no more than loading would have.
  A job that is behind its turn by ``patience`` × the largest job takes the next open device all the same.
* What is due and fits nowhere yet holds back one device, the nearest to taking it: nothing else starts there.
  All other devices go on with who is next; a person's own later jobs wait behind their first.

Long: the rules in prose, and the one structure that keeps them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from math import inf
from typing import NamedTuple

from engine.schedule.devices import IDLE, Device, Devices
from engine.schedule.tickets import QueueEntry, moved_urgency, place

CROWD = 256
"""With more people than this, virtual time moves as if there were so many: who waits is served before people
who come this many jobs later."""


class Shape(NamedTuple):
    """What a ticket needs of a device: its model, and at least this place on the shelves."""

    model: str
    least: float


@dataclass(eq=False, slots=True)
class _Person:
    owner: str
    counter: float  # virtual time up to which this person has been served
    # a heap: urgency, arrival; its first waits still
    waiting: list[tuple[int, int, QueueEntry]] = field(default_factory=list)
    gone: int = 0  # of these, taken out since
    running: int = 0
    entry: _Entry | None = None  # the one valid entry in the heaps


_Entry = tuple[float, int, _Person]  # virtual time, arrival


class FairQueue:
    """Tickets waiting for a place. Every change is O(log people); ``position`` ranks all once after each."""

    def __init__(self, running: int = 3, affinity: float = 0.5, patience: float = 1.0) -> None:
        self.running = running
        self.affinity = affinity
        self.patience = patience
        self.now = 0.0  # virtual time
        self._highest = 0.0
        self._largest = 0.0  # charge of the largest job seen
        self._active = 0  # people with anything waiting or running
        self._arrivals = 0
        self._people: dict[str, _Person] = {}
        self._swept = 1024
        self._heaps: dict[Shape, list[_Entry]] = {}  # by what each person's first ticket needs
        self._tickets: dict[str, QueueEntry] = {}
        self._arrived: dict[str, int] = {}  # by job: its one valid entry among its owner's
        self._detour: dict[str, float] = {}  # by model: work done with it while others waited for that
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
        self._arrived[ticket.job] = self._arrivals
        heappush(person.waiting, (ticket.urgency, self._arrivals, ticket))
        if person.running < self.running and person.waiting[0][2] is ticket:
            self._enter(person)

    def pick(self, devices: Devices) -> tuple[QueueEntry, str] | None:
        """Take the next job that a device can start now; return it and the device's name.

        None: nobody may start now. The device is given the job, the person is charged.
        """
        if not devices.opened:
            return None
        due = self._due(devices)
        if due is None:
            return None
        device = devices.warm(due.model, due.least)
        return self._search(devices) if device is None else self._started(devices, device, self._heaps[due])

    def _due(self, devices: Devices) -> Shape | None:
        """Return the shape of the ticket that is due first."""
        chosen: Shape | None = None
        least = inf
        bonus = self.affinity * self._largest
        gone: list[Shape] = []
        for shape, heap in self._heaps.items():
            while heap and heap[0][2].entry is not heap[0]:
                heappop(heap)  # left behind by a cancel or a more urgent job
            if not heap:
                gone.append(shape)
                continue
            key = heap[0][0]
            if (shelf := devices.open_with.get(shape.model)) is not None and shelf.places:
                key -= bonus
            if key < least:
                chosen, least = shape, key
        for shape in gone:
            del self._heaps[shape]
        return chosen

    def _search(self, devices: Devices) -> tuple[QueueEntry, str] | None:
        """Look for a device for what is due first, then for the next; all heaps have a valid top now."""
        could = {shape for shape in self._heaps if devices.could(shape.model, shape.least)}
        if not could:
            return None
        bonus = self.affinity * self._largest
        order: list[tuple[float, int, Shape]] = []
        for shape, heap in self._heaps.items():
            shelf = devices.open_with.get(shape.model)
            order.append((heap[0][0] - (bonus if shelf and shelf.places else 0.0), heap[0][1], shape))
        order.sort()
        held: set[Device] = set()
        for _, _, shape in order:
            model, heap = shape.model, self._heaps[shape]
            if shape in could:
                device = devices.warm(model, shape.least, held)
                if device is None:
                    device = devices.cold(model, shape.least, held)
                    if device is not None and self._waits(devices, heap[0]):
                        device = devices.warm(model, 0.0, held)  # it has too little room: it is waited for
                        if device is not None:
                            held.add(device)
                        continue
                if device is not None:
                    return self._started(devices, device, heap)
            nearest = devices.nearest(model, held)
            if nearest is not None:
                held.add(nearest)
        return None

    def _waits(self, devices: Devices, entry: _Entry) -> bool:
        """Say whether a ticket waits for a busy device that has its model, and it is not loaded again."""
        ticket = entry[2].waiting[0][2]
        price = devices.price.get(ticket.model, 0.0)
        if not price or ticket.alone or self.now - entry[0] > self.patience * self._largest:
            return False
        waits = devices.soon(ticket.model, price - self._detour.get(ticket.model, 0.0))
        if waits:
            self._detour.setdefault(ticket.model, 0.0)
        return waits

    def _started(self, devices: Devices, device: Device, heap: list[_Entry]) -> tuple[QueueEntry, str]:
        """Take the first ticket of a heap out, give it to a device and charge its owner."""
        person = heap[0][2]
        ticket = heappop(person.waiting)[2]
        del self._arrived[ticket.job]
        self._sweep(person)
        if ticket.model in self._detour:
            # what is drawn while others wait is counted; it starts anew once the model is loaded again
            if ticket.model not in device.loaded:
                del self._detour[ticket.model]
            else:
                self._detour[ticket.model] += ticket.work
        devices.give(device, ticket)
        self._ranks = None
        del self._tickets[ticket.job]
        person.running += 1
        self._charge(person, ticket.work / ticket.weight)
        heappop(heap)
        person.entry = None
        if person.waiting and person.running < self.running:
            self._enter(person)
        return ticket, device.name

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
        self.push(ticket._replace(urgency=moved_urgency(moved)))
        return True

    def remove(self, job: str) -> QueueEntry | None:
        """Take a waiting job out; None where it does not wait."""
        ticket = self._tickets.pop(job, None)
        if ticket is None:
            return None
        self._ranks = None
        person = self._people[ticket.owner]
        first = person.waiting[0][1] == self._arrived.pop(job)
        person.gone += 1
        self._sweep(person)
        if not person.waiting:
            person.entry = None
            if not person.running:
                self._leave()
        elif first and person.running < self.running:
            self._enter(person)
        return ticket

    def _waits_still(self, one: tuple[int, int, QueueEntry]) -> bool:
        return self._arrived.get(one[2].job) == one[1]

    def _sweep(self, person: _Person) -> None:
        """Drop what was taken out where it stands first, and all of it once it is more than half."""
        waiting = person.waiting
        if 2 * person.gone > len(waiting) + 16:
            person.waiting = waiting = [one for one in waiting if self._waits_still(one)]
            heapify(waiting)
            person.gone = 0
        while waiting and not self._waits_still(waiting[0]):
            heappop(waiting)
            person.gone -= 1

    def position(self, job: str) -> int | None:
        """Return how many waiting jobs go before this one; None where it does not wait.

        Everybody who waits asks again and again: they are ranked once after each change, not for each.
        """
        if self._ranks is None:
            self._ranks = {ticket.job: index for index, ticket in enumerate(self.waiting())}
        return self._ranks.get(job)

    def tickets(self) -> Collection[QueueEntry]:
        """Return all waiting tickets in no order: at once, whatever waits."""
        return self._tickets.values()

    def waiting(self) -> list[QueueEntry]:
        """Return all waiting tickets in the order in which they would go if nobody else came."""
        ranked: list[tuple[float, int, QueueEntry]] = []
        for person in self._people.values():
            at = person.counter
            own = filter(self._waits_still, person.waiting)
            for _, arrival, ticket in sorted(own, key=lambda one: one[:2]):
                ranked.append((place(at, ticket), arrival, ticket))
                at += ticket.work / ticket.weight
        return [ticket for _, _, ticket in sorted(ranked, key=lambda one: one[:2])]

    def _enter(self, person: _Person) -> None:
        """Make the person's first ticket their one valid entry."""
        _, arrival, ticket = person.waiting[0]
        person.entry = place(person.counter, ticket), arrival, person
        shape = Shape(ticket.model, IDLE if ticket.alone else ticket.rows)
        heap = self._heaps.get(shape)
        if heap is None:
            heap = self._heaps[shape] = []
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
