"""How a lowered number of rows comes back up."""

from __future__ import annotations

from typing import Any

from engine.render.memory import CALM, MemoryBackoff

SIZE = ("sd", 64, 64)


class Model:
    name = "sd"

    def offload(self) -> bool:
        return False


def calls(ladder: MemoryBackoff, wanted: int, holds: int, times: int) -> list[int]:
    """Return the rows of each call while memory holds only so many; a failed one is repeated with fewer."""
    made: list[int] = []
    model: Any = Model()
    for _ in range(times):
        while True:
            rows = min(wanted, ladder.rows(SIZE) or wanted)
            made.append(rows)
            if rows <= holds:
                ladder.worked(SIZE, rows)
                break
            assert ladder.down(SIZE, rows, model)
    return made


def test_memory_that_came_back_is_used_again() -> None:
    ladder = MemoryBackoff()
    assert calls(ladder, 8, 2, 1) == [8, 4, 2]
    # what went down in two steps goes up in two; each step waits longer than the one before
    assert calls(ladder, 8, 8, 4 * CALM - 2) == [2] * (4 * CALM - 2)
    assert calls(ladder, 8, 8, 2) == [2, 4]
    assert calls(ladder, 8, 8, 4 * CALM)[-1] == 8


def test_memory_that_is_gone_for_good_costs_ever_fewer_failed_calls() -> None:
    ladder = MemoryBackoff()
    calls(ladder, 4, 2, 1)
    made = calls(ladder, 4, 2, 100 * CALM)
    # four times as long each time; the call that follows a failed one counts too
    failed = [at for at, rows in enumerate(made) if rows == 4]
    assert failed == [CALM - 1, 5 * CALM, 21 * CALM + 1, 85 * CALM + 2]


def test_small_calls_say_nothing_about_large_ones() -> None:
    ladder = MemoryBackoff()
    calls(ladder, 8, 4, 1)
    calls(ladder, 2, 4, 10 * CALM)
    assert ladder.rows(SIZE) == 4


def test_a_model_that_was_unloaded_starts_afresh() -> None:
    ladder = MemoryBackoff()
    calls(ladder, 8, 4, 1)
    ladder.forget("sd")
    assert ladder.rows(SIZE) is None
    calls(ladder, 8, 4, 1)
    assert ladder.rows(SIZE) == 4
