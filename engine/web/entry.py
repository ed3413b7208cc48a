"""What every request passes first and last: its id, its answer's headers, its errors, its line in the log."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Sequence

from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.errors import LimnerError
from engine.web.bodies import Budget
from engine.web.errors import Fault, Shape, answer, fault_of, plain

log = logging.getLogger("limner.web")

HEADERS = {"x-content-type-options": "nosniff", "cache-control": "private, no-store"}
OPEN = ("/healthz", "/draw/")
"""What is answered also while the server stops."""
METHOD, PATH = "This address takes {}.", "There is nothing at this address."

Shapes = Sequence[tuple[tuple[str, ...], Shape]]
"""Beginnings of paths, and how errors are said below them; the first that fits counts."""


def shape_of(path: str, shapes: Shapes) -> Shape:
    """Return how errors are said at a path."""
    return next((shape for starts, shape in shapes if path.startswith(starts)), plain)


class EntryMiddleware:
    """The application's outermost part. ``draining``: whether the server stops."""

    def __init__(self, app: ASGIApp, shapes: Shapes, budget: Budget, draining: Callable[[], bool]) -> None:
        self._app = app
        self._shapes = shapes
        self._budget = budget
        self._draining = draining

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        status, ended, began = 0, False, time.monotonic()

        async def sending(message: Message) -> None:
            nonlocal status, ended
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in {"x-request-id": request_id, **HEADERS}.items():
                    headers.setdefault(name, value)
            await send(message)
            ended = message["type"] == "http.response.body" and not message.get("more_body", False)

        path = scope["path"]
        try:
            if self._draining() and not path.startswith(OPEN):
                raise Fault("draining", "This server is stopping. Ask again in a moment.", retry_after=10)
            await self._app(scope, receive, sending)
        except ClientDisconnect:
            status = status or 499
        except Exception as error:
            fault = fault_of(error)
            if fault.kind == "server":
                log.exception("request %s broke", request_id)
            if status and not ended:  # the answer had begun: nothing better can be said
                raise
            if not status:
                response = answer(shape_of(path, self._shapes), fault, request_id)
                await response(scope, receive, sending)
        finally:
            self._budget.release(scope)
            took = round(time.monotonic() - began, 3)
            told = {"request": request_id, "status": status, "seconds": took}
            log.info("%s %s", scope["method"], path[:200], extra=told)


def handle_errors(app: FastAPI, shapes: Shapes) -> None:
    """Answer what is refused, also by FastAPI itself, in the shape of the door."""

    def said(request: Request, fault: Fault) -> Response:
        return answer(shape_of(request.url.path, shapes), fault, request.state.request_id)

    @app.exception_handler(Fault)
    @app.exception_handler(LimnerError)
    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> Response:
        """Say what the service refuses, or that something broke."""
        fault = fault_of(error)
        if fault.kind == "server" and isinstance(error, LimnerError):
            log.error("request %s failed", request.state.request_id, exc_info=error)
        return said(request, fault)

    @app.exception_handler(ClientDisconnect)
    async def left(request: Request, error: Exception) -> Response:
        """Answer nobody."""
        return Response(status_code=499)

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        """Say that there is no such path, or not with this method."""
        if error.status_code == 405:
            allowed = ", ".join(sorted(_methods(app, request.scope)))
            fault = Fault("method", METHOD.format(allowed), headers={"Allow": allowed})
        else:
            fault = Fault("missing", PATH, code="path")
        return said(request, fault)


def _methods(app: FastAPI, scope: Scope) -> set[str]:
    """Return what may be done at a path, by all routes that have it: each knows its own method alone."""
    routes = [route for route in app.routes if isinstance(route, Route)]
    here = [route for route in routes if route.matches(scope)[0] is not Match.NONE]
    return {method for route in here for method in route.methods or ()}
