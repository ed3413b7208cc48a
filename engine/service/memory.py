"""Memory of a process that serves for long: what is free is given back, what stays is not looked through."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import sys
from collections.abc import Callable

EVERY = 30.0
"""Seconds between two times. Once takes milliseconds, and nothing is moved by it."""


async def settle(loaded: asyncio.Event) -> None:
    """Once all is loaded that stays, keep the garbage collector from looking through it again and again.

    A full round over a hundred thousand objects, most of them of modules, holds the event loop for 60 ms.
    For a process that serves until it ends: cycles among what is there by then are never collected.
    """
    await loaded.wait()
    gc.collect()
    gc.freeze()


async def give_back(let_go: Callable[[], None] = lambda: None) -> None:
    """Let go of what is not needed and give back what is free, now and then, until cancelled.

    glibc's malloc keeps much of what was freed for what may come. Pictures are opened and encoded in
    several threads, each with a heap of its own: after two hundred clients at once 90 MiB that held nothing
    stayed with the process.
    """
    # musl has none
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    while True:
        await asyncio.sleep(EVERY)
        let_go()
        if trim is not None:
            await asyncio.to_thread(trim, 0)
