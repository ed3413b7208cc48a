"""The optional listener: off unless asked for, and honest about what is wrong."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from engine.config import Config, EngineConfig, WebConfig
from engine.errors import ConfigError
from engine.service import Service
from engine.web import listening

FAKE = "engine.workers.fake:Renderer"
ON = WebConfig(enabled=True, port=0)


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    config = Config(data_dir=tmp_path, engine=EngineConfig(device="cpu"))
    async with Service.open(config, renderer=FAKE) as service:
        yield service


async def healthy(client: httpx.AsyncClient, wanted: bool) -> httpx.Response:
    while True:
        answer = await client.get("/healthz")
        if (answer.status_code == 200) is wanted:
            return answer
        await asyncio.sleep(0.05)


async def test_it_is_off_unless_asked_for(service: Service) -> None:
    async with listening(service, WebConfig()) as port:
        assert port is None


async def test_health_is_ok_once_a_worker_can_draw(service: Service) -> None:
    async with (
        listening(service, ON) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=None) as client,
    ):
        answer = (await healthy(client, True)).json()
    assert answer["status"] == "ok"
    assert answer["database"]
    assert answer["queue"] == {"waiting": 0, "running": 0, "paused": False}
    assert [worker["ready"] for worker in answer["workers"]] == [True]


@pytest.mark.skipif(os.name != "posix", reason="SIGSTOP is POSIX")
async def test_a_dead_worker_shows_and_its_successor_too(service: Service) -> None:
    async with (
        listening(service, ON) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=None) as client,
    ):
        await healthy(client, True)
        (worker,) = service.control.workers()
        os.kill(worker["pid"], signal.SIGKILL)
        answer = (await healthy(client, False)).json()
        assert answer["status"] == "no worker is ready"
        answer = (await healthy(client, True)).json()
        assert answer["workers"][0]["restarts"] == 1


async def test_other_parts_count(service: Service) -> None:
    parts = {"discord": lambda: False}
    async with (
        listening(service, ON, parts) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=None) as client,
    ):
        await asyncio.sleep(0.5)
        answer = await client.get("/healthz")
    assert answer.status_code == 503
    assert answer.json()["discord"] is False


async def test_nothing_else_is_served(service: Service) -> None:
    async with (
        listening(service, ON) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=None) as client,
    ):
        assert {(await client.get(path)).status_code for path in ("/", "/docs", "/openapi.json")} == {404}


async def test_a_taken_port_is_one_clear_sentence(service: Service) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ConfigError, match=r"cannot use 127\.0\.0\.1"):
            async with listening(service, WebConfig(enabled=True, port=port)):
                pass
