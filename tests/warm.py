"""Programs of ours, started by forking a process that has imported their modules: the same, and at once.

A cycle of the reliability tests is a kill and a start, and two thirds of a start are imports. What is forked
has a session, an environment and standard streams of its own, and ``kill -9`` ends it as it ends any other.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from bot.demo.driver import BotProcess
from tests import ROOT


class Child:
    """A forked process, with what `asyncio.subprocess.Process` has of it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._ended = asyncio.Event()

    def ended(self, code: int) -> None:
        """Note how it ended."""
        self.returncode = code
        self._ended.set()

    async def wait(self) -> int:
        """Wait until it has ended and return its status; a signal's is below zero."""
        await self._ended.wait()
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.send_signal(signal.SIGKILL)


class Warm:
    """The process that is forked; it ends with us, and its children's input with it."""

    def __init__(self, *modules: str) -> None:
        self.modules = modules
        self._process: asyncio.subprocess.Process | None = None
        self._answers: asyncio.Queue[int] = asyncio.Queue()
        self._children: dict[int, Child] = {}
        self._early: dict[int, int] = {}

    async def start(
        self,
        module: str,
        *arguments: str,
        environment: Mapping[str, str],
        streams: tuple[int, int, int],
        cwd: Path | None = None,
    ) -> Child:
        """Run ``python -m module arguments…`` on these descriptors, which stay ours to close."""
        if self._process is None:
            await self._begin()
        told = {
            "arguments": [module, *arguments],
            "environment": dict(environment),
            "cwd": str(cwd or Path.cwd()),
        }
        socket.send_fds(self._line, [json.dumps(told).encode() + b"\n"], streams)
        child = Child(await self._answers.get())
        self._children[child.pid] = child
        if child.pid in self._early:
            child.ended(self._early.pop(child.pid))
        return child

    async def _begin(self) -> None:
        self._line, theirs = socket.socketpair()
        with theirs:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.warm", str(theirs.fileno()), *self.modules),
                pass_fds=[theirs.fileno()],
                cwd=ROOT,
            )
        reader, self._writer = await asyncio.open_connection(sock=self._line.dup())
        self._listening = asyncio.create_task(self._listen(reader))

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        async for line in reader:
            what, pid, code = json.loads(line)
            if what == "started":
                self._answers.put_nowait(pid)
            elif pid in self._children:
                self._children.pop(pid).ended(code)
            else:  # before whoever asked for it has heard
                self._early[pid] = code

    async def end(self) -> None:
        """End the process; children that still run lose their parent and no more."""
        if self._process is not None:
            self._writer.close()
            self._line.close()
            await self._process.wait()
            await self._listening


class WarmBot(BotProcess):
    """A bot process that is forked instead of run anew."""

    warm: Warm
    _input: int | None = None

    async def _spawn(self, sink: int) -> asyncio.subprocess.Process:
        theirs, ours = os.pipe()
        try:
            child = await self.warm.start(
                *self.command[2:], environment=self.environment, streams=(theirs, sink, sink), cwd=self.cwd
            )
        finally:
            os.close(theirs)
        if self._input is not None:
            os.close(self._input)
        self._input = ours  # open as long as the bot shall run
        return cast("Any", child)

    async def __aexit__(self, *error: Any) -> None:
        await super().__aexit__(*error)
        if self._input is not None:
            os.close(self._input)
        await self.warm.end()


def warm_bot(*arguments: Any, **more: Any) -> WarmBot:
    """Return a bot process with a parent of its own."""
    bot = WarmBot(*arguments, **more)
    bot.warm = Warm("bot.cli.main", "bot.client")
    return bot


def serve(line: socket.socket) -> list[str]:
    """Fork whenever told; return in each child what it is to run. Ends when the line does."""
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake)
    while True:
        ready, _, _ = select.select([line, woken], [], [])
        if woken in ready:
            os.read(woken, 4096)
            for pid, code in buried():
                line.sendall(json.dumps(["ended", pid, code]).encode() + b"\n")
        if line not in ready:
            continue
        text, descriptors, _, _ = socket.recv_fds(line, 1 << 16, 3)
        if not text:
            sys.exit(0)
        while not text.endswith(b"\n"):
            text += line.recv(1 << 16)
        told = json.loads(text)
        pid = os.fork()
        if pid == 0:
            become(told["environment"], told["cwd"], descriptors)
            return list(told["arguments"])
        for descriptor in descriptors:
            os.close(descriptor)
        line.sendall(json.dumps(["started", pid, 0]).encode() + b"\n")


def buried() -> list[tuple[int, int]]:
    """Return the children that have ended, and how."""
    found = []
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            found.append((ended[0], os.waitstatus_to_exitcode(ended[1])))
    return found


def become(environment: Mapping[str, str], cwd: str, streams: Sequence[int]) -> None:
    """Be a process of one's own: session, signals, streams, folder and environment."""
    os.setsid()
    os.chdir(cwd)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
    os.closerange(3, 256)
    os.environ.clear()
    os.environ.update(environment)


def main(line: str, *modules: str) -> None:
    """Import the modules, then serve; each child runs what it was told to."""
    for module in modules:
        importlib.import_module(module)
    with socket.socket(fileno=int(line)) as told:
        module, *arguments = serve(told)
        told.detach()  # a child has closed it
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
