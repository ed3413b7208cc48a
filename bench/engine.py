"""What the engine and the bot cost around the drawing: the disk, the event loop, the processor, the start."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Coroutine
from math import inf
from pathlib import Path
from typing import Any

import psutil
from PIL import Image

from bench import Row
from bot.demo.driver import Actor, BotProcess, Discord
from engine import images
from engine.config import Config, EngineConfig, ProvenanceConfig
from engine.jobs import Condition, Job, JobSpec, State, new_job_id
from engine.schedule.devices import Devices
from engine.schedule.queue import FairQueue
from engine.schedule.tickets import QueueEntry
from engine.service import UNRULED, Caller, FileOptions, Imagine, Service, Submitted
from engine.store import jobs as store_jobs
from engine.store.connection import Store
from engine.store.jobs import Draft, Result

FAKE = "engine.workers.fake:Renderer"
TOGETHER = 64
JOBS = 40

SPEC = JobSpec(
    model="pocket", conditions=(Condition(text="a red apple"),), width=64, height=64, steps=20,
    guidance_scale=5, sampler="ddim", seed=1,
)  # fmt: skip


def _job() -> Job:
    return Job(
        id=new_job_id(), owner="anna", origin="discord:1/2", state=State.QUEUED, spec=SPEC,
        prompt="a red apple", created_at=time.time(),
    )  # fmt: skip


async def _claim_and_finish() -> list[float]:
    with tempfile.TemporaryDirectory() as folder:
        async with Store.open(Path(folder) / "limner.db") as store:
            values = []
            for turn in range(5):
                jobs = [_job() for _ in range(1000)]
                await asyncio.gather(
                    *(
                        store.write(store_jobs.submit, f"{turn}.{n}", [Draft(job, 1.0)])
                        for n, job in enumerate(jobs)
                    )
                )
                at_once = asyncio.Semaphore(TOGETHER)

                async def one(job: str, at_once: asyncio.Semaphore = at_once) -> None:
                    async with at_once:
                        await store.write(store_jobs.claim, store.now(), job)
                        result = Result(["a" * 64] * 4)
                        await store.write(store_jobs.finish, store.now(), job, result)

                began = time.perf_counter()
                await asyncio.gather(*(one(job.id) for job in jobs))
                values.append(len(jobs) / (time.perf_counter() - began))
            return values


@contextlib.asynccontextmanager
async def _delays() -> AsyncIterator[list[float]]:
    """Collect how late the event loop comes back from a sleep of one millisecond, in milliseconds."""
    late: list[float] = []

    async def watch() -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.001)
            late.append((time.perf_counter() - began - 0.001) * 1000)

    watcher = asyncio.create_task(watch())
    await asyncio.sleep(0.05)
    late.clear()
    try:
        yield late
    finally:
        watcher.cancel()


def _p99(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.99)]


async def _while_encoding() -> list[float]:
    """Four pictures of 1024 × 1024 made into one grid within 10 MiB, again and again; two have grain.

    Plain ones are what an encoder that holds Python's lock until its buffer is full takes longest for.
    """
    with tempfile.TemporaryDirectory() as folder:
        grain = [Image.effect_noise((1024, 1024), 40 + cell).convert("RGB") for cell in range(2)]
        plain = [Image.new("RGB", (1024, 1024), colour) for colour in ("navy", "white")]
        cells = [images.png(picture) for picture in (*grain, *plain)]
        config = Config(data_dir=Path(folder))
        async with Service.open(config, renderer=FAKE) as service:
            submitted = await _submitted(service, "1")
            job = submitted.jobs[0]
            async for _ in service.progress(job.id):
                pass
            names = [await service.gallery.keep(cell) for cell in cells]
            await service.store.write(_swap, job.id, names)
            values = []
            for _ in range(5):
                async with _delays() as late:
                    await service.files.file(job.id, wanted=FileOptions(limit=10 * 2**20))
                values.append(_p99(late))
            return values


async def _submitted(service: Service, key: str, owner: str = "anna") -> Submitted:
    caller = Caller(key, owner, "cli:", UNRULED)
    return await service.submit(await service.plan(Imagine(caller, "a red apple")))


def _swap(db: sqlite3.Connection, job: str, names: list[str]) -> None:
    for cell, name in enumerate(names):
        db.execute("UPDATE picture SET sha256 = ? WHERE job = ? AND cell = ?", (name, job, cell))


async def _while_rendering() -> list[float]:
    """The shipped model draws in its worker process; the event loop only looks on."""
    with tempfile.TemporaryDirectory() as folder:
        async with Service.open(Config(data_dir=Path(folder)), renderer="engine.render:Renderer") as service:
            values = []
            for turn in range(4):
                job = (await _submitted(service, f"{turn}")).jobs[0]
                async with _delays() as late:
                    async for _ in service.progress(job.id):
                        pass
                values.append(_p99(late))
            return values[1:]  # the first brings the model into memory


@functools.cache
def _bot() -> dict[str, list[float]]:
    """Run the real bot against the stand-in: its start in seconds, its processor milliseconds a job."""
    return asyncio.run(_bot_runs())


async def _bot_runs() -> dict[str, list[float]]:
    found: dict[str, list[float]] = {"ready": [], "began": [], "all": [], "loop": []}
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            "LIMNER_DATA_DIR": folder,
            "LIMNER_LIMITS_COMMANDS_A_MINUTE": "1000000",
            "LIMNER_RENDERER": FAKE,
            "LIMNER_RENDERER_ARGUMENTS": json.dumps({"step_seconds": 0.0}),
        }
        async with Discord(rate_limits=False) as discord:
            alice = discord.user("alice")
            for _ in range(3):
                began = time.perf_counter()
                async with BotProcess(discord, environment=environment) as bot:
                    found["ready"].append(time.perf_counter() - began)
                    assert bot.process is not None
                    process = psutil.Process(bot.process.pid)
                    found["began"].append(sum(_threads(process).values()))
                    await _ask(discord, alice, 3)
                    before = _threads(process)
                    await _ask(discord, alice, JOBS)
                    spent = {name: value - before.get(name, 0.0) for name, value in _threads(process).items()}
                    found["all"].append(sum(spent.values()) * 1000 / JOBS)
                    found["loop"].append(spent[process.pid] * 1000 / JOBS)
    return found


def _threads(process: psutil.Process) -> dict[int, float]:
    """Return each thread's processor seconds; the event loop's bears the process's own number."""
    return {thread.id: thread.user_time + thread.system_time for thread in process.threads()}


