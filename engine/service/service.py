"""The one front door: submit, act, show, cancel, find, progress, delivery. Doors call nothing below it.

Refuses to know Discord: an ``origin`` is a string it hands back.

    async with Service.open(config) as service:
        request = Request(key="1", owner="cli", origin="cli:", line="a red apple --ar 3:2")
        submitted = await service.submit(request)
        async for snapshot in service.progress(submitted.jobs[0].id):
            ...
        pictures = await service.pictures(submitted.jobs[0].id)
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal, TypeVar

from engine import images, weights
from engine.config import Config, ModelConfig, pocket
from engine.errors import ConfigError, NotFound, UserError
from engine.images.chart import chart
from engine.jobs import FINAL, SEED_MAX, Delivery, Input, Job, JobSpec, Kind, Role, Speed, State, new_job_id
from engine.library.gallery import Gallery, recipe
from engine.library.likes import Likes
from engine.library.lock import locked
from engine.library.masks import Masks
from engine.library.retention import Retention
from engine.library.uploads import StoredImage, Uploads
from engine.planning import answers, edits, references, wildcards
from engine.planning.cost import work
from engine.planning.plan import default_model, plain, plan
from engine.prompt import Given, Parsed, Source, parse
from engine.rules import allowance, limits
from engine.rules.allowance import Balance
from engine.rules.people import Asker, AuditEntry
from engine.rules.permissions import EVERYWHERE, Deed, Standing, command_of
from engine.rules.stats import Stats, count, table
from engine.schedule.metrics import Metrics
from engine.schedule.queue import FairQueue, ticket
from engine.schedule.scheduler import PACE, Scheduler
from engine.service.admin import Administration
from engine.service.reload import OUTCOME, Reloaded, compare
from engine.service.reports import Reports
from engine.service.screening import Screening
from engine.store import ledger as store_ledger
from engine.store.connection import Store
from engine.store.jobs import Draft, Usage
from engine.workers.protocol import Load, Progress, Unload
from engine.workers.worker import Setup

log = logging.getLogger("limner.service")

T = TypeVar("T")

Verb = Literal[
    "reroll", "vary", "vary_subtle", "vary_strong", "upscale_2x", "upscale_4x", "remix",
    "zoom", "square", "pan_left", "pan_right", "pan_up", "pan_down", "inpaint",
    "locate", "remaster", "upscale_creative", "upscale_again_subtle", "upscale_again_creative",
]  # fmt: skip

FACTORS = (1.0, 2.0)
"""How far one zoom may go out, as in Midjourney's dialog."""

UPLOADED = "an uploaded picture"
"""What stands in a prompt's place where a picture came without one."""

ATTENTIVE = 2.0
"""Seconds between two looks at what those in charge decided."""

LEAVING = 20.0
"""Seconds a deletion waits for what is being drawn to stop."""

POSTING = 3.0
"""Seconds a shutdown waits for finished pictures to be posted; what is not comes after the next start."""

SUFFIX, SETTINGS, OPTION = "suffix", "settings", "option:"
"""Preferences that the prompt is read with: flags after every prompt, default flags, one's own options.

``settings`` is also kept for a place (``place(origin)``): the defaults of a server.
"""


@dataclass(frozen=True, slots=True)
class Request:
    """What a door asks for. ``key`` names the request for ever (an interaction id, an HTTP idempotency key).

    ``options`` are more of the owner's own options (name → flags). ``reply_to``: message the result answers.
    ``progress``: message that shows progress, removed at the end; where it is known only later, tell it with
    ``Service.progress_message``. ``asker``: the same person with their server, channel and roles; a door that
    knows of none leaves it out, and no server's rules apply. ``inputs``: a kept picture to put into words.
    """

    key: str
    owner: str
    origin: str
    line: str
    options: Mapping[str, str] = field(default_factory=dict)
    inputs: tuple[Input, ...] = ()
    speed: Speed | None = None
    reply_to: str | None = None
    progress: str | None = None
    asker: Asker | None = None
    command: str = "imagine"  # under whose rules this stands


@dataclass(frozen=True, slots=True)
class Action:
    """Something to do with a stored picture. Whoever asks owns the new job. ``cell`` counts from 0.

    ``job`` is None for a picture from outside: ``picture`` names it (``Service.keep``), ``line`` is needed.
    """

    key: str
    owner: str
    origin: str
    job: str | None
    verb: Verb
    cell: int | None = None
    line: str | None = None  # remix: the new prompt
    factor: float = 2.0  # zoom: how many times as much is seen, 1 to 2
    picture: str | None = None
    mask: str | None = None  # inpaint: the SHA-256 of the kept mask, white repaints
    strength: float | None = None  # vary, inpaint: share of the schedule that is run
    model: str | None = None  # remaster: which one draws
    speed: Speed | None = None
    reply_to: str | None = None
    progress: str | None = None
    asker: Asker | None = None


@dataclass(frozen=True, slots=True)
class Submitted:
    """What came of a request: its jobs, sentences to show, how many waiting jobs go before the first one.

    ``new`` is False when the same key had been accepted before.
    """

    jobs: tuple[Job, ...]
    notes: tuple[str, ...] = ()
    position: int | None = None
    new: bool = True


@dataclass(frozen=True, slots=True)
class Preview:
    """What a request would make, and take in seconds of the device (None: not known yet).

    ``large``: to be asked about before it starts. ``balances``: the allowances it draws on.
    """

    jobs: int
    pictures: int
    seconds: float | None = None
    balances: tuple[Balance, ...] = ()
    large: bool = False
    prompt: str = ""  # what an action draws


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How a job stands: newest wins. ``preview`` is a small JPEG or WebP of the grid so far, or None."""

    job: Job
    step: int = 0
    total: int = 0
    preview: bytes | None = None
    position: int | None = None  # waiting jobs before it; None once it runs

    @property
    def state(self) -> State:
        """The job's state."""
        return self.job.state

    @property
    def percent(self) -> int:
        """How much is done, 0 to 100."""
        if self.job.state is State.RENDERED:
            return 100
        return 100 * self.step // self.total if self.total else 0


