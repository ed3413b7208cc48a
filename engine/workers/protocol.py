"""The messages between the scheduler and a worker process. Nothing in them needs a shared disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.config import LoraConfig
from engine.errors import Cancelled, EngineError, ModelError, UserError
from engine.jobs import JobSpec


@dataclass(frozen=True, slots=True)
class Start:
    """Render this job. ``inputs`` maps the SHA-256 of each input picture to its PNG bytes."""

    job: str
    spec: JobSpec
    inputs: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop this job at its next step."""

    job: str


@dataclass(frozen=True, slots=True)
class Load:
    """Bring a model into memory."""

    model: str


@dataclass(frozen=True, slots=True)
class Unload:
    """Drop a model from memory."""

    model: str


@dataclass(frozen=True, slots=True)
class OfferLoras:
    """Jobs from now on may wear these LoRAs and no others."""

    loras: tuple[LoraConfig, ...]


Order = Start | Cancel | Load | Unload | OfferLoras


@dataclass(frozen=True, slots=True)
class Status:
    """The worker's heartbeat. ``room``: UNet rows that may still be admitted; ``memory``: bytes in use.

    ``device``: what it is (``NVIDIA H200``, ``cpu``), or ``starting``. ``there``: all devices that a worker
    which chose its own sees, its own first (``cuda:0``). ``calls`` of the UNet since
    the worker's start, and the ``rows`` they had together; ``limits``: model and size, and the rows past
    which a call of them gains nothing.
    """

    room: int
    models: tuple[str, ...]
    device: str
    memory: int
    beat: int
    calls: int = 0
    rows: int = 0
    there: tuple[str, ...] = ()
    limits: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Progress:
    """A step was taken. ``preview``: a small JPEG or WebP of the grid so far, or None."""

    job: str
    step: int
    total: int
    preview: bytes | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came: PNG bytes of each cell in order, texts (describe), film (WebP), notes, timings."""

    pictures: tuple[bytes, ...] = ()
    texts: tuple[str, ...] = ()
    film: bytes | None = None
    notes: tuple[str, ...] = ()
    adult: tuple[float, ...] | None = None  # by picture, where a classifier looked at them
    timings: Mapping[str, float] = field(default_factory=dict)  # seconds by stage


@dataclass(frozen=True, slots=True)
class Done:
    """The job is rendered."""

    job: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Failed:
    """The job ended without pictures.

    ``kind``: ``user`` (message is for the person), ``engine`` (message is the apology), ``memory`` or
    ``cancelled``, or ``model``: its model cannot be loaded (message is why, for the host).
    """

    job: str
    kind: str
    message: str
    for_host: str = ""  # what only the host can do about it

    @classmethod
    def of(cls, job: str, error: Exception) -> Failed:
        """Return what is told of a job that raised this."""
        if isinstance(error, Cancelled):
            return cls(job, "cancelled", "Cancelled.")
        if isinstance(error, UserError | ModelError):
            kind = "model" if isinstance(error, ModelError) else "user"
            return cls(job, kind, str(error), error.for_host)
        ours = error if isinstance(error, EngineError) else EngineError("")
        return cls(job, "engine", ours.apology, ours.for_host)


@dataclass(frozen=True, slots=True)
class Unfit:
    """A model that was to be loaded cannot be; ``why`` is for the host."""

    model: str
    why: str


@dataclass(frozen=True, slots=True)
class Leaving:
    """The device goes: it ends what it draws and takes nothing new."""


Event = Leaving | Unfit | Status | Progress | Done | Failed
