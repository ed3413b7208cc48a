"""Many clients at once, rude ones among them, and kill -9: nothing lost, nothing doubled, nothing left.

``make reliability`` has the full counts: 200 clients, 1,000 slow connections, 100 kills.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import json
import os
import random
import statistics
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from engine.jobs import FINAL, Job, State
from engine.service import memory
from engine.service.origin import FOR
from tests import ROOT
from tests.engine.conftest import asking, submit
from tests.engine.web.conftest import TRUST, Api, Opened, unhurried
from tests.engine.web.served import Served, serving

CLIENTS = int(os.environ.get("LIMNER_API_CLIENTS", "10"))
KILLS = int(os.environ.get("LIMNER_API_KILLS", "5"))
SLOW = int(os.environ.get("LIMNER_API_SLOW", "20"))
FULL = CLIENTS >= 200
EACH = 5
DRAW, JOBS = "/v1/generation/stable-diffusion-v1-5/text-to-image", "/api/v1/jobs"
MEMBER = "1234567890123456789"

pytestmark = pytest.mark.timeout(3600)


def asked(seed: int, steps: int = 10) -> dict[str, Any]:
    return {"text_prompts": [{"text": "a cat"}], "steps": steps, "seed": seed, "width": 512, "height": 512}


async def polite(client: httpx.AsyncClient, seed: int) -> str:
    answer = await client.post(DRAW, json=asked(seed))
    assert answer.status_code == 200, answer.text
    assert [one["seed"] for one in answer.json()["artifacts"]] == [seed]
    return "answered"


async def hasty(client: httpx.AsyncClient, seed: int, after: float) -> str:
    """Hang up at some moment, unless the answer was there before."""
    try:
        async with asyncio.timeout(after):
            return await polite(client, seed)
    except TimeoutError:
        return "left"


async def slowly(api: Api, secret: str, seed: int) -> str:
    """Read the answer a kilobyte at a time, with rests."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(api.url.rpartition(":")[2]), limit=1024)
    body = json.dumps(asked(seed)).encode()
    head = [f"POST {DRAW} HTTP/1.1", "Host: x", f"Authorization: Bearer {secret}", "Connection: close"]
    head += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    writer.write("\r\n".join([*head, "", ""]).encode() + body)
    came = bytearray()
    while piece := await reader.read(1024):
        came += piece
        await asyncio.sleep(0.01)
    writer.close()
    assert came.startswith(b"HTTP/1.1 200"), came[:300]
    assert f'"seed":{seed}'.encode() in came.replace(b" ", b"")
    return "answered"


def resident(process: psutil.Process) -> float:
    """Return how many MiB a process holds, without what is free and only not given back to the system."""
    gc.collect()
    if sys.platform == "linux":  # what malloc keeps of a peak for the next one is no leak
        ctypes.CDLL(None).malloc_trim(0)
    return float(process.memory_info().rss / 2**20)


async def load(api: Api, dice: random.Random, clients: int) -> tuple[dict[int, str], Job, list[str]]:
    """Have all clients ask, and a member of a Discord server once all of them wait.

    Return what each saw, by seed, the member's job, and the clients as owners.
    """
    keys = [await api.key(name=f"client {number}") for number in range(clients)]
    secrets = [secret for _, secret in keys]
    seen: dict[int, str] = {}

    async def client(number: int) -> None:
        took = 0.0
        async with api.client(secrets[number]) as one:
            for turn in range(EACH):
                seed = 1 + number * EACH + turn
                fate = seed % 10  # of ten requests two hang up, one reads slowly; neither is a client's first
                if fate in (3, 7):  # before or after the moment at which an answer is to be expected
                    seen[seed] = await hasty(one, seed, dice.uniform(0.0, 1.5 * took))
                elif fate == 5:
                    seen[seed] = await slowly(api, secrets[number], seed)
                else:
                    began = time.monotonic()
                    seen[seed] = await polite(one, seed)
                    took = time.monotonic() - began

    async def crowded() -> bool:
        return len((await api.service.queue()).waiting) == clients

    api.service.control.pause()
    async with asyncio.TaskGroup() as tasks:
        for number in range(clients):
            tasks.create_task(client(number))
        await api.settled(crowded)
        line = asking(f"member {keys[0][0].id}", "a dog --steps 10", MEMBER)
        [member] = (await submit(api.service, line)).jobs
        api.service.control.pause(False)
    async for snapshot in api.service.progress(member.id):
        member = snapshot.job
    return seen, member, [key.owner for key, _ in keys]