@dataclass(frozen=True, slots=True)
class QueueView:
    """The queue as people may see it: waiting jobs in fair order, running jobs, and whether it is paused."""

    waiting: tuple[str, ...]
    running: tuple[str, ...]
    paused: bool
    ready: bool  # a worker can draw at once


def place(origin: str, asker: Asker | None = None) -> str:
    """Return whose defaults hold where a request comes from: its server, without the channel."""
    if asker is not None and asker.guild is not None:
        return server(asker.guild)
    return origin.partition("/")[0]


def server(guild: str) -> str:
    """Return under which name a server's defaults are kept among the preferences."""
    return f"discord:{guild}"


def _guild(asked: Request | Action) -> str | None:
    return None if asked.asker is None else asked.asker.guild


def _style_code() -> int:
    """Return the number of some style: nine digits, as people can copy them."""
    return 100_000_000 + secrets.randbelow(900_000_000)


class _Watch:
    """The newest snapshot of a job, and who looks at it."""

    __slots__ = ("latest", "wakers")

    def __init__(self) -> None:
        self.latest: Snapshot | None = None  # nobody has said anything yet
        self.wakers: set[asyncio.Event] = set()

    def put(self, snapshot: Snapshot) -> None:
        self.latest = snapshot
        for waker in self.wakers:
            waker.set()


@dataclass(frozen=True, slots=True)
class _Planned:
    spec: JobSpec
    notes: tuple[str, ...] = ()
    prompt: str = ""
    speed: Speed | None = None
    sources: tuple[tuple[str, str], ...] = ()


