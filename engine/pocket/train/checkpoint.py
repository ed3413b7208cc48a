"""Keep a training run on disk so that a kill at any moment loses only minutes; no pickle."""

from __future__ import annotations

import csv
import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn


class Average:
    """Exponential moving average of weights; its warm-up keeps the random start out of short runs."""

    def __init__(self, modules: Mapping[str, nn.Module], decay: float = 0.999) -> None:
        self.decay = decay
        self.live = {f"{k}.{n}": t for k, m in modules.items() for n, t in m.state_dict().items()}
        self.shadow = {n: t.detach().clone() for n, t in self.live.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Move the averages towards the live weights; `step` counts from 0."""
        decay = min(self.decay, (1 + step) / (12 + step))
        for name, average in self.shadow.items():
            if average.is_floating_point():
                average.lerp_(self.live[name], 1 - decay)
            else:
                average.copy_(self.live[name])

    def state(self, module: str) -> dict[str, Tensor]:
        """The averaged state dict of one module."""
        head = module + "."
        return {n[len(head) :]: t for n, t in self.shadow.items() if n.startswith(head)}


def _pack(optimizers: Sequence[torch.optim.Optimizer]) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = {}
    for index, optimizer in enumerate(optimizers):
        for key, state in optimizer.state_dict()["state"].items():
            for name, value in state.items():
                tensors[f"optimizer.{index}.{key}.{name}"] = torch.as_tensor(value)
    return tensors


def save(
    path: Path,
    step: int,
    modules: Mapping[str, nn.Module],
    average: Average,
    optimizers: Sequence[torch.optim.Optimizer],
    extra: Mapping[str, Any] | None = None,
) -> None:
    """Write everything a killed run needs to one file, replacing the last one in a single rename."""
    tensors = {f"live.{k}.{n}": t for k, m in modules.items() for n, t in m.state_dict().items()}
    tensors |= {f"average.{n}": t for n, t in average.shadow.items()}
    tensors |= _pack(optimizers)
    tensors = {n: t.detach().cpu().contiguous().clone() for n, t in tensors.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    save_file(tensors, temporary, metadata={"step": str(step), "extra": json.dumps(dict(extra or {}))})
    with temporary.open("rb") as stream:
        os.fsync(stream.fileno())
    temporary.replace(path)


def load(
    path: Path,
    modules: Mapping[str, nn.Module],
    average: Average,
    optimizers: Sequence[torch.optim.Optimizer] = (),
) -> int:
    """Restore what `save` wrote and return the number of finished steps; 0 when there is no file."""
    if not path.exists():
        return 0
    with safe_open(path, framework="pt") as archive:
        step = int(archive.metadata()["step"])
        tensors = {name: archive.get_tensor(name) for name in archive.keys()}  # noqa: SIM118
    for key, module in modules.items():
        head = f"live.{key}."
        module.load_state_dict({n[len(head) :]: t for n, t in tensors.items() if n.startswith(head)})
    for name, shadow in average.shadow.items():
        shadow.copy_(tensors[f"average.{name}"])
    for index, optimizer in enumerate(optimizers):
        state: dict[int, dict[str, Tensor]] = {}
        head = f"optimizer.{index}."
        for name, tensor in tensors.items():
            if name.startswith(head):
                key, field = name[len(head) :].split(".", 1)
                state.setdefault(int(key), {})[field] = tensor
        packed = optimizer.state_dict()
        packed["state"] = state
        optimizer.load_state_dict(packed)
    return step


class Log:
    """A CSV file of one row a report; rows after the resumed step are dropped, so curves never fork."""

    def __init__(self, path: Path, fields: Sequence[str], step: int) -> None:
        self.path, self.fields = path, ["step", "seconds", *fields]
        kept: list[dict[str, str]] = []
        if path.exists() and step:
            with path.open(newline="", encoding="utf-8") as stream:
                kept = [row for row in csv.DictReader(stream) if int(row["step"]) <= step]
        self.spent = float(kept[-1]["seconds"]) if kept else 0.0
        self.started = time.monotonic()
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, self.fields)
            writer.writeheader()
            writer.writerows(kept)

    def seconds(self) -> float:
        """Time spent on this run, earlier sittings included."""
        return self.spent + time.monotonic() - self.started

    def write(self, step: int, **values: float) -> None:
        """Append one row."""
        row: dict[str, str] = {"step": str(step), "seconds": f"{self.seconds():.1f}"}
        row |= {name: f"{value:.6f}" for name, value in values.items()}
        with self.path.open("a", newline="", encoding="utf-8") as stream:
            csv.DictWriter(stream, self.fields).writerow(row)
