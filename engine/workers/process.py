"""A worker process on this machine, spoken to over its pipes; refuses to know stores."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import struct
import sys

from engine.workers.handle import Worker
from engine.workers.protocol import Event, Order
from engine.workers.worker import frame


class LocalWorker(Worker):
    """A child process: it ends when the pipe to it closes, so that none outlives the bot."""

    _process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        """The process's id."""
        return self._process.pid if self._process else None

    async def _start(self) -> None:
        self._process = process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "engine.workers.worker"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=os.environ | self.setup.environment,
            start_new_session=True,  # Ctrl-C is for the bot, which then closes the pipe
        )
        assert process.stdin is not None
        process.stdin.write(frame(self.setup))

    def _order(self, order: Order) -> None:
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(ConnectionError, RuntimeError):
                self._process.stdin.write(frame(order))

    async def _pump(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        try:
            while True:
                (length,) = struct.unpack(">I", await self._process.stdout.readexactly(4))
                event: Event = pickle.loads(await self._process.stdout.readexactly(length))
                self._take(event)
        except (asyncio.IncompleteReadError, ConnectionError):
            return

    def kill(self) -> None:
        """End the process at once; it is started again."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def _ended(self) -> object:
        assert self._process is not None
        return await self._process.wait()

    async def _stop(self) -> None:
        await close(self._process, 2.0)


async def close(process: asyncio.subprocess.Process | None, seconds: float) -> None:
    """Close a child's pipe, by which it ends; after ``seconds``, end it."""
    if process is None or process.returncode is not None:
        return
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(seconds):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
