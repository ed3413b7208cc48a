"""What must be the same on two machines for their pictures to be: Limner, and the weights; knows no Ray."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from engine import weights
from engine.errors import LimnerError
from engine.provenance import hashes
from engine.workers.setup import Setup


def found_here(setup: Setup) -> dict[str, str]:
    """Return the hash of each model's and LoRA's weights that are on this machine."""
    places: dict[str, Path] = {}
    for model in setup.models:
        with contextlib.suppress(LimnerError, OSError):
            if (path := weights.find(model)) is not None:
                places[model.name] = path
    for lora in setup.loras:
        with contextlib.suppress(LimnerError, OSError):
            if (path := weights.find_lora(lora)) is not None:
                places[f"LoRA {lora.name}"] = path
    return hashes.of_weights(places, Path(tempfile.gettempdir()) / f"limner-hashes-{os.getuid()}.json")


def compared(
    machine: str, ours: tuple[str, Mapping[str, str]], theirs: tuple[str, Mapping[str, str]], names: list[str]
) -> frozenset[str]:
    """Return the models that a machine may draw with. Raises ValueError with why it may not draw at all."""
    if ours[0] != theirs[0]:
        raise ValueError(
            f"{machine} has Limner {theirs[0]}, and this is {ours[0]}: its pictures would differ. Install "
            "the same there, then start `limner worker` again."
        )
    for name in sorted({*ours[1]} & {*theirs[1]}):
        if ours[1][name] != theirs[1][name]:
            raise ValueError(
                f"The weights of `{name}` on {machine} are others than here: its pictures would differ. "
                "Fetch them anew there (`limner models pull`), then start `limner worker` again."
            )
    return frozenset(name for name in names if (name in ours[1]) == (name in theirs[1]))
