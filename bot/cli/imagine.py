"""One request without Discord: submit it, watch it form, write its files; knows no policy of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from engine.config import Config
from engine.errors import UserError
from engine.jobs import Job, State
from engine.planning.references import kept
from engine.service import UNRULED, Ask, Caller, Edit, Imagine, Service, Snapshot


async def drawn(
    config: Config,
    line: str,
    folder: Path | None,
    show: Callable[[Snapshot], None],
    pictures: Sequence[str] = (),
    *,
    edit: bool = False,
) -> list[dict[str, Any]]:
    """Draw what the line asks for and return, for each job, its files, recipe and timings (JSON values).

    ``pictures`` are paths or links of pictures that stand before the words, as image prompts. ``edit``: the
    line says what to change in the first, and may speak of the others.

    Files go to ``folder``, or to ``output/<job id>``; with several jobs each gets a folder of its own number.
    The data folder of a running bot is left alone: this one lives in a temporary folder and is gone after.
    """
    began = time.monotonic()
    with TemporaryDirectory(prefix="limner-", ignore_cleanup_errors=True) as scratch:
        config = config.model_copy(update={"data_dir": Path(scratch)})
        async with Service.open(config) as service:
            if edit:
                service.planner.editors(needed=True)  # before pictures are fetched
            found = [await _taken(service, one) for one in pictures]
            caller = Caller(key="1", owner="cli", origin="cli:", requester=UNRULED)
            if edit:
                ask: Ask = Edit(caller, "edit", line=line, picture=found[0], beside=tuple(found[1:]))
            else:
                ask = Imagine(caller, " ".join([*map(kept, found), line]))
            submitted = await service.submit(await service.plan(ask))
            answers = []
            async with asyncio.TaskGroup() as tasks:
                waiting = [tasks.create_task(_finished(service, job, show)) for job in submitted.jobs]
            for number, task in enumerate(waiting, start=1):
                job = task.result()
                target = folder or Path("output") / job.id
                if folder is not None and len(waiting) > 1:
                    target = folder / str(number)
                answers.append(await _written(service, job, target))
    for answer in answers:
        answer["timings"]["total"] = round(time.monotonic() - began, 3)
    return answers


async def _taken(service: Service, picture: str) -> str:
    """Take in a picture by its path or link; return its SHA-256. Raises UserError."""
    if "://" in picture:
        return (await service.uploads.link(picture)).sha256
    try:
        data = await asyncio.to_thread(lambda: Path(picture).expanduser().read_bytes())
    except OSError as error:
        raise UserError(f"`{picture}` cannot be read: {error.strerror}.") from None
    return (await service.uploads.take(data)).sha256


async def _finished(service: Service, job: Job, show: Callable[[Snapshot], None]) -> Job:
    """Show every change of a job; return it as it ended."""
    async for snapshot in service.progress(job.id):
        show(snapshot)
        job = snapshot.job
    return job


async def _written(service: Service, job: Job, folder: Path) -> dict[str, Any]:
    """Write a job's pictures, grid and film; return what a program wants to know of it."""
    files: list[str] = []
    if job.state is State.RENDERED:
        contents = {
            f"{number}.png": data for number, data in enumerate(await service.pictures(job.id), start=1)
        }
        if contents:
            contents["grid.png"] = (await service.files.file(job)).data
        if job.film is not None:
            contents["film.webp"] = await service.files.film(job)
        files = await asyncio.to_thread(_write, folder, contents)
    started = job.started_at or job.created_at
    return {
        "job": job.id,
        "state": job.state.value,
        "error": job.failure,
        "prompt": job.prompt,
        "notes": list(job.notes),
        "files": files,
        "texts": list(job.texts),
        "recipe": job.spec.model_dump(mode="json"),
        "timings": {
            "waiting": round(started - job.created_at, 3),
            "rendering": round((job.finished_at or started) - started, 3),
        },
    }


def _write(folder: Path, contents: dict[str, bytes]) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    return [str(folder / name) for name in contents]
