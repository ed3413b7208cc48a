"""Models whose loop is not ours (SD3, FLUX, …): diffusers' own pipeline, one job at a time; refuses to batch.

The pipeline runs in a thread of its own so that the renderer's wheel keeps turning; it is stopped by an
exception from its own step callback, which is the only way that neither finishes nor decodes a half-made
picture.
"""

from __future__ import annotations

import inspect
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from queue import SimpleQueue
from typing import Any

import diffusers
import torch
from PIL import Image

from engine import images
from engine.errors import Cancelled, UserError
from engine.jobs import JobSpec, Kind, Role
from engine.prompt.flags import DIRECT
from engine.render import decode, guidance, memory
from engine.render.conditioning import styles
from engine.render.conditioning.inputs import Sources
from engine.render.conditioning.lora_rows import Worn, wearing
from engine.render.families.capabilities import no_effect
from engine.render.models import Model
from engine.words import Sentence
from engine.workers.protocol import Done, Event, Outcome, Progress

OVER: Mapping[Kind, str] = {Kind.IMAGINE: "Img2Img", Kind.VARY: "Img2Img", Kind.INPAINT: "Inpaint"}
"""What diffusers calls the pipelines that draw over a picture."""
BROKEN = frozenset({"ChromaInpaintPipeline"})
"""Those that cannot run: in diffusers 0.42.1 it reads `guidance_embeds`, which Chroma's transformer lacks."""


