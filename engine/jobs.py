"""The values a request travels as, ``JobSpec → Job → Delivery``; knows no models, pixels or Discord."""

from __future__ import annotations

import hashlib
import secrets
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

SEED_MAX = 2**32 - 1
"""Largest seed, as in Midjourney and the Stability API (unsigned 32 bits)."""


class Frozen(BaseModel):
    """A value: immutable, compared by content, refusing unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Condition(Frozen):
    """One text the picture is steered by. Negative weights steer away; the weights' sum is above 0."""

    text: str
    weight: float = 1.0


class Lora(Frozen):
    """A configured LoRA by name, at a weight (1.0 = as trained, 0 = as if absent)."""

    name: str
    weight: float = 1.0


class Role(StrEnum):
    """What an input picture is for."""

    INIT = "init"  # image-to-image, inpainting, zoom and pan start from it
    MASK = "mask"  # white repaints, black keeps
    PROMPT = "prompt"  # an image prompt (--iw)
    STYLE = "style"  # --sref
    SUBJECT = "subject"  # --cref, --oref
    TASTE = "taste"  # --profile: only its light and colour count, and no row looks at it


class Input(Frozen):
    """An input picture, named by the SHA-256 of its PNG in the gallery."""

    sha256: str
    role: Role
    weight: float = 1.0


class Kind(StrEnum):
    """What is done. Every kind is rendered from its spec alone."""

    IMAGINE = "imagine"  # text to image (with PROMPT inputs: image prompts)
    BLEND = "blend"  # several PROMPT pictures and no words: a picture between them
    VARY = "vary"  # image-to-image from one INIT picture
    INPAINT = "inpaint"  # only the masked area changes; zoom and pan are inpaints on a larger canvas
    EDIT = "edit"  # what the words say is changed in the first INIT picture; up to three more are looked at
    LOCATE = "locate"  # where in a picture the words are: a mask
    UPSCALE = "upscale"  # super-resolution of one INIT picture, no denoising
    DESCRIBE = "describe"  # picture to words
    SHORTEN = "shorten"  # which words of a prompt matter, and shorter prompts


WORDS = frozenset({Kind.DESCRIBE, Kind.SHORTEN})
"""What is answered in words: no denoising, no pictures."""


class JobSpec(Frozen):
    """Everything that decides the pixels: equal specs give equal pictures.

    The same JSON goes into the database row and into the PNG. Cell ``i`` (from 0) of the grid starts from
    the noise of a CPU generator seeded with ``(seed + i) mod 2**32``.
    """

    kind: Kind = Kind.IMAGINE
    model: str
    conditions: Annotated[tuple[Condition, ...], Field(max_length=6)] = ()
    negative_prompt: str = ""
    width: Annotated[int, Field(gt=0)]
    height: Annotated[int, Field(gt=0)]
    steps: Annotated[int, Field(ge=1, le=500)]
    guidance_scale: float
    sampler: str
    seed: Annotated[int, Field(ge=0, le=SEED_MAX)]
    count: Annotated[int, Field(ge=1, le=10)] = 4
    inputs: tuple[Input, ...] = ()
    strength: float | None = None  # image-to-image: share of the noise schedule that is run, 0..1
    stop: Annotated[int, Field(ge=10, le=100)] = 100  # per cent of the steps that are run
    chaos: Annotated[int, Field(ge=0, le=100)] = 0
    stylize: Annotated[int, Field(ge=0, le=1000)] = 0  # 0 = no house style
    weird: Annotated[int, Field(ge=0, le=3000)] = 0
    exp: Annotated[int, Field(ge=0, le=100)] = 0
    style: str = ""  # a preset's name
    tile: bool = False
    film: bool = False  # --video: the picture forming, as a looping film
    few_steps: bool = False  # use the model's few-step weights (draft, turbo)
    loras: tuple[Lora, ...] = ()
    wordless: bool = False  # goes on with what the picture shows: the words wait for what is made of it
    adapter: bool = False  # the model's IP-Adapter reads its pictures; else they are drawn over or looked at
    scale: Literal[1, 2, 4] = 1  # UPSCALE only
    fitted: tuple[int, int] | None = None  # size of the file: cropped to its shape, resampled; None: as drawn

    @property
    def faithful(self) -> bool:
        """Whether it only enlarges a picture, drawing nothing into it."""
        return self.kind is Kind.UPSCALE and self.strength is None

    def seed_of(self, cell: int) -> int:
        """Return the seed of one cell (from 0) of the grid."""
        return (self.seed + cell) % (SEED_MAX + 1)

    def digest(self) -> str:
        """Return the SHA-256 of the spec's JSON: the name of what is drawn."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


class State(StrEnum):
    """Where a job is in its life."""

    QUEUED = "queued"
    RUNNING = "running"
    RENDERED = "rendered"
    FAILED = "failed"
    BLOCKED = "blocked"
    CANCELLED = "cancelled"


WAITED_FOR = "http:sync:"
"""How the origin of a job begins that only one open connection waits for: without it, it is not drawn."""

HOOK = "hook:"
"""How the origin of a job begins whose end is told to somebody's own server: key and address follow."""

