"""The worker's renderer: jobs in, pictures out, one UNet call at a time; knows no people, no queue, no disk.

Long: one wheel. `Renderer.tick` is one turn of it::

    begin what waits ─▶ one UNet call for all who fit it ─▶ decode the finished ─▶ hand out what was encoded

A job that fails, fails alone: whatever it raises becomes its own `Failed`, and the others of the same call
go on.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path

import torch
from PIL import Image

from engine.config import EngineConfig, LoraConfig, ModelConfig
from engine.errors import EngineError, ModelError, NotFound, no_model, reason
from engine.jobs import WORDS, JobSpec, Kind
from engine.planning.cost import rows
from engine.render import decode, gain, memory, pipelines
from engine.render.denoise import Picture, choose, predict
from engine.render.drawing import Drawing, begin
from engine.render.instant import Instant
from engine.render.loras import past_numbers
from engine.render.memory import out_of_memory
from engine.render.models import DeviceSpec, Model, load
from engine.render.tools import upscale
from engine.workers.protocol import Done, Event, Failed, Outcome, Progress, Start

log = logging.getLogger(__name__)


class Renderer:
    """Renders jobs of several models, sharing calls where it can.

    ``reserve`` is called before each piece of work with its stage (``unet``, ``vae``, ``upscale``) and its
    rows; what it raises is taken as raised by the work itself. A host may use it to refuse work that would
    not fit. ``learnt``: the folder that keeps what is learnt of this device; ``pace`` instead, for tests.
    """

    def __init__(
        self,
        models: Sequence[ModelConfig],
        engine: EngineConfig,
        loras: Sequence[LoraConfig] = (),
        *,
        reserve: Callable[[str, int], None] = lambda stage, rows: None,
        learnt: Path | None = None,
        pace: gain.Pace | None = None,
    ) -> None:
        self._configs = {config.name: config for config in models}
        self._engine = engine
        self._loras = tuple(loras)
        self._reserve = reserve
        if engine.threads:
            torch.set_num_threads(engine.threads)
        self.machine = DeviceSpec.find(engine)
        self._models: dict[str, Model] = {}
        self._waiting: dict[str, Start] = {}
        self._drawings: dict[str, Drawing] = {}
        self._saving: dict[str, Future[Outcome]] = {}
        self._events: list[Event] = []
        self._turn = 0
        self._ladder = memory.MemoryBackoff()
        self._pace = pace or memory.pace(self.machine.device, learnt)
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="encode")
        self._upscalers = upscale.Upscalers(self.machine, self._reserve)
        self._instant = Instant(self._configs, engine, self.machine, self._upscalers, self.load)
        self._stock = pipelines.Stock(engine.preview_every)
        self.unet_calls = self.unet_rows = 0

    # ---- orders

    def load(self, name: str) -> Model:
        """Return a model, brought into memory first where it is not. Raises NotFound, ModelError."""
        if name in self._models:
            return self._models[name]
        if name not in self._configs:
            raise NotFound(no_model(name, sorted(self._configs)))
        config = self._configs[name]
        try:
            model = load(name, config, self.machine, self._engine, self._loras)
        except Exception as error:
            if not out_of_memory(error):
                raise ModelError(name, reason(error)) from error
            if not self._drop_idle():
                raise
            model = load(name, config, self.machine, self._engine, self._loras)
        self._models[name] = model
        return model

    def unload(self, name: str) -> None:
        """Drop a model from memory once nothing is being drawn with it; otherwise leave it."""
        if name in self._models and name not in self._in_use():
            del self._models[name]
            self._ladder.forget(name)
            memory.free()

    def offer_loras(self, loras: Sequence[LoraConfig]) -> None:
        """Let jobs from now on wear these LoRAs and no others; what is in flight keeps its own."""
        self._loras = tuple(loras)
        for model in self._models.values():
            model.offer_loras(loras)

    def start(self, job: str, spec: JobSpec, inputs: Mapping[str, bytes] | None = None) -> None:
        """Take a job. Never raises: what is wrong with it comes back as `Failed`."""
        self._waiting[job] = Start(job, spec, dict(inputs or {}))

    def cancel(self, job: str) -> None:
        """Stop a job: it takes no further step. A job that is not here is no error."""
        here = self._waiting.pop(job, None) is not None
        here = self._drawings.pop(job, None) is not None or here
        here = self._saving.pop(job, None) is not None or here
        if self._stock.cancel(job):
            return  # its own thread answers, at its next step
        if here:
            self._events.append(Failed(job, "cancelled", "Cancelled."))

    # ---- the wheel

    def tick(self) -> list[Event]:
        """Do one piece of work, at most one UNet call; return what there is to tell."""
        with torch.inference_mode():
            begun = self._begin_next()
            chosen = choose(self._in_flight(), self._most_rows())
            if chosen:
                self._call(chosen)
            self._retire()
        if not chosen and not begun:
            self._rest()
        self._collect()
        events, self._events = self._events, []
        return events

    def _most_rows(self) -> int:
        """Return how many rows the next call may have, by the picture that waited longest."""
        flying = [(p.turn, d.size) for d in self._drawings.values() for p in d.pictures if not p.finished]
        most = self._engine.max_rows
        return self._pace.rows(min(flying, key=lambda one: one[0])[1], most) if flying else most

    def room(self) -> int:
        """Return how many UNet rows may still be admitted. An idle worker takes any job."""
        taken = sum(picture.rows for picture in self._in_flight())
        taken += sum(rows(waiting.spec) for waiting in self._waiting.values())
        return 0 if self._stock.busy() else max(0, self._engine.max_rows - taken)

    def busy(self) -> bool:
        """Return whether a `tick` would have something to do."""
        return bool(self._waiting or self._drawings or self._saving or self._events or self._stock.busy())

    def status_fields(self) -> dict[str, object]:
        """Return what `Status` tells: room, models, device, memory in bytes, which devices there are."""
        used = memory.used(self.machine.device, sum(model.bytes for model in self._models.values()))
        told = {"room": self.room(), "models": tuple(self._models), "memory": used}
        told |= {"calls": self.unet_calls, "rows": self.unet_rows, "limits": self._pace.limits()}
        return told | {"device": self.machine.name, "there": self.machine.there}

    def close(self) -> None:
        """Stop the threads; what is in flight is forgotten."""
        self._stock.close()
        self._pool.shutdown(wait=False, cancel_futures=True)

    # ---- one job's beginning

    def _begin_next(self) -> bool:
        """Begin what waits, though a model that must be read first costs a turn; return whether any was."""
        begun = False
        for waiting in list(self._waiting.values()):
            if self._stock.busy() and self._is_stock(waiting.spec):
                continue  # those behind it, of other models, need not wait too
            del self._waiting[waiting.job]
            begun = True
            spec = waiting.spec
            without = spec.faithful or spec.kind in WORDS
            loading = not without and spec.model not in self._models
            with self._answering(waiting.job):
                self._begin(waiting)
            if loading:
                break
        return begun

    def _begin(self, waiting: Start) -> None:
        job, spec, inputs = waiting.job, waiting.spec, waiting.inputs
        missing = [source.sha256 for source in spec.inputs if source.sha256 not in inputs]
        if missing:
            raise EngineError(f"job {job} came without its input {missing[0][:12]}")
        if spec.faithful:
            self._saving[job] = self._pool.submit(self._instant.enlarged(spec, inputs))
            return
        if spec.kind in WORDS or spec.kind is Kind.LOCATE:
            self._events.append(Done(job, self._instant.answered(spec, inputs)))
            return
        began = time.perf_counter()
        model = self.load(spec.model)
        loaded = time.perf_counter() - began
        if model.family is None:
            self._stock.start(job, spec, model, inputs)
            return

        # text encoders and a parent's latents need memory too
        def enlarge(picture: Image.Image, times: int) -> Image.Image:
            return self._upscalers.enlarge(picture, times, model.config.upscaler)[0]

        drawing = self._ladder.twice(model, lambda: begin(job, spec, model, inputs, enlarge))
        drawing.timings["load"] = loaded
        for picture in drawing.pictures:
            picture.turn = self._turn
        self._drawings[job] = drawing

    # ---- one call

    def _call(self, chosen: list[Picture]) -> None:
        """Run the UNet once for the chosen pictures and let each take its step."""
        owners = {id(p): d for d in self._drawings.values() for p in d.pictures}
        drawings = list({id(d): d for d in (owners[id(p)] for p in chosen)}.values())
        first = drawings[0]
        model, spec = first.model, first.spec
        size = max((drawing.size for drawing in drawings), key=lambda each: math.prod(each[1]))
        began = time.perf_counter()
        at_once = self._ladder.rows(size)
        rows_now = min(sum(picture.rows for picture in chosen), at_once or self._engine.max_rows)
        try:
            self._reserve("unet", rows_now)
            with model.wrapping(spec.tile), self._pace.call(size, rows_now):
                predictions = predict(first.family, chosen, at_once, pad=self.machine.device.type == "cuda")
            self.unet_calls += 1
            self._ladder.worked(size, rows_now)
            self.unet_rows += sum(picture.rows for picture in chosen)
        except Exception as error:
            if not (out_of_memory(error) and self._ladder.down(size, rows_now, model)):
                self._find_the_guilty(error, drawings)
            return
        self._turn += 1
        for picture, (prediction, seen) in zip(chosen, predictions, strict=True):
            drawing = owners[id(picture)]
            if drawing.job in self._drawings:
                with self._answering(drawing.job):
                    picture.step(prediction, seen)
                    picture.turn = self._turn
        for drawing in drawings:
            if drawing.job in self._drawings:
                with self._answering(drawing.job):
                    drawing.stepped()
                    drawing.spent("denoise", began)
                    self._tell(drawing)

    def _find_the_guilty(self, error: Exception, drawings: list[Drawing]) -> None:
        """Fail the job at fault for a failed call; with several in it, the next calls are one job's each."""
        if len(drawings) > 1:
            for drawing in drawings:
                for picture in drawing.pictures:
                    picture.group = (picture.group, drawing.job)
            return
        with self._answering(drawings[0].job):
            raise error

    def _tell(self, drawing: Drawing) -> None:
        """Report a job's progress; now and then with a preview."""
        step = drawing.step
        if step == drawing.previewed:
            return
        last = step >= drawing.total
        every = self._engine.preview_every
        preview = None
        if drawing.spec.film or (every and step % every == 0 and not last):
            sheet = drawing.so_far()
            if sheet is not None:
                if drawing.spec.film:
                    drawing.frames.append(sheet)
                if every and step % every == 0 and not last:
                    preview = decode.jpeg(sheet)
        drawing.previewed = step
        self._events.append(Progress(drawing.job, step, drawing.total, preview))

    # ---- one picture's end

    def _retire(self) -> None:
        """Decode what is finished, and hand a job over once all of its cells are done."""
        for drawing in list(self._drawings.values()):
            for cell in drawing.ready():
                if drawing.job in self._drawings:
                    with self._answering(drawing.job):
                        self._finish(drawing, cell)
            if drawing.job in self._drawings and len(drawing.results) == drawing.spec.count:
                del self._drawings[drawing.job]
                self._saving[drawing.job] = self._pool.submit(drawing.outcome)

    def _finish(self, drawing: Drawing, cell: int) -> None:
        """Decode one cell, and enlarge it where the model's pictures are small."""
        model, latents = drawing.model, drawing.latents(cell)
        if not torch.isfinite(latents).all():
            raise past_numbers(drawing.spec.loras) or EngineError(f"{model.name} gave no finite latents")
        began = time.perf_counter()

        def work() -> Image.Image:
            self._reserve("vae", 1)
            with model.wrapping(drawing.spec.tile):
                return decode.decode(drawing.family, latents)

        decoded = self._ladder.twice(model, work)
        drawing.spent("decode", began)
        if model.config.enlarged > 1:
            began = time.perf_counter()
            times, source = model.config.enlarged, model.config.upscaler
            enlarged, note = self._upscalers.enlarge(decoded, times, source, drawing.spec.tile)
            if not note:
                decoded = enlarged
            drawing.spent("upscale", began)
        drawing.finish(cell, decoded)

    def _rest(self) -> None:
        """With nothing else to do, give the encoders (or a stock pipeline) a moment instead of spinning."""
        if self._saving and not self._events:
            wait(self._saving.values(), timeout=0.05, return_when="FIRST_COMPLETED")
        elif self._stock.busy() and not self._events:
            time.sleep(0.02)

    def _collect(self) -> None:
        """Hand out what the encoders and the stock pipelines have finished."""
        for job, future in list(self._saving.items()):
            if future.done():
                with self._answering(job):
                    self._events.append(Done(job, future.result()))
                self._saving.pop(job, None)
        self._events.extend(self._stock.events())

    # ---- when things go wrong

    @contextmanager
    def _answering(self, job: str) -> Iterator[None]:
        """Turn whatever a job raises into its own `Failed`."""
        try:
            yield
        except Exception as error:
            self._drawings.pop(job, None)
            self._saving.pop(job, None)
            self._events.append(memory.failed(job, error))

    def _drop_idle(self) -> bool:
        """Unload models nobody is using; return whether there were any."""
        idle = set(self._models) - self._in_use()
        for name in idle:
            del self._models[name]
        memory.free()
        return bool(idle)

    # ---- looking around

    def _in_flight(self) -> list[Picture]:
        return [p for d in self._drawings.values() for p in d.pictures if not p.finished and not d.ahead(p)]

    def _in_use(self) -> set[str]:
        return (
            {d.model.name for d in self._drawings.values()}
            | {w.spec.model for w in self._waiting.values()}
            | self._stock.models()
        )

    def _is_stock(self, spec: JobSpec) -> bool:
        model = self._models.get(spec.model)
        return model is not None and model.family is None
