"""In how many seconds jobs will be done: copies of the queue and the devices, played forward. Pure.

Who will come yet is not known, and left out. Knows no clocks: ``engine.schedule.waits`` has one.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence

from engine.schedule.devices import Devices
from engine.schedule.estimates import Estimates
from engine.schedule.queue import FairQueue
from engine.schedule.tickets import QueueEntry

MOST_PLAYED = 2000
"""Jobs that are played forward; what waits behind them is told no time."""

Running = Mapping[str, Sequence[tuple[QueueEntry, float]]]
"""By device: what runs there, each with the seconds of the device that it still needs."""


def seconds(ticket: QueueEntry, estimates: Estimates, *, warm: bool) -> float:
    """Return what a job takes of a device; a model that was never timed counts as the others do."""
    usual = sum(estimates.pace.values()) / max(1, len(estimates.pace))
    load = 0.0 if warm else estimates.loading.get(ticket.model, 0.0)
    return load + ticket.work * estimates.pace.get(ticket.model, usual)


def forecast(queue: FairQueue, devices: Devices, running: Running, estimates: Estimates) -> dict[str, float]:
    """Return in how many seconds each job is done; those of models that were never timed are left out.

    Neither queue nor devices are touched. Jobs share a device by their rows, as its calls do.
    """
    if not estimates.pace:
        return {}
    queue, devices = copy.deepcopy((queue, devices))
    working = {name: list(jobs) for name, jobs in running.items()}
    return dict(_play(queue, devices, working, estimates))


_Working = dict[str, list[tuple[QueueEntry, float]]]


def _play(
    queue: FairQueue, devices: Devices, working: _Working, estimates: Estimates
) -> Iterator[tuple[str, float]]:
    now, played = 0.0, 0
    while played < MOST_PLAYED:
        while (picked := queue.pick(devices)) is not None:
            ticket, name = picked
            working.setdefault(name, []).append(
                (ticket, seconds(ticket, estimates, warm=_warm(devices, name, ticket)))
            )
        steps = [_until_next(jobs) for jobs in working.values() if jobs]
        if not steps:
            return
        step = min(steps)
        now += step
        for name in working:
            for ticket in _passed(working, name, step):
                device = devices[name]
                devices.ended(name, ticket.job)
                devices.seen(name, device.resident | {ticket.model}, device.room + ticket.rows)
                queue.done(ticket.owner)
                played += 1
                if ticket.model in estimates.pace:
                    yield ticket.job, now


def _warm(devices: Devices, name: str, ticket: QueueEntry) -> bool:
    device = devices[name]
    others = (one for one in device.jobs.values() if one.job != ticket.job)
    return ticket.model in device.resident or any(one.model == ticket.model for one in others)


def _until_next(jobs: Sequence[tuple[QueueEntry, float]]) -> float:
    """Return in how many seconds the first of a device's jobs is done."""
    rows = sum(ticket.rows for ticket, _ in jobs)
    return min(left * rows / ticket.rows for ticket, left in jobs)


def _passed(working: _Working, name: str, step: float) -> list[QueueEntry]:
    """Let so many seconds pass on a device; return what is done by then."""
    rows = sum(ticket.rows for ticket, _ in working[name])
    after = [(ticket, left - step * ticket.rows / rows) for ticket, left in working[name]]
    working[name] = [(ticket, left) for ticket, left in after if left > 1e-6]
    return [ticket for ticket, left in after if left <= 1e-6]
