"""The listener and what mounts on it: health, metrics, the drawing page, the API; knows the service alone."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from starlette.types import ASGIApp

from engine.config import WebConfig
from engine.errors import ConfigError
from engine.service import Service
from engine.web import docs, draw, gallery, jobs, links, openai, predict, sdapi, stability, uploads, webhooks
from engine.web.bodies import Budget
from engine.web.doors import Doors
from engine.web.entry import EntryMiddleware, Shapes, handle_errors
from engine.web.metrics import CONTENT_TYPE, metrics
from engine.web.protocol import HEADERS_WITHIN, READS_WITHIN, SENT_AHEAD, impatient

log = logging.getLogger(__name__)

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
KEPT_OPEN = 20
"""Seconds a connection stays open between two requests: longer than clients keep theirs (httpx 5,
aiohttp 15), so that none sends into one that is just being closed."""
LEAVING = 5
"""Seconds that answers under way may take once the listener closes."""

DATABASE_WITHIN = 5.0  # seconds
SILENT_AFTER = 15.0
"""Seconds without a heartbeat (one a second) after which a worker counts as hanging."""


SHAPES: Shapes = (
    (stability.STARTS, stability.shape),
    (predict.STARTS, predict.shape),
    (openai.STARTS, openai.shape),
    (sdapi.STARTS, sdapi.shape),
    (gallery.STARTS, gallery.shape),
    (jobs.STARTS, jobs.shape),
)
"""How each door says its errors, by the beginnings of its paths."""


def application(
    service: Service, parts: Mapping[str, Callable[[], bool]] | None = None, doors: Doors | None = None
) -> FastAPI:
    """Return the listener's application. ``parts``: other things to watch, by name, such as a connection.

    ``doors``: the API's, where it is wanted; then only a key with that scope reads the metrics.
    """
    app = FastAPI(title="Limner", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/healthz")
    async def healthz(response: Response) -> dict[str, Any]:
        """Answer 200 where a picture could be drawn now, else 503, with what is wrong."""
        answer = await health(service, parts or {})
        response.status_code = 200 if answer["status"] == "ok" else 503
        response.headers["Cache-Control"] = "no-store"
        return answer if doors is None else {"status": "ok" if answer["status"] == "ok" else "not ok"}

    @app.get("/metrics")
    async def scrape(request: Request) -> Response:
        """Answer in Prometheus' text format."""
        if doors is not None:
            await doors.gate.key(request, "metrics")
        return Response(await metrics(service), media_type=CONTENT_TYPE)

    draw.mount(app, service, doors.budget if doors is not None else Budget())
    links.mount(app, service, doors)
    if doors is not None:
        app.state.doors = doors
        for door in (stability, predict, openai, sdapi, jobs, uploads, webhooks, gallery, docs):
            door.mount(app, doors)
        handle_errors(app, SHAPES)
    return app


async def health(service: Service, parts: Mapping[str, Callable[[], bool]]) -> dict[str, Any]:
    """Return how everything stands; ``status`` is ``ok``, or the first thing that is wrong."""
    wrong = []
    try:
        async with asyncio.timeout(DATABASE_WITHIN):
            await service.meta("healthz")  # a real read of the database
        database = True
    except Exception:
        log.exception("the database does not answer")
        database = False
        wrong.append("the database does not answer")
    workers = [
        {
            "ready": worker["ready"] and worker["silence"] < SILENT_AFTER,
            "name": worker["name"],
            "device": worker["device"],
            "models": worker["models"],
            "restarts": worker["restarts"],
            "silence_seconds": round(worker["silence"], 1),
        }
        for worker in service.control.workers()
    ]
    if not any(worker["ready"] for worker in workers):
        wrong.append("no worker is ready")
    others = {name: look() for name, look in parts.items()}
    wrong += [f"{name} is not ready" for name, good in others.items() if not good]
    queue = await service.queue()
    return {
        "status": wrong[0] if wrong else "ok",
        "database": database,
        "workers": workers,
        "queue": {"waiting": len(queue.waiting), "running": len(queue.running), "paused": queue.paused},
        **others,
    }


@asynccontextmanager
async def listening(
    service: Service,
    config: WebConfig,
    parts: Mapping[str, Callable[[], bool]] | None = None,
    doors: Doors | None = None,
) -> AsyncIterator[int | None]:
    """Serve while inside and yield the port; None, and nothing is opened, where the listener is off.

    ``doors``: the API's, where it is wanted. Raises ConfigError where the address cannot be used.
    """
    if not config.enabled and doors is None:
        yield None
        return
    app: ASGIApp = application(service, parts, doors)
    if doors is not None:
        app = EntryMiddleware(app, SHAPES, doors.budget, lambda: doors.draining)
        if config.host not in LOOPBACK and not config.public_url.startswith("https:"):
            log.warning("the API can be reached from other machines without https: set `web.public_url`")
    server = _Server(_settings(app, config, doors))
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    try:
        door = socket.create_server((config.host, config.port), family=family)
    except OSError as error:
        raise ConfigError(
            f"The HTTP listener cannot use {config.host}:{config.port} ({error.strerror}). "
            "Choose another `web.port` or `web.host`."
        ) from None
    door.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SENT_AHEAD)  # of all its connections
    port = int(door.getsockname()[1])
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(server.serve(sockets=[door]))
        log.info("listening on http://%s:%s", config.host, port)
        if doors is not None:
            host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(config.host, config.host)
            doors.url = config.public_url.rstrip("/") or f"http://{host}:{port}"
            hooks = tasks.create_task(webhooks.Webhooks(service).run())
        try:
            yield port
        finally:
            if doors is not None:
                doors.draining = True
                doors.drawing.closing.set()
            server.should_exit = True
            await serving
            if doors is not None:
                await doors.drawing.left()
                hooks.cancel()


def _settings(app: ASGIApp, config: WebConfig, doors: Doors | None) -> uvicorn.Config:
    patience = (HEADERS_WITHIN, READS_WITHIN) if doors is None else (doors.headers_within, doors.reads_within)
    return uvicorn.Config(
        app,
        host=config.host,
        port=config.port,
        log_config=None,  # its lines go through ours, which hide tokens
        access_log=False,
        timeout_keep_alive=KEPT_OPEN,
        lifespan="off",
        server_header=False,
        http=impatient(*patience),
        proxy_headers=False,  # the API's gate believes the proxies that the host names
        timeout_graceful_shutdown=LEAVING,
    )


class _Server(uvicorn.Server):
    """A server that leaves SIGINT and SIGTERM to the bot."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield
