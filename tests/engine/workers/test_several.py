"""Several workers on one machine: each draws what it may, all draw alike, a dead one takes nobody along."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from engine.config import Config, EngineConfig, ModelConfig, ProvenanceConfig, pocket
from engine.config.sections import PlacementConfig
from engine.jobs import Job, State
from engine.service import Service
from engine.store import deliveries as store_deliveries
from engine.workers.setup import Setup, each
from tests.engine.conftest import FAKE, asking, ended, submit

pytestmark = pytest.mark.timeout(900)

OTHERS = tuple(
    ModelConfig(name=name, source="o/n", width=64, height=64, steps=8) for name in ("small", "large", "huge")
)
UNLIKE = {"cpu:0": ("small", "pocket"), "cpu:1": ("large", "small"), "cpu:2": ("huge", "large", "pocket")}


@asynccontextmanager
async def several(
    folder: Path, count: int, placement: dict[str, tuple[str, ...]] | None = None, **arguments: Any
) -> AsyncIterator[Service]:
    placed = tuple(PlacementConfig(device=one, models=models) for one, models in (placement or {}).items())
    config = Config(
        data_dir=folder,
        engine=EngineConfig(devices=("cpu",) * count, placement=placed),
        models=(pocket(), *OTHERS),
        provenance=ProvenanceConfig(mark=False),
    )
    renderer = arguments.pop("renderer", FAKE)
    async with Service.open(config, renderer=renderer, arguments=arguments) as service:
        yield service


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(600):
        while not true():  # noqa: ASYNC110 (nothing tells us)
            await asyncio.sleep(0.02)


def fares(service: Service) -> dict[str, dict[str, Any]]:
    return {worker["name"]: worker for worker in service.control.workers()}


async def all_ready(service: Service) -> None:
    await until(lambda: all(worker["ready"] for worker in service.control.workers()))


async def asked(service: Service, models: tuple[str, ...], count: int) -> list[Job]:
    return [
        (await submit(service, asking(f"{n}", f"a cat --model {models[n % len(models)]}", f"p{n % 8}"))).jobs[
            0
        ]
        for n in range(count)
    ]


@pytest.mark.parametrize("count", [2, 3])
async def test_mixed_jobs_go_each_to_a_device_that_may(tmp_path: Path, count: int) -> None:
    placement = {name: UNLIKE[name] for name in list(UNLIKE)[:count]}
    models = tuple(sorted({model for allowed in placement.values() for model in allowed}))
    async with several(tmp_path, count, placement, step_seconds=0.005) as service:
        await all_ready(service)
        jobs = await asked(service, models, 24)
        assert {(await ended(service, job.id)).state for job in jobs} == {State.RENDERED}
        found = fares(service)
        assert sorted(found) == sorted(placement)
        for name, allowed in placement.items():
            assert set(found[name]["models"]) <= set(allowed)  # the fake keeps whatever it once drew with
            assert found[name]["drawn"] > 0
        assert sum(one["drawn"] for one in found.values()) == 24


async def drawn_on_each(service: Service, count: int) -> list[list[bytes]]:
    """Draw one spec on each device at once; return the pixels of each job's pictures."""
    await all_ready(service)
    service.control.load("pocket")
    await until(lambda: all("pocket" in one["models"] for one in service.control.workers()))
    service.control.pause()
    line = "a red apple --seed 7 --steps 6"
    jobs = [(await submit(service, asking(f"{n}", line, f"p{n}"))).jobs[0] for n in range(count)]
    service.control.pause(False)
    for job in jobs:
        assert (await ended(service, job.id)).state is State.RENDERED
    assert [one["drawn"] for one in service.control.workers()] == [1] * count
    # the recipe before the pixels names the job
    return [[data.split(b"IDAT", 1)[1] for data in await service.files.originals(job.id)] for job in jobs]


async def test_one_spec_gives_the_same_bytes_on_each_of_three(tmp_path: Path) -> None:
    async with several(tmp_path, 3, step_seconds=0.05) as service:
        first, *others = await drawn_on_each(service, 3)
        assert others == [first, first]


@pytest.mark.timeout(1800)
async def test_the_shipped_model_draws_the_same_bytes_on_two_devices(tmp_path: Path) -> None:
    async with several(tmp_path, 2, renderer="engine.render:Renderer") as service:
        first, second = await drawn_on_each(service, 2)
        assert first == second
        assert len(set(first)) == 4


async def test_a_worker_that_dies_gives_back_its_own_jobs_alone(tmp_path: Path) -> None:
    placement = {"cpu:0": ("small",), "cpu:1": ("large", "pocket", "huge")}
    async with several(tmp_path, 2, placement, step_seconds=0.03) as service:
        await all_ready(service)
        jobs = await asked(service, ("small", "large"), 8)
        await until(lambda: all(one["drawing"] for one in service.control.workers()))
        os.kill(fares(service)["cpu:0"]["pid"], signal.SIGKILL)
        after = [await ended(service, job.id) for job in jobs]
        assert {job.state for job in after} == {State.RENDERED}
        again = [job for job in after if job.attempts > 1]
        assert again
        assert {job.spec.model for job in again} == {"small"}
        assert fares(service)["cpu:1"]["restarts"] == 0
        promised = [delivery.job for delivery in await service.store.read(store_deliveries.pending)]
        assert sorted(promised) == sorted(job.id for job in jobs)


async def test_where_none_is_named_every_card_has_a_worker(tmp_path: Path) -> None:
    async with Service.open(Config(data_dir=tmp_path), renderer=FAKE, arguments={"cards": 3}) as service:
        await until(lambda: len(service.control.workers()) == 3)
        await all_ready(service)
        assert sorted(fares(service)) == ["cuda:0", "cuda:1", "cuda:2"]
        os.kill(fares(service)["cuda:0"]["pid"], signal.SIGKILL)  # it looks again, and finds no new ones
        await until(lambda: fares(service)["cuda:0"]["restarts"] == 1)
        await all_ready(service)
        assert len(service.control.workers()) == 3


@pytest.mark.parametrize(
    ("visible", "device", "sees"),
    [
        (None, "cuda:1", "1"),
        ("2,5", "cuda:0", "2"),
        ("2,5", "cuda:1", "5"),
        ("GPU-ab, GPU-cd", "cuda:1", "GPU-cd"),
        ("2", "cuda:1", ""),
    ],
)
def test_a_worker_sees_its_own_card_alone(
    monkeypatch: pytest.MonkeyPatch, visible: str | None, device: str, sees: str
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    [setup] = each(Setup(FAKE, (), EngineConfig(devices=(device,))))
    assert setup.environment == {"CUDA_VISIBLE_DEVICES": sees}
    assert (setup.device, setup.engine.device) == (device, "cuda")
