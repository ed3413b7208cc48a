"""What was drawn, by how many people and how fast: counted from jobs, as figures and as a table. Pure."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from engine.jobs import State


class FinishedJob(NamedTuple):
    """What is counted of a job. Times are Unix seconds."""

    job: str
    owner: str
    guild: str | None
    state: State
    speed: str
    kind: str
    model: str
    width: int
    height: int
    steps: int
    pictures: int
    created_at: float
    started_at: float | None
    finished_at: float | None

    @property
    def waited(self) -> float | None:
        """Return how many seconds passed before it was started (the last time, after a crash)."""
        return None if self.started_at is None else max(0.0, self.started_at - self.created_at)

    @property
    def seconds(self) -> float:
        """Return how many seconds it was being drawn."""
        if self.started_at is None or self.finished_at is None:
            return 0.0
        return max(0.0, self.finished_at - self.started_at)


@dataclass(frozen=True, slots=True)
class Day:
    """One day: how many jobs were asked for, and how many of them came to nothing by failing."""

    day: date
    jobs: int
    failed: int


@dataclass(frozen=True, slots=True)
class Stats:
    """What was drawn in so many days. ``by_hour``: seven weekdays from Monday, of 24 hours each. UTC."""

    days: int
    jobs: int
    people: int
    pictures: int
    seconds: float
    failed: int
    blocked: int
    cancelled: int
    waits: tuple[float, ...]  # seconds, shortest first
    by_day: tuple[Day, ...]
    by_hour: tuple[tuple[int, ...], ...]

    def wait(self, share: float) -> float:
        """Return how long this share of all jobs waited at most (nearest rank); 0 where none was started."""
        if not self.waits:
            return 0.0
        rank = max(1, -(-int(share * 1000) * len(self.waits) // 1000))
        return self.waits[min(rank, len(self.waits)) - 1]


def count(jobs: Iterable[FinishedJob], days: int, now: float) -> Stats:
    """Return the figures of the last ``days`` days, today among them."""
    today = datetime.fromtimestamp(now, UTC).date()
    first = today - timedelta(days=days - 1)
    asked: Counter[date] = Counter()
    broken: Counter[date] = Counter()
    states: Counter[State] = Counter()
    hours = [[0] * 24 for _ in range(7)]
    owners, waits, pictures, seconds, total = set(), [], 0, 0.0, 0
    for job in jobs:
        at = datetime.fromtimestamp(job.created_at, UTC)
        if at.date() < first:
            continue
        total += 1
        asked[at.date()] += 1
        broken[at.date()] += job.state is State.FAILED
        states[job.state] += 1
        hours[at.weekday()][at.hour] += 1
        owners.add(job.owner)
        pictures += job.pictures
        seconds += job.seconds
        if job.waited is not None:
            waits.append(job.waited)
    every = [first + timedelta(days=one) for one in range(days)]
    return Stats(
        days=days,
        jobs=total,
        people=len(owners),
        pictures=pictures,
        seconds=seconds,
        failed=states[State.FAILED],
        blocked=states[State.BLOCKED],
        cancelled=states[State.CANCELLED],
        waits=tuple(sorted(waits)),
        by_day=tuple(Day(one, asked[one], broken[one]) for one in every),
        by_hour=tuple(tuple(row) for row in hours),
    )


COLUMNS = (
    "job", "asked_at", "server", "person", "state", "speed", "kind", "model", "width", "height", "steps",
    "pictures", "waited_s", "drawn_s",
)  # fmt: skip


def table(jobs: Sequence[FinishedJob], limit: int) -> tuple[bytes, int]:
    """Return a CSV of at most ``limit`` bytes, newest jobs first, and how many of them it holds.

    UTF-8 with a byte order mark, so that spreadsheets read it as such; no prompts.
    """
    lines = [b"\xef\xbb\xbf" + _line(COLUMNS)]
    size = len(lines[0])
    for job in jobs:
        line = _line([_safe(one) for one in _row(job)])
        if size + len(line) > limit:
            break
        lines.append(line)
        size += len(line)
    return b"".join(lines), len(lines) - 1


def _line(cells: Sequence[str]) -> bytes:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue().encode()


def _row(job: FinishedJob) -> tuple[str | int, ...]:
    waited = "" if job.waited is None else f"{job.waited:.3f}"
    at = datetime.fromtimestamp(job.created_at, UTC).isoformat(timespec="seconds")
    return (
        *(job.job, at, job.guild or "", job.owner, job.state.value, job.speed, job.kind, job.model),
        *(job.width, job.height, job.steps, job.pictures, waited, f"{job.seconds:.3f}"),
    )


def _safe(value: str | int) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    text = str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
