"""The worker process: one Renderer, orders in, events out; refuses to know stores, people and Discord.

Started as ``python -m engine.workers.worker``. Frames on stdin and stdout are a 4-byte length and a pickle,
written by ourselves on both ends. It ends by itself when its parent is gone.
"""

from __future__ import annotations

import importlib
import logging
import os
import pickle
import queue
import struct
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, BinaryIO, Protocol

from engine.config import LoraConfig
from engine.errors import LimnerError, ModelError, UserError
from engine.jobs import JobSpec, Kind
from engine.log import setup as logs
from engine.workers.protocol import (
    Cancel,
    Done,
    Event,
    Failed,
    Load,
    OfferLoras,
    Order,
    Progress,
    Start,
    Status,
    Unfit,
    Unload,
)
from engine.workers.setup import Setup

log = logging.getLogger("limner.worker")

BEAT = 1.0  # seconds between heartbeats
APART = 0.05  # seconds between two progress messages of a job
NICENESS = 5  # the bot's event loop goes first


class Renderer(Protocol):
    """What makes pictures: ``engine.render.Renderer``, or ``engine.workers.fake.Renderer``."""

    def load(self, name: str) -> object:
        """Bring a model into memory."""

    def unload(self, name: str) -> None:
        """Drop a model from memory."""

    def offer_loras(self, loras: Sequence[LoraConfig]) -> None:
        """Let jobs from now on wear these LoRAs and no others."""

    def start(self, job: str, spec: JobSpec, inputs: Mapping[str, bytes]) -> None:
        """Take a job in; it joins at the next tick. Raises nothing: what is wrong comes back as `Failed`."""

    def cancel(self, job: str) -> None:
        """Drop a job at the next tick."""

    def tick(self) -> list[Event]:
        """Do one UNet call; return what happened."""

    def busy(self) -> bool:
        """Say whether a tick would do anything."""

    def status_fields(self) -> Mapping[str, Any]:
        """Return what Status tells, all but its ``beat``."""


def frame(message: object) -> bytes:
    """Return a message as it travels."""
    body = pickle.dumps(message, protocol=5)
    return struct.pack(">I", len(body)) + body


def read_frame(stream: BinaryIO) -> Any:
    """Return the next message. Raises EOFError when the other end is gone."""
    head = stream.read(4)
    if len(head) < 4:
        raise EOFError
    (length,) = struct.unpack(">I", head)
    body = stream.read(length)
    if len(body) < length:
        raise EOFError
    return pickle.loads(body)


