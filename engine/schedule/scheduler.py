"""The one task that starts work: decide (queue), compute (worker), book (store); refuses to know pixels.

Long: one task: decide, compute, book.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from engine.errors import OUT_OF_MEMORY, UserError
from engine.jobs import Job, State
from engine.library.gallery import Gallery
from engine.moderation.pictures import Classification
from engine.planning.cost import rows
from engine.schedule.crew import Crew
from engine.schedule.estimates import Estimates
from engine.schedule.forecast import Running, seconds
from engine.schedule.host_notes import HostNotes
from engine.schedule.metrics import Metrics
from engine.schedule.offered import Offered, needs_model
from engine.schedule.queue import FairQueue
from engine.schedule.tickets import QueueEntry, ticket
from engine.schedule.waits import Waits
from engine.store import jobs as store_jobs
from engine.store.connection import Store
from engine.store.jobs import Result
from engine.store.moderation import refuse
from engine.workers.handle import Died, Worker
from engine.workers.protocol import (
    Cancel,
    Done,
    Event,
    Failed,
    Leaving,
    Outcome,
    Progress,
    Start,
    Status,
    Unfit,
)  # fmt: skip
from engine.workers.setup import Setup

T = TypeVar("T")

log = logging.getLogger("limner.scheduler")

PACE = "pace"
"""Where the store keeps how long each model lately took for a unit of work."""
PAUSE = 2.0
"""Seconds before what our own disk refused is tried again; then twice as long each time, to a minute."""
LAST = 5.0
"""Seconds a shutdown waits for pictures to be kept."""


@dataclass(slots=True)
class _Running:
    ticket: QueueEntry
    worker: Worker
    began: float
    job: Job | None = None  # once it is claimed
    share: float = 0.0  # of its steps that are done
    warm: bool = False  # its model was loaded when it started
    seconds: float | None = None  # of the device, once it is done


class Scheduler:
    """Admits one job at a time to a worker that has room, in fair order, and books what comes back.

    ``tell(job, progress)`` is called at every change: with a Progress, or with the job as it stands and None.
    ``judge(job, outcome)`` says of what was drawn whether it may be shown. A model that cannot be loaded is
    taken out of ``offered``, and put on the record, which the host's log channel shows.
    """

    def __init__(
        self,
        store: Store,
        gallery: Gallery,
        queue: FairQueue,
        setups: Sequence[Setup],
        tell: Callable[[Job | str, Progress | None], None],
        judge: Callable[[Job, Outcome], Classification],
        offered: Offered,
        limits: Mapping[str, Collection[str]],
        far: tuple[str, Setup] | None,
    ) -> None:
        self.store = store
        self.gallery = gallery
        self.queue = queue
        self.paused = False
        self.held: frozenset[str] = frozenset()  # servers whose jobs are not started
        self._tell = tell
        self._judge = judge
        self.offered = offered
        self._inbox: asyncio.Queue[tuple[Worker, Event | Died] | None] = asyncio.Queue()
        self.estimates = Estimates()
        self.crew = Crew(setups, lambda *told: self._inbox.put_nowait(told), limits, self.estimates.price)
        if far is not None:
            self.crew.reach(*far, lambda why: self._write(self._host.trouble(why)))
        self.tally = Metrics()
        self.running: dict[str, _Running] = {}
        self.idle = asyncio.Event()  # set while nothing runs
        self.idle.set()
        self._cancelled: set[str] = set()
        self._booking: set[asyncio.Task[None]] = set()
        self._host = HostNotes(store, self.offered, self._insist)
        self.waits = Waits(queue, self.crew.devices, self.estimates, self._left)

    async def run(self) -> None:
        """Work until cancelled; then hand running jobs back, without counting the attempt."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self.crew.start(tasks)
                while True:
                    await self._fill()
                    self._take(await self._inbox.get())
                    while not self._inbox.empty():
                        self._take(self._inbox.get_nowait())
        finally:
            await asyncio.shield(self._hand_back())

    async def _hand_back(self) -> None:
        if self._booking:
            await asyncio.wait(self._booking, timeout=LAST)  # what is rendered is kept
        for task in self._booking:
            task.cancel()
        for job, run in list(self.running.items()):
            try:
                charge = run.ticket.work / run.ticket.weight
                await self.store.write(
                    store_jobs.release, self.store.now(), job, blameless=True, refund=charge
                )
            except Exception:
                log.exception("job %s could not be handed back; the next start of the bot does it", job)
            self._over(job)

    # ---- from the service ----------------------------------------------------------------------------------

    def admit(self, job: Job) -> None:
        """Let an accepted job wait its turn."""
        if job.guild in self.held:
            return
        # one that was running when its worker died runs alone, so that it cannot take others with it again
        alone = job.attempts > 0
        one = ticket(job.id, job.owner, job.spec, job.speed, role=job.weight, alone=alone, moved=job.moved)
        self.queue.push(one)
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
            chosen = self.queue.pick(self.crew.devices)
            if chosen is None:
                return
            await self._start(self.crew.named(chosen[1]), chosen[0])

    async def _start(self, worker: Worker, chosen: QueueEntry) -> None:
        self.idle.clear()
        self.running[chosen.job] = _Running(chosen, worker, time.monotonic())
        try:
            standing = self.queue.standing(chosen.owner)
            job = await self.store.write(store_jobs.claim, self.store.now(), chosen.job, standing)
            if job is None:
                self._over(chosen.job, refund=chosen.work)
                return
            self.running[job.id].job = job
            if job.spec.model in self.offered.failed and needs_model(job.spec):
                raise UserError(self.offered.sentence(job.spec.model))  # not read again for each that waits
            self.tally.waits.add(max(0.0, self.store.now() - job.created_at))
            self._tell(job, None)
            inputs = {one.sha256: await self.gallery.load(one.sha256) for one in job.spec.inputs}
        except UserError as error:  # its parent picture is gone
            await self._end_badly(chosen.job, str(error))
            self._over(chosen.job, refund=chosen.work)
            return
        except Exception:
            # our disk, as a rule: nothing is lost, and it goes on when there is room again
            log.exception("job %s could not start; tried again in %.0f s", chosen.job, PAUSE)
            await asyncio.sleep(PAUSE)
            self._write(self._put_back(chosen.job, blameless=True))
            return
        if chosen.job in self._cancelled:
            self._over(chosen.job, refund=chosen.work)
            return
        self.running[job.id].warm = job.spec.model in worker.status.models
        self.crew.meters[worker].begin(job.id, rows(job.spec))
        worker.send(Start(job.id, job.spec, inputs))

    # ---- book ----------------------------------------------------------------------------------------------

    def _take(self, told: tuple[Worker, Event | Died] | None) -> None:
        if told is None:
            return
        worker, event = told
        match event:
            case Died(jobs=jobs):
                self.crew.died(worker)
                for job in jobs:
                    self._write(self._put_back(job))
            case Status():
                self.crew.seen(worker, event)
            case Leaving():
                self.crew.leaving(worker)
            case Unfit(model=model, why=why):
                self._write(self._host.leave_out(model, why))
            case Progress(job=job) | Done(job=job) | Failed(job=job):
                run = self.running.get(job)
                if run is not None and run.worker is worker:  # else it was given to another since
                    self._hear(run, event)

    def _hear(self, run: _Running, event: Progress | Done | Failed) -> None:
        match event:
            case Progress(job=job, step=step, total=total):
                if job not in self._cancelled:
                    run.share = step / total
                    self._tell(job, event)
            case Done(job=job):
                run.seconds = self.crew.meters[run.worker].end(job)
                self.crew.drawn[run.worker.name] += 1
                self._write(self._book(job, event))
            case Failed(job=job):
                self._write(self._fail(job, event))

    def _write(self, writing: Coroutine[Any, Any, None]) -> None:
        # outside the task group: the last write of a job outlives a shutdown, which waits for it
        task = asyncio.create_task(writing)
        self._booking.add(task)
        task.add_done_callback(self._booking.discard)

    async def _put_back(self, job: str, *, blameless: bool = False) -> None:
        after = await self._insist(
            f"put job {job} back",
            lambda: self.store.write(store_jobs.release, self.store.now(), job, blameless=blameless),
        )
        after = after or await self.store.read(store_jobs.get, job)  # it may never have been claimed
        self._over(job)
        if after is None or after.state in (State.RENDERED, State.CANCELLED):
            return
        log.warning("job %s goes back (attempt %d): %s", job, after.attempts, after.state)
        if not blameless:
            self.tally.failed["worker"] += 1
        if after.state is State.FAILED:
            self.tally.ended[after.state] += 1
        if after.state is State.QUEUED:
            self.admit(after)
        self._tell(after, None)

    async def _book(self, job: str, done: Done) -> None:
        run = self.running.get(job)
        try:
            if run is None or run.job is None or job in self._cancelled:
                return  # cancelled while its last step ran
            self._measure(run, done.outcome)
            drawn, outcome, seconds = run.job, done.outcome, run.seconds
            after = await self._insist(f"keep pictures of {job}", lambda: self._keep(drawn, outcome, seconds))
            if after is not None:
                self.tally.ended[after.state] += 1
                self.tally.drawing.add(run.seconds or 0.0)
                self._tell(after, None)
        finally:
            self._over(job)

    async def _keep(self, job: Job, outcome: Outcome, seconds: float | None) -> Job | None:
        verdict = self._judge(job, outcome)
        if verdict.sentence is not None:
            # nothing of it is kept: neither the files nor the previews
            log.warning("pictures of job %s are not shown (%s)", job.id, verdict.why)
            if verdict.broken:
                await self._host.trouble("Pictures cannot be checked, so none is shown: see `limner check`.")
            now = self.store.now()
            return await self.store.write(
                store_jobs.fail,
                now,
                job.id,
                verdict.sentence,
                blocked=True,
                also=lambda db: refuse(
                    db, now, owner=job.owner, guild=job.guild, job=job.id, prompt=job.prompt, why=verdict.why
                ),
            )
        pictures = await self.gallery.save(outcome.pictures, job)
        film = await self.gallery.keep(outcome.film, ".webp") if outcome.film else None
        result = Result(
            pictures=pictures,
            film=film,
            texts=outcome.texts,
            notes=outcome.notes,
            seconds=seconds,
            rated=verdict.rated,
            took=sum(spent for stage, spent in outcome.timings.items() if stage != "load") or None,
        )
        fact = (PACE, self.estimates.stored())
        return await self.store.write(store_jobs.finish, self.store.now(), job.id, result, fact)

    async def _insist(self, what: str, write: Callable[[], Awaitable[T]]) -> T:
        """Write until it is written: room is made on a full disk, and nothing drawn is lost to it."""
        pause = PAUSE
        while True:
            try:
                return await write()
            except Exception:
                log.exception("could not %s; tried again in %.0f s", what, pause)
            await asyncio.sleep(pause)
            pause = min(60.0, pause * 2)

    async def _fail(self, job: str, failed: Failed) -> None:
        try:
            if failed.kind == "cancelled" or job in self._cancelled:
                return
            log.warning("job %s failed (%s): %s", job, failed.kind, failed.message)
            sentence = OUT_OF_MEMORY if failed.kind == "memory" else failed.message
            run = self.running.get(job)
            if failed.kind == "model" and run is not None:
                await self._host.leave_out(run.ticket.model, failed.message)
                sentence = self.offered.sentence(run.ticket.model)
            if failed.for_host:
                await self._host.trouble(failed.for_host)
            self.tally.failed[failed.kind] += 1
            await self._end_badly(job, sentence)
        finally:
            run = self.running.get(job)
            self._over(job, refund=run.ticket.work * (1 - run.share) if run is not None else 0.0)

    async def _end_badly(self, job: str, sentence: str) -> None:
        after = await self._insist(
            f"end job {job}",
            lambda: self.store.write(store_jobs.fail, self.store.now(), job, sentence),
        )
        if after is not None:
            self.tally.ended[after.state] += 1
            self._tell(after, None)

    def _over(self, job: str, refund: float = 0.0) -> None:
        run = self.running.pop(job, None)
        self._cancelled.discard(job)
        if not self.running:
            self.idle.set()
        if run is not None:
            self.crew.meters[run.worker].end(job)
            self.crew.ended(run.worker, job)
            self.queue.done(run.ticket.owner, refund / run.ticket.weight)
            self.wake()

    # ---- looking -------------------------------------------------------------------------------------------

    def _measure(self, run: _Running, outcome: Outcome) -> None:
        work, model = run.ticket.work, run.ticket.model
        if run.seconds is not None and run.warm:  # not where a model had to be loaded first
            self.estimates.drew(model, work, run.seconds)
        elif not run.warm and "load" in outcome.timings:
            self.estimates.loaded(model, outcome.timings["load"])

    def given(self, job: str) -> float:
        """Return the seconds of its device that a running job has had so far."""
        run = self.running.get(job)
        return 0.0 if run is None else self.crew.meters[run.worker].given(job)

    def _left(self, now: float) -> Running:
        """Return what runs on each device, and the seconds of it that each still needs."""
        found: dict[str, list[tuple[QueueEntry, float]]] = {}
        for run in self.running.values():
            if run.worker.name not in self.crew.devices:
                continue  # its machine is gone, and it waits again in a moment
            ticket = run.ticket
            load = 0.0 if run.warm or run.share else self.estimates.loading.get(ticket.model, 0.0)
            drawing = seconds(ticket, self.estimates, warm=True) * (1 - run.share)
            left = max(0.0, load - (now - run.began)) + drawing
            found.setdefault(run.worker.name, []).append((ticket, left))
        return found

    def seconds_until_slot(self, owner: str) -> float | None:
        """Return in about how many seconds a job of this person's is over; None where that is unknown."""
        said = (self.waits.left(job) for job, run in self.running.items() if run.ticket.owner == owner)
        return min((left for left in said if left is not None), default=None)