class Service:
    """See the module. Open with ``async with Service.open(config) as service``."""

    def __init__(
        self,
        config: Config,
        models: Sequence[ModelConfig],
        store: Store,
        gallery: Gallery,
        admin: Administration,
        stand_in: str = "",
    ) -> None:
        self.config = config
        self.models = tuple(models)
        self.store = store
        self.gallery = gallery
        self.inputs = Uploads(config.links, store, gallery, stand_in)
        self.admin = admin
        self.screening = Screening(config.moderation, models, store, admin)
        self.reports = Reports(store, admin)
        self.masks = Masks(store, gallery)
        self.likes = Likes(store, gallery)
        self._paused = False  # by this process itself, whatever those in charge say
        self._watches: dict[str, _Watch] = {}
        self.keeping = Retention(store, gallery)
        self._pace = limits.RateLimiter(time.monotonic)
        self._couriers: set[asyncio.Event] = set()
        self._shown = asyncio.Event()  # a promise was kept, or given up
        self._finishing: set[asyncio.Task[Any]] = set()
        self._scheduler: Scheduler

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
        models = tuple(weights.usable(model) for model in config.models or (pocket(),))
        data = config.data_dir
        try:
            data.mkdir(mode=0o700, parents=True, exist_ok=True)  # prompts are private
        except OSError as error:
            raise ConfigError(
                f"The folder `{data}` cannot be made: {error.strerror}. Set another `data_dir`."
            ) from error
        with locked(data / "limner.lock"):
            async with Store.open(data / "limner.db", clock=clock) as store:
                admin = await Administration.of(store)
                service = cls(config, models, store, Gallery(data / "pictures"), admin, stand_in)
                setup = Setup(renderer, models, config.engine, config.loras, arguments, config.moderation)
                queue = FairQueue(config.limits.running)
                service._scheduler = Scheduler(
                    store,
                    service.gallery,
                    queue,
                    [setup] * config.engine.workers,
                    service._tell,
                    service.screening.after,
                )
                await service._obey()
                await service._resume()
                working = asyncio.create_task(service._keep_working())
                attending = asyncio.create_task(service._attend())
                tidying = asyncio.create_task(service.keeping.run(lambda: service.config.retention))
                try:
                    yield service
                finally:
                    working.cancel()
                    attending.cancel()
                    tidying.cancel()
                    await asyncio.wait([working, attending, tidying, *service._finishing])
                    await service.inputs.close()

    async def _resume(self) -> None:
        """Put back what was interrupted, in the order and at the pace of before."""
        scheduler, store = self._scheduler, self.store
        scheduler.pace.update(json.loads(await store.meta(PACE) or "{}"))
        now, counters = await store.write(store_ledger.standings)
        for job in await store.recover():
            log.info("job %s was interrupted: %s", job.id, job.state)
            if job.owner in counters:  # it will be charged again when it starts again
                one = ticket(job.id, job.owner, job.spec, job.speed, role=job.weight)
                counters[job.owner] -= one.work / one.weight
        waiting = await store.queued()
        if waiting:  # where nobody waits everybody is level
            scheduler.queue.restore(now, counters)
        for job in waiting:
            scheduler.admit(job)

    async def _keep_working(self) -> None:
        """Run the scheduler; a fault of ours in it is logged, and it starts afresh with what is stored."""
        while True:
            try:
                for job in await self.store.queued():
                    self._scheduler.admit(job)
                await self._scheduler.run()
            except Exception:
                log.exception("the scheduler stopped; it is started again")
            await asyncio.sleep(1.0)

    async def _whole(self, work: Coroutine[Any, Any, T]) -> T:
        """Do all of this even if the caller goes away: an accepted job waits its turn, never forgotten."""
        task = asyncio.create_task(work)
        self._finishing.add(task)
        task.add_done_callback(self._finishing.discard)
        return await asyncio.shield(task)

    # ---- asking --------------------------------------------------------------------------------------------

    async def submit(self, request: Request) -> Submitted:
        """Accept a request, as one job or several. Idempotent by ``request.key``.

        Raises PromptError (with the repaired line, where one can be guessed), LimitError, another UserError.
        """
        if seen := await self.store.of_request(request.key):
            return self._submitted(seen, new=False)
        limits.check_length(request.line, self.config.limits)
        planned = await self._plan(request)
        limits.check_count(len(planned), self.config.limits, request.line)
        drafts = [await self._draft(request, one, speed=_speed(request, one)) for one in planned]
        return await self._accept(request.key, drafts, request.line, request.asker)

    def pace(self, owner: str) -> None:
        """Count a command of this person, before any other work for it. Raises LimitError: too many."""
        self._pace.check(owner, self.config.limits)

    async def preview(self, request: Request) -> Preview:
        """Return what a request would make and take, accepting nothing; raises as ``submit``."""
        limits.check_length(request.line, self.config.limits)
        planned = await self._plan(request, fetch=False)
        limits.check_count(len(planned), self.config.limits, request.line)
        for one in planned:
            self._permit(request, one.spec, _speed(request, one))
            limits.check_spec(one.spec, self.config.limits, request.line)
        jobs, pictures = len(planned), sum(one.spec.count for one in planned)
        price = sum(self._price(one.spec, _speed(request, one)) for one in planned)
        known = all(one.spec.model in self._scheduler.pace for one in planned)
        balances = await self.balances(request.owner, request.asker)
        large = jobs > self.config.limits.confirm_above or any(
            price > allowance.LARGE * one.limit for one in balances
        )
        return Preview(jobs, pictures, price if known else None, balances, large)

    def _price(self, spec: JobSpec, speed: Speed) -> float:
        pace = self._scheduler.pace.get(spec.model, allowance.FIRST_PACE)
        return work(spec) * pace * allowance.FACTORS[speed]

    async def balances(self, owner: str, asker: Asker | None = None) -> tuple[Balance, ...]:
        """Return how the allowances stand that a person draws on where they ask; none where none is set."""
        allowances = self._allowances(asker)
        usage = await self.store.usage(
            owner, None if asker is None else asker.guild, self._since(allowances), self.admin.mark(owner)
        )
        return allowance.balances(allowances, usage.spent, usage.spent_in_server, self.store.now())

    def _allowances(self, asker: Asker | None) -> tuple[allowance.Limit, ...]:
        standing = self.admin.standing(asker)
        return allowance.limits(self.config.allowance, asker, standing.allowance, standing.server)

    def _since(self, limits: Sequence[allowance.Limit]) -> dict[str, float]:
        return {one.per: allowance.period(self.store.now(), one.per)[0] for one in limits}

    async def ask(self, request: Request, kind: Kind) -> Submitted:
        """Accept a question answered in words: DESCRIBE of the one input, SHORTEN of the line."""
        if seen := await self.store.of_request(request.key):
            return self._submitted(seen, new=False)
        limits.check_length(request.line, self.config.limits)
        describe = kind is Kind.DESCRIBE
        line = "a picture" if describe else request.line
        planned = await self._plan(replace(request, line=line, inputs=()))
        if len(planned) != 1:
            raise UserError("One prompt at a time: take the `{…}` choices and `--repeat` out of it.")
        if describe:
            picture = request.inputs[0].sha256
            size = await asyncio.to_thread(_size, await self.gallery.load(picture))
            spec, line = answers.described(planned[0].spec, picture, size), answers.DESCRIBE
        else:
            spec = answers.shortened(planned[0].spec)
        draft = await self._draft(
            request, _Planned(spec, prompt=line), speed=request.speed or planned[0].speed or Speed.FAST
        )
        return await self._accept(request.key, [draft], line, request.asker)

    async def act(self, action: Action) -> Submitted:
        """Make a new job from a stored one. Idempotent by ``action.key``; otherwise as ``submit``."""
        if seen := await self.store.of_request(action.key):
            return self._submitted(seen, new=False)
        parent, derived, speed = await self._act(action)
        draft = await self._draft(
            action,
            derived,
            speed=speed,
            parent=None if parent is None else parent.id,
            cell=action.cell,
        )
        return await self._accept(action.key, [draft], derived.prompt, action.asker)

    async def weigh(self, action: Action) -> Preview | None:
        """Return what an action would make and take, accepting nothing; raises as ``act``.

        None: no allowance holds there to weigh it against, or it was accepted already.
        """
        if not self._allowances(action.asker) or await self.store.of_request(action.key):
            return None
        _, derived, speed = await self._act(action)
        self._permit(action, derived.spec, speed)
        price = self._price(derived.spec, speed)
        balances = await self.balances(action.owner, action.asker)
        large = any(price > allowance.LARGE * one.limit for one in balances)
        known = derived.spec.model in self._scheduler.pace
        return Preview(1, derived.spec.count, price if known else None, balances, large, derived.prompt)

    async def _act(self, action: Action) -> tuple[Job | None, _Planned, Speed]:
        """Return what an action starts from, what it makes, and how fast."""
        parent = None if action.job is None else await self.find(action.job)
        if parent is not None:
            await self.reports.require_shown(parent.id, _guild(action))
        derived = await self._derive(parent, action)
        speed = action.speed or derived.speed
        if speed is None:
            # whoever presses pays, so their own setting decides and not that of whoever drew the parent
            speed = (await self._read(action, "a picture")).prompts[0].speed or Speed.FAST
        return parent, derived, speed

    async def show(
        self,
        job_id: str,
        cell: int | None = None,
        *,
        key: str,
        origin: str,
        owner: str,
        reply_to: str | None = None,
        asker: Asker | None = None,
    ) -> Delivery:
        """Promise a message without a new job: one cell at full size, or the whole result again (cell None).

        ``owner`` is who asked and is mentioned. Idempotent by ``key``.
        """
        self.admin.require(asker, Deed("show"))
        job = await self.find(job_id)
        if job.state is not State.RENDERED:
            raise NotFound("This job has no pictures to show (yet). `/info` tells how it stands.")
        if cell is not None:
            self._cell(job, cell)
        await self.reports.require_shown(job.id, None if asker is None else asker.guild)
        spoiler = self.screening.cover(job, asker)
        kind = "picture" if cell is not None else ("text" if job.texts and not job.pictures else "grid")
        delivery, new = await asyncio.shield(
            self.store.promise(
                key, job, kind, cell=cell, origin=origin, owner=owner, reply_to=reply_to, spoiler=spoiler
            )
        )
        if new:
            self._knock()
        return delivery

    async def cancel(self, job_id: str, by: str, *, force: bool = False) -> Job:
        """Take a job back; it stops at its next step. Only its owner may, or anyone with ``force``.

        Taken by another, it costs its owner nothing.

        Returns the job as it stands then: one that had ended before is returned as it ended.
        """
        job = await self.find(job_id)
        if job.owner != by and not force:
            raise UserError("This job belongs to somebody else; only they can cancel it.")
        return await self._whole(self._withdraw(job, free=job.owner != by))

    async def _withdraw(self, job: Job, *, free: bool = False) -> Job:
        """Cancel a job; its owner is charged what it was given, unless somebody else took it (``free``)."""
        after = await self.store.cancel(job.id, 0.0 if free else self._scheduler.given(job.id))
        if after is None:
            return await self.find(job.id)
        self.tally.ended[after.state] += 1
        self._scheduler.withdraw(job.id)
        self._tell(after, None)
        return after

    async def _accept(self, key: str, drafts: Sequence[Draft], line: str, asker: Asker | None) -> Submitted:
        return await self._whole(self._enter(key, drafts, line, asker))

    async def _enter(self, key: str, drafts: Sequence[Draft], line: str, asker: Asker | None) -> Submitted:
        most, frees = self.config.limits, self._frees(drafts[0].job.owner)
        price, now = sum(draft.price for draft in drafts), self.store.now()
        allowed = self._allowances(asker)

        def guard(usage: Usage) -> None:
            limits.check_waiting(usage.waiting, usage.running, len(drafts), most, line, frees)
            stand = allowance.balances(allowed, usage.spent, usage.spent_in_server, now)
            allowance.check(price, stand, now, line)

        mark = self.admin.mark(drafts[0].job.owner)
        jobs, new = await self.store.submit(key, drafts, guard, self._since(allowed), mark)
        if new:
            for job in jobs:
                self._scheduler.admit(job)
        return self._submitted(jobs, new=new)

    def _frees(self, owner: str) -> float | None:
        runs = [run for run in self._scheduler.running.values() if run.ticket.owner == owner]
        if not runs or not self._scheduler.rate:
            return None
        return min(run.ticket.work * (1 - run.share) for run in runs) * len(runs) / self._scheduler.rate

    def _submitted(self, jobs: Sequence[Job], *, new: bool) -> Submitted:
        notes = tuple(dict.fromkeys(note for job in jobs for note in job.notes))
        position = self._scheduler.queue.position(jobs[0].id) if jobs else None
        return Submitted(tuple(jobs), notes, position, new)

    async def _draft(
        self,
        asked: Request | Action,
        planned: _Planned,
        *,
        speed: Speed,
        parent: str | None = None,
        cell: int | None = None,
    ) -> Draft:
        self._permit(asked, planned.spec, speed)
        limits.check_spec(planned.spec, self.config.limits, asked.line or planned.prompt)
        adult, rated = await self.screening.before(
            planned.spec,
            owner=asked.owner,
            asker=asked.asker,
            prompt=planned.prompt or asked.line or "",
            parent=parent,
        )
        job = Job(
            id=new_job_id(),
            owner=asked.owner,
            guild=_guild(asked),
            weight=self.standing(asked.asker).weight,
            origin=asked.origin,
            state=State.QUEUED,
            spec=planned.spec,
            prompt=planned.prompt,
            notes=planned.notes,
            sources=planned.sources,
            speed=speed,
            parent=parent,
            parent_cell=cell,
            adult=adult,
            rated=rated,
            created_at=self.store.now(),
        )
        # the host's own command line is nobody's allowance
        price = 0.0 if asked.origin.startswith("cli:") else self._price(planned.spec, speed)
        return Draft(job, work(planned.spec), asked.reply_to, asked.progress, price)

    def _permit(self, asked: Request | Action, spec: JobSpec, speed: Speed) -> None:
        """Raise RefusedError where the rules of the place do not let this person draw this."""
        command = asked.command if isinstance(asked, Request) else command_of(asked.verb)
        deed = Deed(command, spec.model, speed, spec.width * spec.height)
        self.admin.require(asked.asker, deed)

    async def _read(
        self, asked: Request | Action, line: str, options: Mapping[str, str] = MappingProxyType({})
    ) -> Parsed:
        """Read a line with the settings of whoever asks and of the place they ask in."""
        own, here = await self.store.preferences_of(asked.owner, place(asked.origin, asked.asker))
        flags = {name.removeprefix(OPTION): value for name, value in own.items() if name.startswith(OPTION)}
        layers: list[tuple[Source, str]] = [
            ("settings", own.get(SETTINGS, "")),
            ("server", here.get(SUFFIX, "")),
            ("server", here.get(SETTINGS, "")),
        ]
        return parse(
            line,
            options={**flags, **options},
            suffix=own.get(SUFFIX, ""),
            layers=[(source, kept) for source, kept in layers if kept],
            limit=self.config.limits.permutations,
            length=self.config.limits.prompt_length,
            models=tuple(name for model in self.models for name in (model.name, *model.aliases)),
            wildcards=wildcards.keeper(self.config.wildcards.folder),
        )

    async def settled(self, owner: str, origin: str, asker: Asker | None = None) -> tuple[Given, ...]:
        """Return what holds for a prompt that names no flags, where somebody asks; each says who gave it."""
        asked = Request(key="", owner=owner, origin=origin, line="x", asker=asker)
        return (await self._read(asked, asked.line)).prompt.given

    async def _plan(self, request: Request, *, fetch: bool = True) -> list[_Planned]:
        """Return what a line asks for, one a job, read with its owner's and its place's settings.

        Its pictures are fetched, unless ``fetch`` is False: then anything stands in for them.
        """
        parsed = await self._read(request, request.line, request.options)
        planned = []
        prompts = [references.settled(prompt, _style_code) for prompt in parsed.prompts]
        wanted = any(prompt.get("profile") for prompt in prompts)
        liked = await self.likes.newest(request.owner) if wanted else []
        profiles = [references.profiled(prompt, len(liked)) for prompt in prompts]
        if fetch:
            names = [one.name for prompt in prompts for one in references.named(prompt)]
            pictures = await self.inputs.bring(names)
        else:
            pictures = {name: sha for one in prompts for name, sha in references.stand_ins(one).items()}
        pictures = {**pictures, **references.liked(liked)}
        for typed, prompt, (drawn, told) in zip(parsed.prompts, prompts, profiles, strict=True):
            made = plan(
                drawn,
                self.models,
                self.config.limits,
                secrets.randbelow(SEED_MAX + 1),
                loras=self.config.loras,
                styles=self.admin.rules(_guild(request)).styles,
                pictures=pictures,
                speed=request.speed,
            )
            # a copy of --repeat is one job: drawn again, it must not become many
            one = prompt.with_flags({"repeat": None})
            as_typed = parsed.jobs == 1 and prompt == typed and not parsed.random
            line = parsed.line if as_typed else one.to_line(("prompt",))
            notes = tuple(dict.fromkeys([*parsed.notes, *made.notes, *([told] if told else [])]))
            if prompt != typed:
                notes += (f"`--sref {prompt.flags['sref'].plain()}` draws in this style again.",)
            planned.append(_Planned(made.spec, notes, line, prompt.speed, tuple(made.sources.items())))
        return planned

    async def _derive(self, parent: Job | None, action: Action) -> _Planned:
        """Return the spec of a new job made from a stored picture."""
        seed = secrets.randbelow(SEED_MAX + 1)
        if parent is None and action.line is None and action.verb.startswith("upscale"):
            # enlarging needs no words, and words no picture: what is asked of a model may be empty
            said = _Planned(plain(default_model(self.models)), (), UPLOADED)
        elif parent is None or action.verb in ("remix", "remaster") or action.line is not None:
            line = action.line if action.line is not None or parent is None else parent.prompt
            if action.verb == "remaster":
                read = (await self._read(action, line or "")).prompts[0]
                other = read.with_flags({"model": action.model, "v": None, "niji": None})
                line = other.to_line(("prompt",))
            if not line:
                raise UserError("Say in `prompt` what the picture shows or should show, and try again.")
            request = Request(action.key, action.owner, action.origin, line, asker=action.asker)
            fresh = await self._plan(request)
            if len(fresh) != 1:
                raise UserError("This makes one job: take the `{…}` choices out of the prompt.")
            said = fresh[0]
        else:
            said = _Planned(parent.spec, (), parent.prompt, sources=parent.sources)
        spec = said.spec.model_copy(update={"seed": seed})
        if parent is not None and action.verb == "reroll" and action.line is None:
            return replace(said, spec=spec, notes=parent.notes)
        anew = action.verb == "reroll" or (action.verb == "remix" and action.cell is None)
        model = next((one for one in self.models if one.name == spec.model), self.models[0])
        if parent is not None and anew:
            if parent.spec.strength is not None:
                spec = edits.whole(spec, model)
            return replace(said, spec=edits.again(parent.spec, spec))
        start = self._cell(parent, action.cell or 0) if parent is not None else action.picture
        if parent is not None and action.verb in edits.AGAIN:
            # what the enlarged picture was made from, at the same size
            start = next((one.sha256 for one in parent.spec.inputs if one.role is Role.INIT), start)
            creative = action.verb == "upscale_again_creative"
            plainly: Verb = "upscale_4x" if parent.spec.scale == 4 else "upscale_2x"
            verb: Verb = "upscale_creative" if creative else plainly
            action = replace(action, verb=verb, factor=float(parent.spec.scale))
        if start is None:
            raise UserError("Say which picture: attach one, or name one of yours.")
        picture = await self.gallery.load(start)
        size = await asyncio.to_thread(_size, picture)
        spec = edits.calm(spec, model)
        before = None if parent is None else parent.spec
        times = edits.enlargement(before, size, model)
        limits = self.config.limits
        if action.verb in ("upscale_2x", "upscale_4x"):
            cell = (said.spec.seed + (action.cell or 0)) % (SEED_MAX + 1)
            scale = 2 if action.verb == "upscale_2x" else 4
            spec = edits.upscaled(spec.model_copy(update={"seed": cell}), start, size, scale)
            return replace(said, spec=spec)
        if action.verb == "locate":
            spec = edits.located(spec, start, edits.drawn(size, times, model, limits))
            return replace(said, spec=spec)
        spec = edits.whole(spec, model)
        if action.verb == "upscale_creative":
            strength = model.creative_strength if action.strength is None else action.strength
            spec = edits.enriched(
                spec, start, size, 4 if action.factor > 2 else 2, times, model, limits, strength
            )
            spec = edits.quiet(spec, before, model)
        elif action.verb == "inpaint":
            if action.mask is None:
                raise UserError("Say first which part to repaint.")
            strength = edits.REPAINT if action.strength is None else action.strength
            at = edits.drawn(size, times, model, limits)
            spec = edits.repainted(spec, start, action.mask, at, strength)
        elif action.verb in edits.OUTWARD:
            canvas = spec.width, spec.height
            if parent is not None and action.line is None and parent.spec.kind is Kind.UPSCALE:
                canvas = edits.drawn(size, times, model, limits)
            spec = await self._outward(picture, size, action, spec, model, canvas, times)
            spec = edits.quiet(spec, before, model)
            note = edits.OUTWARD[action.verb].format(factor=action.factor)
            return replace(said, spec=spec, notes=(*said.notes, note))
        else:
            strength = edits.freedom(action.verb, model)
            at = edits.drawn(size, times, model, limits)
            spec = edits.varied(spec, start, at, strength if action.strength is None else action.strength)
            spec = edits.loosened(spec, action.verb, model)
        return replace(said, spec=spec)

    async def _outward(
        self,
        picture: bytes,
        size: tuple[int, int],
        action: Action,
        spec: JobSpec,
        model: ModelConfig,
        canvas: tuple[int, int],
        times: float,
    ) -> JobSpec:
        """Return the spec that paints around a picture of ``size``: a zoom onto a drawn ``canvas``, a pan."""
        if not FACTORS[0] < action.factor <= FACTORS[1]:
            raise UserError(f"`{action.factor:g}` is no zoom. Choose more than 1 and at most 2, such as 1.5.")
        whole = round(canvas[0] * times), round(canvas[1] * times)
        multiple = max(1, round(model.multiple * times))
        grown = images.outsize(size, action.verb, whole, multiple)
        drawn = edits.drawn(grown, times, model, self.config.limits)
        pngs = await asyncio.to_thread(_outward, picture, action.verb, whole, multiple, action.factor)
        start, mask = [await self.gallery.keep(png) for png in pngs]
        return edits.repainted(spec, start, mask, drawn, model.outward_strength)

    # ---- looking -------------------------------------------------------------------------------------------

    async def find(self, job_id: str) -> Job:
        """Return the job. Raises NotFound."""
        job = await self.store.job(job_id)
        if job is None:
            raise NotFound("There is no such job here; it may have been deleted, or belong to another bot.")
        return job

    async def jobs_of(self, owner: str, limit: int = 50) -> list[Job]:
        """Return a person's newest jobs, newest first."""
        return await self.store.of_owner(owner, limit)

    async def position(self, job_id: str) -> int | None:
        """Return how many waiting jobs go before this one, or None where it does not wait."""
        return self._scheduler.queue.position(job_id)

    def held(self, job: Job) -> bool:
        """Say whether a waiting job is held back by a pause, of its server or of everything."""
        return self._scheduler.paused or job.guild in self._scheduler.held

    async def queue(self) -> QueueView:
        """Return the queue as it stands."""
        scheduler = self._scheduler
        return QueueView(
            waiting=tuple(one.job for one in scheduler.queue.waiting()),
            running=tuple(scheduler.running),
            paused=scheduler.paused,
            ready=any(worker.ready for worker in scheduler.workers),
        )

    async def progress(self, job_id: str) -> AsyncIterator[Snapshot]:
        """Yield how a job stands, now and at every change, newest wins; ends after its final state."""
        waker = asyncio.Event()
        watch = self._watches.setdefault(job_id, _Watch())
        watch.wakers.add(waker)  # first listen, then look: what happens in between is heard
        try:
            job = await self.find(job_id)
            if watch.latest is None:
                watch.latest = Snapshot(job)
            while True:
                waker.clear()  # clear, then look: a change in between is kept
                snapshot = watch.latest
                if snapshot.state is State.QUEUED:
                    snapshot = Snapshot(snapshot.job, position=self._scheduler.queue.position(job_id))
                yield snapshot
                if snapshot.state in FINAL:
                    return
                await waker.wait()
        finally:
            watch.wakers.discard(waker)
            if not watch.wakers:
                self._watches.pop(job_id, None)

    def _tell(self, job: Job | str, progress: Progress | None) -> None:
        watch = self._watches.get(job if isinstance(job, str) else job.id)
        if isinstance(job, Job):
            if job.state in FINAL:
                self._knock()
            if watch is not None:
                watch.put(Snapshot(job))
        elif watch is not None and watch.latest is not None and progress is not None:
            before = watch.latest
            fresh = progress.preview if self.screening.preview(before.job) else None
            preview = fresh or before.preview  # the last one is shown until a newer comes
            watch.put(Snapshot(before.job, progress.step, progress.total, preview))

    # ---- pictures ------------------------------------------------------------------------------------------

    def _cell(self, job: Job, cell: int) -> str:
        if not job.pictures:
            raise NotFound("This job has no pictures (yet). `/info` tells how it stands.")
        if not 0 <= cell < len(job.pictures):
            raise NotFound(f"This job has {len(job.pictures)} pictures, and no number {cell + 1}.")
        return job.pictures[cell]

    async def picture(self, job_id: str, cell: int = 0) -> str:
        """Return the SHA-256 of one cell's stored PNG. Raises NotFound."""
        return self._cell(await self.find(job_id), cell)

    async def pictures(self, job_id: str) -> list[bytes]:
        """Return the PNG of every cell, with its recipe inside."""
        job = await self.find(job_id)
        return list(await asyncio.gather(*(self.gallery.load(sha256) for sha256 in job.pictures)))

    async def grid(self, job_id: str) -> bytes:
        """Return the PNG of all cells in one picture, with the recipe inside."""
        return (await self.file(job_id)).data

    async def file(
        self, job_id: str, cell: int | None = None, *, limit: int | None = None, least: int = 0
    ) -> images.File:
        """Return one cell, or all in one picture (None), as a file of at most ``limit`` bytes.

        PNG with the recipe inside, for one cell the stored file itself; WebP where a PNG is too large. A
        picture whose longer side is below ``least`` pixels is enlarged for showing.
        """
        job = await self.find(job_id)
        chosen = [self._cell(job, cell or 0)] if cell is not None or not job.pictures else job.pictures

        def made() -> images.File:
            return _as_file([self.gallery.read(one) for one in chosen], job, cell or 0, limit, least)

        return await asyncio.to_thread(made)

    async def shown(self, sha256: str, limit: int | None = None) -> images.File:
        """Return a kept picture as a file of at most ``limit`` bytes, for showing."""
        data = await self.gallery.load(sha256)
        return await asyncio.to_thread(_fitting, data, limit)

    async def film(self, job_id: str) -> bytes:
        """Return the looping film of a job (animated WebP). Raises NotFound where it has none."""
        job = await self.find(job_id)
        if job.film is None:
            raise NotFound("This job has no film. Add `--video` to a prompt to get one.")
        return await self.gallery.load(job.film, ".webp")

    async def fetch(self, link: str, *, attached: bool = False) -> StoredImage:
        """Fetch a picture from outside, clean it and keep it. Raises UserError with a sentence.

        ``attached``: the link comes with an attachment and was not typed by a person.
        """
        return await self.inputs.link(link, attached=attached)

    async def take_in(self, data: bytes) -> StoredImage:
        """Clean a picture's file, whatever its format, and keep it. Raises UserError with a sentence."""
        return await self.inputs.take(data)

    async def keep(self, png: bytes) -> str:
        """Keep an input picture (checked and re-encoded by the caller as PNG); return its SHA-256."""
        return await self.gallery.keep(png)

    # ---- promised messages ---------------------------------------------------------------------------------

    async def deliveries(self) -> AsyncIterator[Delivery]:
        """Yield every promised message not yet shown: those left from before, then each as it is made.

        Each once: whoever takes it calls ``attempted`` before sending, then ``book`` or ``give_up``, and
        tries again in between; what it leaves comes again at the next start.
        """
        waker, last = asyncio.Event(), 0
        self._couriers.add(waker)
        try:
            while True:
                waker.clear()  # clear, then look: a promise in between is kept
                for delivery in await self.store.pending(last):
                    last = delivery.id
                    yield delivery
                await waker.wait()
        finally:
            self._couriers.discard(waker)

    def _knock(self) -> None:
        for waker in self._couriers:
            waker.set()

    async def attempted(self, delivery_id: int) -> None:
        """Note that a promise is about to be sent."""
        await self.store.attempted(delivery_id)

    async def book(self, delivery_id: int, message_id: str) -> bool:
        """Note that a promise was shown, as this message."""
        done = await asyncio.shield(self.store.book(delivery_id, message_id))
        self._shown.set()
        return done

    async def give_up(self, delivery_id: int, why: str) -> bool:
        """Note that a promise cannot be shown (the channel is gone, we may not speak there)."""
        done = await asyncio.shield(self.store.give_up(delivery_id, why))
        self._shown.set()
        return done

    async def progress_message(self, job_id: str, message_id: str) -> bool:
        """Note the message that shows a job's progress. False: its end was promised already."""
        return await self.store.progress_message(job_id, message_id)

    async def unfinished(self) -> list[tuple[Job, str | None]]:
        """Return every job that waits or runs, with the message that shows its progress, if there is one."""
        view = await self.queue()
        jobs = [await self.find(one) for one in (*view.running, *view.waiting)]
        return [(job, (await self.store.messages(job.id))[1]) for job in jobs if job.state not in FINAL]

    # ---- settings ------------------------------------------------------------------------------------------

    async def preferences(self, owner: str) -> dict[str, str]:
        """Return everything a person has set."""
        return await self.store.preferences(owner)

    async def prefer(self, owner: str, key: str, value: str | None) -> None:
        """Keep a person's choice; None forgets it."""
        await self.store.prefer(owner, key, value)

    async def meta(self, key: str) -> str | None:
        """Return a fact about this installation, such as the hash of the registered commands, or None."""
        return await self.store.meta(key)

    async def remember(self, key: str, value: str) -> None:
        """Keep a fact about this installation."""
        await self.store.remember(key, value)

    # ---- somebody's own ------------------------------------------------------------------------------------

    def export(self, owner: str, limit: int) -> AsyncIterator[bytes]:
        """Yield everything that is kept about a person, as ZIP files of at most ``limit`` bytes."""
        return self.keeping.export(owner, limit)

    async def forget(self, owner: str) -> None:
        """Delete everything about a person: open jobs are cancelled first. Repeatable."""
        await self._whole(self._forget(owner))

    async def _forget(self, owner: str) -> None:
        for job in await self.store.open_of(owner):
            await self._withdraw(job)
        for _ in range(int(LEAVING / 0.05)):  # what they draw stops at its next step
            if all(run.ticket.owner != owner for run in self._scheduler.running.values()):
                break
            await asyncio.sleep(0.05)
        await self.keeping.forget(owner, self.admin.mark(owner))

    # ---- those in charge -----------------------------------------------------------------------------------

    async def audit(
        self,
        actor: str,
        action: str,
        *,
        guild: str | None = None,
        target: str | None = None,
        detail: Mapping[str, Any] = MappingProxyType({}),
    ) -> int:
        """Record what was done in somebody's name; return the record's number. ``guild`` None: everywhere."""
        return await self.admin.audit(actor, action, guild, target, detail)

    async def audits(
        self, guild: str | None = None, *, limit: int = 50, after: int | None = None
    ) -> list[AuditEntry]:
        """Return the newest records of a server (None: of all), newest first; or those after one in order."""
        return await self.admin.audits(guild, limit, after)

    def standing(self, asker: Asker | None) -> Standing:
        """Return what somebody's roles bring them where they ask: weight, allowance, size."""
        return self.admin.standing(asker)

    async def open_jobs(self, guild: str | None = None) -> list[Job]:
        """Return what runs and waits in a server (None: everywhere), in order; what is held comes last."""
        view = await self.queue()
        known = {job.id: job for job in await self.store.unended()}
        first = [known.pop(one) for one in (*view.running, *view.waiting) if one in known]
        return [job for job in (*first, *known.values()) if guild in (None, job.guild)]

    async def figures(self, guild: str | None, days: int) -> Stats:
        """Count what was drawn in a server (None: everywhere) in so many days, today among them."""
        jobs = await self.admin.jobs(guild, days)
        return await asyncio.to_thread(count, jobs, days, self.store.now())

    async def chart(self, figures: Stats, title: str) -> bytes:
        """Return figures as a picture (PNG)."""
        return await asyncio.to_thread(chart, figures, title)

    async def jobs_table(self, guild: str | None, days: int, limit: int) -> tuple[bytes, int, int]:
        """Return a server's jobs (None: everyone's) as a CSV of at most ``limit`` bytes, newest first.

        With it, how many jobs it holds and how many older ones did not fit. It holds no prompts.
        """
        jobs = await self.admin.jobs(guild, days)
        data, held = await asyncio.to_thread(table, jobs, limit)
        return data, held, len(jobs) - held

    async def verdict(self, asker: Asker, line: str) -> str | None:
        """Return which rule would hold a prompt's words back where somebody asks; None: none would.

        Raises PromptError where the line cannot be read.
        """
        for one in await self._plan(Request("", asker.owner, "", line, asker=asker)):
            if (why := self.screening.trial(one.spec, asker)) is not None:
                return why
        return None

    async def _attend(self) -> None:
        """Look every so often whether those in charge decided something, in whichever process."""
        while True:
            await asyncio.sleep(ATTENTIVE)
            try:
                if await self.admin.refresh():
                    await self._obey()
                if errands := await self.admin.errands():
                    for _, verb, target in errands:
                        await self._run(verb, target)
                    await self.admin.done([number for number, _, _ in errands])
            except Exception:
                log.exception("what those in charge decided could not be done; tried again")

    async def _obey(self) -> None:
        """Hold back, or let go on, what those in charge paused."""
        scheduler, rules = self._scheduler, self.admin.every()
        paused = {guild for guild, one in rules.items() if one.state == "paused"}
        scheduler.paused = self._paused or EVERYWHERE in paused
        before, scheduler.held = scheduler.held, frozenset(paused - {EVERYWHERE})
        if before != scheduler.held:
            for job in await self.store.queued():
                if job.guild in scheduler.held:
                    scheduler.queue.remove(job.id)
                elif job.id not in scheduler.running:
                    scheduler.admit(job)
        scheduler.wake()

    async def _run(self, verb: str, target: str) -> None:
        """Run an errand; one that can be run no more is logged and forgotten."""
        try:
            match verb:
                case "cancel":
                    await self.cancel(target, "", force=True)
                case "front" | "back":
                    await self.move(target, front=verb == "front")
                case "load" | "unload":
                    self.load(target, verb == "load")
                case _:
                    log.warning("nobody here knows the errand %s", verb)
        except UserError as error:
            log.warning("%s %s: %s", verb, target, error)

    async def decided(self) -> None:
        """Act at once on what was just decided, instead of at the next look."""
        await self.admin.refresh()
        await self._obey()

    async def move(self, job_id: str, *, front: bool, by: str | None = None) -> None:
        """Let a waiting job go before all others, or after them, for good: a restart forgets nothing.

        Recorded in the name of ``by``. Raises NotFound where it does not wait.
        """
        moved = await self.admin.move(job_id, front, by)
        if moved is None:
            raise NotFound("This job does not wait (any more), so there is nothing to move.")
        self._scheduler.queue.move(job_id, moved)  # one that is held back comes in at its place later
        self._scheduler.wake()

    def load(self, model: str, wanted: bool = True) -> None:
        """Have every worker bring a model into memory, or drop it from there once nothing is drawn with it.

        Raises NotFound.
        """
        if all(model != one.name for one in self.models):
            listed = ", ".join(f"`{one.name}`" for one in self.models)
            raise NotFound(f"There is no model `{model[:64]}`. There are {listed}.")
        for worker in self._scheduler.workers:
            worker.send(Load(model) if wanted else Unload(model))

    # ---- the host ------------------------------------------------------------------------------------------

    async def reload(self, new: Config) -> Reloaded:
        """Go on with the host's new choices, as far as they may change while the bot runs; say which did."""
        found = compare(self.config, new)
        self.config = found.config
        self._scheduler.queue.running = found.config.limits.running
        self.inputs.config = found.config.links
        self.screening.config = found.config.moderation
        await self.store.remember(OUTCOME, found.as_json(self.store.now()))
        return found

    def pause(self, paused: bool = True) -> None:
        """Start nothing new (what runs goes on), or go on starting."""
        self._paused = paused
        self._scheduler.paused = paused or self.admin.rules(EVERYWHERE).state == "paused"
        self._scheduler.wake()

    async def drained(self, seconds: float) -> bool:
        """Pause, and wait up to ``seconds`` for what runs, then a moment for its messages to be shown.

        False: something still runs; it is handed back when the service closes.
        """
        self.pause()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._scheduler.idle.wait()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(POSTING):
                        while self._couriers:
                            self._shown.clear()  # clear, then look: a booking in between is kept
                            if not await self.store.undelivered():
                                break
                            await self._shown.wait()
        return not self._scheduler.running

    @property
    def tally(self) -> Metrics:
        """What was counted since the start."""
        return self._scheduler.tally

    async def undelivered(self) -> int:
        """Return how many promised messages have not been shown yet."""
        return await self.store.undelivered()

    def workers(self) -> list[dict[str, Any]]:
        """Return each worker: device, models, bytes, free rows, process id, restarts, seconds silent."""
        return [
            {
                "device": worker.status.device,
                "models": list(worker.status.models),
                "memory": worker.status.memory,
                "room": worker.status.room,
                "calls": worker.status.calls,
                "rows": worker.status.rows,
                "pid": worker.pid,
                "restarts": worker.restarts,
                "ready": worker.ready,
                "silence": worker.silence,
            }
            for worker in self._scheduler.workers
        ]