async def _ask(discord: Discord, alice: Actor, jobs: int) -> None:
    for _ in range(jobs):
        grids = sum(bool(message.attachments) for message in discord.messages())
        await alice.slash("imagine", prompt="a red apple")
        await discord.until(
            lambda grids=grids: sum(bool(message.attachments) for message in discord.messages()) > grids,
            "a grid",
        )


def _demo() -> list[float]:
    """Start the demo as a newcomer does; return the seconds until its page answers."""
    values = []
    for _ in range(4):
        with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
            free.close()
            command = [sys.executable, "-m", "bot", "demo", "--no-open", "--port", str(port)]
            environment = os.environ | {"LIMNER_DATA_DIR": folder, "LIMNER_RENDERER": FAKE}
            began = time.perf_counter()
            with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as demo:
                while not _answers(f"http://127.0.0.1:{port}/demo/"):
                    time.sleep(0.02)
                values.append(time.perf_counter() - began)
                demo.terminate()
    return values[1:]  # the first may read its libraries from the disk


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as page:
            return bool(page.status == 200)
    except OSError:
        return False


def _decisions() -> list[float]:
    """One million people wait; how many are chosen in a second of processor time."""
    values = []
    queue, devices = FairQueue(), Devices()
    devices.add("one")
    devices.seen("one", {"m"}, inf)
    for number in range(1_000_000):
        queue.push(QueueEntry(str(number), str(number), 1.0 + number % 7, "m"))
    for _ in range(5):
        began = time.process_time()
        for _ in range(100_000):
            queue.pick(devices)
        values.append(100_000 / (time.process_time() - began))
    return values


async def _two_over_one() -> list[float]:
    """Draw with two CPU workers and with one, in turn, both started before; return the ratios of their speed.

    With a thread for each worker, so that two have what one has twice.
    """
    services: list[Service] = []
    async with contextlib.AsyncExitStack() as stack:
        for count in (1, 2):
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            engine = EngineConfig(devices=("cpu",) * count, threads=1)
            config = Config(data_dir=Path(folder), engine=engine, provenance=ProvenanceConfig(mark=False))
            service = await stack.enter_async_context(Service.open(config, renderer="engine.render:Renderer"))
            while not all(worker["ready"] for worker in service.control.workers()):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            service.control.load("pocket")
            services.append(service)
        ratios = []
        for turn in range(4):
            took = []
            for service in services:
                began = time.perf_counter()
                asked = [await _submitted(service, f"{turn}.{n}", f"p{n}") for n in range(8)]
                for one in asked:
                    async for _ in service.progress(one.jobs[0].id):
                        pass
                took.append(time.perf_counter() - began)
            ratios.append(took[0] / took[1])
        return ratios[1:]  # the first brings what is loaded late


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


ROWS = (
    Row(
        f"durable claim + finish, {TOGETHER} under way",
        lambda: _run(_claim_and_finish()),
        1000,
        at_most=False,
        unit="a second",
    ),
    Row("fair decisions, 1,000,000 people waiting", _decisions, 100_000, at_most=False, unit="a CPU second"),
    Row(
        "event loop late while encoding a 2048 × 2048 grid, p99",
        lambda: _run(_while_encoding()),
        5,
        unit="ms",
    ),
    Row("event loop late while drawing on the CPU, p99", lambda: _run(_while_rendering()), 20, unit="ms"),
    Row("two CPU workers over one, jobs a second", lambda: _run(_two_over_one()), 1.3, at_most=False),
    Row("bot ready to answer, from its start", lambda: _bot()["ready"], 2, unit="s"),
    Row("the same in processor time, whatever else runs", lambda: _bot()["began"], 2, unit="s"),
    Row("the demo's page answers, from `limner demo`", _demo, 5, unit="s"),
    Row("bot's processor time a job, fake engine", lambda: _bot()["all"], 10, unit="ms"),
    Row("the same without encoding and disk: the event loop", lambda: _bot()["loop"], 10, unit="ms"),
)
