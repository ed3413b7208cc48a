"""The OpenAI contract's errors, row by row, through the official client; the server counts the tries."""

from __future__ import annotations

import asyncio
import io
import logging
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import openai
import pytest
from PIL import Image

from engine.config import ApiConfig
from engine.rules import keys
from tests.engine.web.conftest import Api, Opened

CAT: dict[str, Any] = {"prompt": "a cat", "model": "pocket", "size": "256x256", "extra_body": {"steps": 5}}


def tries(caplog: pytest.LogCaptureFixture) -> int:
    """How many requests for pictures the server has answered."""
    return sum(
        record.name == "limner.web" and "/v1/images" in record.getMessage() for record in caplog.records
    )


@asynccontextmanager
async def official(api: Api, secret: str | None = None, **more: Any) -> AsyncIterator[openai.AsyncOpenAI]:
    if secret is None:
        _, secret = await api.key()
    async with openai.AsyncOpenAI(api_key=secret, base_url=f"{api.url}/v1", **more) as client:
        yield client


async def refused(
    api: Api,
    caplog: pytest.LogCaptureFixture,
    wanted: tuple[type[openai.APIStatusError], int, str, str | None, str | None, int],
    asked: dict[str, Any],
    secret: str | None = None,
    **more: Any,
) -> None:
    """Ask, and compare class, status, type, code, field and the tries at the server."""
    kind, status, family, code, param, times = wanted
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="limner.web"):
        async with official(api, secret, **more) as client:
            with pytest.raises(kind) as told:
                await client.images.generate(**CAT | asked)
    error = told.value
    assert (error.status_code, error.type, error.code, error.param) == (status, family, code, param)
    assert error.request_id
    assert error.body.keys() == {"message", "type", "param", "code"}  # type: ignore[attr-defined]
    assert tries(caplog) == times


INVALID = "invalid_request_error"


