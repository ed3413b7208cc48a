"""What may go wrong on the way to Discord, on demand: a list of rules, each firing a set number of times.

Refuses to know what a request means: a rule matches a method and a path, and says what happens to it.
"""

from __future__ import annotations

import json
import random
import re
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from aiohttp import web

Kind = Literal["status", "reset_before", "reset_after", "stall", "truncate"]


@dataclass(slots=True)
class Fault:
    """One rule. ``path`` is searched as a regular expression in the path after ``/api/v10``.

    ``status`` (429, 500 …) is answered instead of serving, unless ``stored`` lets the request through first;
    ``reset_before`` and ``reset_after`` break the connection before and after it was served; ``stall`` waits
    ``seconds`` before serving (with ``stored``: after it); ``truncate`` sends half of the answer.
    ``times=None``: every time. ``chance``: how likely a matching request is hit. ``retry_after``: any number,
    or None to leave it out.
    """

    kind: Kind
    method: str = "*"
    path: str = ""
    times: int | None = 1
    chance: float = 1.0
    status: int = 500
    stored: bool = False
    seconds: float = 0.0
    retry_after: float | None = 0.5
    is_global: bool = False
    via: bool = True  # without a Via header clients take a 429 for a ban by the proxy in front
    hits: int = 0

    def matches(self, method: str, path: str) -> bool:
        """Return whether the rule speaks of this request (leaving chance aside)."""
        if self.times is not None and self.hits >= self.times:
            return False
        return self.method in ("*", method) and re.search(self.path, path) is not None


class Faults:
    """The rules in force, and the seeded dice for those that strike by chance."""

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.rules: list[Fault] = []
        self._dice = random.Random(seed)

    def add(self, kind: Kind, method: str = "*", path: str = "", **more: Any) -> Fault:
        """Put a rule in force; see `Fault` for what it may say."""
        fault = Fault(kind, method, path, **more)
        self.rules.append(fault)
        return fault

    def clear(self) -> None:
        """Drop every rule."""
        self.rules.clear()

    def strike(self, method: str, path: str) -> Fault | None:
        """Return the rule that hits this request, counting the hit."""
        for fault in self.rules:
            if fault.matches(method, path) and self._dice.random() < fault.chance:
                fault.hits += 1
                return fault
        return None


def answer(fault: Fault) -> web.Response:
    """Return the response of a ``status`` rule, shaped as Discord's or as the proxy's in front of it."""
    if fault.status == 429:
        headers = {"Content-Type": "application/json"}
        body: dict[str, Any] = {
            "message": "You are being rate limited.",
            "code": 0,
            "global": fault.is_global,
        }
        if fault.retry_after is not None:
            body["retry_after"] = fault.retry_after
            headers["Retry-After"] = str(max(round(fault.retry_after), 0))
        if fault.via:
            headers["Via"] = "1.1 google"
        if fault.is_global:
            headers["X-RateLimit-Global"] = "true"
        headers["X-RateLimit-Scope"] = "global" if fault.is_global else "user"
        return web.Response(body=json.dumps(body).encode(), status=429, headers=headers)
    if fault.status in (500,):
        return web.Response(
            status=500,
            body=b'{"message": "500: Internal Server Error", "code": 0}',
            content_type="application/json",
        )
    return web.Response(status=fault.status, body=b"upstream connect error", content_type="text/plain")


def reset(request: web.Request) -> None:
    """Break the connection with a TCP reset, so that the other side reads errno 104."""
    transport = request.transport
    if transport is None:
        return
    plug: socket.socket | None = transport.get_extra_info("socket")
    if plug is not None:
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def from_json(items: Iterable[dict[str, Any]]) -> list[Fault]:
    """Read rules from the control interface; raises TypeError for an unknown field."""
    return [Fault(**item) for item in items]
