"""Two workers while one of them is killed or frozen, again and again: nothing lost or charged twice."""

from __future__ import annotations

import contextlib
import os
import random
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from engine.config import Config, EngineConfig, ProvenanceConfig
from engine.jobs import Job, State
from engine.planning.cost import work
from engine.service import Service
from engine.store import deliveries as store_deliveries
from tests.engine.conftest import FAKE, asking, ended, submit
from tests.engine.workers.test_several import all_ready, fares, until

ROUNDS = int(os.environ.get("LIMNER_FAULT_ROUNDS", "5"))
JOBS = 4


async def paid_once(service: Service, jobs: list[Job]) -> None:
    """Each job is rendered, promised and charged for once, by what the database says."""
    for job in jobs:
        after = await service.find(job.id)
        assert (after.state, len(after.pictures)) == (State.RENDERED, 4)
    promised = Counter(one.job for one in await service.store.read(store_deliveries.pending))
    assert promised == Counter(job.id for job in jobs)
    rows = await service.store.read(
        lambda db: db.execute("SELECT job, settled, price, paid FROM ledger").fetchall()
    )
    settled: dict[str, Any] = {job: (part, price, paid) for job, part, price, paid in rows}
    assert len(rows) == len(settled) == len(jobs)
    for job in jobs:
        part, price, paid = settled[job.id]
        assert part == pytest.approx(work(job.spec))
        assert 0 <= (paid or 0.0) <= price + 1e-9


def alive(pid: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


Record = Callable[[str, object], None]


@pytest.mark.timeout(600 + 60 * ROUNDS)
@pytest.mark.parametrize("fault", ["killed", "frozen"])
async def test_of_two_workers_one_fails_and_all_is_drawn_once(
    tmp_path: Path, fault: str, record_property: Record
) -> None:
    dice = random.Random(fault)
    config = Config(
        data_dir=tmp_path,
        engine=EngineConfig(devices=("cpu", "cpu"), heartbeat_timeout=3.0 if fault == "frozen" else 60.0),
        provenance=ProvenanceConfig(mark=False),
    )
    jobs: list[Job] = []
    pids: set[int] = set()
    met = 0
    async with Service.open(config, renderer=FAKE, arguments={"step_seconds": 0.02}) as service:
        for turn in range(ROUNDS):
            await all_ready(service)
            pids |= {one["pid"] for one in service.control.workers()}
            service.control.pause()  # they start together: none is done before the last is asked for
            asked = [
                (await submit(service, asking(f"{turn}.{n}", f"cat {n} --steps 15", f"p{n}"))).jobs[0]
                for n in range(JOBS)
            ]
            service.control.pause(False)
            jobs += asked
            await until(
                lambda: (
                    any(one["drawing"] for one in service.control.workers())
                    or service.control.metrics.ended[State.RENDERED] >= len(jobs)  # noqa: B023
                )
            )
            at_work = [name for name, one in fares(service).items() if one["drawing"]]
            met += bool(at_work)
            name = dice.choice(at_work or [*fares(service)])
            before = fares(service)[name]
            with contextlib.suppress(ProcessLookupError):
                os.kill(before["pid"], signal.SIGKILL if fault == "killed" else signal.SIGSTOP)
            for job in asked:
                assert (await ended(service, job.id)).state is State.RENDERED
            await until(lambda: fares(service)[name]["restarts"] > before["restarts"])  # noqa: B023
            with contextlib.suppress(ProcessLookupError):
                os.kill(before["pid"], signal.SIGCONT)  # woken too late: it was ended, and says nothing more
        await paid_once(service, jobs)
        pids |= {one["pid"] for one in service.control.workers()}
        assert sum(one["restarts"] for one in service.control.workers()) >= ROUNDS
    assert len(pids) >= ROUNDS
    assert [pid for pid in pids if alive(pid)] == []
    record_property("rounds", ROUNDS)
    record_property("at work", met)
    record_property("jobs, each drawn, posted and charged once", len(jobs))
