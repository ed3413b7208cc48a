"""The listener and what mounts on it: `/healthz`, `/metrics`, the drawing page; knows the service alone."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI, Response

from engine.config import WebConfig
from engine.errors import ConfigError
from engine.service import Service
from engine.web import draw
from engine.web.metrics import CONTENT_TYPE, metrics

log = logging.getLogger(__name__)

DATABASE_WITHIN = 5.0  # seconds
SILENT_AFTER = 15.0
"""Seconds without a heartbeat (one a second) after which a worker counts as hanging."""


def application(service: Service, parts: Mapping[str, Callable[[], bool]] | None = None) -> FastAPI:
    """Return the listener's application. ``parts``: other things to watch, by name, such as a connection."""
    app = FastAPI(title="Limner", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/healthz")
    async def healthz(response: Response) -> dict[str, Any]:
        """Answer 200 where a picture could be drawn now, else 503, with what is wrong."""
        answer = await health(service, parts or {})
        response.status_code = 200 if answer["status"] == "ok" else 503
        response.headers["Cache-Control"] = "no-store"
        return answer

    @app.get("/metrics")
    async def scrape() -> Response:
        """Answer in Prometheus' text format."""
        return Response(await metrics(service), media_type=CONTENT_TYPE)

    draw.mount(app, service)
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
    service: Service, config: WebConfig, parts: Mapping[str, Callable[[], bool]] | None = None
) -> AsyncIterator[int | None]:
    """Serve while inside and yield the port; None, and nothing is opened, where the listener is off.

    Raises ConfigError where the address cannot be used.
    """
    if not config.enabled:
        yield None
        return
    settings = uvicorn.Config(
        application(service, parts),
        host=config.host,
        port=config.port,
        log_config=None,  # its lines go through ours, which hide tokens
        access_log=False,
        lifespan="off",
    )
    server = _Server(settings)
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    try:
        door = socket.create_server((config.host, config.port), family=family)
    except OSError as error:
        raise ConfigError(
            f"The HTTP listener cannot use {config.host}:{config.port} ({error.strerror}). "
            "Choose another `web.port` or `web.host`."
        ) from None
    port = int(door.getsockname()[1])
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(server.serve(sockets=[door]))
        log.info("listening on http://%s:%s", config.host, port)
        try:
            yield port
        finally:
            server.should_exit = True
            await serving


class _Server(uvicorn.Server):
    """A server that leaves SIGINT and SIGTERM to the bot."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield
