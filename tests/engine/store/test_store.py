"""The store: races answer "no", migrations are whole or not at all, and mistakes are one clear line."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Awaitable
from contextlib import closing
from pathlib import Path

import pytest

from engine.errors import ConfigError, EngineError, LimitError
from engine.jobs import Condition, DeliveryState, Job, JobSpec, Speed, State, new_job_id
from engine.store import deliveries, jobs, meta, preferences
from engine.store.connection import Store
from engine.store.database import explain
from engine.store.jobs import GIVEN_UP, Draft, Result, Usage

SPEC = JobSpec(
    model="pocket", conditions=(Condition(text="a red apple"),), width=64, height=64, steps=20,
    guidance_scale=5, sampler="ddim", seed=7,
)  # fmt: skip


def draft(owner: str = "anna", *, origin: str = "discord:1/2", work: float = 10.0) -> Draft:
    job = Job(
        id=new_job_id(), owner=owner, origin=origin, state=State.QUEUED, spec=SPEC, prompt="a red apple",
        notes=("said once",), speed=Speed.FAST, created_at=1.0,
    )  # fmt: skip
    return Draft(job, work, reply_to="41", progress="42")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with Store.open(tmp_path / "limner.db") as opened:
        yield opened


def work(db: sqlite3.Connection, owner: str) -> tuple[float, float]:
    """Return the work reserved for a person's open jobs, and what was given to those that ended."""
    row = db.execute(
        "SELECT total(reserved) FILTER (WHERE settled IS NULL), total(settled) FROM ledger WHERE owner = ?",
        (owner,),
    ).fetchone()
    return float(row[0]), float(row[1])


async def accept(store: Store, key: str = "k", **more: object) -> Job:
    accepted, new = await store.write(jobs.submit, key, [draft(**more)])  # type: ignore[arg-type]
    assert new
    return accepted[0]


async def test_a_job_comes_back_as_it_was_accepted(store: Store) -> None:
    job = await accept(store)
    assert await store.read(jobs.get, job.id) == job
    assert await store.read(jobs.queued) == [job]
    assert await store.read(jobs.messages, job.id) == ("41", "42")


async def test_the_same_key_makes_the_same_jobs_however_often_it_comes(store: Store) -> None:
    answers = await asyncio.gather(
        *(store.write(jobs.submit, "press", [draft(), draft()]) for _ in range(50))
    )
    assert sum(new for _, new in answers) == 1
    assert len({tuple(job.id for job in made) for made, _ in answers}) == 1
    assert len(await store.read(jobs.queued)) == 2


async def test_a_refusal_in_the_guard_leaves_nothing_and_harms_nobody_beside_it(store: Store) -> None:
    def refuse(usage: Usage) -> None:
        raise LimitError("no")

    kept, refused = await asyncio.gather(
        store.write(jobs.submit, "a", [draft()]),
        store.write(jobs.submit, "b", [draft()], refuse),
        return_exceptions=True,
    )
    assert isinstance(refused, LimitError)
    assert not isinstance(kept, BaseException)
    assert [job.id for job in await store.read(jobs.queued)] == [kept[0][0].id]


async def test_fifty_at_once_against_three_places_get_three(store: Store) -> None:
    def guard(usage: Usage) -> None:
        if usage.waiting >= 3:
            raise LimitError("full")

    answers = await asyncio.gather(
        *(store.write(jobs.submit, str(n), [draft()], guard) for n in range(50)), return_exceptions=True
    )
    assert sum(isinstance(answer, LimitError) for answer in answers) == 47
    assert await store.read(jobs.usage, "anna") == Usage(waiting=3, running=0)


