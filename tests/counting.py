"""How much a piece of Python does, as a number that no neighbour on the machine changes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


def events(work: Callable[[], object]) -> int:
    """Return how many lines were run and functions called, C functions too, while ``work`` was done."""
    count = 0

    def line(frame: FrameType, event: str, value: Any) -> Any:
        nonlocal count
        count += 1
        return line

    def call(frame: FrameType, event: str, value: Any) -> None:
        nonlocal count
        count += event == "c_call"

    traced, profiled = sys.gettrace(), sys.getprofile()
    sys.settrace(line)
    sys.setprofile(call)
    try:
        work()
    finally:
        sys.setprofile(profiled)
        sys.settrace(traced)
    return count
