"""Our own API, `/api/v1`: jobs from prompt lines with flags, or made of pictures; watched, cancelled."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import uuid
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from engine.errors import NotFound, UserError
from engine.jobs import FINAL, Job, State
from engine.planning.edits import EDITS
from engine.planning.references import KEPT
from engine.rules.keys import Key
from engine.service import Ask, Edit, FileOptions, Imagine, Snapshot
from engine.web import bodies, fields
from engine.web.doors import Door, Doors, Draws, Reads, cell_of
from engine.web.errors import STATUS, Fault, Shaped, plain, wrong
from engine.web.formats import FORMATS, format_of

STARTS = ("/api/v1",)
PAGE_MOST = 100
NO_JOB = "There is no such job here."
NO_PICTURE = "This job has no such picture (yet)."


class Asked(BaseModel):
    """What a job is made of: a prompt line, or an action on a picture of an earlier job."""

    model_config = ConfigDict(extra="forbid")
    prompt: Annotated[str, Field(min_length=1)] | None = None
    action: str | None = None
    job: str | None = None
    picture: Annotated[int, Field(ge=1, le=10)] | None = None
    image: str | None = None
    mask: str | None = None
    webhook: Annotated[str, Field(max_length=2048)] | None = None


def shape(fault: Fault, request_id: str) -> Shaped:
    """As what no contract rules; a wrong field is 422."""
    status = 422 if fault.kind == "invalid" and fault.field else STATUS[fault.kind]
    return Shaped(status, plain(fault, request_id).body)


def mount(app: FastAPI, doors: Doors) -> None:
    """Put the endpoints on the application."""
    door = _Door(doors)
    app.post("/api/v1/jobs")(door.submit)
    app.get("/api/v1/jobs")(door.list)
    app.get("/api/v1/jobs/{job_id}")(door.look)
    app.delete("/api/v1/jobs/{job_id}")(door.cancel)
    app.get("/api/v1/jobs/{job_id}/events")(door.events)
    app.get("/api/v1/jobs/{job_id}/pictures/{number}.{kind}")(door.picture)
    app.get("/api/v1/balance")(door.balance)


class _Door(Door):
    async def submit(self, request: Request, key: Draws) -> Response:
        """Accept what is asked for, durably, and say where it can be looked at."""
        asked = fields.read(Asked, await bodies.json_object(request, self._doors.budget), strict=True)
        name = await self._drawing.name(request, key) or f"http:{uuid.uuid4().hex}"
        planned = await self._service.plan(await self._ask(key, name, asked))
        for job in planned.jobs:
            self._drawing.model(key, job.spec.model)
            for link in job.links:
                if link.startswith(KEPT):
                    await self._service.uploads.own(key.owner, link)
        jobs = (await self._service.submit(planned)).jobs
        headers = {"Location": f"/api/v1/jobs/{jobs[0].id}"}
        return JSONResponse({"jobs": [told_of(job) for job in jobs]}, status_code=202, headers=headers)

    async def _ask(self, key: Key, name: str, asked: Asked) -> Ask:
        try:
            caller = self._drawing.caller(key, name, waited_for=False, hook=asked.webhook)
        except UserError as error:
            raise wrong("webhook", str(error)) from None
        if asked.action is None:
            if asked.prompt is None:
                raise wrong("prompt", "is required, or an action on a picture")
            return Imagine(caller, asked.prompt)
        if asked.action not in EDITS:
            raise wrong("action", f"is one of {', '.join(EDITS)}")
        if (asked.job is None) == (asked.image is None):
            raise wrong("job", "is required for an action, or `image` with the name of an upload")
        job = None if asked.job is None else (await self._own(key, asked.job, NO_JOB)).id
        cell = None if asked.picture is None else asked.picture - 1
        image, mask, uploads = asked.image, asked.mask, self._service.uploads
        image = None if image is None else await uploads.own(key.owner, image)
        mask = None if mask is None else await uploads.mask(await uploads.own(key.owner, mask))
        return Edit(caller, asked.action, job, cell, asked.prompt, picture=image, mask=mask)

    async def list(self, key: Reads, limit: str = "20", after: str = "") -> Response:
        """List the key's jobs, newest first, a page at a time; ``after``: the last id of the page before."""
        if not (limit.isascii() and limit.isdecimal() and 1 <= int(limit[:4]) <= PAGE_MOST):
            raise wrong("limit", f"is 1 to {PAGE_MOST}")
        try:
            jobs, more = await self._service.files.page(key.owner, int(limit), after or None)
        except NotFound:
            raise Fault("missing", NO_JOB) from None
        return JSONResponse({"jobs": [told_of(job) for job in jobs], "next": jobs[-1].id if more else None})

    async def look(self, key: Reads, job_id: str) -> Response:
        """Say how a job stands."""
        job = await self._own(key, job_id, NO_JOB)
        told = told_of(job)
        if job.state is State.QUEUED:
            told["position"] = await self._service.position(job.id)
        return JSONResponse(told)

    async def cancel(self, key: Draws, job_id: str) -> Response:
        """Take a job back; one that has ended stays as it is."""
        job = await self._own(key, job_id, NO_JOB)
        return JSONResponse(told_of(await self._service.cancel(job.id, key.owner)))

    async def picture(self, request: Request, key: Reads, job_id: str, number: str, kind: str) -> Response:
        """Return a picture of a job, from 1, as PNG, JPEG or WebP."""
        job = await self._own(key, job_id, NO_JOB)
        form, cell = format_of(kind), cell_of(job, number)
        if form is None or cell is None:
            raise Fault("missing", NO_PICTURE)
        told = f"{job.pictures[cell]}.{form}".encode()
        tag = f'W/"{hashlib.sha256(told).hexdigest()[:32]}"'  # weak: the signature may differ
        headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
        if tag in re.split(r"\s*,\s*", request.headers.get("if-none-match", "")):
            return Response(status_code=304, headers=headers)
        data = (await self._service.files.file(job, cell, FileOptions(form=form))).data
        return Response(data, media_type=FORMATS[form], headers=headers)

    async def events(self, request: Request, key: Reads, job_id: str) -> Response:
        """Stream how a job stands: its place, per cent, previews, its end.

        Whoever comes late is told where it is; whoever comes again says in Last-Event-ID what they know.
        """
        job = await self._own(key, job_id, NO_JOB)
        known = request.headers.get("last-event-id", "")
        if known == "end":
            return Response(status_code=204)  # says to browsers: come no more
        with self._doors.streaming(key):
            pass  # refused before anything is sent
        headers = {"X-Accel-Buffering": "no"}
        return StreamingResponse(
            self._stream(request, key, job, known), media_type="text/event-stream", headers=headers
        )

    async def _stream(self, request: Request, key: Key, job: Job, known: str) -> AsyncIterator[str]:
        shown: bytes | None = None
        try:
            with self._doors.streaming(key):
                async for snapshot in self._drawing.stream(request, key, job):
                    if snapshot is None:
                        yield ": keep-alive\n\n"
                    elif not isinstance(snapshot, Job):
                        mark = _mark(snapshot)
                        if snapshot.preview is not None and snapshot.preview != shown:
                            shown = snapshot.preview
                            yield _event("preview", mark, _preview(shown))
                        if mark != known:
                            known = mark
                            yield _event("progress", mark, _progress(snapshot))
        except Fault as fault:
            if (await self._service.find(job.id)).state not in FINAL:
                yield _event("error", known, shape(fault, request.state.request_id).body)
                return
        yield _event("end", "end", told_of(await self._service.find(job.id)))

    async def balance(self, key: Reads) -> Response:
        """Say how many seconds of the device are left; null: no limit."""
        return JSONResponse({"seconds_left": await self._doors.left(key)})


