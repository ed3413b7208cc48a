"""The values a door and the service exchange: who asks, for what, what it would be, what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from engine.jobs import Job, JobSpec, Speed, State
from engine.planning.edits import Canvas
from engine.planning.literal import Literal
from engine.rules.allowance import Balance
from engine.rules.people import Requester, Unruled


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, with which rights, and where the answer goes.

    ``key`` names the request for ever (an interaction's id, an HTTP idempotency key): asked twice, it is
    accepted once. ``origin`` is the return address, a string handed back to the door with the answer.
    ``requester``: the same person with their server, channel and roles; a door that knows no servers says
    ``UNRULED``, and no server's rules apply. ``reply_to``: message the result answers. ``progress``: message
    that shows progress, removed at the end. ``speed`` goes before every setting.
    ``language``: the one that whoever asks has chosen, as Discord names it (``pt-BR``); empty = unknown.
    """

    key: str
    owner: str
    origin: str
    requester: Requester | Unruled
    reply_to: str | None = None
    progress: str | None = None
    speed: Speed | None = None
    language: str = ""

    @property
    def member(self) -> Requester | None:
        """The person under their server's rules, or None where none apply."""
        return None if isinstance(self.requester, Unruled) else self.requester

    @property
    def guild(self) -> str | None:
        """The server it is asked in; None in direct messages and through other doors."""
        return None if self.member is None else self.member.guild

    @property
    def place(self) -> str:
        """Under which name the defaults of the place stand among the preferences: a server, not a channel."""
        return server(self.guild) if self.guild is not None else self.origin.partition("/")[0]


def server(guild: str) -> str:
    """Return under which name a server's defaults are kept among the preferences."""
    return f"discord:{guild}"


@dataclass(frozen=True, slots=True)
class Imagine:
    """Draw what a line asks for. ``options`` are more of the owner's own options (name → flags)."""

    caller: Caller
    line: str
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Edit:
    """Make something of a stored picture. Whoever asks owns the new job. ``cell`` counts from 0.

    ``name`` is a row of ``planning.edits.EDITS``. ``job`` is None for a picture from outside: ``picture``
    names it (the SHA-256 of a kept one), and most edits need ``line`` then.
    """

    caller: Caller
    name: str
    job: str | None = None
    cell: int | None = None
    line: str | None = None  # another prompt
    factor: float = 2.0  # zoom: how many times as much is seen, 1 to 2; creative upscale: how much larger
    picture: str | None = None
    mask: str | None = None  # inpaint: the SHA-256 of the kept mask, white repaints
    strength: float | None = None  # vary, inpaint: share of the schedule that is run
    model: str | None = None  # remaster: which one draws
    beside: tuple[str, ...] = ()  # edit: further pictures it speaks of, at most three


@dataclass(frozen=True, slots=True)
class Describe:
    """Put a kept picture (its SHA-256) into words."""

    caller: Caller
    picture: str


@dataclass(frozen=True, slots=True)
class Shorten:
    """Say which words of a prompt matter, and make shorter ones."""

    caller: Caller
    line: str


@dataclass(frozen=True, slots=True)
class Draw:
    """Draw what a program asks for, field by field; no flag, link or setting means anything in its text."""

    caller: Caller
    asked: Literal


Ask = Imagine | Edit | Describe | Shorten | Draw
_STORED = ("job", "cell", "line", "factor", "picture", "mask", "strength", "model", "beside")


def stored(ask: Ask) -> dict[str, Any]:
    """Return what must be kept of a request to make it again later: who asks is told by whoever answers."""
    match ask:
        case Imagine():
            return {"line": ask.line}
        case Edit():
            told = {"verb": ask.name, "reply_to": ask.caller.reply_to}
            told |= {name: getattr(ask, name) for name in _STORED}
            return {"action": {name: value for name, value in told.items() if value is not None}}
        case Describe():
            return {"describe": ask.picture}
        case Shorten():
            return {"shorten": ask.line}
        case Draw():
            raise TypeError("a structured request is never asked about")


def restored(kept: Mapping[str, Any], caller: Caller) -> Ask:
    """Return the request that ``stored`` kept, asked by ``caller`` now."""
    if "action" in kept:
        told = dict(kept["action"])
        caller = replace(caller, reply_to=told.pop("reply_to", None))
        return Edit(caller, told.pop("verb"), **{**told, "beside": tuple(told.get("beside", ()))})
    if "describe" in kept:
        return Describe(caller, kept["describe"])
    if "shorten" in kept:
        return Shorten(caller, kept["shorten"])
    return Imagine(caller, kept["line"])


@dataclass(frozen=True, slots=True)
class PlannedJob:
    """One job of a request, before it is accepted.

    Pictures that must be fetched or painted first stand under stand-ins in ``spec``: ``links`` names those
    of a prompt (``planning.references``), ``canvas`` says what is painted. ``price``: seconds of the engine.
    """

    spec: JobSpec
    prompt: str
    speed: Speed
    price: float = 0.0
    notes: tuple[str, ...] = ()
    sources: tuple[tuple[str, str], ...] = ()
    parent: str | None = None
    cell: int | None = None
    edit: str | None = None  # as ``Job`` has them
    factor: float | None = None
    links: tuple[str, ...] = ()
    canvas: Canvas | None = None


@dataclass(frozen=True, slots=True)
class Planned:
    """What a request would make and take; nothing is fetched, painted or accepted yet.

    ``line``: what it draws, as people read it. ``seconds`` of the engine it takes in all (None: not known
    yet); ``balances``: the allowances it draws on. ``large``: to be asked about before it starts.
    ``accepted``: the jobs, where a request with this key was accepted before; nothing else is told then.
    """

    ask: Ask
    line: str = ""
    jobs: tuple[PlannedJob, ...] = ()
    seconds: float | None = None
    balances: tuple[Balance, ...] = ()
    large: bool = False
    accepted: tuple[Job, ...] = ()

    @property
    def pictures(self) -> int:
        """How many pictures it makes in all."""
        return sum(one.spec.count for one in self.jobs)

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences to show, each once."""
        return tuple(dict.fromkeys(note for one in self.jobs for note in one.notes))


@dataclass(frozen=True, slots=True)
class Submitted:
    """What came of a request. ``new`` is False when the same key had been accepted before."""

    jobs: tuple[Job, ...]
    new: bool = True


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How a job stands: newest wins. ``preview`` is a small JPEG or WebP of the grid so far, or None."""

    job: Job
    step: int = 0
    total: int = 0
    preview: bytes | None = None
    position: int | None = None  # waiting jobs before it; None once it runs

    @property
    def state(self) -> State:
        """The job's state."""
        return self.job.state

    @property
    def percent(self) -> int:
        """How much is done, 0 to 100."""
        if self.job.state is State.RENDERED:
            return 100
        return 100 * self.step // self.total if self.total else 0


@dataclass(frozen=True, slots=True)
class QueueView:
    """The queue as people may see it: waiting jobs in fair order, running jobs, and whether it is paused."""

    waiting: tuple[str, ...]
    running: tuple[str, ...]
    paused: bool
    ready: bool  # a worker can draw at once
