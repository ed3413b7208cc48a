"""A Renderer without a model: real pictures drawn by Pillow from the spec, to test what is around it."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

from PIL import Image, ImageDraw

from engine import images
from engine.config import EngineConfig, LoraConfig, ModelConfig
from engine.errors import ModelError
from engine.jobs import WORDS, JobSpec, Kind
from engine.planning.answers import Shortened
from engine.planning.cost import rows
from engine.workers.protocol import Done, Event, Failed, Outcome, Progress


class _Task:
    def __init__(self, spec: JobSpec, loaded: float) -> None:
        self.spec = spec
        self.loaded = loaded
        self.step = 0
        self.total = 1 if spec.kind is Kind.UPSCALE or spec.kind in WORDS else spec.steps


def draw(spec: JobSpec, cell: int, share: float = 1.0) -> Image.Image:
    """Return cell ``cell`` of a spec: coloured discs decided by spec and cell alone; ``share`` of them."""
    digest = hashlib.sha256(f"{spec.digest()}/{spec.seed_of(cell)}".encode()).digest()
    picture = Image.new("RGB", (spec.width, spec.height), (digest[0], digest[1], digest[2]))
    pen = ImageDraw.Draw(picture)
    reach = min(spec.width, spec.height) / 3
    for index in range(max(1, round(share * 4))):
        at, size = digest[3 + 7 * index : 5 + 7 * index], reach * (64 + digest[5 + 7 * index] / 2) / 256
        x, y = at[0] / 255 * spec.width, at[1] / 255 * spec.height
        colour = (digest[6 + 7 * index], digest[7 + 7 * index], digest[8 + 7 * index])
        pen.ellipse((x - size, y - size, x + size, y + size), fill=colour)
    return picture


@dataclass
class Renderer:
    """The same face as ``engine.render.Renderer``.

    ``step_seconds``: time of one step. ``die_after``, ``hang_after``: the process dies or hangs at this step
    of its life (0 = never). ``poison``: a word that kills the process when it is in a prompt. ``memory``: a
    word that fails a job for want of memory. ``unfit``: a model that
    cannot be loaded. ``red``: a word for which every picture is plain red.
    ``start_seconds``: time until it is ready, like importing torch. ``load_seconds``: time to load a
    model; ``keeps`` of them stay. ``cards``: how many CUDA devices it says are there.
    """

    models: Sequence[ModelConfig]
    engine: EngineConfig
    loras: Sequence[LoraConfig] = ()
    _: KW_ONLY
    step_seconds: float = 0.0
    start_seconds: float = 0.0
    die_after: int = 0
    hang_after: int = 0
    poison: str = ""
    memory: str = ""
    red: str = ""
    unfit: str = ""
    load_seconds: float = 0.0
    keeps: int = 100
    cards: int = 0

    def __post_init__(self) -> None:
        time.sleep(self.start_seconds)
        self._ticks = self._calls = self._rows = 0
        self._tasks: dict[str, _Task] = {}
        self._loaded: list[str] = []  # the last used last
        self._there = tuple(f"cuda:{card}" for card in range(self.cards)) or ("cpu:0",)
        self._dropped: list[str] = []

    def load(self, name: str) -> None:
        """Remember the model as loaded."""
        if name == self.unfit:
            raise ModelError(name, "its weights are cut short")
        self._use(name)

    def _use(self, name: str) -> float:
        """Have a model in memory; return the seconds that took."""
        loaded = name in self._loaded
        if loaded:
            self._loaded.remove(name)
        else:
            time.sleep(self.load_seconds)
        self._loaded = [*self._loaded, name][-self.keeps :]
        return 0.0 if loaded else self.load_seconds

    def unload(self, name: str) -> None:
        """Forget the model."""
        self._loaded = [model for model in self._loaded if model != name]

    def offer_loras(self, loras: Sequence[LoraConfig]) -> None:
        """Draw with no LoRA, whichever there are."""

    def start(self, job: str, spec: JobSpec, inputs: Mapping[str, bytes]) -> None:
        """Take a job in."""
        for needed in spec.inputs:
            images.opened(inputs[needed.sha256])
        self._tasks[job] = _Task(spec, self._use(spec.model))

    def cancel(self, job: str) -> None:
        """Drop the job; its end is told at the next tick."""
        if self._tasks.pop(job, None) is not None:
            self._dropped.append(job)

    def busy(self) -> bool:
        """Say whether anything is in flight."""
        return bool(self._tasks or self._dropped)

    def room(self) -> int:
        """Return the rows still free."""
        return self.engine.max_rows - sum(rows(task.spec) for task in self._tasks.values())

    def status_fields(self) -> Mapping[str, Any]:
        """Return what Status tells."""
        told = {"models": tuple(sorted(self._loaded)), "device": "fake", "memory": 0, "there": self._there}
        return told | {"room": self.room(), "calls": self._calls, "rows": self._rows}

    def tick(self) -> list[Event]:
        """Take every job one step further."""
        self._ticks += 1
        if self._ticks == self.die_after:
            os._exit(9)
        if self._ticks == self.hang_after:
            time.sleep(3600)
        events: list[Event] = [Failed(job, "cancelled", "") for job in self._dropped]
        self._dropped.clear()
        time.sleep(self.step_seconds)
        if self._tasks:
            self._calls += 1
            self._rows += sum(rows(task.spec) for task in self._tasks.values())
        for job, task in list(self._tasks.items()):
            if task.spec.model == self.unfit:
                del self._tasks[job]
                events.append(Failed(job, "model", "its weights are cut short"))
                continue
            said = " ".join(one.text for one in task.spec.conditions)
            if self.poison and self.poison in said:
                os._exit(9)
            if self.memory and self.memory in said:
                del self._tasks[job]
                events.append(Failed(job, "memory", "out of memory"))
                continue
            task.step += 1
            if task.step < task.total:
                every = self.engine.preview_every
                preview = self._preview(task) if every and task.step % every == 0 else None
                events.append(Progress(job, task.step, task.total, preview))
            else:
                del self._tasks[job]
                events.append(Done(job, self._outcome(task.spec, task.loaded)))
        return events

    def _preview(self, task: _Task) -> bytes:
        cells = [draw(task.spec, cell, task.step / task.total) for cell in range(task.spec.count)]
        sheet = images.grid(cells)
        sheet.thumbnail((512, 512))
        return images.jpeg(sheet)

    def _outcome(self, spec: JobSpec, loaded: float) -> Outcome:
        if spec.kind is Kind.DESCRIBE:
            return Outcome(texts=tuple(f"{count} discs on a plain ground" for count in (2, 3, 4, 5)))
        if spec.kind is Kind.SHORTEN:
            pieces = spec.conditions[0].text.split()
            return Outcome(texts=Shortened.of(pieces, [float(len(word)) for word in pieces]).texts())
        cells = [images.fitted(draw(spec, cell), spec.fitted) for cell in range(spec.count)]
        if self.red and any(self.red in one.text for one in spec.conditions):
            cells = [Image.new("RGB", spec.fitted or (spec.width, spec.height), "red")] * spec.count
        if spec.kind is Kind.LOCATE:
            # whatever is looked for is in the upper left quarter
            mask = Image.new("L", (spec.width, spec.height))
            mask.paste(255, (0, 0, spec.width // 2, spec.height // 2))
            return Outcome(pictures=(images.png(mask),))
        return Outcome(
            pictures=tuple(map(images.png, cells)),
            timings={"denoise": self.step_seconds * spec.steps, "load": loaded},
        )
