"""Clients that are slow, many or too fast: each limit on both sides, over real sockets, with lower limits."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from engine.config import ApiConfig
from engine.jobs import State
from engine.rules import keys
from engine.web import bodies, draw
from engine.web.doors import STREAMS_MOST
from engine.web.protocol import HEADERS_WITHIN
from tests.engine.web.conftest import Api, Opened
from tests.engine.web.served import serving

JOBS, LIST = "/api/v1/jobs", "/v1/engines/list"
BODY = json.dumps({"prompt": "a cat"}).encode()


@asynccontextmanager
async def connected(api: Api) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(api.url.rpartition(":")[2]))
    try:
        yield reader, writer
    finally:
        writer.close()


def head(secret: str, length: int, path: str = JOBS) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {secret}"]
    lines += ["Content-Type: application/json", f"Content-Length: {length}"]
    return "\r\n".join([*lines, "", ""]).encode()


async def answered(reader: asyncio.StreamReader) -> tuple[int, str]:
    """Read all that comes until the connection is closed; return the status, 0 for none, and the text."""
    async with asyncio.timeout(60):
        text = (await reader.read()).decode()
    return int(text.split(" ")[1]) if text else 0, text


def test_the_limits_are_those_that_are_promised() -> None:
    assert (HEADERS_WITHIN, bodies.SECONDS, bodies.SILENT) == (10.0, 60.0, 15.0)
    assert bodies.Budget().most == 256 * 2**20
    assert (bodies.Budget().seconds, bodies.Budget().silent) == (60.0, 15.0)


async def test_headers_that_never_end_are_closed(api_at: Opened) -> None:
    async with api_at(headers_within=2.0) as api:
        _, secret = await api.key()

        async def begun(*pieces: bytes) -> str:
            """Send each piece after the first line of an answer to the one before; return what comes then."""
            async with connected(api) as (reader, writer):
                for piece in pieces[:-1]:
                    writer.write(piece)
                    assert (await reader.readline()).startswith(b"HTTP/1.1 ")
                writer.write(pieces[-1])
                async with asyncio.timeout(60):
                    return (await reader.read()).decode()

        whole, cut = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /healthz HTTP/1.1\r\nX-Slow: "
        silent, slow, second, refused = await asyncio.gather(
            begun(b""), begun(cut), begun(whole, cut), begun(head(keys.make(), 1000) + b"x")
        )
        assert (silent, slow) == ("", "")
        assert "HTTP/1.1" not in second  # a further request gets no more patience
        assert refused.startswith("HTTP/1.1 401")  # and the rest of its body is not waited for
        # drawing itself may take longer than headers
        async with connected(api) as (reader, writer):
            api.service.control.pause()
            told = json.dumps({"prompt": "a cat"}).encode()
            writer.write(head(secret, len(told), "/predict") + told)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(3):
                    await reader.read(1)
            api.service.control.pause(False)
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")


async def test_bodies_that_fall_silent_or_take_too_long_are_told(api: Api) -> None:
    _, secret = await api.key()
    api.doors.budget.silent = 0.3
    async with connected(api) as (reader, writer):
        writer.write(head(secret, len(BODY)) + BODY[:5])
        status, text = await answered(reader)
        assert status == 408
        assert "came too slowly" in text
    api.doors.budget.silent, api.doors.budget.seconds = 30.0, 1.0

    async def dripping(writer: asyncio.StreamWriter) -> None:
        while True:  # never silent for long
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.05)

    async with connected(api) as (reader, writer):
        writer.write(head(secret, 100_000))
        drip = asyncio.create_task(dripping(writer))
        status, _ = await answered(reader)
        assert status == 408
        drip.cancel()
        await asyncio.wait({drip})
    async with connected(api) as (reader, writer):  # in two pieces, in time
        writer.write(head(secret, len(BODY)) + BODY[:5])
        await writer.drain()
        writer.write(BODY[5:])
        assert (await reader.readline()).startswith(b"HTTP/1.1 202")
    assert api.doors.budget.held == 0


async def test_the_drawing_page_takes_no_body_longer_than_the_others(api: Api) -> None:
    _, secret = await api.key()
    async with api.client(secret) as client:
        picture = (await api.drawn(client)).pictures[0]
        sketch = await api.service.masks.open(owner="1", origin="", picture=picture)
        link = f"/draw/{await api.service.masks.link(sketch)}"
        assert (await client.post(link, content=bytes(draw.MOST_BYTES + 1))).status_code == 413
        for silent, seconds in ((0.3, 30.0), (30.0, 0.3)):
            api.doors.budget.silent, api.doors.budget.seconds = silent, seconds
            async with connected(api) as (reader, writer):
                writer.write(head(secret, 100, link) + b"x")
                assert (await answered(reader))[0] == 408
        api.doors.budget.silent = api.doors.budget.seconds = 30.0
        mask = io.BytesIO()
        Image.new("L", (64, 64), 255).save(mask, "PNG")
        full = mask.getvalue() + bytes(draw.MOST_BYTES - len(mask.getvalue()))
        answer = await client.post(link, content=full)  # the link is still good
        assert (answer.status_code, answer.json()) == (200, {"painting": False})
    assert api.doors.budget.held == 0


async def test_more_bodies_than_fit_are_turned_away(api: Api) -> None:
    _, secret = await api.key()
    api.doors.budget.most = 100_000
    full = BODY + b" " * (60_000 - len(BODY))
    async with connected(api) as (reader, writer), api.client(secret) as client:
        writer.write(head(secret, 60_000) + full[:50_000])
        as_json = {"Content-Type": "application/json"}

        async def held() -> bool:
            return api.doors.budget.held == 50_000

        await api.settled(held)
        turned = await client.post(JOBS, content=full, headers=as_json)
        assert turned.status_code == 503
        assert turned.headers["retry-after"] == "5"
        fits = await client.post(JOBS, content=full[:50_000], headers=as_json)
        assert fits.status_code == 202
        writer.write(full[50_000:])
        assert (await reader.readline()).startswith(b"HTTP/1.1 202")

        async def free() -> bool:
            return api.doors.budget.held == 0

        await api.settled(free)
        assert (await client.post(JOBS, content=full, headers=as_json)).status_code == 202


async def test_so_many_requests_and_streams_for_one_key(api_at: Opened) -> None:
    now = 0.0
    async with api_at(pace=lambda: now) as api:
        api.service.control.pause()
        _, secret = await api.key()
        async with api.client(secret) as client, api.client() as other:
            nothing = [(await client.post(JOBS, json={})).status_code for _ in range(61)]
            assert nothing == [422] * 60 + [429]
            assert (await client.get(LIST)).status_code == 200  # reading is counted for itself
            assert (await other.post(JOBS, json={})).status_code == 422
            now = 1.0  # a sixtieth of the minute
            turned = [await client.post(JOBS, json={}) for _ in range(2)]
            assert [one.status_code for one in turned] == [422, 429]
            assert turned[1].headers["retry-after"] == "1"
            read = [(await client.get(LIST)).status_code for _ in range(21)]
            assert read == [200] * 20 + [429]
            now = 100.0
            where = (await client.post(JOBS, json={"prompt": "a cat"})).headers["location"]
            asking = [client.stream("GET", f"{where}/events") for _ in range(STREAMS_MOST)]
            for stream in asking:
                assert (await stream.__aenter__()).status_code == 200

            async def full() -> bool:
                return sum(api.doors.streams.values()) == 4

            await api.settled(full)
            turned_away = await client.get(f"{where}/events")
            assert turned_away.status_code == 429
            assert turned_away.headers["retry-after"]
            for stream in asking:
                await stream.__aexit__(None, None, None)

            async def empty() -> bool:
                return not sum(api.doors.streams.values())

            await api.settled(empty)


async def test_ten_wrong_keys_a_minute_from_one_address(api_at: Opened) -> None:
    now = 0.0
    settings = ApiConfig(enabled=True, proxies=("127.0.0.1",))
    async with api_at(pace=lambda: now, api=settings) as api:
        _, secret = await api.key()

        async def came(key: str, address: str) -> int:
            told = {"Authorization": f"Bearer {key}", "X-Forwarded-For": address}
            return (await client.get(LIST, headers=told)).status_code

        async with api.client("") as client:
            wrong = [await came(keys.make(), "203.0.113.9") for _ in range(11)]
            assert wrong == [401] * 10 + [429]
            assert await came(keys.make(), "203.0.113.10") == 401
            assert await came(secret, "203.0.113.9") == 200  # a right one passes
            # what comes before the last hop is what anybody can write
            assert await came(keys.make(), "198.51.100.1, 203.0.113.9") == 429
            now = 6.0  # a tenth of the minute
            assert [await came(keys.make(), "203.0.113.9") for _ in range(2)] == [401, 429]


async def test_sigterm_lets_what_runs_end_and_takes_nothing_new(tmp_path: Path) -> None:
    with serving(tmp_path, step_seconds=0.1) as served:
        told = {"Authorization": f"Bearer {served.key()}"}
        await served.start()
        async with httpx.AsyncClient(base_url=served.url, headers=told, timeout=120) as client:
            long = await client.post(JOBS, json={"prompt": "a dog --steps 400"})
            events: list[str] = []
            began = asyncio.Event()

            async def watch() -> None:
                async with client.stream("GET", f"{long.headers['location']}/events") as stream:
                    async for line in stream.aiter_lines():
                        events.append(line)
                        if '"state": "running"' in line:
                            began.set()

            watching = asyncio.create_task(watch())
            await began.wait()
            short = {"text_prompts": [{"text": "a cat"}], "steps": 20, "width": 512, "height": 512}
            drawing = asyncio.create_task(
                client.post("/v1/generation/stable-diffusion-v1-5/text-to-image", json=short)
            )
            await served.until(lambda: len(served.rows("SELECT 1 FROM job WHERE state = 'running'")) == 2)
            served.ask_to_stop()
            await served.until(lambda: "stopping" in served.log)
            turned = await client.get(LIST)
            assert turned.status_code == 503
            assert turned.headers["retry-after"] == "10"
            assert (await client.get("/healthz")).status_code == 200  # and says how it stands
            assert (await drawing).status_code == 200
            await watching
            assert events[-4].startswith("event: error")
            assert "stopping" in events[-2]
        assert served.process is not None
        assert await asyncio.to_thread(served.process.wait, 60) == 0
        assert "Traceback" not in served.log
        # what nobody waited for is drawn after the next start
        states = dict(served.rows("SELECT state, count(*) FROM job GROUP BY state"))
        assert states == {State.RENDERED.value: 1, State.QUEUED.value: 1}


@pytest.mark.parametrize("asked", [{}, {"prompt": ""}])
async def test_a_refused_request_draws_nothing(api: Api, asked: dict[str, Any]) -> None:
    async with api.client() as client:
        assert (await client.post(JOBS, json=asked)).status_code == 422
        assert await api.service.jobs_of("key:1") == []
