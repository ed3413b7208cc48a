"""The way of a REST request through the stand-in: faults, rate limits, checks, bodies; knows no routes."""

from __future__ import annotations

import asyncio
import json
import mimetypes
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from aiohttp import BodyPartReader, web

from bot.demo import faults
from bot.demo.errors import DiscordError, NotBuilt
from bot.demo.limits import Limits
from bot.demo.openapi import Checker
from bot.demo.shapes import Json, Upload
from bot.demo.world import World

PREFIX = "/api/v10"
OUTSIDE_LIMITS = ("/interactions/", "/webhooks/")  # not counted in the global limit


@dataclass(slots=True)
class Call:
    """One request, read: who it names, what it says, what files it brings."""

    request: web.Request
    path: Mapping[str, str]
    body: Any = None
    uploads: dict[int, Upload] = field(default_factory=dict)
    form: bool = False

    @property
    def query(self) -> Mapping[str, str]:
        """Return the query parameters."""
        return self.request.query


Answer = tuple[int, Any]  # status and JSON body; None for an empty one
Handler = Callable[[Any, Call], Awaitable[Answer]]
ROUTES: list[tuple[str, str, Handler]] = []


def route(method: str, template: str) -> Callable[[Handler], Handler]:
    """Mark a method of `Serving` as the one that answers ``method template``."""

    def mark(handler: Handler) -> Handler:
        ROUTES.append((method, template, handler))
        return handler

    return mark


