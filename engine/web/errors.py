"""What goes wrong at a door, as one value; each door says it in the shape of its own contract."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

from fastapi.responses import JSONResponse

from engine.errors import EngineError, LimitError, NotFound, UserError
from engine.moderation import BlockedError
from engine.service import DrainingError, RefusedError

FaultType = Literal[
    "invalid",
    "unauthorized",
    "forbidden",
    "missing",
    "gone",
    "method",
    "slow",
    "conflict",
    "large",
    "media",
    "rate",
    "waiting",
    "allowance",
    "blocked",
    "server",
    "busy",
    "draining",
]
STATUS: Mapping[FaultType, int] = {
    "invalid": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "missing": 404,
    "gone": 410,
    "method": 405,
    "slow": 408,
    "conflict": 409,
    "large": 413,
    "media": 415,
    "rate": 429,
    "waiting": 429,
    "allowance": 429,
    "blocked": 400,
    "server": 500,
    "busy": 503,
    "draining": 503,
}
HOPELESS: frozenset[FaultType] = frozenset({"conflict", "allowance"})
"""What the same request meets again, though its status says otherwise."""

APOLOGY = "Something broke on our side. Nothing was charged; please try again."


class Fault(Exception):
    """Why a request cannot be done. ``field``: the one that is wrong. ``code``: the contract's name."""

    def __init__(
        self,
        kind: FaultType,
        sentence: str,
        *,
        field: str | None = None,
        code: str | None = None,
        retry_after: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(sentence)
        self.kind = kind
        self.sentence = sentence
        self.field = field
        self.code = code
        self.retry_after = retry_after
        self.headers = dict(headers or {})


def wrong(field: str, what: str, code: str | None = None) -> Fault:
    """Return that the value of a field is wrong, and how."""
    return Fault("invalid", f"{field}: {what}", field=field, code=code)


def fault_of(error: Exception) -> Fault:
    """Return what an error of the service means to a door."""
    match error:
        case Fault():
            return error
        case BlockedError():
            return Fault("blocked", str(error))
        case DrainingError():
            return Fault("draining", str(error), retry_after=60)
        case RefusedError():
            return Fault("forbidden", str(error))
        case LimitError(kind="size"):
            return Fault("invalid", str(error))
        case LimitError():
            passes = error.kind != "allowance"
            return Fault(
                error.kind if error.kind != "size" else "invalid",
                str(error),
                retry_after=error.retry_after if error.retry_after or not passes else 10.0,
            )
        case NotFound():
            return Fault("missing", str(error))
        case UserError():
            return Fault("invalid", str(error))
        case EngineError():
            return Fault("server", error.apology)
        case _:
            return Fault("server", APOLOGY)


class Shaped(NamedTuple):
    """An error as a contract writes it."""

    status: int
    body: dict[str, Any]


Shape = Callable[[Fault, str], Shaped]
"""From a fault and the request's id to how a door says it."""


def answer(shape: Shape, fault: Fault, request_id: str) -> JSONResponse:
    """Return the response."""
    status, body = shape(fault, request_id)
    headers = dict(fault.headers)
    if fault.retry_after is not None:
        headers["Retry-After"] = str(max(1, math.ceil(fault.retry_after)))
    if fault.kind in HOPELESS:
        headers["x-should-retry"] = "false"
    return JSONResponse(body, status_code=status, headers=headers)


def plain(fault: Fault, request_id: str) -> Shaped:
    """The shape of what no other contract rules."""
    error = {"kind": fault.kind, "message": fault.sentence, "field": fault.field, "request_id": request_id}
    return Shaped(STATUS[fault.kind], {"error": error})
