"""``limner serve``: the HTTP API alone, without Discord and without a token."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable

from engine.config import Config
from engine.service import Service
from engine.service.memory import settle
from engine.service.reload import reload
from engine.web import Doors, listening

log = logging.getLogger("limner.serve")

DRAIN = 12.0
"""Seconds that what is being drawn is given when the server is asked to stop."""


async def serve(config: Config, reread: Callable[[], Config]) -> None:
    """Serve until SIGINT or SIGTERM; SIGHUP reads the configuration anew. Raises ConfigError."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signum, stop.set)
    tasks: set[asyncio.Task[None]] = set()
    async with Service.open(config) as service:
        tasks.add(loop.create_task(settle(service.origin.prepared)))
        loop.add_signal_handler(signal.SIGHUP, lambda: tasks.add(loop.create_task(reload(service, reread))))
        doors = Doors.of(service)
        async with listening(service, config.web, doors=doors) as port:
            log.info("serving the API on port %s", port)
            await stop.wait()
            log.info("stopping; what is being drawn gets %.0f s", DRAIN)
            doors.draining = True
            await service.control.drained(DRAIN)
    log.info("stopped")
