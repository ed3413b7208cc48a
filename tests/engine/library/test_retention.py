"""Retention, export and deletion: what is somebody's goes with them, what others need stays."""

from __future__ import annotations

import asyncio
import io
import json
import os
import sqlite3
import time
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from engine import images
from engine.config import AllowanceConfig, RetentionConfig
from engine.errors import LimitError, NotFound
from engine.jobs import State
from engine.library.retention import STEP
from engine.moderation import BlockedError
from engine.rules.people import Requester
from engine.service import Service
from engine.store.connection import Store
from engine.store.masks import add
from engine.store.retention import forget
from tests.engine.conftest import Open, asking, calling, drawn, editing, ended, submit

ANNA = "1234567890123456789"  # long enough to be found by accident nowhere


def files(service: Service) -> set[str]:
    return {path.name for path in service.gallery.root.rglob("*") if path.is_file()}


def traces(folder: Path, word: str) -> list[str]:
    """Return the files under a folder that hold these bytes, the database's own files among them."""
    return [str(path) for path in folder.rglob("*") if path.is_file() and word.encode() in path.read_bytes()]


async def busy_life(service: Service, owner: str) -> list[str]:
    """Have somebody use everything there is; return their jobs."""
    jobs = [await drawn(service, f"{owner}-{n}", f"a secret apple {n}", owner=owner) for n in range(2)]
    press = editing(f"{owner}-v", owner, "discord:1/2", jobs[0].id, "vary", cell=0)
    varied = (await submit(service, press)).jobs[0]
    await ended(service, varied.id)
    await service.prefer(owner, "suffix", "--ar 3:2")
    await service.show(calling(f"{owner}-s", owner), jobs[1].id, 0)
    await service.admin.audit(owner, "ban", guild="1", target="ben", detail={"by": owner})
    picture = jobs[1].pictures[0]
    row = {"key": f"{owner}-m", "owner": owner, "origin": "discord:1/2", "picture": picture, "cell": 0}
    await service.store.write(add, row | {"job": jobs[1].id, "outline": "{}", "created_at": time.time()})
    requester = Requester(owner, "77", manager=True)
    reported = await service.reports.report(jobs[1], requester, f"a secret of {owner}", seen=True)
    await service.reports.decide(reported.id, requester, "returned")
    with pytest.raises(BlockedError):
        await submit(service, asking(f"{owner}-r", "a secret nude child", owner=owner))
    return [*(job.id for job in jobs), varied.id]


async def test_deleting_leaves_nothing_of_a_person_and_everything_of_others(
    open_service: Open, tmp_path: Path
) -> None:
    async with open_service() as service:
        jobs = await busy_life(service, ANNA)
        theirs = [job.id for job in await service.jobs_of(ANNA)]
        assert set(theirs) == set(jobs)
        parent = await service.find(jobs[0])
        before = files(service)
        other = await busy_life(service, "ben")
        made = (await submit(service, editing("b", "ben", "discord:1/2", jobs[0], "vary", cell=1))).jobs[0]
        await ended(service, made.id)
        of_ben = files(service) - before | {f"{parent.pictures[1]}.png"}
        running = (await submit(service, asking("open", "a long one --steps 150", owner=ANNA))).jobs[0]
        await service.forget(ANNA)
        for job in (*jobs, running.id):
            with pytest.raises(NotFound):
                await service.find(job)
        assert files(service) == of_ben  # the picture ben made something of stays
        assert await service.preferences(ANNA) == {}
        assert {job.id for job in await service.jobs_of("ben")} == {*other, made.id}
        again = await submit(service, editing("b2", "ben", "discord:1/2", made.id, "reroll"))
        assert (await ended(service, again.jobs[0].id)).state is State.RENDERED
        await service.forget(ANNA)  # repeatable
        await drawn(service, "still", owner=ANNA)  # and they may come back
        await service.forget(ANNA)
    assert traces(tmp_path / "data", ANNA) == []
    assert traces(tmp_path / "data", "ben") != []


async def test_every_table_that_names_people_is_known(tmp_path: Path) -> None:
    """A new table with a person in it must be deleted from: a column `owner` sees to it."""
    async with Store.open(tmp_path / "limner.db"):
        pass
    db = sqlite3.connect(tmp_path / "limner.db")
    tables = {
        name: {row[1] for row in db.execute(f"PRAGMA table_info({name})")}
        for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
    }
    db.close()
    people = {name for name, columns in tables.items() if "owner" in columns}
    # these hold nobody, or hold them through a job; `audit` is seen to by name
    others = {"picture", "input", "meta", "rule", "errand", "audit", "sqlite_sequence", "api_request"}
    assert {"job", "delivery", "ledger", "preference", "standing", "ban", "mask"} <= people
    assert set(tables) - people <= others, "give it a column `owner`, or see to it in store/retention.py"


async def test_somebody_whose_key_was_used_is_forgotten_with_it(tmp_path: Path) -> None:
    def use(db: sqlite3.Connection) -> None:
        db.execute(
            "INSERT INTO api_key (id, name, owner, start, sha256, scopes, created_at)"
            " VALUES (1, 'mine', 'anna', 'lim_', x'00', '[]', 1)"
        )
        db.execute("INSERT INTO api_request (key, name, sha256, at) VALUES (1, 'first', x'00', 1)")

    def left(db: sqlite3.Connection) -> int:
        return int(
            db.execute("SELECT (SELECT count(*) FROM api_key) + count(*) FROM api_request").fetchone()[0]
        )

    async with Store.open(tmp_path / "limner.db") as store:
        await store.write(use)
        await store.write(forget, "anna", "mark")
        assert await store.read(left) == 0


