"""What those in charge and the host do to the work: pause, cancel, move, load, reload, drain."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from engine.errors import NotFound, UserError, no_model
from engine.jobs import WAITED_FOR, Job
from engine.rules import changes
from engine.rules.rules import EVERYWHERE
from engine.schedule.metrics import Metrics
from engine.schedule.scheduler import PACE, Scheduler
from engine.schedule.tickets import ticket
from engine.service.admin import Administration
from engine.service.finishing import Finishing
from engine.service.outbox import Outbox
from engine.service.pictures import Pictures
from engine.store import audit as store_audit
from engine.store import browse as store_browse
from engine.store import jobs as store_jobs
from engine.store import ledger as store_ledger
from engine.store import meta as store_meta
from engine.store.connection import Store
from engine.words import Sentence
from engine.workers.protocol import Load, Progress, Unload

log = logging.getLogger("limner.service")

CLOCK = "clock"
"""Who ends a pause whose time has come, in the record."""
POLL_EVERY = 2.0
"""Seconds between two looks at what other processes decided."""

POSTING = 3.0
"""Seconds a shutdown waits for finished pictures to be posted; what is not comes after the next start."""


@dataclass(eq=False)
class Control:
    """Acts on the scheduler for those in charge, in this process or another."""

    store: Store
    admin: Administration
    scheduler: Scheduler
    pictures: Pictures
    tell: Callable[[Job | str, Progress | None], None]
    outbox: Outbox
    finishing: Finishing
    forget: Callable[[str], Awaitable[None]]
    _paused: bool = field(default=False, init=False)  # by this process itself, whatever those in charge say

    # ---- running ------------------------------------------------------------------------------------------

    async def resume(self) -> None:
        """Put back what was interrupted, in the order and at the pace of before."""
        scheduler, store = self.scheduler, self.store
        pace = await store.read(store_meta.get, PACE)
        scheduler.estimates.restore(pace)
        now, counters = await store.write(store_ledger.standings)
        for job in await store.write(store_jobs.recover, store.now()):
            log.info("job %s was interrupted: %s", job.id, job.state)
            if job.owner in counters:  # it will be charged again when it starts again
                entry = ticket(job.id, job.owner, job.spec, job.speed, role=job.weight)
                counters[job.owner] -= entry.work / entry.weight
        for job in await store.read(store_jobs.queued):
            if job.origin.startswith(WAITED_FOR):  # nobody is left to take it
                await store.write(store_jobs.cancel, store.now(), job.id)
        waiting = await store.read(store_jobs.queued)
        if waiting:  # where nobody waits everybody is level
            scheduler.queue.restore(now, counters)
        for job in waiting:
            scheduler.admit(job)

    async def work(self) -> None:
        """Run the scheduler; a fault of ours in it is logged, and it starts afresh with what is stored."""
        while True:
            try:
                for job in await self.store.read(store_jobs.queued):
                    self.scheduler.admit(job)
                await self.scheduler.run()
            except Exception:
                log.exception("the scheduler stopped; it is started again")
            await asyncio.sleep(1.0)

    # ---- jobs ----------------------------------------------------------------------------------------------

    async def cancel(self, job_id: str, by: str, *, force: bool = False) -> Job:
        """Take a job back; it stops at its next step. Only its owner may, or anyone with ``force``.

        Taken by another, it costs its owner nothing. Returns the job as it stands then: one that had ended
        before is returned as it ended.
        """
        job = await self.pictures.job(job_id)
        if job.owner != by and not force:
            raise UserError(Sentence("This job belongs to somebody else; only they can cancel it."))
        return await self.finishing.run(self.withdraw(job, free=job.owner != by))

    async def withdraw(self, job: Job, *, free: bool = False) -> Job:
        """Cancel a job; its owner is charged what it was given, unless somebody else took it (``free``)."""
        after = await self.store.write(
            store_jobs.cancel, self.store.now(), job.id, 0.0 if free else self.scheduler.given(job.id)
        )
        if after is None:
            return await self.pictures.job(job.id)
        self.scheduler.tally.ended[after.state] += 1
        self.scheduler.withdraw(job.id)
        self.tell(after, None)
        return after

    async def move(self, job_id: str, *, front: bool, by: str | None = None) -> None:
        """Let a waiting job go before all others, or after them, for good: a restart forgets nothing.

        Recorded in the name of ``by``. Raises NotFound where it does not wait.
        """
        moved = await self.store.write(store_audit.move, self.store.now(), job_id, front, by)
        if moved is None:
            raise NotFound(Sentence("This job does not wait (any more), so there is nothing to move."))
        self.scheduler.queue.move(job_id, moved)  # one that is held back comes in at its place later
        self.scheduler.wake()

    async def cancel_request(self, job_id: str, by: str) -> list[Job]:
        """Take back every job of the request that made this one, as ``cancel``; return them as they stand."""
        jobs = await self.store.read(store_browse.beside, job_id)
        return [await self.cancel(job.id, by) for job in jobs]

    def held(self, job: Job) -> bool:
        """Say whether a waiting job is held back by a pause, of its server or of everything."""
        return self.scheduler.paused or job.guild in self.scheduler.held

    def paused_until(self, guild: str | None) -> float | None:
        """Return when the pauses end that hold a server's jobs, in Unix seconds; None: nobody has said."""
        rules = self.admin.every()
        held = [rules[one] for one in (EVERYWHERE, guild or EVERYWHERE) if one in rules]
        ends = [one.until for one in held if one.state == "paused"]
        known = [end for end in ends if end is not None]
        return max(known) if known and len(known) == len(ends) and not self._paused else None

    # ---- pauses --------------------------------------------------------------------------------------------

    def pause(self, paused: bool = True) -> None:
        """Start nothing new (what runs goes on), or go on starting."""
        self._paused = paused
        self.scheduler.paused = paused or self.admin.rules(EVERYWHERE).state == "paused"
        self.scheduler.wake()

    async def drained(self, seconds: float) -> bool:
        """Pause, and wait up to ``seconds`` for what runs, then a moment for its messages to be shown.

        False: something still runs; it is handed back when the service closes.
        """
        self.pause()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.scheduler.idle.wait()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(POSTING):
                        await self.outbox.emptied()
        return not self.scheduler.running

    async def apply_pauses(self) -> None:
        """Drop waiting jobs of paused servers from the queue, and admit those of all others again."""
        scheduler, rules = self.scheduler, self.admin.every()
        paused = {guild for guild, one in rules.items() if one.state == "paused"}
        scheduler.paused = self._paused or EVERYWHERE in paused
        before, scheduler.held = scheduler.held, frozenset(paused - {EVERYWHERE})
        if before != scheduler.held:
            for job in await self.store.read(store_jobs.queued):
                if job.guild in scheduler.held:
                    scheduler.queue.remove(job.id)
                elif job.id not in scheduler.running:
                    scheduler.admit(job)
        scheduler.wake()

    # ---- what was decided elsewhere ------------------------------------------------------------------------

    async def decided(self) -> None:
        """Act at once on what was just decided, instead of at the next look."""
        await self.admin.refresh()
        await self.apply_pauses()

    async def poll(self) -> None:
        """Every 2 s, apply rule changes and run admin commands that other processes left in the database."""
        while True:
            await asyncio.sleep(POLL_EVERY)
            try:
                if await self.admin.refresh() or await self._ended():
                    await self.apply_pauses()
                if commands := await self.store.read(store_audit.errands):
                    for _, verb, target in commands:
                        await self._run(verb, target)
                    await self.store.write(store_audit.done, [number for number, _, _ in commands])
            except Exception:
                log.exception("what those in charge decided could not be done; tried again")

    async def _ended(self) -> bool:
        """End the pauses whose time has come, on the record; return whether there were any."""
        now, ended = self.store.now(), False
        for guild, rules in list(self.admin.every().items()):
            if rules.state == "paused" and rules.until is not None and rules.until <= now:
                where = guild if guild != EVERYWHERE else None
                ended |= await self.admin.change(CLOCK, where, changes.set_state("open"))
        return ended

    async def _run(self, verb: str, target: str) -> None:
        """Run an admin command; one that can be run no more is logged and forgotten."""
        try:
            match verb:
                case "cancel":
                    await self.cancel(target, "", force=True)
                case "front" | "back":
                    await self.move(target, front=verb == "front")
                case "forget":
                    await self.forget(target)
                case "load" | "unload":
                    self.load(target, verb == "load")
                case _:
                    log.warning("nobody here knows the admin command %s", verb)
        except UserError as error:
            log.warning("%s %s: %s", verb, target, error)

    # ---- the host ------------------------------------------------------------------------------------------

    def load(self, model: str, wanted: bool = True) -> None:
        """Have every worker bring a model into memory, or drop it from there once nothing is drawn with it.

        Raises NotFound.
        """
        offered = self.scheduler.offered
        names = [one.name for one in offered.configured]
        if model not in names:
            raise NotFound(no_model(model, names))
        if wanted:
            offered.try_again(model)
        crew = self.scheduler.crew
        for worker in [one for one in crew.workers if crew.may(one, model)]:
            worker.send(Load(model) if wanted else Unload(model))

    @property
    def metrics(self) -> Metrics:
        """What was counted since the start."""
        return self.scheduler.tally

    @property
    def switches(self) -> int:
        """How many jobs went to a device that had other models loaded, and not theirs."""
        return self.scheduler.crew.devices.switches

    def deserted(self) -> bool:
        """Say whether there is no worker at all, as where all drawing machines are away."""
        return not self.scheduler.crew.workers

    def workers(self) -> list[dict[str, Any]]:
        """Return each worker: its device's name and what it is, models, bytes, free rows, how it fares."""
        return [
            {
                "name": worker.name,
                "device": worker.status.device,
                "models": list(worker.status.models),
                "memory": worker.status.memory,
                "room": worker.status.room,
                "drawing": len(worker.jobs),
                "drawn": self.scheduler.crew.drawn[worker.name],
                "calls": worker.status.calls,
                "rows": worker.status.rows,
                "limits": worker.status.limits,
                "pid": worker.pid,
                "restarts": worker.restarts,
                "ready": worker.ready,
                "silence": worker.silence,
            }
            for worker in self.scheduler.crew.workers
        ]
