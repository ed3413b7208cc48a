"""The API as clients meet it: a real service on the fake renderer, a real socket, a real key."""

from __future__ import annotations

import asyncio
import itertools
import logging
import sqlite3
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine.config import ApiConfig, Config, EngineConfig, ProvenanceConfig, WebConfig
from engine.jobs import Job, State
from engine.rules import keys
from engine.rules.keys import Key
from engine.service import Service
from engine.store import keys as store_keys
from engine.web import Doors, listening
from engine.web.metrics import metrics
from engine.web.protocol import HEADERS_WITHIN, READS_WITHIN
from tests.engine.web.kept_secret import LOGGERS, MADE, Everything, found_under, made

FAKE = "engine.workers.fake:Renderer"
TRUST = ssl.create_default_context()
"""One for all clients: each would read the system's certificates anew, a megabyte of them."""


def unhurried() -> Callable[[], float]:
    """Return a clock for rates by which a minute passes between any two requests."""
    return itertools.count(0, 60).__next__


@dataclass
class Api:
    """A listening API: its service, its address, and keys to it."""

    service: Service
    doors: Doors
    url: str

    async def key(self, **more: Any) -> tuple[Key, str]:
        """Make a key; return it and its text."""
        secret = made(keys.make())
        told: dict[str, Any] = {"name": "test", "scopes": ("draw", "read"), "actor": "cli"} | more
        new = store_keys.NewKey(start=secret[: keys.START], sha256=keys.digest(secret), **told)
        return await self.service.store.write(store_keys.create, self.service.store.now(), new), secret

    @asynccontextmanager
    async def client(self, secret: str | None = None) -> AsyncIterator[httpx.AsyncClient]:
        """A client that sends this key, or a fresh one."""
        if secret is None:
            _, secret = await self.key()
        headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        async with httpx.AsyncClient(base_url=self.url, headers=headers, timeout=300, verify=TRUST) as client:
            yield client

    async def drawn(self, client: httpx.AsyncClient, line: str = "a red apple") -> Job:
        """Have a line drawn through our own API, and return the job."""
        answer = await client.post("/api/v1/jobs", json={"prompt": line})
        assert answer.status_code == 202, answer.text
        job = None
        async for snapshot in self.service.progress(answer.json()["jobs"][0]["id"]):
            job = snapshot.job
        assert job is not None
        assert job.state is State.RENDERED
        return job

    async def many(self, job: Job, count: int) -> list[str]:
        """Put so many more jobs with the same pictures into the database, each a second older; return all."""

        def copied(db: sqlite3.Connection) -> None:
            row = dict(db.execute("SELECT * FROM job WHERE id = ?", (job.id,)).fetchone())
            names = ", ".join(row)
            for number, name in enumerate(ids[1:], start=1):
                told = row | {"id": name, "request": name, "created_at": row["created_at"] - number}
                db.execute(f"INSERT INTO job ({names}) VALUES (:{', :'.join(row)})", told)
                db.executemany(
                    "INSERT INTO picture (job, cell, sha256) VALUES (?, ?, ?)",
                    [(name, cell, sha256) for cell, sha256 in enumerate(job.pictures)],
                )

        ids = [job.id, *(f"copy{number:06}" for number in range(1, count + 1))]
        await self.service.store.write(copied)
        return ids

    async def settled(self, good: Callable[[], Awaitable[bool]]) -> None:
        """Wait until something is so."""
        async with asyncio.timeout(300):
            while not await good():  # noqa: ASYNC110 - what is waited for tells nobody
                await asyncio.sleep(0.02)


async def status_of(api: Api, *lines: str) -> int:
    """Send a request's head byte for byte, nothing after it, and return the status of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(api.url.rpartition(":")[2]))
    writer.write("\r\n".join((*lines, "Host: test", "", "")).encode())
    answer = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return int(answer.split()[1])


Opened = Callable[..., Any]


@pytest.fixture(scope="session", autouse=True)
def no_key_is_kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """After all tests search databases, pictures, logs and metrics for every key: there is none."""
    folder = tmp_path_factory.getbasetemp()
    handler = Everything(folder / "everything.log")
    loggers = [(logger, logger.level) for logger in map(logging.getLogger, LOGGERS)]
    for logger, _ in loggers:
        logger.setLevel(logging.DEBUG)
        logger.addHandler(handler)
    yield
    for logger, level in loggers:
        logger.setLevel(level)
        logger.removeHandler(handler)
    handler.close()
    if MADE:
        (folder / "seen").write_text(next(iter(MADE)))  # so that a search which finds nothing is no proof
    where = found_under(folder)
    assert where == [str(folder / "seen")] * bool(MADE)


@pytest.fixture
def api_at(tmp_path: Path) -> Opened:
    """Open the API with further settings."""

    @asynccontextmanager
    async def opened(
        arguments: Mapping[str, Any] | None = None,
        api: ApiConfig | None = None,
        *,
        clock: Callable[[], float] = time.time,
        pace: Callable[[], float] = time.monotonic,
        headers_within: float = HEADERS_WITHIN,
        reads_within: float = READS_WITHIN,
        **more: Any,
    ) -> AsyncIterator[Api]:
        config = Config(
            data_dir=tmp_path,
            engine=EngineConfig(device="cpu"),
            api=api or ApiConfig(enabled=True),
            # the invisible mark names the job, so equal requests would differ by a level
            **{"provenance": ProvenanceConfig(mark=False), **more},
        )
        async with Service.open(config, renderer=FAKE, arguments=arguments or {}, clock=clock) as service:
            doors = Doors.of(service, pace)
            doors.headers_within, doors.reads_within = headers_within, reads_within
            async with listening(service, WebConfig(port=0), doors=doors) as port:
                yield Api(service, doors, f"http://127.0.0.1:{port}")
            (tmp_path / "metrics.txt").write_bytes(await metrics(service))

    return opened


@pytest.fixture
async def api(api_at: Opened) -> AsyncIterator[Api]:
    """The API as it is configured by default."""
    async with api_at() as api:
        yield api
