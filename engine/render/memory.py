"""What to do when memory runs out: fewer rows, then tiles and offload, then give up; refuses to know jobs."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import torch

from engine.errors import Cancelled, UserError
from engine.render import gain
from engine.workers.protocol import Failed

if TYPE_CHECKING:  # which asks here whether memory ran out
    from engine.render.models import Model

log = logging.getLogger(__name__)

T = TypeVar("T")

OUT_OF_MEMORY = "This picture needs more memory than the machine has. Try a smaller size or fewer pictures."


def out_of_memory(error: BaseException) -> bool:
    """Return whether an exception says that memory ran out, on any device."""
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or (
        isinstance(error, RuntimeError)
        and any(words in str(error) for words in ("out of memory", "can't allocate memory"))
    )


def failed(job: str, error: Exception) -> Failed:
    """Return what is told of a job that raised this; what is ours to mend is logged."""
    if out_of_memory(error):
        free()
        return Failed(job, "memory", OUT_OF_MEMORY)
    if not isinstance(error, UserError | Cancelled):
        log.error("job %s failed", job, exc_info=error)
    return Failed.of(job, error)


def free() -> None:
    """Give back what nobody uses."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    elif torch.backends.mps.is_available():
        torch.mps.empty_cache()


def used(device: torch.device, weights: int) -> int:
    """Return the bytes of a device's memory in use; on a CPU those of the weights."""
    if device.type == "cuda":
        return torch.cuda.memory_reserved()
    return torch.mps.driver_allocated_memory() if device.type == "mps" else weights


def pace(device: torch.device, learnt: Path | None) -> gain.Pace:
    """Return what limits the rows of calls by their gain: on CUDA; a CPU's time is shared with all else."""
    if device.type != "cuda":
        return gain.Pace(None)
    name = torch.cuda.get_device_name(device).lower().replace(" ", "-").replace("/", "-")
    file = learnt / f"rows-{name}.json" if learnt else None
    return gain.Pace(gain.read(file), file, torch.cuda.synchronize, every=8)


CALM = 100
"""Calls at a lowered number of rows after which twice as many are tried; four times as many each time that
this was too early, so that memory another program holds for good costs ever less often a failed call."""


class MemoryBackoff:
    """How far down each model and size has gone; small pictures are not made to suffer for large ones."""

    def __init__(self) -> None:
        self._rows: dict[Hashable, int] = {}
        self._calls: dict[Hashable, int] = {}  # since a size went down or up
        self._patience: dict[Hashable, int] = {}

    def rows(self, size: Hashable) -> int | None:
        """Return how many rows a call of this model and size may have; None = all there are."""
        return self._rows.get(size)

    def down(self, size: Hashable, rows: int, model: Model) -> bool:
        """Go one step down after a call with ``rows`` failed; return whether to try again."""
        free()
        if rows > 1:
            self._rows[size] = max(1, rows // 2)
            self._calls[size] = 0
            self._patience[size] = 4 * self._patience[size] if size in self._patience else CALM
            log.warning("out of memory with %d rows of %s: trying %d", rows, model.name, self._rows[size])
            return True
        return self._offloaded(model)

    def worked(self, size: Hashable, rows: int) -> None:
        """Note a call that went well; after enough of them at the limit, try twice as many rows again."""
        if rows < self._rows.get(size, rows + 1):
            return  # not at a limit: it tells nothing
        self._calls[size] += 1
        if self._calls[size] >= self._patience[size]:
            self._rows[size], self._calls[size] = 2 * rows, 0
            log.info("memory has sufficed for %d rows: trying %d again", rows, 2 * rows)

    def twice(self, model: Model, work: Callable[[], T]) -> T:
        """Do some work; if memory runs out, do it once more in tiles, which the next work is not done in."""
        try:
            return work()
        except Exception as error:
            if not out_of_memory(error):
                raise
        self._offloaded(model)
        free()
        with model.in_tiles():
            return work()

    def forget(self, name: str) -> None:
        """Start at the top again for a model that was unloaded."""
        for kept in (self._rows, self._calls, self._patience):
            for size in [size for size in kept if size[0] == name]:  # type: ignore[index]
                del kept[size]

    @staticmethod
    def _offloaded(model: Model) -> bool:
        offloaded = model.offload()
        if offloaded:
            log.warning("out of memory with %s: from now on offloaded", model.name)
        return offloaded
