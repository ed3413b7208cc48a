"""Runs the bot as it is shipped, every host name leading to ``PORT`` on this machine: names, TLS and all."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from typing import Any

PORT = int(os.environ.pop("PORT", "0"))


class Loop(asyncio.SelectorEventLoop):
    """A loop whose resolver knows one address."""

    async def getaddrinfo(self, host: Any, port: Any, **_: Any) -> Any:
        """Return the stand-in, whoever is asked for."""
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", PORT))]


class _Policy(asyncio.DefaultEventLoopPolicy):
    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        return Loop()


if __name__ == "__main__":
    asyncio.set_event_loop_policy(_Policy())
    from bot.cli.main import app

    app(sys.argv[1:])
