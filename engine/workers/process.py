"""A worker process on this machine, spoken to over its pipes; refuses to know stores."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import struct
import sys
from collections.abc import AsyncIterator, Mapping
from typing import Any

from engine.workers.handle import Worker
from engine.workers.protocol import Order
from engine.workers.worker import frame


class Child:
    """A child process that speaks in frames: it ends when the pipe to it closes, so that none outlives us."""

    _process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        """The process's id."""
        return self._process.pid if self._process else None

    async def start(self, module: str, environment: Mapping[str, str], first: object) -> None:
        """Run ``python -m module``, with this beside our own environment, and tell it something first."""
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", module),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, **environment},
            start_new_session=True,  # Ctrl-C is for the bot, which then closes the pipe
        )
        self.write(first)

    def write(self, message: object) -> None:
        """Tell the process something; what cannot be told any more is dropped."""
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(ConnectionError, RuntimeError):
                self._process.stdin.write(frame(message))

    async def said(self) -> AsyncIterator[Any]:
        """Yield what the process says, until it is gone."""
        assert self._process is not None
        assert self._process.stdout is not None
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                (length,) = struct.unpack(">I", await self._process.stdout.readexactly(4))
                yield pickle.loads(await self._process.stdout.readexactly(length))

    def kill(self) -> None:
        """End the process at once."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def ended(self) -> int:
        """Wait until the process is gone; return its exit status."""
        assert self._process is not None
        return await self._process.wait()

    async def close(self, seconds: float) -> None:
        """Close the pipe to the process, by which it ends; after ``seconds``, end it."""
        if self._process is None or self._process.returncode is not None:
            return
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(seconds):
                await self.ended()
        except TimeoutError:
            self.kill()
            await self.ended()


class LocalWorker(Child, Worker):
    """A worker that is a child process."""

    async def _start(self) -> None:
        await self.start("engine.workers.worker", self.setup.environment, self.setup)

    def _order(self, order: Order) -> None:
        self.write(order)

    async def _pump(self) -> None:
        async for event in self.said():
            self._take(event)

    async def _ended(self) -> object:
        return await self.ended()

    async def _stop(self) -> None:
        await self.close(2.0)