class _Worker:
    def __init__(self, setup: Setup, orders: BinaryIO, events: BinaryIO) -> None:
        self.setup = setup
        self._in = orders
        self._out = events
        self._writing = threading.Lock()
        self._orders: queue.SimpleQueue[Order] = queue.SimpleQueue()
        self._beat = 0
        self._status = Status(0, (), "starting", 0, 0)
        self._shown: dict[str, float] = {}  # when each job's progress was last sent
        self._preview: dict[str, bytes] = {}
        self._described: dict[str, tuple[bytes, ...]] = {}  # pictures a classifier will look at

    def _worth_sending(self, events: list[Event]) -> list[Event]:
        """Drop progress that nobody could read: more than 20 a second. A preview comes with the next."""
        kept: list[Event] = []
        for event in events:
            if not isinstance(event, Progress):
                kept.append(event)
                if isinstance(event, (Done, Failed)):
                    self._shown.pop(event.job, None)
                    self._preview.pop(event.job, None)
                continue
            if event.preview is not None:
                self._preview[event.job] = event.preview
            if time.monotonic() - self._shown.get(event.job, 0.0) >= APART:
                self._shown[event.job] = time.monotonic()
                kept.append(replace(event, preview=self._preview.pop(event.job, None)))
        return kept

    def send(self, *events: Event) -> None:
        data = b"".join(map(frame, events))
        try:
            with self._writing:
                self._out.write(data)
                self._out.flush()
        except OSError:
            os._exit(0)  # the parent is gone

    def _listen(self) -> None:
        try:
            while True:
                self._orders.put(read_frame(self._in))
        except EOFError:
            os._exit(0)  # the parent closed the pipe or is gone: nobody waits for what is being drawn

    def _pulse(self) -> None:
        # beats go out beside the work; the number only moves when the work itself moves, so a hang shows
        while True:
            status = self._status
            self.send(replace(status, beat=self._beat))
            time.sleep(BEAT)

    def run(self) -> None:
        threading.Thread(target=self._listen, daemon=True).start()
        threading.Thread(target=self._pulse, daemon=True).start()
        module, name = self.setup.renderer.split(":")
        make = getattr(importlib.import_module(module), name)
        renderer: Renderer = make(
            self.setup.models, self.setup.engine, loras=self.setup.loras, **self.setup.arguments
        )
        look = self._looking()
        self._report(renderer)
        while True:
            try:
                while True:
                    self._obey(renderer, self._orders.get(block=not renderer.busy(), timeout=BEAT))
            except queue.Empty:
                pass
            if renderer.busy():
                events = self._worth_sending([look(event) for event in renderer.tick()])
                if events:
                    self.send(*events)
            self._report(renderer)

    def _looking(self) -> Callable[[Event], Event]:
        """Return what looks at finished pictures before they leave: the classifier, where there is one."""
        if not self.setup.moderation.classifier:
            return lambda event: event
        try:
            from engine.render.tools.classify import classifier  # here: it may bring torch

            judge = classifier(self.setup.moderation)
        except Exception as error:
            # drawing goes on; what becomes of pictures nobody looked at is the host's choice
            log.error("pictures are not looked at: %s", error, exc_info=not isinstance(error, UserError))
            return lambda event: event

        def look(event: Event) -> Event:
            if isinstance(event, Failed):
                self._described.pop(event.job, None)
            if not isinstance(event, Done):
                return event
            # a described picture is posted with its description
            pictures = event.outcome.pictures or self._described.pop(event.job, ())
            if not pictures:
                return event
            try:
                scores = tuple(judge.adult(pictures))
            except Exception:
                log.exception("the pictures of job %s could not be looked at", event.job)
                return event
            return replace(event, outcome=replace(event.outcome, adult=scores))

        return look

    def _report(self, renderer: Renderer) -> None:
        self._beat += 1
        before, now = self._status, Status(beat=self._beat, **renderer.status_fields())
        self._status = now
        if (before.room, before.models, before.device) != (now.room, now.models, now.device):
            self.send(now)

    def _obey(self, renderer: Renderer, order: Order) -> None:
        match order:
            case Start(job, spec, inputs):
                if spec.kind is Kind.DESCRIBE and self.setup.moderation.classifier:
                    self._described[job] = tuple(inputs.values())
                try:
                    renderer.start(job, spec, inputs)
                except Exception as error:
                    if not isinstance(error, LimnerError):
                        log.exception("job %s could not be started: %s", job, spec.model_dump_json())
                    self.send(Failed.of(job, error))
            case Cancel(job):
                renderer.cancel(job)
            case OfferLoras(loras):
                renderer.offer_loras(loras)
            case Load(model) | Unload(model):
                try:
                    (renderer.load if isinstance(order, Load) else renderer.unload)(model)
                except ModelError as error:  # a broken file: what is being drawn with others goes on
                    log.error("model %s could not be loaded", model, exc_info=error)
                    self.send(Unfit(error.model, str(error)))
                except LimnerError as error:
                    log.error("model %s: %s", model, error)
                except Exception:
                    log.exception("model %s could not be loaded", model)


def _set_threads(threads: int) -> None:
    """Say how many threads sums on the CPU may use, before any library reads it; one core stays for the bot.

    With as many threads as cores, every one that has to wait for a core holds up all others: a picture took
    14 times as long on a busy machine of two cores.
    """
    if threads or "OMP_NUM_THREADS" not in os.environ:
        threads = threads or max(1, (os.cpu_count() or 2) - 1)
        os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(threads)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def main() -> None:
    """Serve until the parent is gone."""
    # as the process that started us logs: it has put its choices into the environment
    logs(os.environ.get("LIMNER_LOG_LEVEL", "INFO"), os.environ.get("LIMNER_LOG_FORMAT", "text"))
    orders = os.fdopen(os.dup(0), "rb", buffering=0x10000)
    events = os.fdopen(os.dup(1), "wb", buffering=0x10000)
    os.dup2(2, 1)  # a stray print of some library must not look like a frame
    setup: Setup = read_frame(orders)
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    _set_threads(setup.engine.threads)
    try:
        _Worker(setup, orders, events).run()
    except UserError as error:
        log.error("%s", error)
        os._exit(2)
    except BaseException:
        log.exception("the worker stops; it will be started again")
        os._exit(1)


if __name__ == "__main__":
    # the frames name this module by its real name, on both ends
    from engine.workers import worker

    worker.main()