async def test_a_job_is_claimed_once_and_ends_once(store: Store) -> None:
    job = await accept(store)
    claims = await asyncio.gather(*(store.write(jobs.claim, store.now(), job.id) for _ in range(20)))
    assert sum(claim is not None for claim in claims) == 1
    ends = await asyncio.gather(
        store.write(jobs.finish, store.now(), job.id, Result(["a" * 64] * 4)),
        store.write(jobs.fail, store.now(), job.id, "broken"),
        store.write(jobs.cancel, store.now(), job.id),
        store.write(jobs.release, store.now(), job.id),
    )
    assert [end is not None for end in ends] == [True, False, False, False]
    done = await store.read(jobs.get, job.id)
    assert done is not None
    assert (done.state, done.pictures, done.attempts) == (State.RENDERED, ("a" * 64,) * 4, 1)
    assert len(await store.read(deliveries.pending)) == 1


async def test_a_cancelled_job_is_never_claimed_and_promises_nothing(store: Store) -> None:
    job = await accept(store)
    assert await store.write(jobs.cancel, store.now(), job.id) is not None
    assert await store.write(jobs.claim, store.now(), job.id) is None
    assert await store.read(deliveries.pending) == []
    assert await store.read(work, "anna") == (0.0, 0.0)


async def test_a_result_that_comes_after_the_cancel_keeps_no_pictures(store: Store) -> None:
    job = await accept(store)
    await store.write(jobs.claim, store.now(), job.id)
    await store.write(jobs.cancel, store.now(), job.id)
    assert await store.write(jobs.finish, store.now(), job.id, Result(["a" * 64])) is None
    found = await store.read(jobs.get, job.id)
    assert found is not None
    assert found.pictures == ()


async def test_the_end_of_a_job_promises_its_message_where_it_was_asked(store: Store) -> None:
    job = await accept(store)
    await store.write(jobs.claim, store.now(), job.id)
    done = await store.write(
        jobs.finish, store.now(), job.id, Result(["a" * 64] * 4, notes=("said once", "said now"))
    )
    assert done is not None
    assert done.notes == ("said once", "said now")
    (promise,) = await store.read(deliveries.pending)
    assert (promise.kind, promise.cell, promise.job) == ("grid", None, job.id)
    assert (promise.origin, promise.owner) == ("discord:1/2", "anna")
    assert (promise.reply_to, promise.progress) == ("41", "42")
    assert len(promise.nonce) <= 25


@pytest.mark.parametrize("origin", ["cli:", "http:key"])
async def test_doors_that_fetch_their_own_results_are_promised_none(store: Store, origin: str) -> None:
    job = await accept(store, origin=origin)
    await store.write(jobs.claim, store.now(), job.id)
    await store.write(jobs.finish, store.now(), job.id, Result(["a" * 64]))
    assert await store.read(deliveries.pending) == []


async def test_one_picture_and_words_alone_are_promised_as_what_they_are(store: Store) -> None:
    one, words = await accept(store, "1"), await accept(store, "2")
    for job in (one, words):
        await store.write(jobs.claim, store.now(), job.id)
    await store.write(jobs.finish, store.now(), one.id, Result(["a" * 64]))
    await store.write(jobs.finish, store.now(), words.id, Result(texts=["a red apple on a table"]))
    assert [(promise.kind, promise.cell) for promise in await store.read(deliveries.pending)] == [
        ("picture", 0),
        ("text", None),
    ]


async def test_a_promise_without_a_job_is_made_once_a_key(store: Store) -> None:
    job = await accept(store)
    row = {"request": "press", "job": job.id, "kind": "picture", "cell": 1, "origin": "discord:1/3"}
    row |= {"owner": "ben", "created_at": store.now()}
    made = await asyncio.gather(*(store.write(deliveries.promise, row) for _ in range(20)))
    assert sum(new for _, new in made) == 1
    assert len({delivery.id for delivery, _ in made}) == 1
    assert made[0][0].owner == "ben"


