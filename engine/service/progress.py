"""How jobs stand while somebody looks: the newest snapshot of each job that is watched."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from engine.jobs import FINAL, Job, State
from engine.schedule.queue import FairQueue
from engine.service.pictures import Pictures
from engine.service.requests import Snapshot
from engine.workers.protocol import Progress


@dataclass(slots=True)
class _Watch:
    """The newest snapshot of a job, and who looks at it."""

    latest: Snapshot | None = None  # nobody has said anything yet
    wakers: set[asyncio.Event] = field(default_factory=set)

    def put(self, snapshot: Snapshot) -> None:
        self.latest = snapshot
        for waker in self.wakers:
            waker.set()


class Watches:
    """Takes what happens to jobs and hands it to whoever watches one. ``previews``: may a job's be shown?"""

    def __init__(self, pictures: Pictures, queue: FairQueue, previews: Callable[[Job], bool]) -> None:
        self._pictures = pictures
        self._queue = queue
        self._previews = previews
        self._watches: dict[str, _Watch] = {}

    async def watch(self, job_id: str) -> AsyncIterator[Snapshot]:
        """Yield how a job stands, now and at every change, newest wins; ends after its final state."""
        waker = asyncio.Event()
        watch = self._watches.setdefault(job_id, _Watch())
        watch.wakers.add(waker)  # first listen, then look: what happens in between is heard
        try:
            job = await self._pictures.job(job_id)
            if watch.latest is None:
                watch.latest = Snapshot(job)
            while True:
                waker.clear()  # clear, then look: a change in between is kept
                snapshot = watch.latest
                if snapshot.state is State.QUEUED:
                    snapshot = Snapshot(snapshot.job, position=self._queue.position(job_id))
                yield snapshot
                if snapshot.state in FINAL:
                    return
                await waker.wait()
        finally:
            watch.wakers.discard(waker)
            if not watch.wakers:
                self._watches.pop(job_id, None)

    def tell(self, job: Job | str, progress: Progress | None) -> None:
        """Take a change: the job as it stands and None, or the progress of a job named by its id."""
        watch = self._watches.get(job if isinstance(job, str) else job.id)
        if watch is None:
            return
        if isinstance(job, Job):
            watch.put(Snapshot(job))
        elif watch.latest is not None and progress is not None:
            before = watch.latest
            fresh = progress.preview if self._previews(before.job) else None
            preview = fresh or before.preview  # the last one is shown until a newer comes
            watch.put(Snapshot(before.job, progress.step, progress.total, preview))
