"""The one task that starts work: decide (queue), compute (worker), book (store); refuses to know pixels."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.backends.local import Died, LocalWorker
from engine.backends.protocol import Cancel, Done, Event, Failed, Progress, Start, Status
from engine.backends.worker import Setup
from engine.errors import EngineError, LimnerError
from engine.gallery import Gallery
from engine.jobs import Job, State
from engine.queue import FairQueue, Ticket, rows, ticket
from engine.store import Store

log = logging.getLogger("limner.scheduler")

OUT_OF_MEMORY = (
    "This picture needs more memory than the engine has, even in pieces. "
    "Nothing was charged. Ask for a smaller size, or for fewer pictures."
)


@dataclass(slots=True)
class _Running:
    ticket: Ticket
    worker: LocalWorker
    began: float
    job: Job | None = None  # once it is claimed
    share: float = 0.0  # of its steps that are done


class Scheduler:
    """Admits one job at a time to a worker that has room, in fair order, and books what comes back.

    ``tell(job, progress)`` is called at every change: with a Progress, or with the job as it stands and None.
    """

    def __init__(
        self,
        store: Store,
        gallery: Gallery,
        queue: FairQueue,
        setups: Sequence[Setup],
        tell: Callable[[Job | str, Progress | None], None],
    ) -> None:
        self.store = store
        self.gallery = gallery
        self.queue = queue
        self.paused = False
        self._tell = tell
        self._inbox: asyncio.Queue[tuple[LocalWorker, Event | Died] | None] = asyncio.Queue()
        self.workers = [
            LocalWorker(setup, lambda worker, event: self._inbox.put_nowait((worker, event)))
            for setup in setups
        ]
        self.running: dict[str, _Running] = {}
        self.rate: float | None = None  # work a second, as lately seen
        self.idle = asyncio.Event()  # set while nothing runs
        self.idle.set()
        self._cancelled: set[str] = set()
        self._room: dict[LocalWorker, float] = {}
        self._booking: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Work until cancelled; then hand running jobs back, without counting the attempt."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for worker in self.workers:
                    tasks.create_task(worker.run())
                while True:
                    await self._fill()
                    self._take(await self._inbox.get())
                    while not self._inbox.empty():
                        self._take(self._inbox.get_nowait())
        finally:
            await asyncio.shield(self._hand_back())

    async def _hand_back(self) -> None:
        if self._booking:
            await asyncio.wait(self._booking)  # what is rendered is kept
        for job in list(self.running):
            await self.store.release(job, blameless=True)
            self._over(job)

    # ---- from the service ----------------------------------------------------------------------------------

    def admit(self, job: Job) -> None:
        """Let an accepted job wait its turn."""
        # one that was running when its worker died runs alone, so that it cannot take others with it again
        self.queue.push(ticket(job.id, job.owner, job.spec, job.speed, alone=job.attempts > 0))
        self.wake()

    def wake(self) -> None:
        """Look again for something to start."""
        self._inbox.put_nowait(None)

    def withdraw(self, job: str) -> None:
        """Stop working on a job that was cancelled in the store."""
        if self.queue.remove(job) is None:
            self._cancelled.add(job)  # remembered: it may be between its claim and its start
            if (run := self.running.get(job)) is not None:
                run.worker.send(Cancel(job))
            else:
                self._cancelled.discard(job)
        self.wake()

    # ---- decide --------------------------------------------------------------------------------------------

    async def _fill(self) -> None:
        while not self.paused:
            worker = max(
                (one for one in self.workers if one.ready), key=lambda one: self._free(one), default=None
            )
            if worker is None:
                return
            held = [run.ticket for run in self.running.values() if run.worker is worker]
            if any(one.alone for one in held) or (held and self._free(worker) <= 0):
                return
            chosen = self.queue.pick(worker.status.models, self._free(worker), idle=not held)
            if chosen is None:
                return
            await self._start(worker, chosen)

    def _free(self, worker: LocalWorker) -> float:
        """Return the rows a worker can take: what it last said, less what it was given since."""
        return self._room.get(worker, 0.0)

    async def _start(self, worker: LocalWorker, chosen: Ticket) -> None:
        self.idle.clear()
        self.running[chosen.job] = _Running(chosen, worker, time.monotonic())
        try:
            job = await self.store.claim(chosen.job)
            if job is None:
                self._over(chosen.job, refund=chosen.work)
                return
            self.running[job.id].job = job
            self._tell(job, None)
            inputs = {one.sha256: await self.gallery.load(one.sha256) for one in job.spec.inputs}
        except LimnerError as error:
            sentence = error.apology if isinstance(error, EngineError) else str(error)
            log.warning("job %s could not start: %s", chosen.job, error)
            failed = await self.store.fail(chosen.job, sentence)
            self._over(chosen.job, refund=chosen.work)
            if failed is not None:
                self._tell(failed, None)
            return
        if chosen.job in self._cancelled:
            self._over(chosen.job, refund=chosen.work)
            return
        self._room[worker] = self._free(worker) - rows(job.spec)
        worker.send(Start(job.id, job.spec, inputs))

    # ---- book ----------------------------------------------------------------------------------------------

    def _take(self, told: tuple[LocalWorker, Event | Died] | None) -> None:
        if told is None:
            return
        worker, event = told
        match event:
            case Died(jobs=jobs):
                self._room.pop(worker, None)
                for job in jobs:
                    self._write(self._put_back(job))
            case Status(room=room):
                self._room[worker] = room
            case Progress(job=job, step=step, total=total):
                if (run := self.running.get(job)) is not None and job not in self._cancelled:
                    run.share = step / total
                    self._tell(job, event)
            case Done(job=job):
                self._write(self._book(job, event))
            case Failed(job=job):
                self._write(self._fail(job, event))

    def _write(self, writing: Coroutine[Any, Any, None]) -> None:
        # outside the task group: the last write of a job outlives a shutdown, which waits for it
        task = asyncio.create_task(writing)
        self._booking.add(task)
        task.add_done_callback(self._booking.discard)

    async def _put_back(self, job: str) -> None:
        try:
            after = await self.store.release(job)
        except Exception:
            log.exception("job %s could not be put back; it runs again at the next start", job)
            after = None
        self._over(job)
        if after is None:
            return
        log.warning("job %s lost its worker (attempt %d): %s", job, after.attempts, after.state)
        if after.state is State.QUEUED:
            self.admit(after)
        self._tell(after, None)

    async def _book(self, job: str, done: Done) -> None:
        run = self.running.get(job)
        try:
            if run is None or run.job is None or job in self._cancelled:
                return  # cancelled while its last step ran
            outcome = done.outcome
            pictures = await asyncio.gather(
                *(self.gallery.save(png, run.job, cell) for cell, png in enumerate(outcome.pictures))
            )
            film = await self.gallery.keep(outcome.film, ".webp") if outcome.film else None
            after = await self.store.finish(
                job, pictures, film=film, texts=outcome.texts, notes=outcome.notes
            )
            if after is not None:
                self._measure(run)
                self._tell(after, None)
        except Exception as error:
            log.exception("job %s is rendered and could not be kept", job)
            sentence = error.apology if isinstance(error, EngineError) else EngineError.apology
            await self._end_badly(job, sentence)
        finally:
            self._over(job)

    async def _fail(self, job: str, failed: Failed) -> None:
        try:
            if failed.kind == "cancelled" or job in self._cancelled:
                return
            log.warning("job %s failed (%s): %s", job, failed.kind, failed.message)
            sentence = {
                "user": failed.message,
                "memory": OUT_OF_MEMORY,
            }.get(failed.kind, EngineError.apology)
            await self._end_badly(job, sentence)
        finally:
            run = self.running.get(job)
            self._over(job, refund=run.ticket.work * (1 - run.share) if run is not None else 0.0)

    async def _end_badly(self, job: str, sentence: str) -> None:
        try:
            after = await self.store.fail(job, sentence)
        except Exception:
            log.exception("job %s could not even be marked as failed; it runs again at the next start", job)
            return
        if after is not None:
            self._tell(after, None)

    def _over(self, job: str, refund: float = 0.0) -> _Running | None:
        run = self.running.pop(job, None)
        self._cancelled.discard(job)
        if not self.running:
            self.idle.set()
        if run is not None:
            self.queue.done(run.ticket.owner, refund / run.ticket.weight)
            self.wake()
        return run

    # ---- looking -------------------------------------------------------------------------------------------

    def _measure(self, run: _Running) -> None:
        together = sum(other.worker is run.worker for other in self.running.values())
        seen = run.ticket.work * max(1, together) / max(0.001, time.monotonic() - run.began)
        self.rate = seen if self.rate is None else 0.8 * self.rate + 0.2 * seen

    def ahead(self, job: str) -> float | None:
        """Return about how many seconds until a waiting job starts; None where nothing was measured yet."""
        if self.rate is None:
            return None
        left = sum(run.ticket.work * (1 - run.share) for run in self.running.values())
        for waiting in self.queue.waiting():
            if waiting.job == job:
                return left / self.rate
            left += waiting.work
        return None

    def models(self) -> Mapping[str, Sequence[str]]:
        """Return the loaded models by worker device."""
        return {worker.status.device: worker.status.models for worker in self.workers}