async def test_a_promise_is_kept_or_given_up_once(store: Store) -> None:
    job = await accept(store)
    row = {"request": "p", "job": job.id, "kind": "grid", "origin": "discord:1/2", "owner": "anna"}
    promise, _ = await store.write(deliveries.promise, row | {"created_at": store.now()})
    assert promise.attempted_at is None
    await store.write(deliveries.attempted, store.now(), promise.id)
    first = await store.read(deliveries.get, promise.id)
    await store.write(deliveries.attempted, store.now(), promise.id)
    again = await store.read(deliveries.get, promise.id)
    assert first is not None
    assert again is not None
    assert first.attempted_at == again.attempted_at is not None  # the first send counts
    assert await store.write(deliveries.book, promise.id, "99")
    assert not await store.write(deliveries.book, promise.id, "100")
    assert not await store.write(deliveries.give_up, promise.id, "gone")
    kept = await store.read(deliveries.get, promise.id)
    assert kept is not None
    assert (kept.state, kept.message) == (DeliveryState.SENT, "99")
    assert await store.read(deliveries.pending) == []


async def test_the_ledger_holds_what_is_open_and_what_was_given(store: Store) -> None:
    made = [await accept(store, str(n), work=10.0 + n) for n in range(4)]
    assert await store.read(work, "anna") == (10 + 11 + 12 + 13, 0.0)
    for job in made[1:]:
        await store.write(jobs.claim, store.now(), job.id)
    await store.write(jobs.finish, store.now(), made[1].id, Result(["a" * 64]))
    await store.write(jobs.fail, store.now(), made[2].id, "broken")
    await store.write(jobs.cancel, store.now(), made[0].id)
    # open: the fourth; given: the second; a failed and a cancelled one cost nothing
    assert await store.read(work, "anna") == (13.0, 11.0)


async def test_what_ran_when_we_died_waits_again_and_the_tenth_time_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "limner.db"
    async with Store.open(path) as store:
        job = await accept(store)
    for attempt in range(1, 11):
        async with Store.open(path) as store:
            claimed = await store.write(jobs.claim, store.now(), job.id)
            assert claimed is not None
            assert claimed.attempts == attempt
        async with Store.open(path) as store:
            (back,) = await store.write(jobs.recover, store.now())
            assert back.state is (State.FAILED if attempt == 10 else State.QUEUED)
    async with Store.open(path) as store:
        found = await store.read(jobs.get, job.id)
        assert found is not None
        assert found.failure == GIVEN_UP
        assert [promise.kind for promise in await store.read(deliveries.pending)] == ["failure"]


async def test_an_orderly_stop_does_not_count_as_an_attempt(store: Store) -> None:
    job = await accept(store)
    for _ in range(5):
        await store.write(jobs.claim, store.now(), job.id)
        back = await store.write(jobs.release, store.now(), job.id, blameless=True)
        assert back is not None
        assert (back.state, back.attempts) == (State.QUEUED, 0)


async def test_a_caller_that_goes_away_leaves_a_whole_change(store: Store) -> None:
    """Cancelled at any moment, a submission is there with its ledger row, or not at all."""
    for number in range(60):
        task = asyncio.create_task(store.write(jobs.submit, str(number), [draft(f"owner{number}")]))
        for _ in range(number % 4):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await accept(store, "after")  # the connection is none the worse, and all before it are through
    for number in range(60):
        made, reserved = (
            await store.read(jobs.of_request, str(number)),
            (await store.read(work, f"owner{number}"))[0],
        )
        assert reserved == 10.0 * len(made)


# ---- the connections -----


