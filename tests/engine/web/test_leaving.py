"""Who leaves, comes too slowly or waits too long: nothing is drawn for nobody, nothing named is lost."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from engine.config import ApiConfig
from engine.jobs import State
from tests.engine.web.conftest import Api, Opened

SLOW = {"step_seconds": 0.3}
STREAM = {"prompt": "a cat", "steps": 150, "stream": True, "model": "gpt-image-1"}
POSTS = {
    "/v1/generation/stable-diffusion-v1-5/text-to-image": {"text_prompts": [{"text": "a cat"}], "steps": 150},
    "/v1/images/generations": {"prompt": "a cat", "steps": 150},
    "/sdapi/v1/txt2img": {"prompt": "a cat", "steps": 150},
    "/predict": {"prompt": "a cat"},
}


async def opened(api: Api, secret: str, path: str, body: bytes, length: int | None = None) -> Any:
    """Open a connection and send a request's head and the beginning of its body; return both ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(api.url.rpartition(":")[2]))
    head = f"POST {path} HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {secret}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {length or len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()
    return reader, writer


async def states(api: Api, owner: str) -> list[State]:
    return [job.state for job in await api.service.jobs_of(owner)]


async def test_whoever_leaves_before_the_first_byte_frees_the_job(api_at: Opened) -> None:
    async with api_at(SLOW) as api:
        key, secret = await api.key()
        for body in (STREAM, {**STREAM, "stream": False}):
            for turn in range(5):
                _, writer = await opened(api, secret, "/v1/images/generations", json.dumps(body).encode())
                await asyncio.sleep(0.01 * turn)
                writer.close()
                await writer.wait_closed()

        async def gone() -> bool:
            found = await states(api, key.owner)
            return bool(found) and set(found) <= {State.CANCELLED} and not api.doors.drawing._leaving

        await api.settled(gone)
        await asyncio.sleep(0.5)  # what was read only now would still begin
        await api.settled(gone)
        assert api.doors.budget.held == 0
        assert not +api.doors.streams


async def test_a_body_that_comes_too_slowly_is_told_so_in_each_shape(api_at: Opened) -> None:
    async with api_at() as api:
        _, secret = await api.key()
        for silent, seconds in ((0.2, 60.0), (60.0, 0.2)):
            api.doors.budget.silent, api.doors.budget.seconds = silent, seconds
            for path in POSTS:
                reader, writer = await opened(api, secret, path, b"{", 100)
                status = int((await reader.readline()).split()[1])
                assert status == 408, path
                writer.close()
                await writer.wait_closed()
        assert api.doors.budget.held == 0


async def test_a_named_request_that_overruns_goes_on(api_at: Opened) -> None:
    named, (path, body) = {"Idempotency-Key": "slow-1"}, next(iter(POSTS.items()))
    async with api_at(SLOW, ApiConfig(enabled=True, wait=2.0)) as api:
        key, secret = await api.key()
        async with api.client(secret) as client:
            late = await client.post(path, json=body, headers=named)
            assert late.status_code == 503
            assert int(late.headers["retry-after"]) > 0
            [state] = await states(api, key.owner)
            assert state in (State.QUEUED, State.RUNNING)
    async with api_at() as api, api.client(secret) as client:  # after a restart too
        answer = await client.post(path, json=body, headers=named)
        assert answer.status_code == 200
        assert answer.json()["artifacts"]
        assert await states(api, key.owner) == [State.RENDERED]
