"""The one front door: plan, submit, show, cancel, find, progress. Doors call nothing below it.

Long: the front door, method by method.

Refuses to know Discord: an ``origin`` is a string it hands back.

    async with Service.open(config) as service:
        caller = Caller(key="1", owner="cli", origin="cli:", requester=UNRULED)
        planned = await service.plan(Imagine(caller, "a red apple --ar 3:2"))
        submitted = await service.submit(planned)
        async for snapshot in service.progress(submitted.jobs[0].id):
            ...
        pictures = await service.pictures(submitted.jobs[0].id)
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from engine import readiness
from engine.config import Config, ModelConfig, pocket
from engine.errors import ConfigError, NotFound
from engine.jobs import FINAL, Delivery, Job, State
from engine.library.clock import Clock
from engine.library.gallery import Gallery
from engine.library.likes import Likes
from engine.library.lock import locked
from engine.library.masks import MaskDraft, Masks
from engine.library.retention import Retention
from engine.library.uploads import Uploads
from engine.prompt import foreign
from engine.provenance.values import FoundRecipe, Verdict
from engine.rules import limits
from engine.rules.people import Requester
from engine.rules.permissions import PermissionCheck
from engine.schedule.offered import Offered
from engine.schedule.queue import FairQueue
from engine.schedule.scheduler import Scheduler
from engine.schedule.tickets import ticket
from engine.service.acceptance import Acceptance
from engine.service.admin import Administration
from engine.service.browse import Browse
from engine.service.control import Control
from engine.service.finishing import Finishing
from engine.service.hooks import Hooks
from engine.service.keys import Keys
from engine.service.language import Language
from engine.service.links import Links
from engine.service.memory import give_back
from engine.service.origin import Origin
from engine.service.outbox import Outbox
from engine.service.pictures import Pictures, chosen
from engine.service.planner import Planner
from engine.service.prices import Prices
from engine.service.progress import Watches
from engine.service.reload import OUTCOME, Reloaded, compare
from engine.service.reports import Reports
from engine.service.requests import Ask, Caller, Edit, Planned, QueueView, Snapshot, Submitted
from engine.service.screening import Screening
from engine.service.settings import HostConfig, Settings
from engine.service.welcome import Welcome
from engine.store import jobs as store_jobs
from engine.store import meta as store_meta
from engine.store import pages as store_pages
from engine.store import preferences as store_preferences
from engine.store.connection import Store
from engine.words import Sentence
from engine.workers.protocol import Progress
from engine.workers.setup import Setup, each

log = logging.getLogger("limner.service")

LEAVING = 20.0
"""Seconds a deletion waits for what is being drawn to stop."""


class Service:
    """The application: its rooms as attributes, and what takes several of them. Made by ``Service.open``."""

    def __init__(
        self,
        config: Config,
        models: Sequence[ModelConfig],
        store: Store,
        gallery: Gallery,
        retention: Retention,
        admin: Administration,
        setup: Setup,
        stand_in: str = "",
    ) -> None:
        self.models = models = Offered(models)
        self.store = store
        self.gallery = gallery
        self.admin = admin
        self._host = HostConfig(config)
        self.origin = Origin(self._host, gallery, models)
        self.files = Pictures(store, gallery, self.origin)
        self.uploads = Uploads(config.links, store, gallery, stand_in, self.origin.root)
        self.screening = Screening(config.moderation, models, store, admin)
        self.reports = Reports(store, admin)
        self.masks, self.likes = Masks(store, gallery), Likes(store, gallery)
        self.browse, self.welcome = Browse(store, self.files, self.screening), Welcome(store, self._host)
        self.retention, self.keys, self.outbox = retention, Keys(store, retention.clock.now), Outbox(store)
        self.hooks, self.links = Hooks(store, stand_in), Links(self.keys)
        self._finishing = Finishing()
        self._queue = FairQueue(config.limits.running)
        self._watches = Watches(self.files, self._queue, self.screening.preview)
        self._scheduler = self._scheduling(config, setup)
        self.waits = self._scheduler.waits
        self.control = Control(
            store, admin, self._scheduler, self.files, self._tell, self.outbox, self._finishing, self.forget
        )
        self.settings, self.language = Settings(self._host, models, store), Language(self._host)
        self.prices = Prices(self._host, store, admin, self._scheduler.estimates.pace)
        self.planner = Planner(
            self._host, models, self.settings, self.prices, self.files, self.likes, admin, self.reports,
            lambda key: store.read(store_jobs.of_request, key), self.language.english,
        )  # fmt: skip
        self._acceptance = Acceptance(
            self._host,
            store,
            admin,
            self.screening,
            gallery,
            self.uploads,
            self.prices,
            self._scheduler,
            self._finishing,
        )
        self._rate = limits.Rate(60.0, time.monotonic)

    def _scheduling(self, config: Config, setup: Setup) -> Scheduler:
        """Return the scheduler with a worker for each device, here or, with Ray, on other machines."""
        far = (config.engine.ray, setup) if config.engine.ray else None
        told = (self._tell, self.screening.after, self.models, config.engine.placed)
        return Scheduler(self.store, self.gallery, self._queue, [] if far else each(setup), *told, far)

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        config: Config,
        *,
        renderer: str | None = None,
        arguments: Mapping[str, Any] | None = None,
        clock: Callable[[], float] = time.time,
        stand_in: str = "",
    ) -> AsyncIterator[Service]:
        """Open the data folder, put interrupted jobs back, start the workers; waits for no model.

        ``stand_in`` (``http://127.0.0.1:8765``) is the one origin on this machine that pictures are fetched
        from: the demo's.

        ``renderer`` (``module:class``) and its keyword ``arguments`` default to ``$LIMNER_RENDERER`` and the
        JSON of ``$LIMNER_RENDERER_ARGUMENTS``, else ``engine.render:Renderer``. Raises ConfigError.
        """
        renderer = renderer or os.environ.get("LIMNER_RENDERER") or "engine.render:Renderer"
        if arguments is None:
            arguments = json.loads(os.environ.get("LIMNER_RENDERER_ARGUMENTS") or "{}")
        models = tuple(readiness.usable(model) for model in config.models or (pocket(),))
        data = config.data_dir
        if renderer == "engine.render:Renderer":
            arguments = {"learnt": data / "learnt", **arguments}
        setup = Setup(renderer, models, config.engine, config.loras, arguments, config.moderation)
        try:
            data.mkdir(mode=0o700, parents=True, exist_ok=True)  # prompts are private
        except OSError as error:
            raise ConfigError(
                f"The folder `{data}` cannot be made: {error.strerror}. Set another `data_dir`."
            ) from error
        with locked(data / "limner.lock"):
            told = Clock(clock)
            async with Store.open(data / "limner.db", clock=told.now) as store:
                gallery = Gallery(data / "pictures")
                retention = await Retention.of(store, gallery, told)  # before anything is written
                admin = await Administration.of(store)
                service = cls(config, models, store, gallery, retention, admin, setup, stand_in)
                async with service._running():
                    yield service

    # ---- running -------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _running(self) -> AsyncIterator[None]:
        """Put interrupted jobs back, then work in the background while inside."""
        await self.welcome.load()
        await self.control.apply_pauses()
        await self.control.resume()
        background = [
            asyncio.create_task(self.control.work()),
            asyncio.create_task(self.control.poll()),
            asyncio.create_task(self.retention.run(lambda: self.config.retention)),
            asyncio.create_task(self.origin.prepare()),
            asyncio.create_task(give_back(self.origin.let_go)),
        ]
        try:
            yield
        finally:
            for task in background:
                task.cancel()
            await asyncio.wait(background)
            await self._finishing.wait()
            await self.uploads.close()
            await self.language.close()

    def _tell(self, job: Job | str, progress: Progress | None) -> None:
        """Pass on what happened to a job."""
        if isinstance(job, Job) and job.state in FINAL:
            self.outbox.notify_publishers()
            self.hooks.changed.set()
        self._watches.tell(job, progress)

    @property
    def config(self) -> Config:
        """The host's choices as they stand: a reload changes them."""
        return self._host.config

    async def reload(self, new: Config) -> Reloaded:
        """Go on with the host's new choices, as far as they may change while the bot runs; say which did."""
        found = compare(self.config, new)
        self._host.config = found.config
        self._queue.running = found.config.limits.running
        self.uploads.config = found.config.links
        self.screening.config = found.config.moderation
        for worker in self._scheduler.crew.workers:
            worker.offer_loras(found.config.loras)
        await self.store.write(store_meta.put, OUTCOME, found.as_json(self.store.now()))
        return found

    # ---- asking --------------------------------------------------------------------------------------------

    def pace(self, owner: str) -> None:
        """Count a command of this person, before any other work for it. Raises LimitError: too many."""
        limits.check_pace(self._rate, owner, self.config.limits)

    async def plan(self, ask: Ask) -> Planned:
        """Return what a request would make and take; accepts, fetches and paints nothing.

        Raises PromptError (with the repaired line, where one can be guessed), LimitError, another UserError.
        """
        return await self.planner.plan(ask)

    async def submit(self, planned: Planned, *, progress: str | None = None) -> Submitted:
        """Accept a planned request, as one job or several. Idempotent by its caller's key.

        ``progress``: the message that shows progress, where it was made after planning. Raises UserError:
        what may not be drawn, a picture that cannot be had, too much waiting, an allowance used up.
        """
        return await self._acceptance.submit(planned, progress)

    async def repaint(self, caller: Caller, sketch: MaskDraft, line: str) -> Edit:
        """Return the request that draws these words into what is marked. Raises UserError: nothing is."""
        same = sketch.job is not None and (await self.find(sketch.job)).prompt == line
        words, mask = None if same else line, await self.masks.mask(sketch)
        return Edit(caller, "inpaint", sketch.job, sketch.cell, words, picture=sketch.picture, mask=mask)

    async def show(self, caller: Caller, job_id: str, cell: int | None = None) -> Delivery:
        """Promise a message without a new job: one cell at full size, or all of it again; idempotent."""
        self.admin.require(caller.member, PermissionCheck("show"))
        job = await self.find(job_id)
        if job.state is not State.RENDERED:
            raise NotFound(Sentence("This job has no pictures to show (yet). `/info` tells how it stands."))
        if cell is not None:
            chosen(job, cell)
        await self.reports.require_shown(job.id, caller.guild)
        spoiler = self.screening.cover(job, caller.member)
        kind = "picture" if cell is not None else ("text" if job.texts and not job.pictures else "grid")
        return await self.outbox.enqueue(caller, job, kind, cell=cell, spoiler=spoiler)

    async def cancel(self, job_id: str, by: str, *, force: bool = False) -> Job:
        """Take a job back: see ``Control.cancel``."""
        return await self.control.cancel(job_id, by, force=force)

    async def verdict(self, requester: Requester, line: str) -> str | None:
        """Return which rule would hold a prompt's words back where somebody asks; None: none would.

        Raises PromptError where the line cannot be read.
        """
        for one in await self.planner.prompts(Caller("", requester.owner, "", requester), line):
            if (why := self.screening.trial(one.spec, requester)) is not None:
                return why
        return None

    # ---- looking -------------------------------------------------------------------------------------------

    async def find(self, job_id: str) -> Job:
        """Return the job. Raises NotFound."""
        return await self.files.job(job_id)

    async def jobs_of(self, owner: str, limit: int = 50) -> list[Job]:
        """Return a person's newest jobs, newest first."""
        return await self.store.read(store_pages.page, owner, limit)

    async def pictures(self, job_id: str) -> list[bytes]:
        """Return the PNG of every cell as it leaves: marked, with its recipe and signature."""
        return await self.files.cells(job_id)

    def export(self, owner: str, limit: int) -> AsyncIterator[bytes]:
        """Yield everything about a person as ZIP files of at most ``limit`` bytes."""
        return self.retention.export(owner, limit, self.files.shown, self.files.film)

    async def line_of(self, found: FoundRecipe) -> str:
        """Return the line that draws a recipe again, as far as this bot can."""
        models = [name for model in self.models for name in (model.name, *model.aliases)]
        return foreign.as_line(found.as_text(), [], models) if found.prompt else ""

    async def verify(self, data: bytes) -> tuple[Verdict, Job | None]:
        """Return what a file says of its origin, and the job of ours it is of, where that is still kept.

        Raises UserError where it is no picture that can be opened.
        """
        verdict = await self.uploads.verify(data, await self.origin.root())
        if not verdict.ours:
            return verdict, None
        return verdict, await self.store.read(store_jobs.of_origin, verdict.job, verdict.is_of)

    def progress(self, job_id: str) -> AsyncIterator[Snapshot]:
        """Yield how a job stands, now and at every change, newest wins; ends after its final state."""
        return self._watches.watch(job_id)

    async def position(self, job_id: str) -> int | None:
        """Return how many waiting jobs go before this one, or None where it does not wait."""
        return self._queue.position(job_id)

    def seconds_beyond(self, most: float, planned: Planned) -> float | None:
        """Return in about how many seconds a request would be drawn; None: within ``most``, or unknown."""
        owner = planned.ask.caller.owner
        more = [ticket(f"planned {nth}", owner, one.spec, one.speed) for nth, one in enumerate(planned.jobs)]
        return self._scheduler.waits.beyond(most, more)

    @property
    def ready(self) -> bool:
        """Whether a worker can draw: not in the first moments, nor while all of them start again."""
        return any(worker.ready for worker in self._scheduler.crew.workers)

    def share(self, job_id: str) -> float:
        """Return how much of a running job is drawn, 0 to 1."""
        return run.share if (run := self._scheduler.running.get(job_id)) else 0.0

    async def queue(self) -> QueueView:
        """Return the queue as it stands."""
        waiting = tuple(entry.job for entry in self._queue.waiting())
        running, paused = tuple(self._scheduler.running), self._scheduler.paused
        return QueueView(waiting=waiting, running=running, paused=paused, ready=self.ready)

    async def unfinished(self) -> list[tuple[Job, str | None]]:
        """Return every job that waits or runs, with the message that shows its progress, if there is one."""
        view = await self.queue()
        jobs = [await self.find(job_id) for job_id in (*view.running, *view.waiting)]
        return [
            (job, (await self.store.read(store_jobs.messages, job.id))[1])
            for job in jobs
            if job.state not in FINAL
        ]

    async def open_jobs(self, guild: str | None = None) -> list[Job]:
        """Return what runs and waits in a server (None: everywhere), in order; what is held comes last."""
        view = await self.queue()
        known = {job.id: job for job in await self.store.read(store_jobs.unended)}
        first = [known.pop(job_id) for job_id in (*view.running, *view.waiting) if job_id in known]
        return [job for job in (*first, *known.values()) if guild in (None, job.guild)]

    # ---- what is kept --------------------------------------------------------------------------------------

    async def preferences(self, owner: str) -> dict[str, str]:
        """Return everything a person has set."""
        return await self.store.read(store_preferences.of, owner)

    async def prefer(self, owner: str, key: str, value: str | None) -> None:
        """Keep a person's choice; None forgets it."""
        await self.store.write(store_preferences.prefer, owner, key, value)

    async def meta(self, key: str) -> str | None:
        """Return a fact about this installation, such as the hash of the registered commands, or None."""
        return await self.store.read(store_meta.get, key)

    async def remember(self, key: str, value: str) -> None:
        """Keep a fact about this installation."""
        await self.store.write(store_meta.put, key, value)

    async def forget(self, owner: str) -> None:
        """Delete everything about a person: open jobs are cancelled first. Repeatable."""
        await self._finishing.run(self._forget(owner))

    async def _forget(self, owner: str) -> None:
        self.welcome.forget(owner)
        for job in await self.store.read(store_jobs.open_of, owner):
            await self.control.withdraw(job)
        for _ in range(int(LEAVING / 0.05)):  # what they draw stops at its next step
            if all(run.ticket.owner != owner for run in self._scheduler.running.values()):
                break
            await asyncio.sleep(0.05)
        await self.retention.forget(owner, self.admin.mark(owner))
