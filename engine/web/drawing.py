"""From a door's request to its pictures: the one place of the doors that plans, submits, waits and leaves."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request
from starlette.requests import ClientDisconnect

from engine.config import ApiConfig, ModelConfig
from engine.errors import LimnerError
from engine.jobs import WAITED_FOR, Job, State
from engine.planning.literal import Literal
from engine.planning.plan import default_model, find_model
from engine.rules.keys import Key
from engine.rules.people import Requester
from engine.service import Ask, Caller, Draw, Planned, Service, Snapshot
from engine.web.bodies import FILE_MOST, is_picture
from engine.web.errors import Fault, fault_of, wrong

LOOK_EVERY = 0.5
"""Seconds between two looks whether a key that waits still holds."""
ALIVE_EVERY = 10.0
"""Seconds of silence after which a stream says that it is alive."""
NAME_MOST = 255
"""Characters of a request's name (Idempotency-Key)."""

FILTERED = "What was drawn may not be shown here, and is not."
TAKEN_BACK = "This job was taken back before it was drawn."
DRAINING = "This server is stopping. Ask again in a moment."
NOT_YOURS = "This key may not draw with the model `{}`."


@dataclass(frozen=True, slots=True)
class PictureInput:
    """A picture that is brought: the SHA-256 of what is kept, its size in pixels, and what is clear in it."""

    sha256: str
    size: tuple[int, int]
    mask: str | None