FINAL = frozenset({State.RENDERED, State.FAILED, State.BLOCKED, State.CANCELLED})


class Speed(StrEnum):
    """How urgently a job is served. The pixels are the spec's alone; turbo may have planned fewer steps."""

    RELAX = "relax"
    FAST = "fast"
    TURBO = "turbo"


Adult = Literal["refuse", "spoiler", "allow"]
"""What becomes of adult content in a place."""


class Job(Frozen):
    """A request that was accepted.

    ``owner`` is the person's id as a string (a Discord snowflake, ``cli`` …); ``origin`` is the return
    address (``discord:<guild or @me>/<channel>``, ``http:<key>``, ``cli:``). ``prompt`` is the line the
    person asked with, cleaned (``engine.prompt.clean``), for showing again; ``notes`` are sentences shown
    under the result. ``guild``: the server it was asked in, None for direct messages and other doors.
    """

    id: str
    owner: str
    guild: str | None = None
    origin: str
    state: State
    spec: JobSpec
    prompt: str
    notes: tuple[str, ...] = ()
    weight: float = 1.0  # its owner's share of the engine, by their roles and server
    moved: int = 0  # by those in charge: below 0 before all others (the least first), above 0 after them
    sources: tuple[tuple[str, str], ...] = ()  # flag name, and who gave it: prompt, suffix, settings …
    speed: Speed = Speed.FAST
    parent: str | None = None
    parent_cell: int | None = None  # from 0
    edit: str | None = None  # what was done to a picture: a row of ``planning.edits.EDITS``
    factor: float | None = None  # how far its zoom went out
    attempts: int = 0
    failure: str | None = None  # the sentence the person saw
    pictures: tuple[str, ...] = ()  # SHA-256 of each stored PNG, in cell order, once RENDERED
    film: str | None = None  # SHA-256 of the stored film (--video)
    texts: tuple[str, ...] = ()  # DESCRIBE, SHORTEN
    adult: Adult = "refuse"  # what becomes of adult content where it was asked for
    rated: bool = False  # its words or its pictures are adult content
    created_at: float  # Unix seconds
    started_at: float | None = None
    finished_at: float | None = None
    took: float | None = None  # seconds of drawing, without loading a model


class DeliveryState(StrEnum):
    """Whether a promised message has been shown."""

    PENDING = "pending"
    SENT = "sent"
    UNDELIVERABLE = "undeliverable"


class Delivery(Frozen):
    """A message that was promised: which job, what of it, where, and whether it has been sent.

    ``nonce`` (at most 25 characters) is made from ``id``, so Discord drops a second send of the same promise.
    """

    id: int
    job: str
    kind: Literal["grid", "picture", "failure", "text"]
    cell: int | None = None  # from 0, for kind "picture"
    origin: str
    reply_to: str | None = None  # message id the result answers
    progress: str | None = None  # message id of the progress message to remove
    owner: str  # who is mentioned
    spoiler: bool = False  # its picture is covered until somebody looks
    state: DeliveryState
    message: str | None = None
    attempted_at: float | None = None  # Unix seconds of the first unbooked send
    tries: int = 0  # to a webhook's server that failed
    created_at: float

    @property
    def nonce(self) -> str:
        """Return the stable nonce of this promise, at most 25 characters."""
        return f"limner-{self.id}"


_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford base 32: no i, l, o, u


def new_job_id() -> str:
    """Return a fresh job id: 10 characters of Crockford base 32, 50 random bits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(10))