async def test_changes_that_come_together_share_a_commit_and_a_failed_one_rolls_back_alone(
    store: Store,
) -> None:
    statements: list[str] = []
    begun, go_on = threading.Event(), threading.Event()

    def slow(db: sqlite3.Connection) -> None:
        db.set_trace_callback(statements.append)
        begun.set()
        assert go_on.wait(60)

    def fail(db: sqlite3.Connection, number: int) -> None:
        meta.put(db, str(number), "half")
        raise LimitError(str(number))

    def change(number: int) -> Awaitable[None]:
        if number % 5 == 0:
            return store.write(fail, number)
        return store.write(meta.put, str(number), "whole")

    first = asyncio.create_task(store.write(slow))
    await asyncio.to_thread(begun.wait, 60)
    asked = asyncio.gather(*(change(number) for number in range(50)), return_exceptions=True)
    await asyncio.sleep(0)
    go_on.set()
    await first
    answers = await asked
    assert [number for number, answer in enumerate(answers) if answer is not None] == list(range(0, 50, 5))
    kept = [await store.read(meta.get, str(number)) for number in range(50)]
    assert kept == [None if number % 5 == 0 else "whole" for number in range(50)]
    ours = [line for line in statements if not line.startswith("--")]
    assert ours.count("BEGIN IMMEDIATE") == 1
    assert ours.count("COMMIT") == 2  # the first is that of the slow change, which set the trace


async def test_a_reader_waits_for_no_change_and_sees_none_that_is_not_kept(store: Store) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(db: sqlite3.Connection) -> None:
        meta.put(db, "colour", "red")
        begun.set()
        assert go_on.wait(60)

    await store.write(meta.put, "colour", "blue")
    changing = asyncio.create_task(store.write(slow))
    await asyncio.to_thread(begun.wait, 60)
    assert await store.read(meta.get, "colour") == "blue"
    go_on.set()
    await changing
    assert await store.read(meta.get, "colour") == "red"


async def test_a_long_read_holds_up_neither_changes_nor_other_reads_and_sees_one_moment(store: Store) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(db: sqlite3.Connection) -> list[str | None]:
        seen = [meta.get(db, "colour")]
        begun.set()
        assert go_on.wait(60)
        return [*seen, meta.get(db, "colour")]

    await store.write(meta.put, "colour", "blue")
    reading = asyncio.create_task(store.read(slow))
    await asyncio.to_thread(begun.wait, 60)
    await store.write(meta.put, "colour", "red")
    assert await store.read(meta.get, "colour") == "red"
    go_on.set()
    assert await reading == ["blue", "blue"]


async def test_what_only_reads_cannot_change_anything(store: Store) -> None:
    with pytest.raises(EngineError, match="readonly"):
        await store.read(meta.put, "colour", "red")
    assert await store.read(meta.get, "colour") is None


async def test_what_was_asked_for_before_the_end_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "limner.db"
    async with Store.open(path) as store:
        asked = [asyncio.create_task(store.write(meta.put, str(number), "kept")) for number in range(300)]
        await asyncio.sleep(0)
    async with Store.open(path) as store:
        assert [await store.read(meta.get, str(number)) for number in range(300)] == ["kept"] * 300
    await asyncio.gather(*asked)
    assert not path.with_name("limner.db-wal").exists()  # and the last to close left one file


async def test_choices_are_kept_changed_and_forgotten(store: Store) -> None:
    await store.write(preferences.prefer, "anna", "suffix", "--ar 3:2")
    await store.write(preferences.prefer, "anna", "suffix", "--ar 2:3")
    await store.write(preferences.prefer, "ben", "suffix", "--tile")
    assert await store.read(preferences.of, "anna") == {"suffix": "--ar 2:3"}
    await store.write(preferences.prefer, "anna", "suffix", None)
    assert await store.read(preferences.of, "anna") == {}
    await store.write(meta.put, "commands", "hash")
    assert (await store.read(meta.get, "commands"), await store.read(meta.get, "nothing")) == ("hash", None)


# ---- opening -----


async def refusal(path: Path) -> str:
    with pytest.raises(ConfigError) as told:
        async with Store.open(path):
            raise AssertionError("opened")
    assert "\n" not in str(told.value)
    return str(told.value)


