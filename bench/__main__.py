"""``python -m bench [WORD …]``: run every row, or those whose name has one of the words; print the table."""

from __future__ import annotations

import importlib
import os
import platform
import statistics
import sys
from importlib.metadata import version
from pathlib import Path

from bench import HEAD, Row, Skipped, line

ELSEWHERE = {"__init__", "__main__", "gpu", "gpu_flow"}  # gpu is a programme of its own


def rows() -> list[Row]:
    """Return the rows of every module beside this one."""
    names = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if path.stem not in ELSEWHERE)
    return [row for name in names for row in getattr(importlib.import_module(f"bench.{name}"), "ROWS", ())]


def main(words: list[str]) -> int:
    """Run the rows, each line as soon as it is known; return 1 if a goal was missed."""
    missed = 0
    print(HEAD, flush=True)
    for row in rows():
        if words and not any(word.lower() in row.name.lower() for word in words):
            continue
        try:
            values = row.measure()
        except Skipped as why:
            print(f"| {row.name} | skipped: {why} | | | | |", flush=True)
            continue
        missed += not row.met(statistics.median(values))
        print(line(row, values), flush=True)
    libraries = ", ".join(f"{name} {version(name)}" for name in ("torch", "diffusers"))
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    threads = os.environ.get("OMP_NUM_THREADS", "all")
    print(
        f"\n{platform.system()} {platform.machine()}, {os.cpu_count()} cores{load}, "
        f"{threads} thread(s) a library, Python {platform.python_version()}, {libraries}."
    )
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
