"""What a job costs in looks at the database, from its line to the message that is ready to send."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from bot.publish.delivery import Publisher
from engine.config import Config, ProvenanceConfig
from engine.service import LABEL, Service, server
from engine.store.connection import READERS
from tests.engine.conftest import FAKE, asking, ended

LIMIT = 10 * 2**20


async def watched(service: Service) -> list[str]:
    """Return a list that grows by every statement of every connection, with its values."""
    statements: list[str] = []

    def look(db: sqlite3.Connection) -> None:
        db.set_trace_callback(statements.append)

    # asked for together, each takes the connection that is free
    await asyncio.gather(*(service.store.read(look) for _ in range(READERS)), service.store.write(look))
    return statements


def about(statements: list[str], *names: str) -> list[str]:
    """Return which tables were looked into for these people, places, requests and jobs, in order."""
    found = [re.match(r"SELECT .* FROM (\w+) .*'([\w:]+)'", one) for one in statements]
    return [one[1] for one in found if one is not None and one[2] in names]


def publisher(service: Service) -> Publisher:
    client: Any = SimpleNamespace(get_guild=lambda guild: None, service=service)
    return Publisher(client)


async def test_a_message_is_made_of_one_look_at_its_job_and_at_what_was_set(tmp_path: Path) -> None:
    config = Config(data_dir=tmp_path, provenance=ProvenanceConfig(mark=False, sign=False))
    async with Service.open(config, renderer=FAKE) as service:
        await service.prefer(server("1"), LABEL, "message")
        statements = await watched(service)

        planned = await service.plan(asking("1", language="de"))
        assert about(statements, "1", "anna", "discord:1") == ["job", "preference", "preference"]
        statements.clear()
        job = (await service.submit(planned)).jobs[0]
        assert about(statements, "anna", "discord:1") == ["job"], "what they have open"
        await ended(service, job.id)
        delivery = await anext(service.outbox.deliveries())
        statements.clear()

        letter = await publisher(service).spoken(delivery, LIMIT)
        looked = about(statements, job.id, "anna", "discord:1")
        assert looked == ["job", "picture", "preference", "preference"]
        said = letter.content.splitlines()
        assert said[0].endswith("(schnell)")
        assert said[1] == "-# KI-generiert"