async def test_what_is_wrong_with_a_request_is_tried_once(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    bad, body = openai.BadRequestError, {"extra_body": {"steps": 5, "unknown": 1}}
    for asked, code, param in (
        ({"n": 0}, "invalid_value", "n"),
        ({"n": "2"}, "invalid_type", "n"),
        ({"prompt": None}, "missing_required_parameter", "prompt"),
        ({"prompt": "a" * 6001}, "string_above_max_length", "prompt"),
        ({"background": "transparent"}, "unsupported_value", "background"),
        ({"size": "5x5"}, "invalid_size", "size"),
        ({"prompt": "a\0b"}, "invalid_value", "body"),
    ):
        await refused(api, caplog, (bad, 400, INVALID, code, param, 1), body | asked)
    blocked = {"prompt": "a nude child"}
    wanted = (bad, 400, "image_generation_user_error", "moderation_blocked", None, 1)
    await refused(api, caplog, wanted, blocked)
    old = (bad, 400, INVALID, "content_policy_violation", None, 1)
    await refused(api, caplog, old, blocked | {"model": "dall-e-3"})
    missing = (openai.NotFoundError, 404, INVALID, "model_not_found", "model", 1)
    await refused(api, caplog, missing, {"model": "nosuch"})


async def test_what_a_key_may_not_is_tried_once(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    _, reading = await api.key(scopes=("read",))
    _, spent = await api.key(allowance=0.0)
    _, secret = await api.key()
    wrong = (openai.AuthenticationError, 401, INVALID, "invalid_api_key", None, 1)
    await refused(api, caplog, wrong, {}, keys.make())
    forbidden = (openai.PermissionDeniedError, 403, INVALID, "permission_denied", None, 1)
    await refused(api, caplog, forbidden, {}, reading)
    quota = (openai.RateLimitError, 429, "insufficient_quota", "insufficient_quota", None, 1)
    await refused(api, caplog, quota, {}, spent)
    named = {"extra_headers": {"Idempotency-Key": "one"}}
    async with official(api, secret) as client:
        await client.images.generate(**CAT | named)
    reused = (openai.ConflictError, 409, INVALID, "idempotency_key_reused", None, 1)
    await refused(api, caplog, reused, named | {"prompt": "a dog"}, secret)
    async with api.client("") as client:
        answer = await client.post("/v1/images/generations", json={"prompt": "a cat"})
        told = {"message": "You didn't provide an API key.", "type": INVALID, "param": None, "code": None}
        assert (answer.status_code, answer.json()) == (401, {"error": told})
        for path, method, status in (("/v1/images/nothing", "POST", 404), ("/v1/images/edits", "GET", 405)):
            answer = await client.request(method, path)
            assert answer.status_code == status
            assert answer.json()["error"]["type"] == INVALID
            assert answer.json()["error"]["code"] is None


async def test_bodies_that_are_not_read_are_tried_once(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="limner.web")
    large = {"extra_body": {"filler": "a" * 2**20}}
    too_large = (openai.APIStatusError, 413, INVALID, "request_too_large", None, 1)
    await refused(api, caplog, too_large, large)
    media = (openai.APIStatusError, 415, INVALID, "unsupported_media_type", None, 1)
    await refused(api, caplog, media, {"extra_headers": {"Content-Type": "text/plain"}})


class Slow(httpx.AsyncHTTPTransport):
    """Sends bodies with pauses."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        async def trickle() -> AsyncIterator[bytes]:
            for _ in range(3):
                yield b" "
                await asyncio.sleep(0.5)

        headers = {name: value for name, value in request.headers.items() if name != "content-length"}
        slow = httpx.Request(request.method, request.url, headers=headers, content=trickle())
        return await super().handle_async_request(slow)


async def test_what_may_pass_is_tried_again(api_at: Opened, caplog: pytest.LogCaptureFixture) -> None:
    arguments = {"memory": "elephant"}  # a word for which memory never suffices
    async with api_at(arguments, ApiConfig(enabled=True, wait=30.0)) as api:
        broken = (openai.InternalServerError, 500, "server_error", "server_error", None, 3)
        await refused(api, caplog, broken, {"prompt": "an elephant"})
        api.doors.drawing.config = ApiConfig(enabled=True, wait=0.0001)
        busy = (openai.InternalServerError, 503, "server_error", "overloaded", None, 2)
        await refused(api, caplog, busy, {}, max_retries=1)
        api.doors.drawing.config = ApiConfig(enabled=True)
        api.doors.budget.silent = 0.2
        slow = (openai.APIStatusError, 408, "timeout", "request_timeout", None, 2)
        async with httpx.AsyncClient(transport=Slow(), timeout=None) as wire:
            await refused(api, caplog, slow, {}, http_client=wire, max_retries=1)
        api.doors.budget.silent = 15.0
        api.doors.draining = True
        draining = (openai.InternalServerError, 503, "server_error", "draining", None, 1)
        await refused(api, caplog, draining, {}, max_retries=0)


async def test_whoever_was_too_fast_comes_again_and_is_served(
    api: Api, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, secret = await api.key()
    wrong = {"prompt": "a cat", "n": 0}
    async with api.client(secret) as client:
        codes = [(await client.post("/v1/images/generations", json=wrong)).status_code for _ in range(61)]
        while codes[-1] != 429:  # a slow machine was given more meanwhile
            codes.append((await client.post("/v1/images/generations", json=wrong)).status_code)
    caplog.set_level(logging.INFO, logger="limner.web")
    caplog.clear()
    async with official(api, secret, max_retries=5) as client:
        answer = await client.images.generate(**CAT)
    assert answer.data
    assert tries(caplog) >= 1
    fast = (openai.RateLimitError, 429, "rate_limit_error", "rate_limit_exceeded", None, 1)
    async with api.client(secret) as client:
        while (await client.post("/v1/images/generations", json=wrong)).status_code != 429:
            pass
        now = time.monotonic()  # and there it stands: a slow machine would be given more meanwhile
        monkeypatch.setattr(api.doors.gate._rates["draw"], "_clock", lambda: now)
        while (await client.post("/v1/images/generations", json=wrong)).status_code != 429:
            pass
    await refused(api, caplog, fast, {}, secret, max_retries=0)


async def test_an_error_in_a_stream_is_the_clients_own(api_at: Opened) -> None:
    async with api_at({"memory": "elephant"}) as api, official(api) as client:
        stream = await client.images.generate(**CAT | {"prompt": "an elephant", "stream": True})
        with pytest.raises(openai.APIError) as told:
            async for _ in stream:
                pass
        assert told.value.code == "server_error"


async def test_fields_of_files_and_streams_have_two_sides(api: Api) -> None:
    good: list[dict[str, Any]] = [
        {"size": "auto"},
        {"size": None},
        {"size": "2048x1024"},  # as long as this model draws
        {"size": "2048x2048"},  # as many pixels as this server makes
        {"output_format": "jpeg", "output_compression": 0},
        {"output_format": "webp", "output_compression": 100},
        {"stream": True, "partial_images": 0},
        {"stream": True, "partial_images": 3},
        {"user": "a" * 512},
        {"cfg_scale": 0},
        {"cfg_scale": 35},
        {"seed": 2**32 - 1},
        {"steps": 150},
        *({"quality": one} for one in ("low", "medium", "high", "xhigh", "max", "auto", "standard", "hd")),
    ]
    bad: list[tuple[dict[str, Any], str]] = [
        ({"size": "2049x1024"}, "size"),
        ({"size": "2049x2049"}, "size"),
        ({"output_format": "jpeg", "output_compression": -1}, "output_compression"),
        ({"output_format": "jpeg", "output_compression": 101}, "output_compression"),
        ({"stream": True, "partial_images": 4}, "partial_images"),
        ({"stream": True, "partial_images": -1}, "partial_images"),
        ({"user": "a" * 513}, "user"),
        ({"safety_identifier": "a" * 513}, "safety_identifier"),
        ({"cfg_scale": 35.5}, "cfg_scale"),
        ({"seed": 2**32}, "seed"),
        ({"steps": 0}, "steps"),
        ({"quality": "best"}, "quality"),
        ({"response_format": "gif"}, "response_format"),
    ]
    async with api.client() as client:
        for fields in good:
            body = {"prompt": "a cat", "size": "256x256", "model": "pocket"} | fields
            answer = await client.post("/v1/images/generations", json=body)
            assert answer.status_code == 200, (fields, answer.text)
        for fields, param in bad:
            answer = await client.post("/v1/images/generations", json={"prompt": "a cat"} | fields)
            assert (answer.status_code, answer.json()["error"]["param"]) == (400, param), fields
        for body in (b'{"prompt": "a\\u0000b"}', b'{"prompt": "a\\ud800b"}'):
            kind = {"Content-Type": "application/json"}
            answer = await client.post("/v1/images/generations", content=body, headers=kind)
            assert answer.status_code == 400


async def test_pictures_that_are_brought_have_two_sides(api: Api) -> None:
    def png(width: int, height: int) -> bytes:
        file = io.BytesIO()
        Image.new("L", (width, height)).save(file, "PNG")
        return file.getvalue()

    def of_size(size: int) -> bytes:
        """A real picture of so many bytes."""
        noise = random.Random(14).randbytes(3 * 2600 * 2600)
        file = io.BytesIO()
        Image.frombytes("RGB", (2600, 2600), noise).save(file, "PNG", compress_level=0)
        return file.getvalue() + bytes(size - len(file.getvalue()))

    small = of_size(20 * 2**20)
    cases = [(png(5000, 5000), 200), (png(5001, 5000), 400), (small, 200), (small + b"\0", 413)]
    async with api.client() as client:
        for data, status in cases:
            files = {"image": ("a.png", data)}
            form = {"size": "256x256", "steps": "5", "response_format": "b64_json"}
            answer = await client.post("/v1/images/variations", files=files, data=form)
            assert answer.status_code == status, answer.text[:300]


async def test_open_webui_asks_as_it_does(api: Api) -> None:
    """Its bodies, field by field (routers/images.py); with a version in the address where one is set."""
    file = io.BytesIO()
    Image.new("RGB", (256, 256), "red").save(file, "PNG")
    one = ("image.png", file.getvalue(), "image/png")
    async with api.client() as client:
        for address in ("/v1/images/generations", "/v1/images/generations?api-version=2025-04-01-preview"):
            body = {"model": "dall-e-2", "prompt": "a fox", "n": 2, "size": "256x256"}
            answer = await client.post(address, json=body | {"response_format": "b64_json"})
            assert [set(data) for data in answer.json()["data"]] == [{"b64_json"}] * 2
        links = (await client.post("/v1/images/generations", json=body)).json()["data"]
        with_key = await client.get(links[0]["url"], headers={"Authorization": "Bearer anything"})
        assert with_key.headers["content-type"] == "image/png"
        form = {"model": "gpt-image-1", "prompt": "a fox", "n": "1", "size": "256x256"}
        for files in ([("image", one)], [("image[]", one), ("image[]", one)]):
            answer = await client.post("/v1/images/edits", files=files, data=form)
            assert answer.status_code == 200, answer.text
            assert set(answer.json()["data"][0]) == {"b64_json"}
