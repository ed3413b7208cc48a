"""A service with the fake renderer in a real worker process, and how to look at it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from engine.config import (
    AllowanceConfig,
    Config,
    EngineConfig,
    LimitsConfig,
    ModerationConfig,
    ProvenanceConfig,
)
from engine.jobs import Job, Speed
from engine.rules.people import Requester
from engine.service import UNRULED, Ask, Caller, Edit, Imagine, Service, Submitted

FAKE = "engine.workers.fake:Renderer"

Open = Callable[..., AbstractAsyncContextManager[Service]]


@pytest.fixture
def open_service(tmp_path: Path) -> Open:
    """Open a service on this test's data folder; keyword arguments are the fake renderer's."""

    @asynccontextmanager
    async def opened(
        *,
        engine: EngineConfig | None = None,
        limits: LimitsConfig | None = None,
        blocked: tuple[str, ...] = (),
        allowance: AllowanceConfig | None = None,
        moderation: ModerationConfig | None = None,
        provenance: ProvenanceConfig | None = None,
        **arguments: Any,
    ) -> AsyncIterator[Service]:
        config = Config(
            data_dir=tmp_path / "data",
            engine=engine or EngineConfig(),
            limits=limits or LimitsConfig(),
            moderation=moderation or ModerationConfig(blocked=blocked),
            allowance=allowance or AllowanceConfig(),
            # a fifth of a second a picture: who looks at marks turns it on
            provenance=provenance or ProvenanceConfig(mark=False),
        )
        async with Service.open(config, renderer=FAKE, arguments=arguments) as service:
            yield service

    return opened


@pytest.fixture
async def service(open_service: Open) -> AsyncIterator[Service]:
    async with open_service() as opened:
        yield opened


def calling(
    key: str,
    owner: str = "anna",
    origin: str = "discord:1/2",
    requester: Requester | None = None,
    **more: Any,
) -> Caller:
    return Caller(key=key, owner=owner, origin=origin, requester=requester or UNRULED, **more)


def asking(
    key: str,
    line: str = "a red apple",
    owner: str = "anna",
    origin: str = "discord:1/2",
    *,
    requester: Requester | None = None,
    speed: Speed | None = None,
    reply_to: str | None = None,
    language: str = "",
    **more: Any,
) -> Imagine:
    caller = calling(key, owner, origin, requester, speed=speed, reply_to=reply_to, language=language)
    return Imagine(caller, line, **more)


def editing(
    key: str, owner: str, origin: str, job: str | None, name: str, cell: int | None = None, *,
    requester: Requester | None = None, **more: Any,
) -> Edit:  # fmt: skip
    return Edit(calling(key, owner, origin, requester), name, job, cell, **more)


async def submit(service: Service, ask: Ask) -> Submitted:
    """Plan a request and submit it, as doors do."""
    return await service.submit(await service.plan(ask))


async def ended(service: Service, job: str) -> Job:
    """Wait for a job's end and return it."""
    last = None
    async for snapshot in service.progress(job):
        last = snapshot.job
    assert last is not None
    return last


async def drawn(service: Service, key: str = "first", line: str = "a red apple", **more: Any) -> Job:
    """Ask for one job and wait for it."""
    submitted = await submit(service, asking(key, line, **more))
    return await ended(service, submitted.jobs[0].id)
