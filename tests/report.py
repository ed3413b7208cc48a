"""``python -m tests.report FILE TITLE COMMAND PYTEST…``: run tests and write what came of them as a page."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest


class Notes:
    """Collects each test's outcome and seconds; repeats of one parametrised test are one line."""

    def __init__(self) -> None:
        self.lines: dict[str, list[tuple[str, float]]] = {}
        self.seen: dict[str, dict[str, object]] = {}
        self.write: Callable[[], None] = lambda: None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note the call, or whatever kept it from being made, and bring the page up to date."""
        if report.when == "call" or report.outcome != "passed":
            name = report.nodeid.split("[")[0]
            self.lines.setdefault(name, []).append((report.outcome, report.duration))
            if report.user_properties:
                self.seen[report.nodeid.rpartition("::")[2]] = dict(report.user_properties)
            self.write()


def page(title: str, notes: Notes, command: str, seconds: float) -> str:
    """Return the report as Markdown."""
    settings = {name: value for name, value in sorted(os.environ.items()) if name.startswith("LIMNER_")}
    said = "".join(f", `{name}={value}`" for name, value in settings.items())
    rows = []
    for name, runs in notes.lines.items():
        failed = sum(outcome == "failed" for outcome, _ in runs)
        skipped = sum(outcome == "skipped" for outcome, _ in runs)
        outcome = f"{failed} failed" if failed else "skipped" if skipped == len(runs) else "passed"
        rows.append(f"| `{name}` | {len(runs)} | {outcome} | {sum(took for _, took in runs):.1f} |")
    passed = sum(outcome == "passed" for runs in notes.lines.values() for outcome, _ in runs)
    total = sum(map(len, notes.lines.values()))
    return "\n".join(
        [
            f"# {title}",
            "",
            f"{time.strftime('%Y-%m-%d')}: {passed} of {total} passed in {seconds / 60:.1f} minutes, on "
            f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, "
            f"Python {platform.python_version()}, torch {version('torch')}, "
            f"discord.py {version('discord.py')}.",
            "",
            f"Made by `{command}`{said}, at commit {commit()}; the machine's load was "
            f"{os.getloadavg()[0]:.1f} at the end.",
            "",
            "| test | runs | outcome | seconds |",
            "|---|---|---|---|",
            *rows,
            "",
            *([] if not notes.seen else ["What was counted:", ""]),
            *(
                f"- `{name}`: " + ", ".join(f"{what} {value}" for what, value in counted.items())
                for name, counted in notes.seen.items()
            ),
            *([] if not notes.seen else [""]),
        ]
    )


def commit() -> str:
    """Return which state of the code ran, where git can say."""
    asked = ("git", "describe", "--always", "--dirty", "--abbrev=10")
    try:
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def main(file: str, title: str, command: str, *arguments: str) -> int:
    """Run pytest, write the page, return pytest's status."""
    notes, began = Notes(), time.monotonic()

    def write() -> None:
        Path(file).write_text(page(title, notes, command, time.monotonic() - began), encoding="utf-8")

    notes.write = write  # after each test: of a run that is broken off, what was complete stays
    return int(pytest.main(list(arguments), plugins=[notes]))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