class Stock:
    """Runs one stock pipeline at a time."""

    def __init__(self, preview_every: int) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="stock")
        self._events: SimpleQueue[Event] = SimpleQueue()
        self._cancelled = threading.Event()
        self._running: tuple[str, str, Future[None]] | None = None
        self._preview_every = preview_every

    def start(self, job: str, spec: JobSpec, model: Model, inputs: Mapping[str, bytes]) -> None:
        """Run a job in the background. Raises UserError for a picture or LoRA that does not fit."""
        pipe, over, worn = None, None, model.worn(spec)
        if spec.inputs or spec.kind is not Kind.IMAGINE:
            pipe, over = _drawing_over(spec, model), Sources.of(spec, model, inputs)
        self._cancelled.clear()
        self._running = (job, model.name, self._pool.submit(self._run, job, spec, model, pipe, over, worn))

    def cancel(self, job: str) -> bool:
        """Ask a running job to stop at its next step; return whether it was running."""
        if self._running is None or self._running[0] != job:
            return False
        self._cancelled.set()
        return True

    def busy(self) -> bool:
        """Return whether a job is running or its end was not told yet."""
        return self._running is not None

    def models(self) -> set[str]:
        """Return the names of the models in use."""
        return set() if self._running is None else {self._running[1]}

    def events(self) -> list[Event]:
        """Return what has happened since the last call."""
        over = self._running is not None and self._running[2].done()
        events: list[Event] = []
        while not self._events.empty():
            events.append(self._events.get())
        if over:
            self._running = None
        return events

    def close(self) -> None:
        """Stop what runs."""
        self._cancelled.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _run(
        self, job: str, spec: JobSpec, model: Model, pipe: Any, over: Sources | None, worn: Worn
    ) -> None:
        try:
            with wearing([worn], model.machine.device):
                drawn = self._draw(job, spec, model, pipe or model.pipe, over)
            notes = (*drawn.notes, *(note for lora, _ in worn for note in lora.notes))
            self._events.put(Done(job, replace(drawn, notes=notes)))
        except Exception as error:
            self._events.put(memory.failed(job, error))
        finally:
            if hasattr(model.pipe, "maybe_free_model_hooks"):
                model.pipe.maybe_free_model_hooks()

    def _draw(self, job: str, spec: JobSpec, model: Model, pipe: Any, over: Sources | None) -> Outcome:
        """Draw every cell, one after the other; ``over`` a picture with the pipeline that does that."""
        began = time.perf_counter()
        takes = inspect.signature(pipe.__call__).parameters
        options, notes = self._options(spec, model, takes)
        if over is not None:
            options |= {"image": decode.to_picture(over.start[0][0]), "strength": over.strength}
            notes += over.notes
        if over is not None and over.mask is not None:
            options["mask_image"] = over.mask
        pictures: list[Image.Image] = []
        for cell in range(spec.count):

            def after(
                pipe: Any, step: int, timestep: Any, values: dict[str, Any], cell: int = cell
            ) -> dict[str, Any]:
                if self._cancelled.is_set():
                    raise Cancelled
                steps = getattr(pipe, "num_timesteps", spec.steps)  # fewer where it draws over a picture
                self._events.put(Progress(job, cell * steps + step + 1, steps * spec.count))
                return values

            if "callback_on_step_end" in takes:
                options["callback_on_step_end"] = after
            if self._cancelled.is_set():
                raise Cancelled
            generator = torch.Generator().manual_seed(spec.seed_of(cell))
            result = pipe(generator=generator, **options)
            pictures.append(_kept(result.images[0], over))
        drawn = time.perf_counter()
        files = tuple(decode.png(images.fitted(picture, spec.fitted)) for picture in pictures)
        timings = {"denoise": drawn - began, "encode": time.perf_counter() - drawn}
        return Outcome(files, notes=tuple(notes), timings=timings)

    @staticmethod
    def _options(spec: JobSpec, model: Model, takes: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """Return the pipeline's arguments, and a note for everything it cannot honour."""
        wanted = [c for c in spec.conditions if c.weight > 0]
        text = ". ".join(c.text for c in wanted)
        options: dict[str, Any] = {"prompt": styles.styled(text, spec.style)}
        notes: list[str] = []

        def offer(name: str, value: Any, flag: str) -> None:
            if name in takes:
                options[name] = value
            elif value not in ("", None):
                notes.append(no_effect(f"`{flag}`", model.name))

        offer("num_inference_steps", spec.steps, "--steps")
        if not spec.inputs or "width" in takes:  # else the picture's own size, which is the same
            offer("width", spec.width, "--ar")
            offer("height", spec.height, "--ar")
        guided, idle = guidance.of(model.pipe).arguments(spec.guidance_scale, spec.negative_prompt)
        notes += [no_effect(f"`{flag}`", model.name) for flag in idle]
        for name, value in guided.items():
            offer(name, value, "--negative" if name == "negative_prompt" else "--cfg")
        ignored = {
            "--stylize": spec.stylize if model.config.house_style else 0,
            **{f"--{flag.name}": getattr(spec, flag.field) for flag in DIRECT},
            "--stop": spec.stop < 100,
            "--tile": spec.tile,
            "--video": spec.film,
            "--lora": spec.loras if model.loras is None else (),
            "--no": len(wanted) < len(spec.conditions),
            "--sampler": spec.sampler != model.config.sampler,
        }
        notes += [no_effect(f"`{flag}`", model.name) for flag, value in ignored.items() if value]
        if len(wanted) > 1:
            notes.append(Sentence("{model} reads several texts as one.", model=model.name))
        return options, notes


def _drawing_over(spec: JobSpec, model: Model) -> Any:
    """Return the model's parts as the pipeline that draws over a picture. Raises UserError: there is none."""
    only_one = len([one for one in spec.inputs if one.role in (Role.INIT, Role.PROMPT)]) == 1
    known = {one.role for one in spec.inputs} <= {Role.INIT, Role.PROMPT, Role.MASK}
    title = type(model.pipe).__name__.replace("Pipeline", f"{OVER.get(spec.kind, '')}Pipeline")
    kind = getattr(diffusers, title, None)
    if kind is None or title in BROKEN or spec.kind not in OVER or not (only_one and known):
        told = Sentence("{model} cannot do that with pictures here. Choose another model for it.")
        raise UserError(Sentence(told, model=model.name))
    takes = list(inspect.signature(kind.__init__).parameters)[1:]
    parts = {**dict(model.pipe.config), **model.pipe.components}
    made = kind(**{name: parts[name] for name in takes if name in parts})
    for name, value in vars(model.pipe).items():
        if name.startswith(("_offload", "_all_hooks")):  # parts that wait off the card still do
            setattr(made, name, value)
    made.set_progress_bar_config(disable=True)
    return made


def _kept(picture: Image.Image, over: Sources | None) -> Image.Image:
    """Return what was drawn; what is not repainted stays as it was, to the bit."""
    if over is None or over.mask is None or over.parent is None:
        return picture
    size = over.parent.size
    drawn = picture if picture.size == size else picture.resize(size, Image.Resampling.LANCZOS)
    mask = over.mask if over.mask.size == size else over.mask.resize(size, Image.Resampling.BILINEAR)
    return Image.composite(drawn, over.parent, images.feathered(mask, images.rim(*size)))
