"""What stands in the queue: a ticket, which says whose a job is, what it costs and needs. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from engine.jobs import JobSpec, Speed
from engine.planning.cost import rows, work

WEIGHTS: Mapping[Speed, float] = {Speed.RELAX: 0.25, Speed.FAST: 1.0, Speed.TURBO: 2.0}
"""Share of the engine by speed: relax is never zero, so it never starves."""

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

    def __deepcopy__(self, memo: object) -> QueueEntry:
        """Return the ticket itself: it never changes, and forecasts copy whole queues."""
        return self


def place(at: float, ticket: QueueEntry) -> float:
    """Return where a ticket stands whose owner has been served up to ``at``.

    A light ticket stands behind an ordinary one of the same work, a heavy one before it.
    """
    urgency, weight = ticket.urgency, ticket.weight
    if not 0 <= urgency < _BACK:
        return _FAR * (urgency if urgency < 0 else urgency - _BACK + 1)
    return at if weight == 1.0 else at + (ticket.work / weight - ticket.work)


def moved_urgency(moved: int) -> int:
    """Return the urgency of a job that was moved to the front (below 0) or the back (above 0)."""
    return moved if moved < 0 else moved + _BACK - 1


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
        urgency=moved_urgency(moved) if moved else _URGENCY[speed],
        alone=alone,
    )
