"""What it costs that a worker stands on another machine: the way of a message by Ray, or by a local pipe."""

from __future__ import annotations

import asyncio
import importlib.util
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from time import perf_counter
from typing import Any

from bench import Row, Skipped
from bench.engine import FAKE, SPEC
from engine.config import EngineConfig
from engine.workers.fleet import Fleet
from engine.workers.handle import Died, Worker
from engine.workers.process import LocalWorker
from engine.workers.protocol import Done, Event, Start
from engine.workers.setup import Setup

PAIRS = 300
READY_WITHIN = 240.0  # seconds


@asynccontextmanager
async def _both() -> AsyncIterator[tuple[dict[str, Worker], asyncio.Queue[str]]]:
    """Have a worker over a pipe and one over Ray, both ready, and what says which job is done."""
    from ray.cluster_utils import Cluster

    cluster: Any = Cluster()
    try:
        cluster.add_node(num_cpus=0, include_dashboard=False)
        cluster.add_node(num_cpus=0, num_gpus=0, resources={"limner": 1})
    except Exception as error:  # Ray gives its own start 30 seconds, whatever else the machine does
        cluster.shutdown()
        raise Skipped(f"Ray did not start within its 30 seconds ({error})") from None
    done: asyncio.Queue[str] = asyncio.Queue()
    found: dict[str, Worker] = {}
    tasks: list[asyncio.Task[None]] = []

    def heard(worker: Worker, event: Event | Died) -> None:
        if isinstance(event, Done):
            done.put_nowait(event.job)

    def hired(worker: Worker, name: str = "far") -> None:
        found[name] = worker
        tasks.append(asyncio.create_task(worker.run()))

    setup = Setup(FAKE, (), EngineConfig(device="cpu"))
    fleet = Fleet(str(cluster.address), setup, heard, hired, lambda worker: None, lambda why: None)
    hired(LocalWorker(replace(setup, device="cpu:0"), heard), "near")
    tasks.append(asyncio.create_task(fleet.run()))
    try:
        async with asyncio.timeout(READY_WITHIN):
            while sum(worker.ready for worker in found.values()) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        yield found, done
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        cluster.shutdown()


async def _added() -> list[float]:
    """Milliseconds that Ray adds to a message: an order goes there and its pictures come back, in turn."""
    values = []
    spec = SPEC.model_copy(update={"steps": 1})
    async with _both() as (workers, done):
        for turn in range(PAIRS):
            spent = {}
            for name in ("near", "far") if turn % 2 else ("far", "near"):
                began = perf_counter()
                workers[name].send(Start(f"{turn}.{name}", spec))
                await done.get()
                spent[name] = perf_counter() - began
            values.append((spent["far"] - spent["near"]) / 2 * 1000)
    return values[20:]  # the first ones find nothing warm


def _measured() -> list[float]:
    if importlib.util.find_spec("ray") is None:
        raise Skipped("Ray is an extra: .venv/bin/pip install -c constraints.txt -e '.[ray]'")
    os.environ |= {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"}
    return asyncio.run(_added())


ROWS = (Row("Ray adds to a message, against a local pipe", _measured, 15, unit="ms"),)
