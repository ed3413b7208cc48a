"""What runs that train a denoiser on cached latents have in common; it refuses to know which denoiser."""

from __future__ import annotations

import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from engine.pocket.train.checkpoint import Average, Log, load, save
from engine.pocket.train.data import SIZES, file, load_plan
from engine.pocket.train.optim import Muon, descend, half_pays
from engine.pocket.train.sitting import rate, sitting


@dataclass(frozen=True)
class TrainingSettings:
    """How one run trains. Times are spent training, earlier sittings of a resumed run included."""

    minutes: float = 90.0
    steps: int = 1_000_000
    batch: int = 64
    muon_rate: float = 0.01
    adam_rate: float = 1e-3
    warm_up: int = 100
    decay_share: float = 0.4
    average: float = 0.998
    drop_caption: float = 0.1
    save_seconds: float = 180.0
    export_seconds: float = 300.0
    report_every: int = 10
    constant_rate: bool = False
    bfloat16: bool = True
    seed: int = 0


class Training(ABC):
    """The optimisers and data of one run; `run` goes on from wherever the last sitting ended."""

    name: ClassVar[str]
    """Of the checkpoint and the log in its folder."""
    exported: ClassVar[str]
    """Of the folder there that the weights are written to."""

    def __init__(self, data: Path, folder: Path, settings: TrainingSettings, device: str) -> None:
        """Find the pictures' list and latents. The networks come next, then `begin`."""
        torch.manual_seed(settings.seed)
        self.folder, self.device, self.budget = folder, torch.device(device), settings
        shown = load_plan(data)
        self.shown = [[picture for picture in shown if picture.size == size] for size in range(len(SIZES))]
        self.latents = [np.load(file(folder, "latents", size), mmap_mode="r") for size in range(len(SIZES))]
        self.half = settings.bfloat16 and half_pays(self.device)

    def begin(
        self, modules: dict[str, nn.Module], matrices: Sequence[nn.Parameter], others: Sequence[nn.Parameter]
    ) -> None:
        """Build the optimisers (`optim.split`), and restore the checkpoint in the folder, if there is one."""
        settings, self.modules = self.budget, modules
        self.parameters = [*matrices, *others]
        self.optimizers: list[torch.optim.Optimizer] = [
            Muon(matrices, lr=settings.muon_rate),
            torch.optim.AdamW(others, lr=settings.adam_rate, weight_decay=0.0, betas=(0.9, 0.99)),
        ]
        self.rates = (settings.muon_rate, settings.adam_rate)
        self.average = Average(modules, settings.average)
        self.checkpoint = self.folder / f"{self.name}.safetensors"
        self.step = load(self.checkpoint, modules, self.average, self.optimizers)
        self.log = Log(self.folder / f"{self.name}.csv", ("loss", "rate"), self.step)

    @abstractmethod
    def loss(self, step: int) -> Tensor:
        """Return the mean squared error over one batch; the step's number decides all that is random."""

    @abstractmethod
    def export(self, folder: Path) -> None:
        """Write the averaged weights in diffusers' form."""

    def run(self) -> None:
        """Train until the budget is spent, saving and exporting on the way."""
        settings, saved, exported, losses = self.budget, time.monotonic(), time.monotonic(), []
        for bar in sitting(self, settings, self.name):
            share = 1.0 if settings.constant_rate else rate(settings, self.step, self.log.seconds())
            for optimizer, base in zip(self.optimizers, self.rates, strict=True):
                optimizer.param_groups[0]["lr"] = base * share
            loss = self.loss(self.step)
            descend(loss, self.parameters, self.optimizers)
            self.average.update(self.step)
            self.step += 1
            losses.append(float(loss.detach()))
            if self.step % settings.report_every == 0:
                mean = sum(losses) / len(losses)
                self.log.write(self.step, loss=mean, rate=share)
                bar.set_postfix(loss=mean, rate=share)
                losses.clear()
            if time.monotonic() - saved > settings.save_seconds:
                self.save()
                saved = time.monotonic()
            if time.monotonic() - exported > settings.export_seconds:
                self.export(self.folder / self.exported)
                exported = time.monotonic()
        self.save()
        self.export(self.folder / self.exported)

    def save(self) -> None:
        """Write the checkpoint a resumed run starts from."""
        save(self.checkpoint, self.step, self.modules, self.average, self.optimizers)


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """Give a folder to write to, which takes this one's place; readers see the old one or the new."""
    fresh, old = folder.with_name(folder.name + ".new"), folder.with_name(folder.name + ".old")
    shutil.rmtree(fresh, ignore_errors=True)
    yield fresh
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    fresh.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
