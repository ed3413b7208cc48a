"""The gallery page: a key's own pictures, in a browser. Knows the service alone, and changes nothing.

The key is sent once and exchanged for a cookie that is good for twelve hours and for reading here, and for
nothing else. The page asks no other host for anything, and says so to the browser.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse, Response

from engine.errors import NotFound
from engine.jobs import Job
from engine.planning.redraw import line_again
from engine.rules.keys import Key
from engine.service.links import SLACK
from engine.web import pages
from engine.web.doors import Door, Doors, Reads, cell_of
from engine.web.errors import Fault, Shaped, plain
from engine.words import Sentence, say

COOKIE, PATH = "limner_gallery", "/gallery"
GOOD_FOR = 12 * 3600
"""Seconds a cookie opens the gallery."""
PAGE = 8
"""Jobs on a page; most have four pictures."""
SIDE = 384
"""Pixels of a small picture's longer side: two beside each other on a phone."""
STARTS = (PATH,)
CLOSED = Sentence(
    "Your gallery has been closed: twelve hours have passed, or the key holds no more. Type it again."
)
NOTHING = Sentence("There is no such picture here.")


def mount(app: FastAPI, doors: Doors) -> None:
    """Put the page on the application."""
    door, heard = _Door(doors), [Depends(pages.listen)]

    @app.get("/gallery", dependencies=heard)
    async def gallery() -> Response:
        """Return the page; it holds nobody's pictures."""
        return pages.page("gallery")

    @app.get("/gallery/files/{name}")
    async def files(name: str) -> Response:
        """Return the page's own scripts and style."""
        return pages.file(name, "gallery")

    app.post("/gallery/session", dependencies=heard)(door.enter)
    app.delete("/gallery/session", dependencies=heard)(door.leave)
    app.get("/gallery/jobs", dependencies=heard)(door.jobs)
    app.get("/gallery/pictures/{job_id}/{number}/small.webp")(door.small)
    app.get("/gallery/pictures/{job_id}/{number}/full.png", dependencies=heard)(door.full)


def shape(fault: Fault, request_id: str) -> Shaped:
    """Say what is refused in the page's language."""
    status, body = plain(fault, request_id)
    body["error"]["message"] = say(fault.sentence)
    return Shaped(status, body)


class _Door(Door):
    # ---- the cookie ----------------------------------------------------------------------------------------

    async def enter(self, key: Reads) -> Response:
        """Exchange a key for a cookie."""
        until = int(self._service.store.now()) + GOOD_FOR
        told = f"{key.id}.{until}"
        response = JSONResponse({"name": key.name})
        response.set_cookie(
            COOKIE,
            f"{told}.{await self._signature(told)}",
            max_age=GOOD_FOR,
            path=PATH,
            secure=self._doors.url.startswith("https:"),
            httponly=True,
            samesite="strict",
        )
        return response

    async def leave(self, request: Request) -> Response:
        """Take the cookie back."""
        await self._key(request)
        response = Response(status_code=204)
        response.delete_cookie(COOKIE, path=PATH, httponly=True, samesite="strict")
        return response

    async def _key(self, request: Request) -> Key:
        """Return whose cookie a request has. Raises Fault: none, a wrong or an old one, too fast."""
        told, _, signature = request.cookies.get(COOKIE, "").rpartition(".")
        if not hmac.compare_digest((await self._signature(told)).encode(), signature.encode()):
            raise Fault("unauthorized", CLOSED)
        number, _, until = told.partition(".")
        key = await self._service.keys.get(int(number))
        left = int(until) - self._service.store.now()
        if key is None or not 0 < left <= GOOD_FOR + SLACK:
            raise Fault("unauthorized", CLOSED)
        self._doors.gate.admit(key, "read")
        return key

    async def _signature(self, told: str) -> str:
        secret = await self._service.keys.secret("gallery")
        return hmac.new(secret, told.encode(), hashlib.sha256).hexdigest()

    # ---- what is shown -------------------------------------------------------------------------------------

    async def jobs(self, request: Request, after: str = "", before: str = "") -> Response:
        """Return a page of the key's jobs that have pictures: the newest, or those next to one."""
        key = await self._key(request)
        newer = bool(before)
        try:
            jobs, more = await self._service.files.page(
                key.owner, PAGE, before or after or None, newer=newer, pictures=True
            )
        except NotFound:
            raise Fault("missing", NOTHING) from None
        told = {"name": key.name, "jobs": [_told(job) for job in jobs]}
        # on the side it came from there is at least the job it was asked next to
        ends = {"older": newer or more, "newer": more if newer else bool(after)}
        return JSONResponse(told | {name: there and bool(jobs) for name, there in ends.items()})

    async def small(self, request: Request, job_id: str, number: str) -> Response:
        """Return a picture made small."""
        job, cell = await self._picture(request, job_id, number)
        return Response(await self._service.files.thumbnail(job.id, cell, SIDE), media_type="image/webp")

    async def full(self, request: Request, job_id: str, number: str) -> Response:
        """Return a picture as it leaves, with its recipe and signature."""
        job, cell = await self._picture(request, job_id, number)
        file = await self._service.files.file(job, cell)
        name = f'inline; filename="limner-{job.id}-{cell + 1}.png"'
        return Response(file.data, media_type="image/png", headers={"Content-Disposition": name})

    async def _picture(self, request: Request, job_id: str, number: str) -> tuple[Job, int]:
        key = await self._key(request)
        job = await self._own(key, job_id, NOTHING)
        cell = cell_of(job, number)
        if cell is None:
            raise Fault("missing", NOTHING)
        return job, cell


def _told(job: Job) -> dict[str, Any]:
    spec = job.spec
    size = spec.fitted or (spec.width, spec.height)
    facts = {
        say("Model"): spec.model,
        say("Size"): f"{size[0]} × {size[1]}",
        say("Steps"): str(spec.steps),
        say("Guidance"): f"{spec.guidance_scale:g}",
        say("Sampler"): spec.sampler,
        say("Style"): spec.style,
        say("Keeps out"): spec.negative_prompt,
    }
    if spec.faithful:
        facts = {say("Size"): say("{times} times as large", times=spec.scale)}
    count = len(job.pictures)
    return {
        "id": job.id,
        "prompt": job.prompt,
        "created_at": job.created_at,
        "facts": [[name, value] for name, value in facts.items() if value],
        "seeds": [] if spec.faithful else [spec.seed_of(cell) for cell in range(count)],
        "lines": [line_again(job, cell) for cell in range(count)],
    }