def _speed(request: Request, planned: _Planned) -> Speed:
    return request.speed or planned.speed or Speed.FAST


def _outward(
    png: bytes, verb: str, size: tuple[int, int], multiple: int, factor: float
) -> tuple[bytes, bytes]:
    """Return a larger canvas and its mask as PNG."""
    canvas, mask = images.outward(images.opened(png), verb, size, multiple, factor)
    return images.png(canvas), images.png(mask)


def _size(png: bytes) -> tuple[int, int]:
    return images.opened(png).size


def _fitting(png: bytes, limit: int | None) -> images.File:
    picture = images.opened(png)
    if limit is None or len(png) <= limit:
        return images.File(png, "png", *picture.size)
    return images.fit(picture, limit)


def _as_file(data: Sequence[bytes], job: Job, cell: int, limit: int | None, least: int) -> images.File:
    """Put cells together as one file with the recipe inside."""
    cells = [images.opened(one) for one in data]
    sheet = images.grid(cells)
    shown = images.enlarge(sheet, least) if least else sheet
    if shown is sheet and len(data) == 1 and (limit is None or len(data[0]) <= limit):
        return images.File(data[0], "png", *sheet.size)
    texts = recipe(job, cell)
    room = (
        None
        if limit is None
        else limit - sum(len(key) + len(text.encode()) + 32 for key, text in texts.items())
    )
    file = images.fit(shown, room)
    if file.extension != "png":
        return file
    return images.File(images.with_texts(file.data, texts), "png", file.width, file.height)
