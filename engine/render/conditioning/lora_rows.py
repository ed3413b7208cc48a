"""LoRAs by row: rows of one call of a network wear unlike LoRAs, at unlike weights, or none; knows no files.

The network stays as it was loaded. Each layer that some LoRA changes has a hook, which adds behind it what
the rows of the running call wear, to those rows and no others. PEFT's own mixed batch (``adapter_names``)
knows one LoRA a row, at the weight it was loaded with; here a row may wear several.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakSet

import torch
from peft.tuners.lora import LoraLayer
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import Tensor, nn


@dataclass(frozen=True, eq=False)
class Weights:
    """A LoRA in memory. It stays there for as long as somebody holds it."""

    key: tuple[object, ...]
    """What tells it from others, without holding it."""
    layers: Mapping[nn.Module, BaseTunerLayer]
    """For each layer that it changes, PEFT's own that holds what is added there."""
    said: bool
    """Whether it changes text encoders too."""
    notes: tuple[str, ...] = ()
    """What of it cannot be honoured."""

    def __post_init__(self) -> None:
        """Let its layers listen."""
        for layer in self.layers:
            if layer not in _listening:
                layer.register_forward_hook(_added)
                _listening.add(layer)


Worn = tuple[tuple[Weights, float], ...]
"""The LoRAs of a row, and the weight of each: 1 is as it was trained."""

_listening: WeakSet[nn.Module] = WeakSet()
_Group = tuple[Weights, "Tensor | slice", "Tensor | float"]


@dataclass(frozen=True, eq=False)
class _Here:
    """What the rows of the call that is running wear."""

    rows: Sequence[Worn]
    """Of each row; of one alone where all wear the same, however many there are."""
    device: torch.device
    in_line: Mapping[nn.Module, Sequence[int]] = field(default_factory=dict)
    groups: list[_Group] = field(init=False)
    """Each LoRA, the rows that wear it, and its weight there."""

    def __post_init__(self) -> None:
        """Sort the rows by what they wear, once a call."""
        found: dict[Weights, list[tuple[int, float]]] = defaultdict(list)
        for row, worn in enumerate(self.rows):
            for weights, scale in worn:
                found[weights].append((row, scale))
        groups = [(weights, *self._group(each)) for weights, each in found.items()]
        object.__setattr__(self, "groups", groups)

    def _group(self, worn: Sequence[tuple[int, float]]) -> tuple[Tensor | slice, Tensor | float]:
        rows, scales = [row for row, _ in worn], [scale for _, scale in worn]
        scale = scales[0] if len(set(scales)) == 1 else torch.tensor(scales, device=self.device)
        if len(self.rows) == 1:
            return slice(None), scale
        if rows[-1] - rows[0] == len(rows) - 1:  # a view, where others are copied
            return slice(rows[0], rows[-1] + 1), scale
        return torch.tensor(rows, device=self.device), scale


_here: ContextVar[_Here | None] = ContextVar("what rows wear", default=None)


def wearing(rows: Sequence[Worn], device: torch.device) -> AbstractContextManager[None]:
    """Let each row of the calls inside wear its own; where all wear the same, there may be any number."""
    alike = rows[:1] if len(set(rows)) <= 1 else rows
    return _set(_Here(alike, device) if any(rows) else None)


def only(rows: Sequence[int]) -> AbstractContextManager[None]:
    """Say that layers inside are called with these rows of the call alone, in this order."""
    here = _here.get()
    if here is not None and len(here.rows) > 1:
        here = _Here([here.rows[row] for row in rows], here.device)
    return _set(here)


def in_line(layers: Mapping[nn.Module, Sequence[int]]) -> AbstractContextManager[None]:
    """Say which layers see more than one thing a row: which row each is of, in the order they are seen."""
    here = _here.get()
    if here is not None and len(here.rows) > 1:
        here = _Here(here.rows, here.device, layers)
    return _set(here)


@contextmanager
def _set(here: _Here | None) -> Iterator[None]:
    token = _here.set(here)
    try:
        yield
    finally:
        _here.reset(token)


def _added(layer: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> Tensor | None:
    """Add to a layer's output what its rows wear."""
    here = _here.get()
    if here is None:
        return None
    seen = given[0]
    if layer in here.in_line:
        here = _Here([here.rows[row] for row in here.in_line[layer]], here.device)
    if 1 != len(here.rows) != len(seen):
        raise ValueError(f"a {type(layer).__name__} sees {len(seen)} rows of a call of {len(here.rows)}")
    for weights, rows, scale in here.groups:
        holder = weights.layers.get(layer)
        if holder is not None:
            change = _change(layer, holder, seen[rows])
            if isinstance(scale, Tensor):
                scale = scale.view(-1, *[1] * (change.ndim - 1)).to(change.dtype)
            output[rows] += (change * scale).to(output.dtype)
    return output


def _change(layer: Any, holder: Any, seen: Tensor) -> Tensor:
    """Return what a LoRA adds to a layer's output, in PEFT's arithmetic."""
    change: Tensor
    [name] = holder.scaling
    if not isinstance(holder, LoraLayer):  # a LoKr
        change = holder._get_delta_activations(name, seen)
    elif name in holder.lora_A:
        down, up = holder.lora_A[name], holder.lora_B[name]
        if isinstance(down, nn.Conv2d):
            down.padding_mode = layer.padding_mode  # pictures that tile wrap around
        change = up(down(seen.to(down.weight.dtype))) * holder.scaling[name]
    else:
        down, up = holder.lora_embedding_A[name].T, holder.lora_embedding_B[name].T
        change = holder._embed(seen, down) @ up * holder.scaling[name]
    return change
