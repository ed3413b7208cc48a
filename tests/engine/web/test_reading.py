"""Whoever does not read what is answered is cut off; whoever reads, however slowly, gets all of it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import psutil

from engine.web import protocol
from tests.engine.web.conftest import Api, Opened

Held = Callable[[], Awaitable[bool]]
TIMES = 60
"""Requests sent at once: their answers are many times what the system and asyncio keep of them."""


@asynccontextmanager
async def asked(api: Api, request: str) -> AsyncIterator[tuple[asyncio.StreamReader, Held]]:
    """Send requests from a socket that takes little ahead, and read nothing yet.

    Yield also what says whether the server still holds its end of the connection.
    """
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
    one.setblocking(False)
    port = int(api.url.rpartition(":")[2])
    await asyncio.get_running_loop().sock_connect(one, ("127.0.0.1", port))
    ends = (port, one.getsockname()[1])
    reader, writer = await asyncio.open_connection(sock=one, limit=4096)

    async def held() -> bool:
        found = psutil.Process().net_connections("tcp")
        return any(end.raddr and (end.laddr.port, end.raddr.port) == ends for end in found)

    await api.settled(held)
    writer.write(request.encode())
    try:
        yield reader, held
    finally:
        writer.close()


def request(path: str, *more: str) -> str:
    return "\r\n".join((f"GET {path} HTTP/1.1", "Host: x", *more, "", ""))


def test_what_is_promised() -> None:
    assert protocol.READS_WITHIN == 30.0


async def gone(held: Held) -> None:
    async with asyncio.timeout(60):
        while await held():  # noqa: ASYNC110 - a server's end tells nobody
            await asyncio.sleep(0.02)


async def test_whoever_reads_nothing_is_cut_off(api_at: Opened) -> None:
    async with api_at(reads_within=1.0) as api, api.client("") as client:
        whole = len((await client.get("/openapi.json")).content)
        async with asked(api, request("/openapi.json") * TIMES) as (reader, held):
            await gone(held)
            came = 0
            try:
                while piece := await reader.read(2**16):
                    came += len(piece)
            except ConnectionError:
                pass
            assert came < whole * TIMES / 2
        answer = await client.get("/openapi.json")  # nobody else is
        assert len(answer.content) == whole


async def test_whoever_never_reads_the_rest_of_a_last_answer_is_cut_off(api_at: Opened) -> None:
    """The connection would be closed behind it, and stay for as long as there is something to send."""
    last = request("/openapi.json", "Connection: close")
    async with api_at(reads_within=1.0) as api, asked(api, request("/openapi.json") * 4 + last) as (_, held):
        await gone(held)


async def test_whoever_reads_slowly_gets_everything(api_at: Opened) -> None:
    async with api_at(reads_within=2.0) as api, api.client("") as client:
        whole = len((await client.get("/openapi.json")).content)
        text = request("/openapi.json") * (TIMES - 1) + request("/openapi.json", "Connection: close")
        async with asked(api, text) as (reader, _):
            loop = asyncio.get_running_loop()
            began, came = loop.time(), 0
            while piece := await reader.read(2**18):
                came += len(piece)
                if loop.time() - began < 5.0:  # for longer than is waited for anybody who reads nothing
                    await asyncio.sleep(0.05)
            assert came > whole * TIMES
