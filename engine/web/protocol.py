"""HTTP as uvicorn speaks it, and no patience with clients that finish no headers or read no answer."""

from __future__ import annotations

import asyncio
import logging
import uuid
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

log = logging.getLogger("limner.web")

HEADERS_WITHIN = 10.0
"""Seconds from a connection, or from a further request's first byte, until its headers are complete.

As long is given to the rest of a body that nobody reads, since its request was answered already.
"""
READS_WITHIN = 30.0
"""Seconds in which whoever is answered takes nothing of what waits for them, and is cut off."""
SENT_AHEAD = 256 * 1024
"""Bytes that the system keeps of an answer: few, so that it shows soon whether somebody reads.

The system asks for more once a third of it is read: who takes less than that in ``READS_WITHIN``, some
5 KB a second, is cut off too.
"""


class ImpatientProtocol(H11Protocol):
    """Closes a connection that begins a request and does not get on with it, or does not read its answer."""

    within = HEADERS_WITHIN
    reads_within = READS_WITHIN

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._closing: asyncio.TimerHandle | None = None
        self._reading: asyncio.TimerHandle | None = None
        self._unread = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop()
        if self._reading is not None:
            self._reading.cancel()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        super().data_received(data)
        self._look()

    def pause_writing(self) -> None:
        """Send no more for now, and see that what was sent is read."""
        super().pause_writing()
        self._expect_reading()

    def resume_writing(self) -> None:
        """Send on: somebody reads."""
        super().resume_writing()
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None
            self._expect_reading()

    def on_response_complete(self) -> None:
        """Wait for the next request, as long as uvicorn has it, or for the rest of this one."""
        super().on_response_complete()
        self._expect_reading()
        self._look()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, with an id as every answer has one."""
        request_id = uuid.uuid4().hex
        log.info("what came is no HTTP", extra={"request": request_id, "status": 400})
        headers = [
            ("content-type", "text/plain; charset=utf-8"),
            ("x-request-id", request_id),
            ("x-content-type-options", "nosniff"),
            ("cache-control", "private, no-store"),
            ("connection", "close"),
        ]
        for event in (
            h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
            h11.Data(data=b"This is no HTTP request that can be read, or its headers are too large.\n"),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

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

    def _expect_reading(self) -> None:
        """Wait until less is unread than now."""
        self._unread = self.transport.get_write_buffer_size()
        if self._unread and self._reading is None:
            self._reading = self.loop.call_later(self.reads_within, self._unread_still)

    def _unread_still(self) -> None:
        """Cut off whoever read nothing; an answer that goes on, and is not held up, is none of these."""
        self._reading = None
        held_up = self.flow.write_paused or self.cycle is None or self.cycle.response_complete
        if held_up and self.transport.get_write_buffer_size() >= self._unread:
            self.transport.abort()
        elif held_up:
            self._expect_reading()


def impatient(within: float, reads_within: float = READS_WITHIN) -> type[ImpatientProtocol]:
    """Return the protocol that waits so many seconds."""
    return type("Protocol", (ImpatientProtocol,), {"within": within, "reads_within": reads_within})
