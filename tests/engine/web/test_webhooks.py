"""Webhooks over real sockets: signed as the specification's own library reads them, tried for a day."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

from engine.config import ApiConfig, Config, ProvenanceConfig, WebConfig
from engine.errors import UserError
from engine.intake.posting import post
from engine.service import Service
from engine.store import keys as store_keys
from engine.web import Doors, listening
from tests.engine.intake.test_fetch import HOSTS, Names
from tests.engine.web.conftest import FAKE, Api

JOBS = "/api/v1/jobs"
HOUR = 3600.0


class Receiver:
    """A server of somebody's own. ``answers``: what it says to each message, the last one for ever."""

    def __init__(self) -> None:
        self.answers = [200]
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.came = asyncio.Event()
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        self.got.append((dict(request.headers), await request.read()))
        status = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        self.came.set()
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    async def so_many(self, count: int) -> None:
        async with asyncio.timeout(60):
            while len(self.got) < count:
                self.came.clear()
                await self.came.wait()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    one = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{any:.*}", one.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    one.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield one
    await runner.cleanup()


class Clock:
    """The store's clock, set by hand."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def opened(folder: Path, receiver: Receiver, clock: Callable[[], float]) -> AsyncIterator[Api]:
    plain = ProvenanceConfig(mark=False, sign=False)
    config = Config(data_dir=folder, api=ApiConfig(enabled=True), provenance=plain)
    told: dict[str, Any] = {"renderer": FAKE, "arguments": {}, "clock": clock, "stand_in": receiver.url}
    async with Service.open(config, **told) as service:
        doors = Doors.of(service)
        async with listening(service, WebConfig(port=0), doors=doors) as port:
            yield Api(service, doors, f"http://127.0.0.1:{port}")


async def states(api: Api) -> list[tuple[str, int]]:
    def look(db: Any) -> list[tuple[str, int]]:
        return [tuple(row) for row in db.execute("SELECT state, tries FROM delivery ORDER BY id")]

    return await api.service.store.read(look)


async def settled(api: Api, wanted: list[tuple[str, int]]) -> None:
    async def so() -> bool:
        return await states(api) == wanted

    await api.settled(so)


async def test_the_end_of_a_job_is_told_signed(tmp_path: Path, receiver: Receiver) -> None:
    async with opened(tmp_path, receiver, time.time) as api, api.client() as client, api.client() as other:
        body = {"prompt": "a cat", "webhook": f"{receiver.url}/told"}
        where = (await client.post(JOBS, json=body)).headers["location"]
        await receiver.so_many(1)
        headers, data = receiver.got[0]
        secret = (await client.get("/api/v1/webhook-secret")).json()["secret"]
        told: Any = Webhook(secret).verify(data, headers)
        assert told["type"] == "job.rendered"
        assert told["data"]["id"] == where.rpartition("/")[2]
        assert len(told["data"]["pictures"]) == 4
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(data + b" ", headers)
        foreign = (await other.get("/api/v1/webhook-secret")).json()["secret"]
        with pytest.raises(WebhookVerificationError):
            Webhook(foreign).verify(data, headers)
        await settled(api, [("sent", 0)])
        assert await api.service.outbox.undelivered() == 0


async def test_what_was_put_off_by_a_clock_that_ran_ahead_is_tried_at_once(
    tmp_path: Path, receiver: Receiver
) -> None:
    clock, receiver.answers = Clock(), [500]
    async with opened(tmp_path, receiver, clock) as api, api.client() as client:
        clock.now += 31 * 24 * HOUR  # at boot
        await client.post(JOBS, json={"prompt": "a cat", "webhook": receiver.url})
        await receiver.so_many(1)
        await settled(api, [("pending", 1)])
        clock.now -= 31 * 24 * HOUR  # set right
        pause = await api.service.hooks.pause()
        assert pause is not None
        assert pause <= 8 * HOUR  # the longest there is
        receiver.answers = [200]
        api.service.hooks.changed.set()
        await receiver.so_many(2)
        await settled(api, [("sent", 1)])


async def test_what_fails_is_tried_for_a_day_under_one_name(tmp_path: Path, receiver: Receiver) -> None:
    clock, receiver.answers = Clock(), [500]
    async with opened(tmp_path, receiver, clock) as api, api.client() as client:
        await client.post(JOBS, json={"prompt": "a cat", "webhook": receiver.url})
        began = clock.now
        pauses = []
        for tries in range(1, 9):
            await receiver.so_many(tries)
            await settled(api, [("pending", tries)])
            pause = await api.service.hooks.pause()
            assert pause is not None
            pauses.append(pause)
            clock.now += pause - 0.5
            api.service.hooks.changed.set()
            assert await api.service.hooks.due(9) == []  # not a moment earlier
            clock.now += 0.5
            api.service.hooks.changed.set()
        await receiver.so_many(9)
        await settled(api, [("undeliverable", 8)])
        assert pauses == sorted(pauses)
        assert 23 * HOUR < clock.now - began <= 24 * HOUR
        assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
        assert len({headers["webhook-timestamp"] for headers, _ in receiver.got}) == 9
        assert len({data for _, data in receiver.got}) == 1


async def test_what_was_not_told_is_told_after_a_restart(tmp_path: Path, receiver: Receiver) -> None:
    clock, receiver.answers = Clock(), [302, 200]
    async with opened(tmp_path, receiver, clock) as api, api.client() as client:
        await client.post(JOBS, json={"prompt": "a cat", "webhook": receiver.url})
        await settled(api, [("pending", 1)])
    clock.now += 10
    async with opened(tmp_path, receiver, clock) as api:
        await settled(api, [("sent", 1)])
    assert len(receiver.got) == 2  # the redirect was not followed
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1


async def test_nothing_is_told_to_who_wants_no_more(tmp_path: Path, receiver: Receiver) -> None:
    clock, receiver.answers = Clock(), [410]
    async with opened(tmp_path, receiver, clock) as api:
        key, secret = await api.key()
        async with api.client(secret) as client:
            await client.post(JOBS, json={"prompt": "a cat", "webhook": receiver.url})
            await settled(api, [("undeliverable", 0)])
            receiver.answers = [500]
            await client.post(JOBS, json={"prompt": "a dog", "webhook": receiver.url})
            await settled(api, [("undeliverable", 0), ("pending", 1)])
            await api.service.store.write(store_keys.revoke, clock.now, "cli", key.id)
            clock.now += 10
            api.service.hooks.changed.set()
            await settled(api, [("undeliverable", 0), ("undeliverable", 1)])
            assert len(receiver.got) == 2


async def test_a_cancelled_job_is_told_too(tmp_path: Path, receiver: Receiver) -> None:
    async with opened(tmp_path, receiver, Clock()) as api, api.client() as client:
        api.service.control.pause()
        answer = await client.post(JOBS, json={"prompt": "a cat", "webhook": receiver.url})
        await client.delete(answer.headers["location"])
        await receiver.so_many(1)
        assert b'"type": "job.cancelled"' in receiver.got[0][1]


WRONG = (
    *(
        "",
        "a.png",
        "https://",
        "http://example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "https://[",
    ),
    *(
        "https://example.com:8443/",
        "https://user:word@example.com/",
        "https://127.0.0.1/",
        "https://10.0.0.1/",
    ),
    *("https://[::1]/", "https://169.254.169.254/", "https://exa m.com/", "https://a.com/" + "a" * 3000),
)


async def test_only_public_servers_are_written_to(api: Api) -> None:
    async with api.client() as client:
        for url in WRONG:
            answer = await client.post(JOBS, json={"prompt": "a cat", "webhook": url})
            assert answer.status_code == 422, url
            assert answer.json()["error"]["field"] == "webhook"
        assert await api.service.jobs_of("key:1") == []


@pytest.mark.parametrize("host", HOSTS)
async def test_no_name_leads_a_message_inwards(host: str, receiver: Receiver) -> None:
    names = Names()
    with pytest.raises(UserError):
        await post(f"https://{host}/hook", b"{}", {}, resolver=names)
    assert receiver.got == []
