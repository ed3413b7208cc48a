"""The record of what those in charge did, and the server a job was asked in."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.rules.people import Requester
from engine.service import Service
from engine.store import jobs as store_jobs
from engine.store.connection import Store
from tests.engine.conftest import asking, editing, submit


async def test_the_record_keeps_who_did_what(service: Service) -> None:
    first = await service.admin.audit(
        "13", "ban", guild="100", target="11", detail={"reason": "spam", "é": 1}
    )
    second = await service.admin.audit("cli", "pause")
    third = await service.admin.audit("13", "unban", guild="100", target="11")
    assert first < second < third
    newest, _, oldest = await service.admin.audits()
    assert (newest.action, newest.guild, newest.detail) == ("unban", "100", {})
    assert (oldest.actor, oldest.target, oldest.detail) == ("13", "11", {"reason": "spam", "é": 1})
    assert [one.id for one in await service.admin.audits("100")] == [third, first]
    assert [one.id for one in await service.admin.audits(after=first, limit=1)] == [second]


async def test_a_job_knows_the_server_it_was_asked_in(service: Service) -> None:
    requester = Requester("11", guild="100", channel="111", roles=("100",))
    asked = asking("1", "a red apple", "11", "token:1/secret", requester=requester)
    [job] = (await submit(service, asked)).jobs
    assert job.guild == "100"
    assert (await service.find(job.id)).guild == "100"
    [alone] = (await submit(service, asking("2", "a red apple", "cli", "cli:"))).jobs
    assert alone.guild is None
    async for _ in service.progress(alone.id):
        pass
    remixed = editing("3", "11", "discord:100/111", alone.id, "remix", line="a blue car", requester=requester)
    [again] = (await submit(service, remixed)).jobs
    assert again.guild == "100"


@pytest.mark.parametrize(
    ("origin", "guild"),
    [("discord:100/111", "100"), ("discord:@me/111", None), ("token:1/secret/x", None), ("cli:", None)],
)
async def test_jobs_from_before_get_their_server_from_where_they_came(
    tmp_path: Path, origin: str, guild: str | None
) -> None:
    import sqlite3
    from importlib import resources

    from engine.jobs import JobSpec

    file = tmp_path / "limner.db"
    spec = JobSpec(model="m", width=8, height=8, steps=1, guidance_scale=1, sampler="ddim", seed=0)
    db = sqlite3.connect(file)
    for name in ("0001_ground.sql", "0002_sources.sql"):
        db.executescript((resources.files("engine.store") / "migrations" / name).read_text())
    db.execute("PRAGMA user_version = 2")
    db.execute(
        "INSERT INTO job (id, request, nth, owner, origin, state, spec, prompt, speed, work, created_at)"
        " VALUES ('0123456789', '1', 0, '11', ?, 'failed', ?, 'x', 'fast', 1.0, 1.0)",
        (origin, spec.model_dump_json()),
    )
    db.commit()
    db.close()
    async with Store.open(file) as store:
        job = await store.read(store_jobs.get, "0123456789")
    assert job is not None
    assert job.guild == guild
