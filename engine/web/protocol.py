"""HTTP as uvicorn speaks it, and no patience with clients that never finish their headers."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADERS_WITHIN = 10.0
"""Seconds from a connection, or from a further request's first byte, until its headers are complete.

As long is given to the rest of a body that nobody reads, since its request was answered already.
"""


class ImpatientProtocol(H11Protocol):
    """Closes a connection that begins a request and does not get on with it."""

    within = HEADERS_WITHIN

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._closing: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        """Wait for the next request, as long as uvicorn has it, or for the rest of this one."""
        super().on_response_complete()
        self._look()

    def _look(self) -> None:
        """Wait where a request has begun and nobody serves it; a connection's first is expected at once."""
        served = self.cycle is not None and not self.cycle.response_complete
        begun = self.cycle is None or self.conn.their_state is h11.SEND_BODY or self.conn.trailing_data[0]
        if self.transport.is_closing() or served or not begun:
            self._stop()
        elif self._closing is None:
            self._closing = self.loop.call_later(self.within, self.transport.abort)

    def _stop(self) -> None:
        if self._closing is not None:
            self._closing.cancel()
            self._closing = None


def impatient(within: float) -> type[ImpatientProtocol]:
    """Return the protocol that waits so many seconds."""
    return type("Protocol", (ImpatientProtocol,), {"within": within})
