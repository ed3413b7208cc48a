"""``/metrics``: the service's numbers in Prometheus' text format; nothing in them names a person."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from engine.schedule.metrics import Histogram
from engine.service import Service

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


async def metrics(service: Service) -> bytes:
    """Return everything that is measured, as it stands now."""
    queue, undelivered = await service.queue(), await service.outbox.undelivered()
    registry = CollectorRegistry()
    registry.register(
        _Numbers([*_gauges(service, len(queue.waiting), len(queue.running), undelivered), *_counted(service)])
    )
    return generate_latest(registry)


class _Numbers(Collector):
    def __init__(self, found: list[Metric]) -> None:
        self._found = found

    def collect(self) -> list[Metric]:
        return self._found


def _gauges(service: Service, waiting: int, running: int, undelivered: int) -> Iterator[Metric]:
    yield GaugeMetricFamily("limner_jobs_waiting", "Jobs that wait for their turn.", waiting)
    yield GaugeMetricFamily("limner_jobs_running", "Jobs being drawn.", running)
    yield GaugeMetricFamily("limner_deliveries_pending", "Promised messages not shown yet.", undelivered)
    each = ["worker", "device"]
    memory = GaugeMetricFamily("limner_device_memory_bytes", "Memory in use.", labels=[*each, "card"])
    told: dict[str, GaugeMetricFamily | CounterMetricFamily] = {
        "ready": GaugeMetricFamily("limner_worker_ready", "1 where a worker can draw.", labels=each),
        "silence": GaugeMetricFamily("limner_worker_silence_seconds", "Since it was heard of.", labels=each),
        "drawing": GaugeMetricFamily("limner_worker_jobs", "Jobs a worker has in hand.", labels=each),
        "restarts": CounterMetricFamily(
            "limner_worker_restarts", "Times a worker was started anew.", labels=each
        ),
        "calls": CounterMetricFamily("limner_unet_calls", "Calls of the UNet by a worker.", labels=each),
        "rows": CounterMetricFamily("limner_unet_rows", "Rows of all these calls.", labels=each),
        "drawn": CounterMetricFamily("limner_worker_drawn", "Jobs that a worker finished.", labels=each),
    }
    limits = GaugeMetricFamily(
        "limner_rows_that_pay", "Rows past which a call gains nothing.", labels=[*each, "size"]
    )
    for number, worker in enumerate(service.control.workers()):
        labels = [str(number), worker["name"]]
        memory.add_metric([*labels, worker["device"]], worker["memory"])
        for key, family in told.items():
            family.add_metric(labels, float(worker[key]))
        for size, most in worker["limits"].items():
            limits.add_metric([*labels, size], most)
    yield CounterMetricFamily(
        "limner_model_switches",
        "Jobs given to a device that held other models, not theirs.",
        service.control.switches,
    )
    yield from (memory, *told.values(), limits)


def _counted(service: Service) -> Iterator[Metric]:
    tally = service.control.metrics
    ended = CounterMetricFamily("limner_jobs", "Jobs that ended, by how.", labels=["state"])
    for state in ("rendered", "failed", "blocked", "cancelled"):
        ended.add_metric([state], tally.ended[state])
    failed = CounterMetricFamily("limner_failures", "What went wrong, by kind.", labels=["kind"])
    for kind in sorted({"user", "memory", "engine", "worker", *tally.failed}):
        failed.add_metric([kind], tally.failed[kind])
    yield from (ended, failed)
    yield _histogram("limner_wait_seconds", "From the request to the start of drawing.", tally.waits)
    yield _histogram("limner_drawing_seconds", "Seconds of the device a finished job took.", tally.drawing)


def _histogram(name: str, words: str, histogram: Histogram) -> Metric:
    found = HistogramMetricFamily(name, words)
    found.add_metric([], histogram.cumulative(), histogram.total)
    return found