async def test_a_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "limner.db"
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 999")
    assert "newer Limner (schema 999" in await refusal(path)
    assert sqlite3.connect(path).execute("PRAGMA user_version").fetchone() == (999,)


async def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "limner.db"
    path.write_bytes(b"this is a shopping list, not a database at all" * 100)
    assert "damaged" in await refusal(path)


async def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    (tmp_path / "limner.db").mkdir()
    assert "cannot be written" in await refusal(tmp_path / "limner.db")


def test_a_file_that_another_program_holds_is_named(tmp_path: Path) -> None:
    path = tmp_path / "limner.db"
    with closing(sqlite3.connect(path)) as theirs, closing(sqlite3.connect(path, timeout=0)) as ours:
        theirs.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError) as told:
            ours.execute("PRAGMA journal_mode = WAL")
        assert "in use by another program" in str(explain(path, told.value))


async def test_a_damaged_page_is_found_at_the_start(tmp_path: Path) -> None:
    path = tmp_path / "limner.db"
    async with Store.open(path) as store:
        for number in range(300):
            await store.write(jobs.submit, str(number), [draft()])
    data = bytearray(path.read_bytes())
    for page in range(8, len(data) // 4096, 3):
        data[page * 4096 : page * 4096 + 64] = b"\xff" * 64
    path.write_bytes(data)
    assert "damaged" in await refusal(path)


async def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert "cannot be made" in await refusal(tmp_path / "file" / "limner.db")


def limit_pages(db: sqlite3.Connection, pages: int) -> None:
    db.execute(f"PRAGMA max_page_count = {pages}").fetchall()


async def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    """A small tmpfs would need root, so SQLite itself is told the disk has a few pages only."""
    path = tmp_path / "limner.db"
    async with Store.open(path) as store:
        await accept(store)
        await store.write(limit_pages, 30)
        with pytest.raises(Exception, match="full") as told:
            await asyncio.gather(*(store.write(jobs.submit, f"more{n}", [draft()]) for n in range(400)))
        assert getattr(told.value, "apology", "").startswith("Our disk is full")
        await store.write(limit_pages, 100_000)
        await accept(store, "after")  # room again: it goes on without a restart


async def test_a_migration_killed_half_way_is_done_again(tmp_path: Path) -> None:
    """A script that dies before COMMIT leaves the version and the tables as they were."""
    path = tmp_path / "limner.db"
    code = (
        "import os, sqlite3, sys\n"
        "from engine.store.database import migrations\n"
        "db = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "db.execute('PRAGMA journal_mode = WAL')\n"
        "script = migrations()[0][1]\n"
        "db.executescript('BEGIN IMMEDIATE;' + script[: script.index('CREATE TABLE ledger')])\n"
        "os._exit(9)\n"
    )
    run = [sys.executable, "-c", code, str(path)]
    assert (await asyncio.to_thread(subprocess.run, run)).returncode == 9
    async with Store.open(path) as store:
        await accept(store)


async def test_every_table_is_strict_and_the_log_is_synchronous(tmp_path: Path) -> None:
    async with Store.open(tmp_path / "limner.db") as store:
        tables = (
            "SELECT name FROM pragma_table_list"
            " WHERE type = 'table' AND NOT strict AND name NOT LIKE 'sqlite_%'"
        )
        loose = await store.read(lambda db: db.execute(tables).fetchall())
        assert loose == []
        mode = await store.write(lambda db: db.execute("PRAGMA journal_mode").fetchone()[0])
        level = await store.write(lambda db: db.execute("PRAGMA synchronous").fetchone()[0])
        assert (mode, level) == ("wal", 2)


async def test_a_copy_of_the_files_while_it_runs_opens(tmp_path: Path, store: Store) -> None:
    await accept(store)
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in tmp_path.glob("limner.db*"):
        shutil.copy(file, copy)
    async with Store.open(copy / "limner.db") as restored:
        assert len(await restored.read(jobs.queued)) == 1
