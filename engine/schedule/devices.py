"""The devices there are, as the queue sees them: what each may draw, has loaded, has room for.

Pure: no clocks, no processes. Devices with room stand on shelves, by model loaded and by what they may draw,
so that one is found without a look at the others. The rules are at the top of ``engine.schedule.queue``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from engine.schedule.tickets import QueueEntry

IDLE = 1e6  # rows that no device has
CLOSED = -1.0


@dataclass(eq=False, slots=True)
class Device:
    """One device; ``room`` in rows. Only ``Devices`` changes it."""

    name: str
    allowed: frozenset[str] | None  # models; None: all
    taking: bool = False  # whether it is ready for jobs
    room: float = 0.0
    resident: frozenset[str] = frozenset()  # as it last said
    loaded: frozenset[str] = frozenset()  # and those its jobs bring
    jobs: dict[str, QueueEntry] = field(default_factory=dict)
    left: float = 0.0  # work in hand
    alone: bool = False  # a suspect runs here
    place: float = CLOSED  # on the shelves: its room, and beyond ``IDLE`` where it does nothing


@dataclass(eq=False, slots=True)
class _Shelf:
    """Devices with room, by their place: the most room first, before all those that do nothing."""

    places: dict[float, dict[Device, None]] = field(default_factory=dict)
    top: float = -1.0  # the first place that is taken

    def put(self, device: Device) -> None:
        place = device.place
        if (there := self.places.get(place)) is None:
            there = self.places[place] = {}
            self.top = max(self.top, place)
        there[device] = None

    def take(self, device: Device) -> None:
        there = self.places[device.place]
        del there[device]
        if not there:
            del self.places[device.place]
            if device.place == self.top:
                self.top = max(self.places, default=-1.0)

    def first(self, least: float, held: Collection[Device]) -> Device | None:
        """Return the first device that is not held back, of those from the place ``least`` on."""
        if self.top < least:
            return None
        if not held:
            return next(iter(self.places[self.top]))
        for place in sorted(self.places, reverse=True):
            if place < least:
                return None
            for device in self.places[place]:
                if device not in held:
                    return device
        return None


class Devices:
    """All devices by name. ``price``: by model, the work a device could do while it loads it."""

    def __init__(self, price: Mapping[str, float] | None = None) -> None:
        self.price: Mapping[str, float] = {} if price is None else price
        self.switches = 0  # times a job was given to a device that had to load its model
        self._devices: dict[str, Device] = {}
        self._open: dict[frozenset[str] | None, _Shelf] = {}  # by what they may draw
        self.open_with: dict[str, _Shelf] = {}
        """Devices with room by model loaded."""
        self._holders: dict[str, dict[Device, None]] = {}  # those with it loaded, full ones too
        self._groups: dict[str, list[_Shelf]] = {}  # by model: the shelves of those who may draw it
        self.opened = 0
        """How many can take anything."""

    def __contains__(self, name: str) -> bool:
        return name in self._devices

    def __getitem__(self, name: str) -> Device:
        return self._devices[name]

    def may(self, model: str) -> bool:
        """Say whether any device may draw with this model."""
        return any(one.allowed is None or model in one.allowed for one in self._devices.values())

    # ---- what becomes of them ------------------------------------------------------------------------------

    def add(self, name: str, allowed: Iterable[str] | None = None) -> None:
        """Know a device, which takes nothing until it is seen. ``allowed``: the models it may draw."""
        group = None if allowed is None else frozenset(allowed)
        self._devices[name] = Device(name, group)
        if group not in self._open:
            self._open[group] = _Shelf()
            self._groups.clear()

    def remove(self, name: str) -> None:
        """Forget a device and what runs on it."""
        device = self._devices.pop(name)
        self._hide(device)
        self._keep(device, frozenset())

    def seen(self, name: str, models: Iterable[str], room: float) -> None:
        """Note what a device says of itself: it is ready for jobs."""
        device = self._devices[name]
        self._hide(device)
        device.taking, device.room, device.resident = True, room, frozenset(models)
        self._keep(device, device.resident.union(one.model for one in device.jobs.values()))
        self._show(device)

    def close(self, name: str) -> None:
        """Give a device nothing more, until it is seen again."""
        device = self._devices[name]
        self._hide(device)
        device.taking = False
        self._keep(device, frozenset())

    def give(self, device: Device, ticket: QueueEntry) -> None:
        """Count a job in."""
        device.jobs[ticket.job] = ticket
        device.left += ticket.work
        device.room -= ticket.rows
        self._hide(device)
        device.alone = ticket.alone
        if ticket.model not in device.loaded:
            self.switches += bool(device.loaded)
            self._keep(device, device.loaded | {ticket.model})
        self._show(device)

    def ended(self, name: str, job: str) -> None:
        """Count a job out; how much room there is then, the device says itself."""
        device = self._devices.get(name)
        ticket = None if device is None else device.jobs.pop(job, None)
        if device is None or ticket is None:
            return
        self._hide(device)
        device.left = device.left - ticket.work if device.jobs else 0.0
        device.alone = False
        if ticket.model not in device.resident and all(
            one.model != ticket.model for one in device.jobs.values()
        ):
            self._keep(device, device.loaded - {ticket.model})
        self._show(device)

    # ---- what the queue asks -------------------------------------------------------------------------------

    def could(self, model: str, least: float) -> bool:
        """Say whether an open device may draw this model that has the place ``least``, or a better one."""
        return any(shelf.top >= least for shelf in self._shelves(model))

    def warm(self, model: str, least: float, held: Collection[Device] = ()) -> Device | None:
        """Return the device with most room, from ``least`` on, that has this model loaded."""
        shelf = self.open_with.get(model)
        return None if shelf is None else shelf.first(least, held)

    def cold(self, model: str, least: float, held: Collection[Device] = ()) -> Device | None:
        """Return the device with most room, from ``least`` on, that may draw this model."""
        best: Device | None = None
        for shelf in self._shelves(model):
            found = shelf.first(least, held)
            if found is not None and (best is None or found.place > best.place):
                best = found
        return best

    def nearest(self, model: str, held: Collection[Device]) -> Device | None:
        """Return the open device that is nearest to taking a job of this model which fits nowhere yet."""
        return self.warm(model, 0.0, held) or self.cold(model, 0.0, held)

    def soon(self, model: str, work: float) -> bool:
        """Say whether a device that has this model loaded has at most so much work in hand."""
        return any(device.left <= work for device in self._holders.get(model, ()))

    # ---- shelves -------------------------------------------------------------------------------------------

    def _shelves(self, model: str) -> list[_Shelf]:
        found = self._groups.get(model)
        if found is None:
            groups = [group for group in self._open if group is None or model in group]
            # of equal room, the device that may draw fewer models: it leaves the others free for theirs
            groups.sort(key=lambda group: float("inf") if group is None else len(group))
            self._groups[model] = found = [self._open[group] for group in groups]
        return found

    def _hide(self, device: Device) -> None:
        if device.place == CLOSED:
            return
        self._open[device.allowed].take(device)
        for model in device.loaded:
            self.open_with[model].take(device)
        device.place = CLOSED
        self.opened -= 1

    def _show(self, device: Device) -> None:
        idle = not device.jobs
        if not device.taking or device.alone or not (idle or device.room > 0):
            return
        device.place = min(max(device.room, 0.0), IDLE / 2) + (IDLE if idle else 0.0)
        self._open[device.allowed].put(device)
        for model in device.loaded:
            if (shelf := self.open_with.get(model)) is None:
                shelf = self.open_with[model] = _Shelf()
            shelf.put(device)
        self.opened += 1

    def _keep(self, device: Device, models: frozenset[str]) -> None:
        """Note which models a hidden device has loaded, of those it may draw with."""
        if device.allowed is not None:
            models &= device.allowed
        if models == device.loaded:
            return
        for model in device.loaded - models:
            del self._holders[model][device]
        for model in models - device.loaded:
            self._holders.setdefault(model, {})[device] = None
        device.loaded = models
