"""``/metrics``, read as Prometheus reads it: by the client library's own parser."""

from __future__ import annotations

from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from engine.config import Config, WebConfig
from engine.schedule.metrics import Histogram
from engine.service import Service
from engine.web import listening
from tests.engine.conftest import asking, submit

FAKE = "engine.workers.fake:Renderer"


async def scraped(client: httpx.AsyncClient) -> dict[str, float]:
    answer = await client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = {}
    for family in text_string_to_metric_families(answer.text):
        assert family.documentation
        for sample in family.samples:
            labels = ",".join(f"{key}={value}" for key, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}"] = sample.value
    return found


async def ended(service: Service, key: str, line: str) -> None:
    job = (await submit(service, asking(key, line, "4242424242", "discord:1/2"))).jobs[0]
    async for _ in service.progress(job.id):
        pass


async def test_a_scrape_tells_what_happened(tmp_path: Path) -> None:
    config = Config(data_dir=tmp_path)
    async with (
        Service.open(config, renderer=FAKE, arguments={"memory": "huge", "step_seconds": 0.01}) as service,
        listening(service, WebConfig(enabled=True, port=0)) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=None) as client,
    ):
        before = await scraped(client)
        assert before["limner_jobs_total{state=rendered}"] == 0
        await ended(service, "1", "a red apple --steps 10")
        await ended(service, "2", "a huge apple")
        service.control.pause()
        waiting = (await submit(service, asking("3", "a cat", "4242424242", "discord:1/2"))).jobs[0]
        found = await scraped(client)
        assert found["limner_jobs_waiting{}"] == 1
        assert found["limner_jobs_running{}"] == 0
        assert found["limner_jobs_total{state=rendered}"] == 1
        assert found["limner_jobs_total{state=failed}"] == 1
        assert found["limner_failures_total{kind=memory}"] == 1
        assert found["limner_deliveries_pending{}"] == 2  # the grid and the failure; nobody fetches them here
        assert found["limner_wait_seconds_count{}"] == 2
        assert found["limner_drawing_seconds_count{}"] == 1
        assert 0.1 <= found["limner_drawing_seconds_sum{}"] < 30  # ten steps of 10 ms
        assert found["limner_worker_ready{device=cpu:0,worker=0}"] == 1
        calls = found["limner_unet_calls_total{device=cpu:0,worker=0}"]
        assert calls >= 10
        # four pictures with guidance are eight rows; each of the ten steps was one call
        assert found["limner_unet_rows_total{device=cpu:0,worker=0}"] / calls == 8
        assert "limner_device_memory_bytes{card=fake,device=cpu:0,worker=0}" in found
        assert found["limner_worker_drawn_total{device=cpu:0,worker=0}"] == 1
        assert found["limner_model_switches_total{}"] == 0
        await service.cancel(waiting.id, "4242424242")
        assert (await scraped(client))["limner_jobs_total{state=cancelled}"] == 1
        assert "4242424242" not in (await client.get("/metrics")).text


def test_a_histogram_counts_up_to_each_bound() -> None:
    histogram = Histogram((1.0, 5.0))
    for value in (0.5, 1.0, 2.0, 60.0):
        histogram.add(value)
    assert histogram.cumulative() == [("1.0", 2), ("5.0", 3), ("+Inf", 4)]
    assert histogram.total == 63.5
