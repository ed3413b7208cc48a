"""Fetching a picture from a link, from the public internet alone; refuses to look at what it brings.

Every hop is checked twice: its text (``addresses.checked``), and the very address that is about to be
connected to. The resolver's answers are looked at as one, and the socket is made for one of those answers, so
there is no second look-up between the check and the connection that a name could use to point elsewhere.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import yarl
from aiohttp.abc import AbstractResolver, ResolveResult

from engine.errors import UserError
from engine.intake.addresses import ATTACH, checked, is_public, nowhere
from engine.intake.decode import EMPTY, MOST_BYTES, TOO_LARGE
from engine.words import Sentence

HOPS = 3
"""Redirects that are followed."""
SECONDS = 15.0
"""For one link from beginning to end, redirects included."""
CONNECT_SECONDS = 5.0
PIECE = 65_536
REDIRECTS = frozenset({301, 302, 303, 307, 308})
AGENT = "Limner (a Discord bot that draws; fetches what people link to)"


class _ForbiddenAddress(OSError):
    """A host leads where nothing is fetched from."""


class Fetcher:
    """Fetches links, four at a time. ``stand_in``: the one loopback origin let through, over plain http.

    ``resolver`` says which addresses a name has; by default the system does.
    """

    def __init__(
        self,
        *,
        stand_in: str = "",
        resolver: AbstractResolver | None = None,
        seconds: float = SECONDS,
    ) -> None:
        self._stand_in = str(yarl.URL(stand_in).origin()) if stand_in else ""
        self._resolver = resolver
        self._seconds = seconds
        self._slots = asyncio.Semaphore(4)

    async def fetch(self, link: str, hosts: Sequence[str] = ()) -> bytes:
        """Return what stands at a link: at most ``MOST_BYTES``. Raises UserError with a sentence.

        ``hosts``: if not empty, the only ones (and those below them), also for what it redirects to.
        """
        known = tuple(host.lower().strip(".") for host in hosts)
        url = checked(link, self._stand_in, known)  # refused at once, however many others wait
        async with self._slots:
            try:
                async with asyncio.timeout(self._seconds):
                    return await self._follow(url, known)
            except TimeoutError:
                raise UserError(
                    Sentence("The server behind this link is too slow. {attach}", attach=ATTACH)
                ) from None

    async def _follow(self, url: yarl.URL, hosts: tuple[str, ...]) -> bytes:
        for _ in range(HOPS + 1):
            found = await self._ask(url)
            if isinstance(found, bytes):
                return found
            url = checked(found, self._stand_in, hosts)
        raise UserError(Sentence("This link leads from one to the next without end. {attach}", attach=ATTACH))

    async def _ask(self, url: yarl.URL) -> bytes | str:
        """Return the body, or the link it leads to."""
        host = url.host or ""
        headers = {"User-Agent": AGENT, "Accept": "image/*", "Accept-Encoding": "identity"}
        try:
            async with (
                connected(url, self._stand_in, self._resolver, self._seconds, headers) as session,
                session.get(url, allow_redirects=False) as response,
            ):
                if response.status in REDIRECTS:
                    target = response.headers.get("Location", "")
                    return str(url.join(yarl.URL(target)))
                if response.status != 200:
                    raise UserError(_status(host, response.status))
                return await _read(response)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            if isinstance(error, aiohttp.ClientConnectorDNSError) or _forbidden(error):
                raise UserError(nowhere(host)) from None
            raise UserError(
                Sentence("`{host}` did not hand out the picture. {attach}", host=_short(host), attach=ATTACH)
            ) from None


@asynccontextmanager
async def connected(
    url: yarl.URL,
    stand_in: str,
    resolver: AbstractResolver | None,
    seconds: float,
    headers: Mapping[str, str],
) -> AsyncIterator[aiohttp.ClientSession]:
    """Open a session for one request to a checked address; it connects nowhere but to the public internet."""
    ours = bool(stand_in) and str(url.origin()) == stand_in
    gate = _Gate(resolver, None if not ours else (url.host or "", url.port or 0))
    connector = aiohttp.TCPConnector(
        resolver=gate, socket_factory=gate.socket, use_dns_cache=False, force_close=True, limit=1
    )
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=seconds, sock_connect=CONNECT_SECONDS),
        headers=headers,
        auto_decompress=False,  # so that a small body stays small
        trust_env=False,  # a proxy would look names up anew
    ) as session:
        yield session


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """Return a body, counted while it comes in: what its header says is only what it says."""
    if (response.content_length or 0) > MOST_BYTES:
        raise UserError(TOO_LARGE)
    body = bytearray()
    async for piece in response.content.iter_chunked(PIECE):
        body += piece
        if len(body) > MOST_BYTES:
            raise UserError(TOO_LARGE)
    if not body:
        raise UserError(EMPTY)
    return bytes(body)


def _status(host: str, status: int) -> Sentence:
    fields = {"host": _short(host), "status": status, "attach": ATTACH}
    if status in (404, 410):
        return Sentence("There is nothing at this link any more (`{host}` says {status}). {attach}", **fields)
    if status in (401, 403):
        return Sentence("`{host}` shows this picture to those who are logged in only. {attach}", **fields)
    return Sentence("`{host}` did not hand out the picture (it says {status}). {attach}", **fields)


def _short(host: str) -> str:
    return host.replace("`", "")[:80]


def _forbidden(error: BaseException | None) -> bool:
    """Tell whether our own gate is what a connection failed at."""
    seen = 0
    while error is not None and seen < 10:
        if isinstance(error, _ForbiddenAddress):
            return True
        error, seen = error.__cause__ or error.__context__ or getattr(error, "os_error", None), seen + 1
    return False


class _Gate(AbstractResolver):
    """Looks names up, and makes sockets, for addresses that may be connected to; for one connection."""

    def __init__(self, resolver: AbstractResolver | None, stand_in: tuple[str, int] | None) -> None:
        self._resolver = resolver or aiohttp.ThreadedResolver()
        self._stand_in = stand_in

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return a host's addresses. Raises OSError where even one of them is no public one."""
        found = await self._resolver.resolve(host, port, family)
        if not found or not all(self._allowed(one["host"], one["port"]) for one in found):
            raise _ForbiddenAddress(host)
        return found

    def socket(self, address: tuple[Any, ...]) -> socket.socket:
        """Return the socket for a connection; addresses written in the link itself come here unresolved."""
        family, kind, protocol, _, where = address
        if not self._allowed(str(where[0]), int(where[1])):
            raise _ForbiddenAddress(str(where[0]))
        return socket.socket(family=family, type=kind, proto=protocol)

    def _allowed(self, address: str, port: int) -> bool:
        if self._stand_in is not None:
            return (address, port) == self._stand_in
        return is_public(address)

    async def close(self) -> None:
        """Close what looks names up, if it is our own."""
        await self._resolver.close()
