"""What a worker is told first: which Renderer, which models, which device. Values only."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from engine.config import EngineConfig, LoraConfig, ModelConfig, ModerationConfig
from engine.config.devices import named


@dataclass(frozen=True, slots=True)
class Setup:
    """The first frame: which Renderer (``module:class``), and what it is given.

    ``device``: the one it draws on (``cuda:1``); empty: the first of those that ``engine.device`` allows.
    """

    renderer: str
    models: Sequence[ModelConfig]
    engine: EngineConfig
    loras: Sequence[LoraConfig] = ()
    arguments: Mapping[str, Any] = field(default_factory=dict)
    moderation: ModerationConfig = field(default_factory=ModerationConfig)
    device: str = ""

    def on(self, device: str) -> Setup:
        """Return the setup for one device, also of another machine (``machine/cuda:0``)."""
        kind = device.rpartition("/")[2].partition(":")[0]
        return replace(self, device=device, engine=self.engine.model_copy(update={"device": kind}))

    @property
    def environment(self) -> dict[str, str]:
        """What the process finds in its environment: of several cards, its own alone."""
        kind, _, index = self.device.partition(":")
        if kind != "cuda":
            return {}
        number = int(index or 0)
        if (seen := os.environ.get("CUDA_VISIBLE_DEVICES")) is None:
            return {"CUDA_VISIBLE_DEVICES": str(number)}
        cards = [card.strip() for card in seen.split(",")]
        return {"CUDA_VISIBLE_DEVICES": cards[number] if number < len(cards) else ""}


def each(setup: Setup) -> list[Setup]:
    """Return a setup for each device that the configuration names, or the one that looks for devices."""
    devices = named(setup.engine.devices)
    on_cpu = sum(device.startswith("cpu") for device in devices)
    if on_cpu > 1 and not setup.engine.threads and "OMP_NUM_THREADS" not in os.environ:
        # they share the cores: with more threads than cores, all wait for each other
        threads = max(1, ((os.cpu_count() or 2) - 1) // on_cpu)
        setup = replace(setup, engine=setup.engine.model_copy(update={"threads": threads}))
    return [setup.on(device) for device in devices] or [setup]