class Serving:
    """What stands around each route. ``invalid`` counts what Discord counts toward its ban: 401, 403, 429."""

    def __init__(self, world: World, limits: Limits, dice: faults.Faults, checker: Checker) -> None:
        self.world = world
        self.limits = limits
        self.faults = dice
        self.checker = checker
        self.gateway_url = ""
        self.privileged = 0  # intents granted in the portal
        self.shards = self.max_concurrency = 1  # recommended to a bot; how many of them may log in at a time
        self.requests = 0
        self.invalid = 0
        self.unbuilt: list[str] = []
        self.closed_dms: set[str] = set()  # people who take no messages from the bot (50007)

    def mount(self, app: web.Application) -> None:
        """Add the routes to an application."""
        for method, template, handler in ROUTES:
            app.router.add_route(method, PREFIX + template, self._serve(method, template, handler))
        app.router.add_route("*", "/api/{rest:.*}", self._unknown)
        app.router.add_get("/attachments/{channel}/{file}/{name}", self.cdn)

    # -- the way through --------------------------------------------------------------------------

    def _serve(
        self, method: str, template: str, handler: Handler
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def serve(request: web.Request) -> web.StreamResponse:
            self.requests += 1
            path = request.path.removeprefix(PREFIX)
            fault = self.faults.strike(method, path)
            if fault is not None:
                self.world.traffic(
                    "fault",
                    f"{fault.kind} {fault.status if fault.kind == 'status' else ''} {method} {_quiet(path)}",
                )
                if fault.kind == "stall" and not fault.stored:
                    await request.read()  # so that hanging up is noticed
                    await asyncio.sleep(fault.seconds)
                    if request.transport is None or request.transport.is_closing():
                        return web.Response()  # whoever asked is gone: nothing was stored
                elif fault.kind == "reset_before":
                    await request.read()
                    faults.reset(request)
                    return web.Response()
                elif fault.kind == "status" and not fault.stored:
                    await request.read()
                    self.invalid += fault.status == 429
                    return faults.answer(fault)
            response = await self._respond(method, template, handler, request)
            if fault is not None and fault.kind == "reset_after":
                faults.reset(request)
            elif fault is not None and fault.kind == "stall" and fault.stored:
                await asyncio.sleep(fault.seconds)
            elif fault is not None and fault.kind == "status" and fault.stored:
                return faults.answer(fault)
            elif fault is not None and fault.kind == "truncate" and response.body:
                return await _truncated(request, response)
            return response

        return serve

    async def _respond(
        self, method: str, template: str, handler: Handler, request: web.Request
    ) -> web.Response:
        path = request.path.removeprefix(PREFIX)
        outside = path.startswith(OUTSIDE_LIMITS)
        info = {key: unquote(value) for key, value in request.match_info.items()}
        major = " ".join(info[key] for key in ("channel", "guild", "application", "token") if key in info)
        verdict = self.limits.take(f"{method} {template}", major, time.monotonic(), interaction=outside)
        if "X-RateLimit-Reset" in verdict.headers:
            left = float(verdict.headers["X-RateLimit-Reset-After"])
            verdict.headers["X-RateLimit-Reset"] = f"{time.time() + left:.3f}"
        call = Call(request, info)
        if verdict.retry_after is not None:
            self.invalid += 1
            return self._finish(
                call, method, path, *_limited(verdict.retry_after, verdict.is_global), verdict.headers
            )
        try:
            call = await _read(request, info)
            if not outside and request.headers.get("Authorization") != f"Bot {self.world.token}":
                raise DiscordError(0)
            status, body = await handler(self, call)
        except DiscordError as error:
            status, body = error.status, error.body()
            if status == 429:
                body["retry_after"], body["global"] = 1.0, False
        except NotBuilt as error:
            status, body = self._not_built(method, path, str(error))
        self.invalid += status in (401, 403)
        if call.body is not None or call.form:
            self.checker.request(method, path, call.body, form=call.form, ok=status < 400)
        return self._finish(call, method, path, status, body, verdict.headers)

    def _finish(
        self, call: Call, method: str, path: str, status: int, body: Any, headers: Mapping[str, str]
    ) -> web.Response:
        if status != 501:
            self.checker.response(method, path, status, body)
        names = [upload.filename for upload in call.uploads.values()]
        said = {"request": call.body, "files": names, "answer": body}
        self.world.traffic("rest", f"{method} {_quiet(path)}", body=said, status=status)
        more = {"Via": "1.1 limner-stand-in", **headers}
        if status == 429:
            more["Retry-After"] = str(int(body.get("retry_after", 1)) + 1)
            more["X-RateLimit-Scope"] = "global" if body.get("global") else "user"
            if body.get("global"):
                more["X-RateLimit-Global"] = "true"
        if body is None:
            return web.Response(status=status, headers=more)
        # exactly "application/json": discord.py compares for equality
        return web.Response(
            status=status,
            body=json.dumps(body).encode(),
            headers={**more, "Content-Type": "application/json"},
        )

    def _not_built(self, method: str, path: str, what: str) -> Answer:
        line = f"{method} {_quiet(path)}: {what}"
        self.unbuilt.append(line)
        return 501, {"message": f"501: the stand-in has no {what}", "code": 0}

    async def _unknown(self, request: web.Request) -> web.Response:
        await request.read()
        path = request.path.removeprefix(PREFIX)
        status, body = self._not_built(request.method, path, "such route")
        self.world.traffic("rest", f"{request.method} {_quiet(path)}", status=status, body={"answer": body})
        return web.Response(
            status=status, body=json.dumps(body).encode(), headers={"Content-Type": "application/json"}
        )

    async def cdn(self, request: web.Request) -> web.Response:
        """Serve an attachment whose signed link is whole and has not run out."""
        file_id = request.match_info["file"]
        expires, issued = request.query.get("ex", ""), request.query.get("is", "")
        good = request.query.get("hm") == self.world.files.signature(file_id, expires, issued)
        try:
            good = good and int(expires, 16) > self.world.clock()
        except ValueError:
            good = False
        data = self.world.file(file_id) if good else None
        if data is None:
            return web.Response(status=404, text="This content is no longer available.")
        name = self.world.files.names[file_id][1]
        headers = {"Cache-Control": "private, max-age=86400", "X-Content-Type-Options": "nosniff"}
        response = web.Response(body=data, headers=headers)
        response.content_type = _content_type(name)
        if not response.content_type.startswith(("image/", "video/", "text/plain")):
            response.headers["Content-Disposition"] = "attachment"
        return response


def _quiet(path: str) -> str:
    """Return a path without the token in it."""
    return re.sub(r"/(webhooks|interactions)/(\d+)/[^/]+", r"/\1/\2/…", path)


def _limited(retry_after: float, is_global: bool) -> tuple[int, Json]:
    words = "You are being rate limited."
    return 429, {"message": words, "code": 0, "retry_after": retry_after, "global": is_global}


async def _read(request: web.Request, info: Mapping[str, str]) -> Call:
    """Read a JSON or multipart body: ``payload_json`` and ``files[n]``."""
    if not request.content_type.startswith("multipart/"):
        raw = await request.read()
        if not raw:
            return Call(request, info)
        try:
            return Call(request, info, json.loads(raw))
        except ValueError:
            raise DiscordError(50109) from None
    call = Call(request, info, {}, form=True)
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            raise NotBuilt("nested multipart bodies")
        data = bytes(await part.read(decode=False))
        if part.name == "payload_json":
            try:
                call.body = json.loads(data)
            except ValueError:
                raise DiscordError(50109) from None
            continue
        number = re.fullmatch(r"files\[(\d+)\]", part.name or "")
        if number is None:
            raise NotBuilt(f"multipart field {part.name!r}")
        call.uploads[int(number[1])] = Upload(part.filename or "unknown", data)
    return call


async def _truncated(request: web.Request, response: web.Response) -> web.StreamResponse:
    """Promise the whole body, send half of it and hang up."""
    assert isinstance(response.body, bytes)
    broken = web.StreamResponse(status=response.status, headers=response.headers)
    broken.content_length = len(response.body)
    await broken.prepare(request)
    await broken.write(response.body[: len(response.body) // 2])
    if request.transport is not None:
        request.transport.close()
    return broken


def _content_type(name: str) -> str:
    return mimetypes.guess_type(name)[0] or "application/octet-stream"
