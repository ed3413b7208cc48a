"""No link leads the bot where it must not go: every connection this process makes is counted."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from engine.errors import UserError
from engine.intake.addresses import checked, is_public
from engine.intake.fetch import Fetcher
from tests.engine.intake.test_decode import assert_sentence

SMALL, FULL = 40, 200
PUBLIC = "93.184.215.14"

# names that lead inwards, as their owner's DNS may say
NAMES = {
    "private.example": ["10.1.1.1"],
    "loopback.example": ["127.0.0.1"],
    "six.example": ["::1"],
    "mapped.example": ["::ffff:169.254.169.254"],
    "mixed.example": [PUBLIC, "192.168.0.1"],
    "metadata.google.internal": ["169.254.169.254"],
    "localhost": ["127.0.0.1", "::1"],
    "ip6-localhost": ["::1"],
    "unique.example": ["fd00:ec2::254"],
    "wire.example": ["168.63.129.16"],
    "nat64.example": ["64:ff9b::a9fe:a9fe"],
    "shared.example": ["100.100.100.200"],
    "zero.example": ["0.0.0.0"],
}

HOSTS = (
    "127.0.0.1", "127.0.0.53", "127.1", "127.0.1", "0", "0.0.0.0", "2130706433", "0x7f000001", "0x7f.1",
    "0177.0.0.1", "017700000001", "127.0.0.1.", "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.0.1",
    "192.168.0.1", "169.254.169.254", "0xa9fea9fe", "2852039166", "169.254.170.2", "100.64.0.1",
    "100.100.100.200", "192.0.0.192", "192.0.2.1", "198.18.0.1", "198.51.100.7", "203.0.113.9",
    "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255", "168.63.129.16",
    "[::]", "[::1]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]",
    "[::ffff:a9fe:a9fe]", "[64:ff9b::7f00:1]", "[64:ff9b::a9fe:a9fe]", "[64:ff9b:1::1]",
    "[2002:7f00:1::]", "[2002:a9fe:a9fe::1]", "[2001:0:7f00:1::]", "[fe80::1]", "[fe80::1%25lo]",
    "[fc00::1]", "[fd00:ec2::254]", "[ff02::1]", "[2001:db8::1]", "[100::1]",
    "①②⑦.⓪.⓪.①", "127。0。0。1", "１２７.0.0.1", "%31%32%37.0.0.1", "LOCALHOST", "localhost.",
    *NAMES,
)  # fmt: skip

FORMS = (
    "https://{host}/a.png",
    "https://{host}:443/latest/meta-data/",
    "https://{host}:22/",
    "https://user:word@{host}/",
    "https://example.com@{host}/",
    "https://{host}#@example.com/a.png",
    "https://{host}?.example.com/a.png",
    "http://{host}/a.png",
    "HTTPS://{host}",
    "//{host}/a.png",
    "https:\\\\{host}\\a.png",
    "https://example.com\\@{host}/a.png",
    "https://{host}\t/a.png",
    "https://{host}\r\nHost: example.com/a.png",
)

OTHERS = (
    "file:///etc/passwd", "file://localhost/etc/passwd", "ftp://example.com/a.png", "gopher://127.0.0.1:6379/_x",
    "data:image/png;base64,AAAA", "javascript:alert(1)", "blob:https://example.com/1", "ws://127.0.0.1/",
    "unix:///var/run/docker.sock", "dict://127.0.0.1:11211/", "jar:https://example.com!/", "https://",
    "https:///a.png", "https://[", "https://[::1", "https://:443/", "https://@/", "https:", "", "a.png",
    "https://example.com:99999/", "https://example.com:0/", "https://\x00example.com/", "https://exa m.com/",
    "https://" + "a" * 300 + ".com/", "https://example.com/" + "a" * 3000, "https://..../", "https://xn--/",
)  # fmt: skip


def urls(count: int) -> list[str]:
    """Return ``count`` links that must not be followed, the forms spread evenly."""
    every = [form.format(host=host) for host, form in itertools.product(HOSTS, FORMS)]
    every = [*OTHERS, *every]
    step = max(1, len(every) // count)
    return (every[::step] + every[1::step])[:count]


class Names(AbstractResolver):
    """A DNS of the test's own, reading odd forms of addresses as the system does. Answers may change."""

    def __init__(self, names: dict[str, list[str]] | None = None, later: dict[str, list[str]] | None = None):
        self.names = NAMES if names is None else names
        self.later = later or {}
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        self.asked.append(host)
        found = self.names.get(host.rstrip(".").lower())
        if self.asked.count(host) > 1:
            found = self.later.get(host, found)
        if found is None:
            try:
                found = [socket.inet_ntoa(socket.inet_aton(host))]
            except OSError:
                found = [PUBLIC]
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in found
        ]

    async def close(self) -> None:
        pass