async def test_many_clients_lose_nothing_and_leave_nothing(
    api_at: Opened, record_property: Any, caplog: pytest.LogCaptureFixture
) -> None:
    dice, process = random.Random(14), psutil.Process()
    async with api_at({"step_seconds": 0.001}, pace=unhurried()) as api:
        async with api.client() as warm:  # what is made once is made before anything is counted
            await polite(warm, 4_000_000_000)
        fresh = resident(process)
        if FULL:  # so are 16 MiB of files that are remembered, the database's pages, and the peak itself
            await load(api, dice, CLIENTS)
        await asyncio.sleep(0.5)
        caplog.clear()  # pytest keeps every line of the log
        before = process.num_fds(), len(asyncio.all_tasks()), resident(process)
        began = time.monotonic()
        seen, member, owners = await load(api, dice, CLIENTS)
        took = time.monotonic() - began

        async def over() -> bool:
            queue = await api.service.queue()
            return not queue.waiting and not queue.running and len(asyncio.all_tasks()) <= before[1]

        await api.settled(over)

        async def closed() -> bool:
            return process.num_fds() <= before[0]

        await api.settled(closed)
        caplog.clear()

        async def given_back() -> bool:
            return resident(process) < before[2] + 32  # the clients' too, which are in this process

        await api.settled(given_back)
        jobs = [job for owner in owners for job in await api.service.jobs_of(owner)]
        assert len(seen) == CLIENTS * EACH
        made = Counter(job.spec.seed for job in jobs)
        assert max(made.values()) == 1  # none doubled
        states = {job.spec.seed: job.state for job in jobs}
        assert {states[seed] for seed, fate in seen.items() if fate == "answered"} == {State.RENDERED}
        assert {states[seed] for seed, fate in seen.items() if seed in states} <= FINAL
        assert sum(api.doors.streams.values()) == api.doors.budget.held == 0
        # fairness: whoever comes waits for what runs and for one job of each other, and for no second
        assert member.state is State.RENDERED
        assert member.started_at is not None
        first = Counter(
            job.owner
            for job in jobs
            if job.started_at is not None and member.created_at < job.started_at < member.started_at
        )
        running = api.service.config.limits.running
        assert max(first.values(), default=0) <= 1 + running
        assert sum(first.values()) <= CLIENTS + running
        record_property("requests", len(seen))
        record_property("hung up", sum(fate == "left" for fate in seen.values()))
        record_property("seconds", round(took, 1))
        record_property("MiB more than fresh", round(resident(process) - fresh, 1))
        record_property("MiB more than after as many before", round(resident(process) - before[2], 1))
        record_property("jobs before the member's", sum(first.values()))


@pytest.mark.skipif(not FULL, reason="takes minutes: `make reliability` does it")
async def test_a_server_alone_in_its_process_gives_back_what_many_clients_took(
    tmp_path: Path, record_property: Any
) -> None:
    with serving(tmp_path, step_seconds=0.001) as served:
        secrets = [served.key() for _ in range(20)]
        await served.start()
        assert served.process is not None
        process = psutil.Process(served.process.pid)

        def size() -> float:
            return float(process.memory_info().rss / 2**20)

        async def client(number: int) -> None:
            told = {"Authorization": f"Bearer {secrets[number % len(secrets)]}"}
            async with httpx.AsyncClient(base_url=served.url, headers=told, timeout=300, verify=TRUST) as one:
                for turn in range(EACH):
                    while (answer := await one.post(DRAW, json=asked(1 + number * EACH + turn))).is_error:
                        assert answer.status_code == 429, answer.text
                        await asyncio.sleep(int(answer.headers["retry-after"]))

        await client(CLIENTS)
        await asyncio.sleep(2 * memory.EVERY)
        began, files = size(), process.num_fds()
        async with asyncio.TaskGroup() as tasks:
            for number in range(CLIENTS):
                tasks.create_task(client(number))
        peak = size()
        async with asyncio.timeout(10 * FOR):
            while size() >= began + 32 or process.num_fds() > files:  # noqa: ASYNC110 - another process
                await asyncio.sleep(1)
        record_property("MiB at first", round(began, 1))
        record_property("MiB at the end of the load", round(peak, 1))
        await asyncio.sleep(FOR + 2 * memory.EVERY)
        record_property("MiB at last", round(size(), 1))
        assert size() < began + 32


