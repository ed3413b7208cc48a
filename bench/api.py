"""What the HTTP API costs around the service: the same requests over a socket and without one, in turn."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from itertools import count
from pathlib import Path

import httpx

from bench import Row
from engine.config import ApiConfig, Config, EngineConfig, LimitsConfig, ProvenanceConfig, WebConfig
from engine.rules import keys
from engine.service import UNRULED, Caller, Imagine, Service
from engine.store import keys as store_keys
from engine.web import Doors, listening

FAKE = "engine.workers.fake:Renderer"
CLIENTS, EACH, ROUNDS = 20, 10, 5
LIMITS = httpx.Limits(max_connections=CLIENTS, keepalive_expiry=1)  # ended before the server ends them


async def _together(ask: Callable[[int], Awaitable[object]]) -> list[float]:
    """Have every client ask one after another, all clients at once; return milliseconds of each request."""
    taken: list[float] = []

    async def client(number: int) -> None:
        for _ in range(EACH):
            began = time.perf_counter()
            await ask(number)
            taken.append(1000 * (time.perf_counter() - began))

    await asyncio.gather(*(client(number) for number in range(CLIENTS)))
    return taken


async def _compared(share: Callable[[list[float]], float]) -> list[float]:
    """Return, a round, by how many milliseconds a request over HTTP takes longer; nothing is drawn."""
    with tempfile.TemporaryDirectory() as folder:
        config = Config(
            data_dir=Path(folder),
            engine=EngineConfig(device="cpu"),
            limits=LimitsConfig(waiting=10**6),
            api=ApiConfig(enabled=True),
            provenance=ProvenanceConfig(sign=False, mark=False),
        )
        async with Service.open(config, renderer=FAKE, arguments={}) as service:
            service.control.pause()
            doors = Doors.of(service, count(0, 60).__next__)  # rates let every request in
            async with (
                listening(service, WebConfig(port=0), doors=doors) as port,
                httpx.AsyncClient(
                    base_url=f"http://127.0.0.1:{port}", limits=LIMITS
                ) as http,
            ):
                headers = []
                for number in range(CLIENTS):
                    secret = keys.make()
                    new = store_keys.NewKey(
                        f"client {number}", secret[: keys.START], keys.digest(secret), ("draw",), "cli"
                    )
                    await service.store.write(store_keys.create, service.store.now(), new)
                    headers.append({"Authorization": f"Bearer {secret}"})
                names = count()

                async def over_http(number: int) -> None:
                    body = {"prompt": "a red apple"}
                    answer = await http.post("/api/v1/jobs", json=body, headers=headers[number])
                    assert answer.status_code == 202

                async def alone(number: int) -> None:
                    caller = Caller(f"bench:{next(names)}", f"bench:{number}", "http:bench", UNRULED)
                    await service.submit(await service.plan(Imagine(caller, "a red apple")))

                await _together(over_http)
                await _together(alone)
                return [
                    share(await _together(over_http)) - share(await _together(alone)) for _ in range(ROUNDS)
                ]


def _measured(share: Callable[[list[float]], float]) -> Sequence[float]:
    return asyncio.run(_compared(share))


def _late(taken: list[float]) -> float:
    return statistics.quantiles(taken, n=100)[98]


ROWS = (
    Row(
        f"HTTP API over service.submit, {CLIENTS} clients, median",
        partial(_measured, statistics.median),
        10,
        unit="ms",
    ),
    Row(
        f"HTTP API over service.submit, {CLIENTS} clients, 99th percentile",
        partial(_measured, _late),
        50,
        unit="ms",
    ),
)