class Connections:
    """Every connection this process tries to make; those that lead elsewhere are stopped after counting."""

    def __init__(self) -> None:
        self.made: list[tuple[Any, ...]] = []
        self.allowed: tuple[Any, ...] | None = None
        self.watching = False

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.watching or event not in ("socket.connect", "socket.getaddrinfo"):
            return
        if event == "socket.connect":
            where = tuple(arguments[1][:2])
            self.made.append(where)
            if where != self.allowed:
                raise ConnectionRefusedError(111, "this test connects nowhere else")
        else:
            host = arguments[0]
            if not isinstance(host, str) or host not in (PUBLIC, "127.0.0.1"):
                self.made.append(("name", host))


CONNECTIONS = Connections()
sys.addaudithook(CONNECTIONS.hook)


@pytest.fixture
def connections() -> Iterator[Connections]:
    CONNECTIONS.made.clear()
    CONNECTIONS.allowed = None
    CONNECTIONS.watching = True
    yield CONNECTIONS
    CONNECTIONS.watching = False


@pytest.fixture
async def server(connections: Connections) -> AsyncIterator[str]:
    """A server on this machine that means harm; its origin is the one stand-in that is let through."""

    async def handle(request: web.Request) -> web.StreamResponse:
        match request.match_info["what"]:
            case "picture":
                return web.Response(body=b"a picture")
            case "to":
                raw = request.query["url"]
                response = web.Response(status=302)
                response.headers["Location"] = raw.encode("ascii", "replace").decode().replace("\n", "")
                return response
            case "around":
                return web.Response(status=301, headers={"Location": "/around"})
            case "endless":
                stream = web.StreamResponse()
                await stream.prepare(request)
                while True:
                    await stream.write(bytes(1 << 20))
            case "drip":
                stream = web.StreamResponse()
                await stream.prepare(request)
                while True:
                    await stream.write(b"x")
                    await asyncio.sleep(0.1)
            case "lie":
                return web.Response(headers={"Content-Length": str(21 << 20)})
            case "packed":
                return web.Response(body=gzip.compress(bytes(40 << 20)), headers={"Content-Encoding": "gzip"})
            case "nothing":
                return web.Response()
            case status:
                return web.Response(status=int(status))

    app = web.Application()
    app.router.add_get("/{what}", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    connections.allowed = ("127.0.0.1", port)
    yield f"http://127.0.0.1:{port}"
    await runner.cleanup()


async def refused(fetcher: Fetcher, link: str) -> str:
    with pytest.raises(UserError) as refusal:
        await fetcher.fetch(link)
    assert_sentence(str(refusal.value))
    return str(refusal.value)


async def all_refused(server: str, connections: Connections, count: int) -> None:
    fetcher = Fetcher(stand_in=server, resolver=Names())
    for link in urls(count):
        await refused(fetcher, link)
    hopeless = [where for where in connections.made if where != (PUBLIC, 443)]
    assert hopeless == []
    connections.made.clear()
    for link in urls(count)[: count // 2]:
        await refused(fetcher, f"{server}/to?url={quote(link, safe='')}")
    assert {where for where in connections.made if where != (PUBLIC, 443)} == {connections.allowed}


async def test_hostile_links(server: str, connections: Connections) -> None:
    await all_refused(server, connections, SMALL)


@pytest.mark.full
async def test_many_hostile_links(server: str, connections: Connections) -> None:
    await all_refused(server, connections, FULL)


@pytest.mark.parametrize("host", HOSTS)
async def test_no_spelling_of_an_inner_address_is_connected_to(connections: Connections, host: str) -> None:
    await refused(Fetcher(resolver=Names()), f"https://{host}/a.png")
    assert connections.made == []


async def test_a_name_that_points_elsewhere_the_second_time(connections: Connections) -> None:
    """Between the check and the connection there is no second look-up for a name to lie at."""
    names = Names({"turning.example": [PUBLIC]}, later={"turning.example": ["127.0.0.1"]})
    await refused(Fetcher(resolver=names), "https://turning.example/a.png")
    assert names.asked == ["turning.example"]
    assert set(connections.made) == {(PUBLIC, 443)}
    connections.made.clear()
    await refused(Fetcher(resolver=names), "https://turning.example/a.png")
    assert connections.made == []


async def test_what_a_server_may_do_to_us(server: str) -> None:
    fetcher = Fetcher(stand_in=server, seconds=5)
    assert await fetcher.fetch(f"{server}/picture") == b"a picture"
    assert await fetcher.fetch(f"{server}/to?url=/picture") == b"a picture"
    assert "without end" in await refused(fetcher, f"{server}/around")
    assert "larger than 20 MB" in await refused(fetcher, f"{server}/endless")
    assert "larger than 20 MB" in await refused(fetcher, f"{server}/lie")
    assert "nothing at this link" in await refused(fetcher, f"{server}/404")
    assert "logged in" in await refused(fetcher, f"{server}/403")
    assert "500" in await refused(fetcher, f"{server}/500")
    assert "empty" in await refused(fetcher, f"{server}/nothing")
    packed = await fetcher.fetch(f"{server}/packed")
    assert len(packed) < 1 << 20, "a packed body stays packed"
    assert "too slow" in await refused(Fetcher(stand_in=server, seconds=0.5), f"{server}/drip")


async def test_the_stand_in_is_one_address_and_no_loophole(server: str, connections: Connections) -> None:
    """Without being named it is refused; named, it opens no other port and no other name of this machine."""
    port = int(server.rpartition(":")[2])
    await refused(Fetcher(), f"{server}/picture")
    fetcher = Fetcher(stand_in=server, resolver=Names())
    for other in (
        f"http://127.0.0.1:{port + 1}/picture",
        f"http://localhost:{port}/picture",
        f"http://127.0.0.2:{port}/picture",
        f"https://127.0.0.1:{port}/picture",
        f"http://user@127.0.0.1:{port + 1}/",
    ):
        await refused(fetcher, other)
    assert connections.made == []


def test_a_list_of_servers_holds() -> None:
    hosts = ("example.com",)
    assert checked("https://example.com/a.png", hosts=hosts)
    assert checked("https://pictures.example.com/a.png", hosts=hosts)
    for link in (
        "https://example.org/a.png",
        "https://badexample.com/a.png",
        "https://example.com.evil.org/",
    ):
        with pytest.raises(UserError, match=r"fetched from `example\.com`"):
            checked(link, hosts=hosts)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("1.1.1.1", True),
        ("2606:4700::1111", True),
        ("64:ff9b::101:101", True),  # NAT64 to 1.1.1.1
        ("64:ff9b::a00:1", False),
        ("172.32.0.1", True),  # one past 172.16/12
        ("172.31.255.255", False),
        ("100.128.0.1", True),  # one past 100.64/10
        ("100.127.255.255", False),
        ("not an address", False),
    ],
)
def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert is_public(address) is public