@dataclass
class DrawingDoor:
    """Draws for keys. ``closing``: set once the server stops and nobody may wait any longer."""

    service: Service
    config: ApiConfig
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    alive_every: float = ALIVE_EVERY
    _leaving: set[asyncio.Task[None]] = field(default_factory=set)

    # ---- what may be drawn with ----------------------------------------------------------------------------

    def model(self, key: Key, name: str | None, foreign: tuple[str, ...] = ()) -> ModelConfig | None:
        """Return the model that draws for a name, None where nobody knows it. Raises Fault: not for this key.

        ``foreign``: names of other programs, drawn by the default model unless the host says otherwise.
        """
        models = self.service.models
        found = default_model(models)
        if name is not None:
            named = self.config.models.get(name)
            mine = find_model(named or name, models)
            if mine is None and name not in foreign:
                return None
            found = mine or found
        if key.models is not None and found.name not in key.models:
            raise Fault("forbidden", NOT_YOURS.format(found.name[:64]))
        return found

    # ---- pictures in and out -------------------------------------------------------------------------------

    async def bring(self, data: bytes, name: str) -> PictureInput:
        """Take a picture in. Raises Fault: empty, too large, no picture, one that cannot be read."""
        if not data:
            raise wrong(name, "is empty", "file_size")
        if len(data) > FILE_MOST:
            raise Fault("large", f"{name}: is larger than 20 MiB", field=name)
        if not is_picture(data):
            raise wrong(name, "must be a picture (PNG, JPEG, WebP or GIF)", "mime_type")
        try:
            kept = await self.service.uploads.take(data)
        except LimnerError as error:
            fault = fault_of(error)
            raise Fault(fault.kind, f"{name}: {fault.sentence}", field=name, code="image") from None
        return PictureInput(kept.sha256, kept.original, kept.mask)

    # ---- drawing -------------------------------------------------------------------------------------------

    def caller(self, key: Key, request_key: str, *, waited_for: bool, hook: str | None = None) -> Caller:
        """Return who asks: the key as a person, in nobody's server.

        ``hook``: where its end is told. Raises UserError: nowhere that may be.
        """
        origin = f"{WAITED_FOR if waited_for else 'http:'}{key.id}"
        if hook is not None:
            origin = self.service.hooks.origin(key.id, hook)
        requester = Requester(owner=key.owner, allowance=key.allowance)
        return Caller(request_key, key.owner, origin, requester, speed=key.speed)

    async def draw(self, request: Request, key: Key, asked: Literal, part: int = 0) -> Job:
        """Draw what was asked and return the job, once it was drawn or refused for what came of it.

        Whoever hangs up takes it back, unless the request has a name. ``part``: which of several jobs of one
        request. Raises Fault, LimnerError.
        """
        job = await self.start(request, key, asked, part)
        return await self.ended(request, key, job)

    async def start(self, request: Request, key: Key, asked: Literal, part: int = 0) -> Job:
        """Submit what was asked, or find it again by its name."""
        return await self.begin(request, key, lambda caller: Draw(caller, asked), part)

    async def begin(self, request: Request, key: Key, ask: Callable[[Caller], Ask], part: int = 0) -> Job:
        """As ``start``, for any request that makes one job."""
        name = await self.name(request, key)
        if name is None:
            caller = self.caller(key, f"http:{uuid.uuid4().hex}", waited_for=True)
        else:
            caller = self.caller(key, f"{name}:{part}", waited_for=False)
        planned = await self.service.plan(ask(caller))
        if not planned.accepted:
            self._in_time(planned)
        return (await self.service.submit(planned)).jobs[0]

    async def ended(self, request: Request, key: Key, job: Job) -> Job:
        """Wait for a job and return it as it ended: drawn, or blocked for what came of it."""
        waited_for = job.origin.startswith(WAITED_FOR)
        watching = asyncio.create_task(self._last(job))
        waits = {
            watching: None,
            asyncio.create_task(_left(request)): ClientDisconnect(),
            asyncio.create_task(self._ends(key)): Fault("unauthorized", "This key was revoked."),
            asyncio.create_task(self.closing.wait()): Fault("draining", DRAINING, retry_after=10),
        }
        late = Fault("busy", "The queue is longer than this request may wait. Ask again.", retry_after=30)
        try:
            done, _ = await asyncio.wait(waits, timeout=self.config.wait, return_when=asyncio.FIRST_COMPLETED)
            if watching in done:
                return _outcome(watching.result())
            raise next((error for task in done if (error := waits[task])), late)
        finally:
            # in a task of its own: whoever leaves may be cancelled again and again meanwhile
            leaving = asyncio.create_task(self._leave(waits, watching, job, waited_for=waited_for))
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)
            await asyncio.shield(leaving)

    async def stream(self, request: Request, key: Key, job: Job) -> AsyncGenerator[Snapshot | Job | None]:
        """Yield how a job stands, at last the job as ``ended`` returns it; None where it was long silent."""
        ending = asyncio.create_task(self.ended(request, key, job))
        snapshots = self.service.progress(job.id)
        following: asyncio.Task[Snapshot | None] | None = None
        try:
            while True:
                following = following or asyncio.create_task(_next(snapshots))
                done, _ = await asyncio.wait(
                    {ending, following}, timeout=self.alive_every, return_when=asyncio.FIRST_COMPLETED
                )
                if ending in done or (following in done and following.result() is None):
                    yield await ending
                    return
                yield following.result() if following in done else None
                following = None if following in done else following
        finally:
            tasks = [task for task in (ending, following) if task is not None]
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)  # which, cancelled itself, cancels none of them again

    async def release(self, job: Job) -> None:
        """Take a job back that one connection alone waited for, unless it has ended."""
        if job.origin.startswith(WAITED_FOR):
            await self.service.cancel(job.id, job.owner)

    async def left(self) -> None:
        """Wait until everything is cleaned up behind those who left."""
        if self._leaving:
            await asyncio.wait(set(self._leaving))

    async def _leave(
        self, waits: Iterable[asyncio.Task[Any]], watching: asyncio.Task[Job], job: Job, *, waited_for: bool
    ) -> None:
        """Stop waiting; take the job back where nobody waits for it any more and it has not ended."""
        for task in waits:
            task.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
        if waited_for and (watching.cancelled() or watching.exception()):
            await self.service.cancel(job.id, job.owner)

    async def _last(self, job: Job) -> Job:
        async for snapshot in self.service.progress(job.id):
            job = snapshot.job
        return job

    async def _ends(self, key: Key) -> None:
        """Return once a key holds no more."""
        while await self.service.keys.holds(key):  # noqa: ASYNC110 - another process revokes it
            await asyncio.sleep(LOOK_EVERY)

    async def name(self, request: Request, key: Key) -> str | None:
        """Return what a request is called for ever where it brings a name. Raises Fault: used for another."""
        said = request.headers.get("idempotency-key")
        if said is None:
            return None
        if not (1 <= len(said) <= NAME_MOST and all("!" <= character <= "~" for character in said)):
            raise Fault("invalid", f"Idempotency-Key has 1 to {NAME_MOST} visible ASCII characters.")
        name = await self.service.keys.claim(key, said, request.state.digest)
        if name is None:
            raise Fault("conflict", "This Idempotency-Key was used for another request. Take a new one.")
        return name

    def _in_time(self, planned: Planned) -> None:
        """Raise Fault where a request cannot be done while its connection waits."""
        most = self.config.wait
        seconds = self.service.seconds_beyond(most, planned)
        if seconds is not None:
            sentence = f"This would be done in about {seconds:.0f} s, and a request waits {most:.0f} s."
            raise Fault("busy", sentence, retry_after=seconds - most)


async def _next(snapshots: AsyncIterator[Snapshot]) -> Snapshot | None:
    return await anext(snapshots, None)


async def _left(request: Request) -> None:
    """Return once the client has hung up; its whole body must have been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def showable(job: Job) -> Job:
    """Return a job that has ended, where its pictures may be shown. Raises Fault."""
    if job.state is State.BLOCKED:
        raise Fault("blocked", FILTERED)
    return job


def _outcome(job: Job) -> Job:
    if job.state is State.FAILED:
        raise Fault("server", job.failure or "This could not be drawn. Please try again.")
    if job.state is State.CANCELLED:
        raise Fault("busy", TAKEN_BACK, retry_after=10)
    return job