async def test_an_allowance_is_not_had_again_by_deleting(open_service: Open) -> None:
    async with open_service(allowance=AllowanceConfig(seconds=9.0)) as service:
        requester = Requester(ANNA, guild="1")
        await drawn(service, "1", owner=ANNA)
        (before,) = await service.prices.balances(ANNA, requester)
        assert before.used > 0
        await service.forget(ANNA)
        assert await service.prices.balances(ANNA, requester) == (before,)
        used_up = {"allowance": AllowanceConfig(seconds=before.used)}
        await service.reload(service.config.model_copy(update=used_up))
        with pytest.raises(LimitError):
            await submit(service, asking("2", "a cat", ANNA, "discord:1/2", requester=requester))


def assert_same_pixels(one: bytes, other: bytes) -> None:
    with Image.open(io.BytesIO(one)) as first, Image.open(io.BytesIO(other)) as second:
        assert first.tobytes() == second.tobytes()


async def test_an_export_holds_every_row_and_picture_in_files_of_the_right_size(open_service: Open) -> None:
    async with open_service() as service:
        jobs = await busy_life(service, ANNA)
        await busy_life(service, "ben")
        size = len((await service.pictures(jobs[0]))[0])
        limit = size * 4
        parts = [part async for part in service.export(ANNA, limit)]
        assert len(parts) > 2
        assert all(len(part) <= limit for part in parts)
        found: dict[str, bytes] = {}
        for part in parts:
            with zipfile.ZipFile(io.BytesIO(part)) as archive:
                assert archive.testzip() is None
                found |= {name: archive.read(name) for name in archive.namelist()}
        rows = json.loads(found["data-1.json"])
        assert rows["person"] == ANNA
        assert {row["id"] for row in rows["job"]} == set(jobs)
        assert len(rows["preference"]) == len(rows["mask"]) == 1
        assert any(row["actor"] == ANNA for row in rows["audit"])
        lists = [table for table in rows.values() if isinstance(table, list)]
        assert {row["owner"] for table in lists for row in table if "owner" in row} == {ANNA}
        for job in jobs:
            for number, data in enumerate(await service.pictures(job), start=1):
                assert_same_pixels(found[f"pictures/{job}-{number}.png"], data)


async def test_a_picture_larger_than_any_message_comes_as_a_smaller_file(open_service: Open) -> None:
    async with open_service() as service:
        job = await drawn(service, owner=ANNA)
        noise = Image.frombytes("RGB", (400, 400), os.urandom(400 * 400 * 3))  # cannot be packed
        large = await service.gallery.keep(images.png(noise))
        add_cell = "INSERT INTO picture (job, cell, sha256) VALUES (?, 4, ?)"
        await service.store.write(lambda db: db.execute(add_cell, (job.id, large)).rowcount)
        limit = 200_000
        parts = [part async for part in service.export(ANNA, limit)]
        assert all(len(part) <= limit for part in parts)
        names = [name for part in parts for name in zipfile.ZipFile(io.BytesIO(part)).namelist()]
        assert f"pictures/{job.id}-5.webp" in names


async def test_what_nobody_kept_goes_after_its_days_and_what_was_kept_stays(
    open_service: Open, tmp_path: Path
) -> None:
    async with open_service() as service:
        plain, shown, parent, young, liked = [await drawn(service, name, f"a {name}") for name in "abcde"]
        heart = "INSERT INTO likes (owner, picture, job, cell, at) VALUES ('ben', ?, ?, 0, 1)"
        await service.store.write(lambda db: db.execute(heart, (liked.pictures[0], liked.id)).rowcount)
        await service.show(calling("s", "ben"), shown.id, 0)
        child = (await submit(service, editing("v", "ben", "discord:1/2", parent.id, "vary", cell=0))).jobs[0]
        await ended(service, child.id)

        def age(db: sqlite3.Connection) -> None:
            old = time.time() - 31 * 86400
            for job in (plain, shown, parent, liked):
                db.execute("UPDATE job SET created_at = ?, finished_at = ? WHERE id = ?", (old, old, job.id))
                db.execute("UPDATE delivery SET created_at = ? WHERE job = ? AND cell IS NULL", (old, job.id))

        await service.store.write(age)
        orphan, fresh = (
            await service.gallery.keep(b"\x89PNG nobody's"),
            await service.gallery.keep(b"\x89PNG just kept"),
        )
        path = service.gallery.path(orphan)
        long_ago = time.time() - 2 * 86400
        os.utime(path, (long_ago, long_ago))
        assert await service.retention.tidy(RetentionConfig(days=0), rest=0) == 0
        assert not path.exists()
        assert service.gallery.path(fresh).exists()
        assert await service.retention.tidy(RetentionConfig(days=30), rest=0) == 1
        with pytest.raises(NotFound):
            await service.find(plain.id)
        assert not any(service.gallery.path(sha256).exists() for sha256 in plain.pictures)
        for job in (shown, parent, young, child, liked):
            await service.pictures(job.id)
        charged = await service.store.read(lambda db: db.execute("SELECT count(*) FROM ledger").fetchone()[0])
        assert charged == 6  # the ledger outlives what it is about


async def test_others_are_served_while_it_tidies_up(open_service: Open) -> None:
    async with open_service(start_seconds=3600) as service:
        for number in range(300):
            job = (await submit(service, asking(str(number), owner=f"p{number}"))).jobs[0]
            await service.cancel(job.id, job.owner)
        await service.store.write(
            lambda db: db.execute("UPDATE job SET created_at = 1, finished_at = 1").rowcount
        )
        served = 0
        tidying = asyncio.create_task(service.retention.tidy(RetentionConfig(days=1), rest=0.01))
        while not tidying.done():
            await service.meta("anything")  # somebody else's read
            served += 1
        assert await tidying == 300
        assert served >= 300 // STEP  # at least one between any two steps
