"""``python -m tests.report FILE TITLE COMMAND PYTEST…``: run tests and write what came of them as a page."""

from __future__ import annotations

import os
import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pytest


class Notes:
    """Collects each test's outcome and seconds; repeats of one parametrised test are one line."""

    def __init__(self) -> None:
        self.lines: dict[str, list[tuple[str, float]]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note the call, or whatever kept it from being made."""
        if report.when == "call" or report.outcome != "passed":
            name = report.nodeid.split("[")[0]
            self.lines.setdefault(name, []).append((report.outcome, report.duration))


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
            f"Made by `{command}`{said}.",
            "",
            "| test | runs | outcome | seconds |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )


def main(file: str, title: str, command: str, *arguments: str) -> int:
    """Run pytest, write the page, return pytest's status."""
    notes, began = Notes(), time.monotonic()
    status = pytest.main(list(arguments), plugins=[notes])
    Path(file).write_text(page(title, notes, command, time.monotonic() - began), encoding="utf-8")
    return int(status)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
