"""Webhooks: how a job ended, told to a server of the key's, signed as Standard Webhooks says.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import logging
from collections import Counter
from datetime import UTC, datetime

from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response

from engine.errors import NotFound
from engine.jobs import Delivery
from engine.service import Service
from engine.service.hooks import address
from engine.web.doors import Doors, Draws
from engine.web.jobs import told_of

log = logging.getLogger("limner.web")

AT_ONCE, EACH = 16, 4
"""Messages that are sent at the same time, in all and for one key."""
LOOK_EVERY = 60.0
"""Seconds after which the database is looked at though nothing is known to be due."""
REST = 5.0
"""Seconds before it is gone on after an error of ours."""


def mount(app: FastAPI, doors: Doors) -> None:
    """Put the endpoint on the application."""

    @app.get("/api/v1/webhook-secret")
    async def webhook_secret(key: Draws) -> Response:
        """Return what this key's webhooks are signed with."""
        secret = base64.b64encode(await _secret(doors.service, key.id)).decode()
        return JSONResponse({"secret": f"whsec_{secret}"})


async def _secret(service: Service, key: int) -> bytes:
    return await service.keys.secret(f"webhook {key}")


def signature(secret: bytes, name: str, timestamp: int, body: bytes) -> str:
    """Return the header `webhook-signature`, version 1: HMAC-SHA256."""
    signed = hmac.digest(secret, f"{name}.{timestamp}.".encode() + body, hashlib.sha256)
    return f"v1,{base64.b64encode(signed).decode()}"


class Webhooks:
    """Sends what is due until it is cancelled."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._hooks = service.hooks
        self._under_way: dict[int, int] = {}  # delivery: key

    async def run(self) -> None:
        """Send everything that is due now and whatever becomes so."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._hooks.changed.clear()  # clear, then look: what comes in between is kept
                try:
                    for delivery in await self._hooks.due(AT_ONCE * EACH):
                        if self._has_room(delivery):
                            self._under_way[delivery.id] = address(delivery)[0]
                            tasks.create_task(self._send(delivery))
                    pause = await self._hooks.pause()
                except Exception:
                    log.exception("webhooks cannot be looked up; tried again")
                    pause = REST
                try:
                    async with asyncio.timeout(min(LOOK_EVERY, LOOK_EVERY if pause is None else pause)):
                        await self._hooks.changed.wait()
                except TimeoutError:
                    pass

    def _has_room(self, delivery: Delivery) -> bool:
        if delivery.id in self._under_way or len(self._under_way) >= AT_ONCE:
            return False
        return Counter(self._under_way.values())[address(delivery)[0]] < EACH

    async def _send(self, delivery: Delivery) -> None:
        try:
            key = await self._service.keys.get(address(delivery)[0])
            if key is None:
                await self._hooks.give_up(delivery, "the key that asked for it holds no more")
                return
            job = await self._service.find(delivery.job)
            ended = datetime.fromtimestamp(job.finished_at or job.created_at, UTC).isoformat()
            told = {"type": f"job.{job.state}", "timestamp": ended, "data": told_of(job)}
            body = json.dumps(told).encode()
            name, timestamp = f"msg_{job.id}_{delivery.id}", int(self._service.store.now())
            headers = {
                "Content-Type": "application/json",
                "webhook-id": name,
                "webhook-timestamp": str(timestamp),
                "webhook-signature": signature(await _secret(self._service, key.id), name, timestamp, body),
            }
            await self._hooks.send(delivery, body, headers)
        except NotFound:
            log.info("webhook %d: its job was deleted", delivery.id)
        except Exception:
            log.exception("webhook %d could not be sent; it is tried again", delivery.id)
            await asyncio.sleep(REST)
        finally:
            del self._under_way[delivery.id]
            self._hooks.changed.set()
