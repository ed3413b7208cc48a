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


class Calls:
    """Counts calls of some functions in this thread while inside: ``calls[function]``."""

    def __init__(self, *functions: Callable[..., Any]) -> None:
        self._codes = {function.__code__: function for function in functions}
        self._counts = dict.fromkeys(functions, 0)

    def __getitem__(self, function: Callable[..., Any]) -> int:
        return self._counts[function]

    def __enter__(self) -> Calls:
        def called(frame: FrameType, event: str, value: Any) -> None:
            if event == "call" and frame.f_code in self._codes:
                self._counts[self._codes[frame.f_code]] += 1

        self._before = sys.getprofile()
        sys.setprofile(called)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(self._before)
