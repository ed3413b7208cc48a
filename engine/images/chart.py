"""The picture of ``/admin stats``: jobs by day, and by weekday and hour; knows no database."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from engine.images.encode import saved
from engine.rules.stats import Day, Stats

WIDTH, HEIGHT, MARGIN = 1200, 1040, 56
PAPER, INK, FAINT, LINE = (30, 31, 34), (242, 243, 245), (148, 155, 164), (56, 58, 64)
"""Discord's own dark theme, so that it stands well in a channel."""
BAR, BROKEN = (88, 101, 242), (237, 66, 69)
COLD, WARM = (43, 45, 49), (120, 196, 255)
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MOST_BARS = 92
SCALE = 2
"""Drawn this many times as large and made smaller at the end: smooth edges."""


def chart(figures: Stats, title: str) -> bytes:
    """Return the figures as a PNG of ``WIDTH`` × ``HEIGHT`` pixels."""
    picture = Image.new("RGB", (WIDTH * SCALE, HEIGHT * SCALE), PAPER)
    pen = _Pen(ImageDraw.Draw(picture))
    pen.text(MARGIN, 40, _short(title, 44) or "This server", 34, INK)
    period = f"The last {figures.days} days" if figures.days > 1 else "Today"
    pen.text(MARGIN, 86, f"{period}, in UTC", 20, FAINT)
    _headline(pen, figures)
    _days(pen, figures, top=300, bottom=560)
    _hours(pen, figures.by_hour, top=690)
    small = picture.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    return saved(small, "PNG", optimize=True)


class _Pen:
    """Draws in the picture's own pixels, whatever the scale."""

    def __init__(self, draw: ImageDraw.ImageDraw) -> None:
        self._draw = draw
        self._fonts: dict[int, ImageFont.ImageFont | ImageFont.FreeTypeFont] = {}

    def text(
        self, x: float, y: float, text: str, size: int, colour: tuple[int, int, int], anchor: str = "la"
    ) -> None:
        """Write; ``anchor`` as Pillow names it."""
        font = self._fonts.setdefault(size, ImageFont.load_default(size * SCALE))
        self._draw.text((x * SCALE, y * SCALE), text, font=font, fill=colour, anchor=anchor)

    def box(
        self, x: float, y: float, right: float, bottom: float, colour: tuple[int, int, int], radius: float = 0
    ) -> None:
        """Fill a box."""
        corners = (x * SCALE, y * SCALE, right * SCALE - 1, max(y * SCALE, bottom * SCALE - 1))
        self._draw.rounded_rectangle(corners, radius * SCALE, colour)


def _short(text: str, most: int) -> str:
    """Return text in the letters the font has, which are ASCII's, cut to a length."""
    plain = " ".join(unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().split())
    return plain if len(plain) <= most else plain[: most - 3] + "..."


def _headline(pen: _Pen, figures: Stats) -> None:
    hours = figures.seconds / 3600
    drawn = f"{hours:,.1f} h" if hours >= 1 else f"{figures.seconds:,.0f} s"
    ended = max(1, figures.jobs)
    facts = (
        (f"{figures.jobs:,}", "jobs"),
        (f"{figures.people:,}", "person" if figures.people == 1 else "people"),
        (f"{figures.pictures:,}", "pictures"),
        (drawn, "of drawing"),
        (f"{100 * figures.failed / ended:.1f} %", "failed"),
        (_seconds(figures.wait(0.5)), "median wait"),
        (_seconds(figures.wait(0.95)), "95 % wait"),
    )
    step = (WIDTH - 2 * MARGIN) / len(facts)
    for number, (value, name) in enumerate(facts):
        x = MARGIN + number * step
        pen.text(x, 146, value, 32, INK)
        pen.text(x, 190, name, 18, FAINT)


