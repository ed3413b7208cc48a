"""What all doors share: keys, rates, bodies, errors, waiting, leaving. Each limit is tried on both sides."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from typing import Any

import httpx
import pytest

from engine.config import ApiConfig
from engine.jobs import Condition, State
from engine.planning.literal import Literal
from engine.rules import keys
from engine.rules.limits import Rate
from engine.service import Draw
from engine.store import keys as store_keys
from engine.web import bodies
from engine.web.errors import Fault
from tests.engine.web.conftest import Api, Opened

DRAW = "/v1/generation/stable-diffusion-v1-5/text-to-image"
CAT = {"text_prompts": [{"text": "a cat"}], "steps": 10}
SLOW = {"step_seconds": 0.3}


async def ended(api: Api, owner: str) -> list[State]:
    return [job.state for job in await api.service.jobs_of(owner)]


async def running(api: Api, owner: str = "key:1") -> None:
    async def runs() -> bool:
        return State.RUNNING in await ended(api, owner)

    await api.settled(runs)


async def test_only_health_is_open_and_metrics_need_their_scope(api: Api) -> None:
    _, drawing = await api.key()
    _, metrics = await api.key(scopes=("metrics",))
    async with api.client("") as client:
        assert set((await client.get("/healthz")).json()) == {"status"}
        assert (await client.get("/metrics")).status_code == 401
        for secret, status in ((drawing, 403), (metrics, 200)):
            answer = await client.get("/metrics", headers={"Authorization": f"Bearer {secret}"})
            assert answer.status_code == status
        basic = httpx.BasicAuth("any", drawing)
        assert (await client.get("/v1/engines/list", auth=basic)).status_code == 401
        answer = await client.post(DRAW, json=CAT, headers={"Authorization": f"Bearer {metrics}"})
        assert answer.status_code == 403


async def test_every_answer_has_an_id_and_careful_headers(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    _, secret = await api.key()
    with caplog.at_level(logging.DEBUG):
        async with api.client(secret) as client:
            answers = [
                await client.get("/v1/engines/list"),
                await client.get("/v1/nothing"),
                await client.post("/v1/engines/list"),
                await client.post(DRAW, content=b"x", headers={"Content-Type": "text/plain"}),
            ]
    assert [one.status_code for one in answers] == [200, 404, 405, 415]
    assert answers[2].headers["allow"] == "GET"
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "private, no-store"
        assert "server" not in answer.headers
        assert any(answer.headers["x-request-id"] in str(vars(record)) for record in caplog.records)
    assert len({one.headers["x-request-id"] for one in answers}) == 4
    assert not any(secret in str(vars(record)) for record in caplog.records)


async def test_a_wrong_method_is_told_every_right_one(api: Api) -> None:
    async with api.client() as client:
        for path, allowed in (
            ("/api/v1/jobs", "GET, POST"),
            ("/api/v1/jobs/x", "DELETE, GET"),
            ("/sdapi/v1/options", "GET, POST"),
            (DRAW, "POST"),
        ):
            answer = await client.put(path)
            assert (answer.status_code, answer.headers["allow"]) == (405, allowed), path
            assert allowed in answer.text


@pytest.mark.parametrize(
    "sent", [b"nonsense\r\n\r\n", b"GET /healthz HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nX: " + b"x" * 2**17]
)
async def test_what_is_no_http_is_answered_with_an_id_too(
    api: Api, sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(api.url.rpartition(":")[2]))
    with caplog.at_level(logging.INFO):
        writer.write(sent)
        answer = (await reader.readuntil(b"\r\n\r\n")).decode()
    writer.close()
    assert answer.startswith("HTTP/1.1 400 ")
    assert "x-content-type-options: nosniff" in answer.lower()
    [request_id] = re.findall(r"(?i)^x-request-id: (\w+)\r$", answer, re.MULTILINE)
    assert any(request_id in str(vars(record)) for record in caplog.records)


BROKEN: list[bytes] = [
    b"",
    b"{",
    b"[1]",
    b'"text"',
    b"[" * 100_000,
    b'{"text_prompts": [{"text": "a", "weight": NaN}]}',
    b'{"text_prompts": [{"text": "a\\u0000b"}]}',
    b'{"text_prompts": [{"text": "a\\ud800b"}]}',
    '{"text_prompts": [{"text": "caf\u00e9"}]}'.encode("latin-1"),
    b'{"text_prompts": "a cat"}',
    b'{"text_prompts": [["a"]]}',
    b'{"text_prompts": [{"text": "a"}], "seed": ' + b"9" * 5000 + b"}",
]


async def test_broken_bodies_are_told_what_is_wrong(api: Api) -> None:
    async with api.client() as client:
        for body in BROKEN:
            answer = await client.post(DRAW, content=body, headers={"Content-Type": "application/json"})
            assert answer.status_code == 400, body[:60]
            assert answer.json()["message"]
            assert "Traceback" not in answer.text
        for body, kind in ((b"", "multipart/form-data"), (b"--x--", "multipart/form-data; boundary=x y")):
            path = DRAW.replace("text-to-image", "image-to-image")
            answer = await client.post(path, content=body, headers={"Content-Type": kind})
            assert answer.status_code == 400


async def test_a_body_is_read_no_further_than_its_limit(api: Api) -> None:
    async def endless() -> Any:
        for _ in range(3000):
            yield b" " * 65536

    as_json = {"Content-Type": "application/json"}
    full = json.dumps(CAT).encode()
    async with api.client() as client:
        exact = full + b" " * (bodies.MIB - len(full))
        assert (await client.post(DRAW, content=exact, headers=as_json)).status_code == 200
        assert (await client.post(DRAW, content=exact + b" ", headers=as_json)).status_code == 413
        try:
            assert (await client.post(DRAW, content=endless(), headers=as_json)).status_code == 413
        except httpx.WriteError:
            pass  # closed while it was still sending
    assert api.doors.budget.held == 0


async def test_a_form_has_so_many_parts_and_files(api: Api) -> None:
    path = DRAW.replace("text-to-image", "image-to-image")
    async with api.client() as client:
        for fields, files, status in ((64, 0, 400), (65, 0, 413), (0, 9, 400), (0, 10, 413)):
            parts: list[Any] = [(f"f{number}", (None, b"x")) for number in range(fields)]
            parts += [(f"f{number}", ("name", b"x")) for number in range(files)]
            assert (await client.post(path, files=parts)).status_code == status, (fields, files)


def test_all_bodies_together_have_a_limit() -> None:
    class Told:
        def __init__(self) -> None:
            self.scope: dict[str, Any] = {}

    budget, one, two = bodies.Budget(10), Told(), Told()
    budget.take(one, 10)  # type: ignore[arg-type]
    with pytest.raises(Fault) as told:
        budget.take(two, 1)  # type: ignore[arg-type]
    assert told.value.kind == "busy"
    budget.release(one.scope)
    budget.take(two, 10)  # type: ignore[arg-type]


def test_a_rate_lets_so_many_in_and_as_many_again_in_its_time() -> None:
    now = 0.0
    rate = Rate(60.0, lambda: now)
    assert [rate.wait("a", 60) for _ in range(60)] == [0.0] * 60
    assert rate.wait("a", 60) == pytest.approx(1.0)
    assert rate.wait("b", 60) == 0.0
    now = 1.0
    assert rate.wait("a", 60) == 0.0
    assert rate.wait("a", 60) == pytest.approx(1.0)


async def test_wrong_keys_are_turned_away_and_right_ones_pass(api: Api) -> None:
    _, secret = await api.key()
    async with api.client("") as client:
        wrong = {"Authorization": f"Bearer {keys.make()}"}
        seen = [(await client.get("/v1/engines/list", headers=wrong)).status_code for _ in range(12)]
        assert seen == [401] * 10 + [429] * 2
        forged = {**wrong, "X-Forwarded-For": "203.0.113.9"}
        assert (await client.get("/v1/engines/list", headers=forged)).status_code == 429
        right = {"Authorization": f"Bearer {secret}"}
        assert (await client.get("/v1/engines/list", headers=right)).status_code == 200


async def test_whoever_hangs_up_frees_the_job(api_at: Opened) -> None:
    async with api_at(SLOW) as api, api.client() as client:
        asking = asyncio.create_task(client.post(DRAW, json=CAT | {"steps": 150}))
        await running(api)
        asking.cancel()
        await asyncio.wait({asking})

        async def taken_back() -> bool:
            return await ended(api, "key:1") == [State.CANCELLED]

        await api.settled(taken_back)


async def test_a_revoked_key_waits_no_longer(api_at: Opened) -> None:
    async with api_at(SLOW) as api:
        key, secret = await api.key()
        async with api.client(secret) as client:
            asking = asyncio.create_task(client.post(DRAW, json=CAT | {"steps": 150}))
            await running(api)
            await api.service.store.write(store_keys.revoke, api.service.store.now(), "cli", key.id)
            assert (await asking).status_code == 401
            assert await ended(api, key.owner) == [State.CANCELLED]


async def test_a_request_that_overruns_ends_with_its_job(api_at: Opened) -> None:
    async with api_at(SLOW, ApiConfig(enabled=True, wait=1.0)) as api, api.client() as client:
        answer = await client.post(DRAW, json=CAT | {"steps": 150})
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        assert await ended(api, "key:1") == [State.CANCELLED]


async def test_a_named_request_is_drawn_once_and_answered_alike(api_at: Opened) -> None:
    named = {"Idempotency-Key": "order-1"}
    async with api_at({"step_seconds": 0.05}) as api, api.client() as client:
        leaving = asyncio.create_task(client.post(DRAW, json=CAT, headers=named))
        await running(api)
        leaving.cancel()
        await asyncio.wait({leaving})
        one, two = await asyncio.gather(*(client.post(DRAW, json=CAT, headers=named) for _ in range(2)))
        assert one.status_code == 200
        assert one.json() == two.json()
        assert await ended(api, "key:1") == [State.RENDERED]
        other = await client.post(DRAW, json=CAT | {"seed": 4}, headers=named)
        assert other.status_code == 409
        assert other.headers["x-should-retry"] == "false"
        for name, status in (("x" * 255, 200), ("x" * 256, 400), ("a b", 400), ("", 400)):
            answer = await client.post(DRAW, json=CAT, headers={"Idempotency-Key": name})
            assert answer.status_code == status, name
        async with api.client() as stranger:  # the same name of another key is another request
            assert (await stranger.post(DRAW, json=CAT | {"seed": 4}, headers=named)).status_code == 200


async def test_after_a_restart_nothing_is_drawn_for_nobody(api_at: Opened) -> None:
    asked = Literal(texts=(Condition(text="a cat"),), steps=150)
    async with api_at(SLOW) as api:
        key, _ = await api.key()
        callers = [api.doors.drawing.caller(key, str(sync), waited_for=sync) for sync in (True, False)]
        planned = [await api.service.plan(Draw(caller, asked)) for caller in callers]
        jobs = [(await api.service.submit(one)).jobs[0].id for one in planned]
        await running(api)
    async with api_at() as api:
        left, kept = [await api.service.find(job) for job in jobs]
        assert left.state is State.CANCELLED

        async def drawn() -> bool:
            return (await api.service.find(kept.id)).state is State.RENDERED

        await api.settled(drawn)


async def test_a_key_draws_with_its_models_alone(api: Api) -> None:
    _, secret = await api.key(models=("another",))
    async with api.client(secret) as client:
        answer = await client.post(DRAW, json=CAT)
        assert answer.status_code == 403
        assert (await client.get("/v1/engines/list")).json() == []


async def test_sigterm_turns_new_requests_away(api: Api) -> None:
    async with api.client() as client:
        assert (await client.get("/v1/engines/list")).status_code == 200
        api.doors.draining = True
        answer = await client.get("/v1/engines/list")
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "10"