def told_of(job: Job) -> dict[str, Any]:
    """Return a job as it is told."""
    where = f"/api/v1/jobs/{job.id}"
    return {
        "id": job.id,
        "state": job.state.value,
        "prompt": job.prompt,
        "seed": job.spec.seed,
        "model": job.spec.model,
        "speed": job.speed.value,
        "notes": list(job.notes),
        "failure": job.failure,
        "created_at": job.created_at,
        "finished_at": job.finished_at,
        "texts": list(job.texts),
        "pictures": [f"{where}/pictures/{number}.png" for number in range(1, len(job.pictures) + 1)],
        "parent": job.parent,
    }


def _mark(snapshot: Snapshot) -> str:
    """Return what tells a step of a job from the next: its place in the queue, else its steps."""
    waits = snapshot.state is State.QUEUED
    return f"{snapshot.state}-{snapshot.position if waits else snapshot.step}"


def _progress(snapshot: Snapshot) -> dict[str, Any]:
    return {"state": snapshot.state, "percent": snapshot.percent, "position": snapshot.position}


def _preview(picture: bytes) -> dict[str, Any]:
    kind = "image/jpeg" if picture.startswith(b"\xff\xd8") else "image/webp"
    return {"type": kind, "b64": base64.b64encode(picture).decode()}


def _event(name: Literal["progress", "preview", "end", "error"], mark: str, told: dict[str, Any]) -> str:
    return f"event: {name}\nid: {mark}\ndata: {json.dumps(told)}\n\n"
