"""What the HTTP API costs around the service: the same requests over a socket and without one, in turn.

Twenty clients, each of which rests between two requests for up to a second: of clients that never rest the
time of a request would be the time of all that stand before it, whatever each costs. They have a process of
their own, as elsewhere (``python -m bench.api``), and read answers as plainly as can be.
"""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import cache, partial
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from bench import Row
from engine.config import ApiConfig, Config, EngineConfig, LimitsConfig, ProvenanceConfig, WebConfig
from engine.rules import keys
from engine.service import UNRULED, Caller, Imagine, Service
from engine.store import keys as store_keys
from engine.web import Doors, listening

FAKE = "engine.workers.fake:Renderer"
CLIENTS, EACH, ROUNDS, REST = 20, 15, 5, 1.0
BODY = b'{"prompt": "a red apple"}'


async def _together(ask: Callable[[int], Awaitable[object]], rest: float = REST) -> list[float]:
    """Have every client ask and rest again and again, all at once; return milliseconds of each request."""
    taken: list[float] = []

    async def client(number: int) -> None:
        dice = random.Random(number)
        for _ in range(EACH):
            await asyncio.sleep(dice.uniform(0.0, rest))
            began = time.perf_counter()
            await ask(number)
            taken.append(1000 * (time.perf_counter() - began))

    await asyncio.gather(*(client(number) for number in range(CLIENTS)))
    return taken


async def _clients(port: int, secrets: Sequence[str], rest: float) -> list[float]:
    """Ask over connections that stay open."""
    ends = [await asyncio.open_connection("127.0.0.1", port) for _ in secrets]

    async def ask(number: int) -> None:
        reader, writer = ends[number]
        head = f"POST /api/v1/jobs HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {secrets[number]}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n"
        writer.write(head.encode() + BODY)
        answer = (await reader.readuntil(b"\r\n\r\n")).lower()
        assert answer.startswith(b"http/1.1 202"), answer
        await reader.readexactly(int(answer.partition(b"content-length:")[2].partition(b"\r\n")[0]))

    taken = await _together(ask, rest)
    for _, writer in ends:
        writer.close()
    return taken


async def _elsewhere(port: int, secrets: Sequence[str], rest: float = REST) -> list[float]:
    """Have the clients ask from another process."""
    told = json.dumps([port, secrets, rest]).encode()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.api"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate(told)
    found: list[float] = json.loads(said)
    return found


class _Round(NamedTuple):
    """Milliseconds of each request over HTTP and without, and of the server's processor for one of each."""

    http: list[float]
    alone: list[float]
    spent: tuple[float, float]


async def _timed(taking: Awaitable[list[float]]) -> tuple[list[float], float]:
    """Return what was taken, and this process' milliseconds of processor a request."""
    began = time.process_time()
    taken = await taking
    return taken, 1000 * (time.process_time() - began) / len(taken)


async def _compared(rest: float) -> list[_Round]:
    """Measure requests over HTTP and without, in turn; nothing is drawn."""
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
            async with listening(service, WebConfig(port=0), doors=doors) as port:
                secrets = [keys.make() for _ in range(CLIENTS)]
                for number, secret in enumerate(secrets):
                    told: Any = (
                        f"client {number}",
                        secret[: keys.START],
                        keys.digest(secret),
                        ("draw",),
                        "cli",
                    )
                    new = store_keys.NewKey(*told)
                    await service.store.write(store_keys.create, service.store.now(), new)
                names = count()

                async def alone(number: int) -> None:
                    caller = Caller(f"bench:{next(names)}", f"bench:{number}", "http:bench", UNRULED)
                    await service.submit(await service.plan(Imagine(caller, "a red apple")))

                assert port is not None
                await _elsewhere(port, secrets, 0.0)
                await _together(alone, 0.0)
                found = []
                for _ in range(ROUNDS):
                    http, one = await _timed(_elsewhere(port, secrets, rest))
                    bare, two = await _timed(_together(alone, rest))
                    found.append(_Round(http, bare, (one, two)))
                return found


@cache
def _measured(rest: float = REST) -> list[_Round]:
    return asyncio.run(_compared(rest))


def _more(share: Callable[[list[float]], float]) -> list[float]:
    """Return, a round, by how many milliseconds a request over HTTP takes longer."""
    return [share(one.http) - share(one.alone) for one in _measured()]


def _spent() -> list[float]:
    return [one.spent[0] - one.spent[1] for one in _measured()]


def _late(taken: list[float]) -> float:
    return statistics.quantiles(taken, n=100)[98]


ROWS = (
    Row(
        f"HTTP API over service.submit, {CLIENTS} clients, median",
        partial(_more, statistics.median),
        10,
        unit="ms",
    ),
    Row(
        f"HTTP API over service.submit, {CLIENTS} clients, 99th percentile",
        partial(_more, _late),
        50,
        unit="ms",
    ),
    Row("the same in the server's processor time, whatever else runs", _spent, 10, unit="ms"),
)

if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(_clients(*json.load(sys.stdin)))))