def _seconds(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def _top(most: int) -> int:
    """Return the value at the top of an axis: round, not below ``most``, and divisible by four."""
    step = 4
    while True:
        for factor in (1, 2, 3, 5):
            if most <= step * factor:
                return step * factor
        step *= 10


def _bars(days: Sequence[Day]) -> tuple[Sequence[Day], str]:
    """Return a bar for each day, or where there are too many to tell apart, for each week up to today."""
    if len(days) <= MOST_BARS:
        return days, "day"
    weeks = [days[max(0, end - 7) : end] for end in range(len(days), 0, -7)][::-1]
    return [
        Day(week[-1].day, sum(day.jobs for day in week), sum(day.failed for day in week)) for week in weeks
    ], "week"


def _days(pen: _Pen, figures: Stats, top: float, bottom: float) -> None:
    left, right = MARGIN + 56, WIDTH - MARGIN
    bars, every = _bars(figures.by_day)
    pen.text(MARGIN, top - 46, f"Jobs by {every}", 22, INK)
    for at, colour, meaning in ((right - 164, BAR, "jobs"), (right - 76, BROKEN, "failed")):
        pen.box(at, top - 40, at + 16, top - 24, colour, 3)
        pen.text(at + 24, top - 42, meaning, 18, FAINT)
    highest = _top(max((day.jobs for day in bars), default=0))
    for fourth in range(5):
        y = bottom - (bottom - top) * fourth / 4
        pen.box(left, y, right, y + 1, LINE)
        pen.text(left - 12, y, f"{highest * fourth // 4:,}", 16, FAINT, "rm")
    step = (right - left) / len(bars)
    gap = min(6.0, step * 0.2)
    dated = max(1, round(80 / step))
    for number, day in enumerate(bars):
        x, end = left + number * step + gap / 2, left + (number + 1) * step - gap / 2
        height = (bottom - top) * day.jobs / highest
        broken = (bottom - top) * day.failed / highest
        radius = min(4.0, (end - x) / 2, height)
        if day.jobs:
            pen.box(x, bottom - max(2.0, height), end, bottom, BAR, radius)
        if day.failed:
            pen.box(x, bottom - max(2.0, broken), end, bottom, BROKEN, min(radius, broken / 2))
        if (len(bars) - 1 - number) % dated == 0:  # today always has its date
            pen.text((x + end) / 2, bottom + 12, f"{day.day.day} {day.day:%b}", 16, FAINT, "ma")


def _hours(pen: _Pen, by_hour: Sequence[Sequence[int]], top: float) -> None:
    pen.text(MARGIN, top - 56, "Jobs by weekday and hour", 22, INK)
    most = max(max(row) for row in by_hour)
    left, right, height = MARGIN + 56, WIDTH - MARGIN, 38
    step = (right - left) / 24
    for day, row in enumerate(by_hour):
        y = top + day * height
        pen.text(left - 12, y + height / 2 - 2, DAYS[day], 16, FAINT, "rm")
        for hour, jobs in enumerate(row):
            # the square root: a quiet hour is still told from an empty one
            share = (jobs / most) ** 0.5 if most else 0.0
            colour = (
                round(COLD[0] + (WARM[0] - COLD[0]) * share),
                round(COLD[1] + (WARM[1] - COLD[1]) * share),
                round(COLD[2] + (WARM[2] - COLD[2]) * share),
            )
            x = left + hour * step
            pen.box(x + 1.5, y, x + step - 1.5, y + height - 4, colour, 4)
            if jobs:
                dark = share > 0.6
                pen.text(x + step / 2, y + height / 2 - 2, _brief(jobs), 15, PAPER if dark else INK, "mm")
    for hour in range(0, 24, 3):
        pen.text(left + (hour + 0.5) * step, top + 7 * height + 6, f"{hour:02}", 16, FAINT, "ma")


def _brief(number: int) -> str:
    return (
        str(number) if number < 1000 else f"{number / 1000:.1f}k" if number < 10000 else f"{number // 1000}k"
    )