async def test_slow_connections_keep_nobody_waiting(api_at: Opened, record_property: Any) -> None:
    async with api_at({"step_seconds": 0.001}, pace=unhurried(), headers_within=10.0) as api:
        _, secret = await api.key()
        port = int(api.url.rpartition(":")[2])

        async def times(client: httpx.AsyncClient, first: int) -> list[float]:
            found = []
            for seed in range(first, first + 9):
                began = time.monotonic()
                await polite(client, seed)
                found.append(time.monotonic() - began)
            return found

        async with api.client() as client:
            await polite(client, 1)
            alone = await times(client, 100)
            dripping = await asyncio.create_subprocess_exec(  # elsewhere: their work is not the server's
                *(sys.executable, "-m", "tests.engine.web.dripping", str(port), str(SLOW), secret),
                stdout=asyncio.subprocess.PIPE,
                cwd=ROOT,
            )

            async def connected() -> bool:
                return api.doors.budget.held >= SLOW // 2

            await api.settled(connected)
            beside = await times(client, 200)
        told, _ = await dripping.communicate()
        came = json.loads(told)
        ratio = statistics.median(beside) / statistics.median(alone)
        record_property("connections", SLOW)
        record_property("times as long", round(ratio, 2))
        assert came["bodies"] == {"HTTP/1.1 408": SLOW // 2}
        assert came["headers"] == {"": SLOW // 2}  # closed without a word
        assert api.doors.budget.held == 0
        if FULL:
            assert ratio <= 2


async def insist(served: Served, secret: str, name: str, seed: int) -> list[int]:
    """Ask under one name until there is an answer, through every kill; return the seeds of what came."""
    headers = {"Authorization": f"Bearer {secret}", "Idempotency-Key": name}
    while True:
        try:
            async with httpx.AsyncClient(base_url=served.url, headers=headers, timeout=60) as client:
                answer = await client.post(DRAW, json=asked(seed))
        except httpx.TransportError:
            await asyncio.sleep(0.05)
            continue
        if answer.status_code == 200:
            return [one["seed"] for one in answer.json()["artifacts"]]
        assert answer.status_code in (429, 503), answer.text
        await asyncio.sleep(0.2)


async def test_killed_at_any_moment_each_is_drawn_and_charged_once(
    tmp_path: Path, record_property: Any
) -> None:
    dice = random.Random(14)
    with serving(tmp_path, step_seconds=0.01) as served:
        secrets = [served.key() for _ in range(3)]
        await served.start()
        wanted: dict[str, int] = {}
        asking_now: set[asyncio.Task[list[int]]] = set()
        answers: dict[str, asyncio.Task[list[int]]] = {}
        for turn in range(KILLS):
            for place, secret in enumerate(secrets):
                name, seed = f"order-{turn}", 1 + turn * len(secrets) + place
                wanted[f"{place}:{name}"] = seed
                task = asyncio.create_task(insist(served, secret, name, seed))
                answers[f"{place}:{name}"] = task
                asking_now.add(task)
            await asyncio.sleep(dice.uniform(0.0, 0.6))
            served.kill()
            await served.start()
        for name, task in answers.items():
            assert await task == [wanted[name]]
        # once more, and the same answer without a new job
        assert await insist(served, secrets[0], "order-0", 1) == [1]
        jobs = served.rows("SELECT state, spec ->> 'seed', attempts FROM job")
        assert Counter(seed for _, seed, _ in jobs) == Counter(wanted.values())
        assert {state for state, _, _ in jobs} == {"rendered"}
        assert served.rows("SELECT count(*) FROM ledger WHERE settled > 0") == [(len(wanted),)]
        assert served.rows("SELECT count(*) FROM ledger") == [(len(wanted),)]
        record_property("kills", KILLS)
        record_property("requests", len(wanted))
        record_property("begun again", sum(attempts > 1 for _, _, attempts in jobs))
