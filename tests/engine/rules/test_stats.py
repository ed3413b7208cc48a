"""Figures against counts made by hand, the table as other programs read it, the picture as pixels."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime

import pytest
from PIL import Image

from engine.images.chart import BAR, BROKEN, WARM, chart
from engine.jobs import State
from engine.rules.stats import FinishedJob, count, table


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def job(when: str, state: State = State.RENDERED, wait: float | None = 1.0, **more: object) -> FinishedJob:
    asked = at(when)
    values: dict[str, object] = {
        "job": "0123456789", "owner": "11", "guild": "100", "state": state, "speed": "fast",
        "kind": "imagine", "model": "pocket", "width": 64, "height": 96, "steps": 20,
        "pictures": 4 if state is State.RENDERED else 0, "created_at": asked,
        "started_at": None if wait is None else asked + wait,
        "finished_at": None if wait is None else asked + wait + 10,
    }  # fmt: skip
    return FinishedJob(**{**values, **more})  # type: ignore[arg-type]


NOW = at("2026-11-21 12:00")
# 2026-11-21 is a Saturday
JOBS = [
    job("2026-11-21 11:59", wait=4.0),
    job("2026-11-21 00:00", State.FAILED, wait=2.0, owner="12"),
    job("2026-11-20 23:59", State.CANCELLED, wait=None),
    job("2026-11-19 00:00", State.BLOCKED, wait=1.0),
    job("2026-11-18 23:59", wait=99.0, owner="13"),
]


def test_figures_count_the_days_asked_for() -> None:
    figures = count(JOBS, 3, NOW)
    assert (figures.jobs, figures.people, figures.pictures) == (4, 2, 4)
    assert (figures.failed, figures.blocked, figures.cancelled) == (1, 1, 1)
    assert figures.seconds == 30.0
    assert figures.waits == (1.0, 2.0, 4.0)
    assert [(day.day, day.jobs, day.failed) for day in figures.by_day] == [
        (date(2026, 11, 19), 1, 0), (date(2026, 11, 20), 1, 0), (date(2026, 11, 21), 2, 1),
    ]  # fmt: skip
    saturday = figures.by_hour[5]
    assert (saturday[11], saturday[0], sum(map(sum, figures.by_hour))) == (1, 1, 4)


@pytest.mark.parametrize(
    ("waits", "share", "wanted"),
    [
        (10, 0.5, 5.0),
        (10, 0.95, 10.0),
        (20, 0.95, 19.0),
        (1, 0.5, 1.0),
        (3, 0.5, 2.0),
        (10, 1.0, 10.0),
        (0, 1.0, 0),
    ],
)
def test_waits_are_nearest_rank_percentiles(waits: int, share: float, wanted: float) -> None:
    jobs = [job("2026-11-21 10:00", wait=float(one + 1)) for one in range(waits)]
    assert count(jobs, 1, NOW).wait(share) == wanted


def test_the_table_is_read_by_others_and_runs_nothing() -> None:
    hostile = job("2026-11-21 10:00", model="=1+1", owner="@x", guild=None, wait=None)
    data, held = table([hostile, JOBS[0]], 10_000)
    assert held == 2
    rows = [*csv.DictReader(io.StringIO(data.decode("utf-8-sig")))]
    assert rows[0]["model"] == "'=1+1"
    assert rows[0]["person"] == "'@x"
    assert (rows[0]["server"], rows[0]["waited_s"]) == ("", "")
    assert rows[1]["asked_at"] == "2026-11-21T11:59:00+00:00"
    assert (rows[1]["waited_s"], rows[1]["drawn_s"], rows[1]["pictures"]) == ("4.000", "10.000", "4")


@pytest.mark.parametrize("limit", [0, 200, 400, 1000])
def test_a_table_fits_its_file(limit: int) -> None:
    data, held = table(JOBS * 10, limit)
    assert held < 50
    assert len(data) <= max(limit, 200)
    assert data.count(b"\r\n") == held + 1
    assert len(table(JOBS * 10, len(data) + 200)[0]) > len(data)


def pixels(data: bytes, colour: tuple[int, int, int]) -> int:
    with Image.open(io.BytesIO(data)) as picture:
        return sum(number for number, one in picture.getcolors(2**24) or () if one == colour)


@pytest.mark.parametrize("days", [1, 7, 30, 366])
def test_the_picture_shows_days_failures_and_hours(days: int) -> None:
    full, empty = chart(count(JOBS, days, NOW), "The Studio"), chart(count([], days, NOW), "日本")
    for colour in (BAR, BROKEN, WARM):
        assert pixels(full, colour) > pixels(empty, colour), colour
    with Image.open(io.BytesIO(full)) as picture:
        assert (picture.format, picture.size) == ("PNG", (1200, 1040))


def test_twice_the_jobs_is_a_bar_of_twice_the_area() -> None:
    two = [job("2026-11-20 10:00"), job("2026-11-21 10:00")]
    four = [*two, job("2026-11-21 11:00"), job("2026-11-20 11:00")]
    legend = pixels(chart(count([], 2, NOW), ""), BAR)
    small, large = (pixels(chart(count(jobs, 2, NOW), ""), BAR) - legend for jobs in (two, four))
    assert large / small == pytest.approx(2.0, rel=0.08)  # edges are smoothed
