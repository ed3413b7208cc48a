"""From a planned request to waiting jobs: pictures fetched, words checked, limits and allowances held."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from PIL.Image import Image

from engine import images
from engine.jobs import Job, State, new_job_id
from engine.library.gallery import Gallery
from engine.library.uploads import Uploads
from engine.planning import edits, references
from engine.planning.cost import work
from engine.planning.edits import CANVAS, MASK, Canvas
from engine.rules import allowance, limits
from engine.schedule.scheduler import Scheduler
from engine.service.admin import Administration
from engine.service.finishing import Finishing
from engine.service.prices import Prices
from engine.service.requests import Caller, Planned, PlannedJob, Submitted
from engine.service.screening import Screening
from engine.service.settings import LANGUAGE, HostConfig
from engine.store import jobs as store_jobs
from engine.store import preferences as store_preferences
from engine.store.connection import Store
from engine.store.jobs import Draft, Usage


@dataclass(eq=False)
class Acceptance:
    """Accepts planned requests."""

    host: HostConfig
    store: Store
    admin: Administration
    screening: Screening
    gallery: Gallery
    uploads: Uploads
    prices: Prices
    scheduler: Scheduler
    finishing: Finishing

    async def submit(self, planned: Planned, progress: str | None) -> Submitted:
        """Accept a planned request: see ``Service.submit``."""
        if planned.accepted:
            return Submitted(planned.accepted, new=False)
        caller = planned.ask.caller
        jobs = await self._completed(planned.jobs)
        drafts = [await self._draft(caller, job, progress or caller.progress) for job in jobs]
        return await self.finishing.run(self._accept(caller, drafts, planned.line))

    async def _completed(self, jobs: Sequence[PlannedJob]) -> list[PlannedJob]:
        """Fetch what prompts link to, each once, and paint canvases; return the jobs with real pictures."""
        names = dict.fromkeys(name for job in jobs for name in job.links)
        brought = await self.uploads.bring(names) if names else {}
        pictures = {references.stand_in(name): sha256 for name, sha256 in brought.items()}
        return [
            replace(job, spec=edits.painted(job.spec, pictures | await self._paint(job.canvas)))
            for job in jobs
        ]

    async def _paint(self, canvas: Canvas | None) -> dict[str, str]:
        if canvas is None:
            return {}
        picture = await self.gallery.load(canvas.picture)
        pngs = await asyncio.to_thread(_painted, picture, canvas)
        start, mask = [await self.gallery.keep(png) for png in pngs]
        return {CANVAS: start, MASK: mask}

    async def _draft(self, caller: Caller, planned: PlannedJob, progress: str | None) -> Draft:
        """Screen a planned job and return it as it is stored. Raises BlockedError."""
        adult, rated = await self.screening.before(planned, caller)
        job = Job(
            id=new_job_id(),
            owner=caller.owner,
            guild=caller.guild,
            weight=self.admin.standing(caller.member).weight,
            origin=caller.origin,
            state=State.QUEUED,
            spec=planned.spec,
            prompt=planned.prompt,
            notes=planned.notes,
            sources=planned.sources,
            speed=planned.speed,
            parent=planned.parent,
            parent_cell=planned.cell,
            edit=planned.edit,
            factor=planned.factor,
            adult=adult,
            rated=rated,
            created_at=self.store.now(),
        )
        # the host's own command line is nobody's allowance
        price = 0.0 if caller.origin.startswith("cli:") else planned.price
        return Draft(job, work(planned.spec), caller.reply_to, progress, price)

    async def _accept(self, caller: Caller, drafts: Sequence[Draft], line: str) -> Submitted:
        """Store jobs, if limits and allowances let them in, and queue them."""
        most, frees = self.host.config.limits, self.scheduler.seconds_until_slot(caller.owner)
        price, now = sum(draft.price for draft in drafts), self.store.now()
        allowed = self.prices.allowances(caller.member)

        def guard(usage: Usage) -> None:
            limits.check_waiting(usage.waiting, usage.running, len(drafts), most, line, frees)
            stand = allowance.balances(allowed, usage.spent, usage.spent_in_server, now)
            allowance.check(price, stand, now, line)

        # what comes of it is posted later, by another task
        heard = partial(store_preferences.prefer, owner=caller.owner, key=LANGUAGE, value=caller.language)
        mark = self.admin.mark(caller.owner)
        jobs, new = await self.store.write(
            store_jobs.submit,
            caller.key,
            drafts,
            guard,
            self.prices.since(allowed),
            mark,
            heard if caller.language else None,
        )
        if new:
            for job in jobs:
                self.scheduler.admit(job)
        return Submitted(tuple(jobs), new)


def paint(picture: Image, canvas: Canvas) -> tuple[Image, Image]:
    """Return a larger canvas with the picture on it, and the mask of what is to be painted."""
    if canvas.margins is None:
        return images.zoomed(picture, canvas.factor, *canvas.size)
    return images.extended(picture, *canvas.margins)


def _painted(png: bytes, canvas: Canvas) -> tuple[bytes, bytes]:
    picture, mask = paint(images.opened(png), canvas)
    return images.png(picture), images.png(mask)
