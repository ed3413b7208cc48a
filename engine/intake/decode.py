"""The keeper of the process that opens pictures: asks, waits no longer than it may, starts it anew.

Refuses to open anything in this process: what a hostile file does, it does to ``engine/intake/child.py``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import struct
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import UserError
from engine.provenance.values import FoundRecipe, Verdict, from_json
from engine.words import Sentence

log = logging.getLogger(__name__)

CHILD = Path(__file__).with_name("child.py")
MOST_BYTES = 20 * 2**20
MOST_PIXELS = 25_000_000
SECONDS = 90.0
"""How long one picture may take, the start of the process and those before it not counted."""

EMPTY = Sentence("This file is empty. Send the picture again.")
TOO_LARGE = Sentence(
    "This file is larger than {most_bytes} MB. Make the picture smaller first.",
    most_bytes=MOST_BYTES // 2**20,
)
LATE = Sentence("This picture takes too much to open. Save it again, smaller, as PNG or JPEG.")


@dataclass(frozen=True, slots=True)
class Clean:
    """A picture made harmless: RGB as PNG, upright, over white, with nothing of its file but the pixels.

    ``mask`` is the PNG (grey) of what was transparent (black) and opaque (white), where anything was.
    ``original`` is the size in pixels it came in, if that was larger than is kept. ``recipe`` is what the
    file says it was drawn with, here or by another program; anybody can write that.
    """

    png: bytes
    width: int
    height: int
    mask: bytes | None = None
    original: tuple[int, int] = (0, 0)
    recipe: FoundRecipe | None = None


class Decoder:
    """One warm process, one picture at a time. Close it at the end."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._turn = asyncio.Lock()
        self._process: Process | None = None
        self.started = 0
        """How many processes were started so far."""

    async def clean(self, data: bytes) -> Clean:
        """Return the picture in these bytes. Raises UserError with the sentence that says what is wrong."""
        facts, files = await self._answer(b"c", b"", data)
        recipe = facts.get("recipe")
        png, mask = files[: facts["png"]], files[facts["png"] :]
        return Clean(
            png, facts["width"], facts["height"], mask or None, tuple(facts["original"]),
            FoundRecipe(**recipe) if recipe else None,
        )  # fmt: skip

    async def verify(self, data: bytes, root: str | None = None) -> Verdict:
        """Return what these bytes say of their origin. ``root``: this host's own certificates (PEM).

        Raises UserError where they are no picture that can be opened.
        """
        facts, _ = await self._answer(b"v", (root or "").encode(), data)
        return from_json(facts["verdict"])

    async def _answer(self, purpose: bytes, more: bytes, data: bytes) -> tuple[dict[str, Any], bytes]:
        """Return the facts, and the files behind them. Raises UserError."""
        if not data:
            raise UserError(EMPTY)
        if len(data) > MOST_BYTES:
            raise UserError(TOO_LARGE)
        async with self._turn:
            try:
                async with asyncio.timeout(self._seconds):
                    reply = await self._ask((purpose, struct.pack(">H", len(more)), more, data))
            except TimeoutError:
                log.warning("a picture was not opened within %.0f s", self._seconds)
                await self.close()
                raise UserError(LATE) from None
            except BaseException:
                await self.close()  # half a picture is in the pipe
                raise
        size = struct.unpack_from(">I", reply)[0]
        facts: dict[str, Any] = json.loads(reply[4 : 4 + size])
        if "refusal" in facts:
            raise UserError(facts["refusal"])
        return facts, reply[4 + size :]

    async def _ask(self, request: Sequence[bytes]) -> bytes:
        """Hand a picture over and return the answer; a process found dead is replaced, once."""
        for last in (False, True):
            process = await self._running()
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                process.stdin.write(struct.pack(">I", sum(map(len, request))))
                process.stdin.writelines(request)
                await process.stdin.drain()
                length = struct.unpack(">I", await process.stdout.readexactly(4))[0]
                return await process.stdout.readexactly(length)
            except (OSError, asyncio.IncompleteReadError):
                log.warning("the process that opens pictures went away; starting another")
                await self.close()
                if last:
                    raise UserError(LATE) from None
        raise AssertionError

    async def _running(self) -> Process:
        if self._process is None or self._process.returncode is not None:
            # isolated (-I) and with an empty environment: no token, no paths, nothing of ours
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-I", str(CHILD), stdin=PIPE, stdout=PIPE, stderr=DEVNULL,
                env={}, cwd="/" if os.name == "posix" else None, start_new_session=True,
            )  # fmt: skip
            self.started += 1
        return self._process

    async def close(self) -> None:
        """Stop the process."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.name == "posix":
                os.killpg(process.pid, signal.SIGKILL)  # its fork too
            else:
                process.kill()
        with contextlib.suppress(ProcessLookupError):
            await process.wait()
