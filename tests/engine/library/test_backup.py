"""Backups: made while everything is written to, whole, small the second time, and never put over anything."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli.main import app
from engine.errors import ConfigError
from engine.jobs import State
from engine.library.backup import backup, named, restore
from engine.library.gallery import Gallery
from engine.provenance.keys import KEY, load_or_make
from tests.engine.conftest import Open, asking, drawn, ended, submit


async def test_a_backup_made_while_the_bot_draws_is_whole_and_goes_on_where_it_stood(
    open_service: Open, tmp_path: Path
) -> None:
    data, kept = tmp_path / "data", tmp_path / "kept"
    stop = asyncio.Event()
    async with open_service(step_seconds=0.001) as service:

        async def write() -> None:
            number = 0
            while not stop.is_set():
                number += 1
                await drawn(service, f"w{number}", "a cat --steps 3", owner=f"p{number}")
                await service.prefer("anna", "suffix", f"--seed {number}")

        writing = asyncio.create_task(write())
        await drawn(service, "first")
        reports = []
        for _ in range(3):
            reports.append(await asyncio.to_thread(backup, data, kept))
            await asyncio.sleep(0.3)
        stop.set()
        await writing
        service.control.pause()
        waiting = (await submit(service, asking("waits", owner="ben"))).jobs[0]
        last = await asyncio.to_thread(backup, data, kept)
        jobs = len(await service.jobs_of("anna", 1000))
        suffix = (await service.preferences("anna"))["suffix"]
    assert all(report.missing == 0 for report in [*reports, last])
    assert last.files > reports[0].files >= 4
    assert last.copied <= last.files - reports[-1].files + 8  # only what is new
    for one in named(kept / "limner.db"):
        assert Gallery(kept / "pictures").path(*one).exists()
    with contextlib.closing(sqlite3.connect(kept / "limner.db")) as db:
        assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"

    with pytest.raises(ConfigError, match="holds a database already"):
        restore(kept, data)
    for path in (data / "pictures").rglob("*.png"):
        path.unlink()
    report = restore(kept, data, force=True)
    assert (report.files, report.missing) == (last.files, 0)
    assert (data / "limner.db.before").exists()
    async with open_service() as service:
        assert len(await service.jobs_of("anna", 1000)) == jobs
        assert (await service.preferences("anna"))["suffix"] == suffix
        assert (await ended(service, waiting.id)).state is State.RENDERED
        done = [job for job in await service.jobs_of("anna") if job.state is State.RENDERED]
        for job in done:
            assert len(await service.pictures(job.id)) == 4


async def test_nothing_is_restored_from_what_is_no_sound_backup_or_under_a_running_bot(
    open_service: Open, tmp_path: Path
) -> None:
    data, kept = tmp_path / "data", tmp_path / "kept"
    with pytest.raises(ConfigError, match="nothing to back up"):
        backup(data, kept)
    async with open_service() as service:
        await drawn(service)
        backup(data, kept)
        with pytest.raises(ConfigError, match="Another Limner is using"):
            restore(kept, data, force=True)
        with pytest.raises(ConfigError, match="cannot stand in the data folder"):
            backup(data, data)
    with pytest.raises(ConfigError, match="is no backup"):
        restore(tmp_path / "nowhere", tmp_path / "new")
    picture = next((kept / "pictures").rglob("*.png"))
    whole = picture.read_bytes()
    picture.write_bytes(whole[:-1] + b"x")
    with pytest.raises(ConfigError, match="is damaged, and 0 more"):
        restore(kept, tmp_path / "new")
    picture.unlink()  # to do without it
    assert restore(kept, tmp_path / "new").missing == 1
    page = (kept / "limner.db").read_bytes()
    (kept / "limner.db").write_bytes(page[:4096] + b"\0" * 4096 + page[8192:])
    with pytest.raises(ConfigError, match="is damaged"):
        restore(kept, tmp_path / "newer")
    assert not (tmp_path / "newer" / "limner.db").exists()


async def test_a_host_whose_backup_is_put_back_still_knows_its_own_pictures(
    open_service: Open, tmp_path: Path
) -> None:
    data, kept, new = tmp_path / "data", tmp_path / "kept", tmp_path / "new"
    async with open_service() as service:
        await drawn(service, "first")
    made = load_or_make(data / "provenance")
    backup(data, kept)
    restore(kept, new)
    assert load_or_make(new / "provenance") == made
    for folder in (kept, new):
        assert stat.S_IMODE((folder / "provenance" / KEY).stat().st_mode) == 0o600
        assert stat.S_IMODE((folder / "provenance").stat().st_mode) == 0o700


async def test_a_place_that_cannot_be_used_is_named_with_what_to_do(
    open_service: Open, tmp_path: Path
) -> None:
    async with open_service():
        pass
    (tmp_path / "a-file").write_text("")
    for place in (Path("/proc/x"), tmp_path / "a-file", tmp_path / "a-file" / "below"):
        with pytest.raises(ConfigError, match=f"`{place}` cannot be used: .*Name a folder that"):
            backup(tmp_path / "data", place)


async def test_the_command_line_says_what_it_did(open_service: Open, tmp_path: Path) -> None:
    async with open_service() as service:
        await drawn(service)
    settings = tmp_path / "config.toml"
    settings.write_text("")  # data_dir is beside it
    run = CliRunner()
    done = run.invoke(app, ["backup", str(tmp_path / "kept"), "--config", str(settings)])
    assert "1 job, 4 pictures and films (4 of them new)" in done.output
    assert done.exit_code == 0
    refused = run.invoke(app, ["restore", str(tmp_path / "kept"), "--config", str(settings)])
    assert refused.exit_code == 2
    assert "--force" in refused.output
    again = run.invoke(app, ["restore", str(tmp_path / "kept"), "--force", "--config", str(settings)])
    assert again.exit_code == 0
    assert "(0 of them new)" in again.output
