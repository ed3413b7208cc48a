"""The rules of a server as values: set up line by line, and read into one ``Rules``. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple, cast

EVERYWHERE = ""
"""The name, in place of a server's id, under which the rules of all servers and direct messages stand."""


Period = Literal["day", "month"]
Restricted = Literal["command", "model", "speed"]
Level = Literal["strict", "restricted"]
Showing = Literal["refuse", "spoiler"]
Open = Literal["open", "paused", "draining"]


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many seconds of the engine somebody may use in each day or month."""

    seconds: float
    per: Period = "day"

    @property
    def daily(self) -> float:
        """How many that are a day, a month taken as 30."""
        return self.seconds if self.per == "day" else self.seconds / 30


@dataclass(frozen=True, slots=True)
class RoleRule:
    """What a role brings: a share of the engine (1 = as everybody), an allowance, the largest picture."""

    weight: float | None = None
    allowance: Allowance | None = None
    pixels: int | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """What may be drawn somewhere.

    ``level``: ``strict``, or ``restricted``: adult pictures too, where Discord holds the channel to be
    age-restricted. ``showing``: what becomes of a picture that is past the level.
    """

    level: Level = "strict"
    showing: Showing = "refuse"


@dataclass(frozen=True, slots=True)
class Ban:
    """Somebody who may not draw; ``until`` None: for good. ``mark`` is a keyed hash of their id.

    ``owner`` is the id itself, None once they had everything about them deleted.
    """

    mark: str
    owner: str | None
    reason: str
    actor: str
    since: float
    until: float | None = None

    def holds(self, now: float) -> bool:
        """Say whether it has not ended yet."""
        return self.until is None or now < self.until


class Rule(NamedTuple):
    """One line of the rules as it is stored; what ``target``, ``name`` and ``value`` mean depends on kind.

    ``channel``    thread, channel, category ""      ``yes`` or ``no``: the bot answers there; and its parents
    ``content``    channel; "" = the server ""       ``strict refuse`` …
    ``command``    a command                a role   ""
    ``model``      a model                  a role   ""
    ``speed``      fast, relax, turbo       a role   ""
    ``weight``     a role; "" = the server  ""       a number
    ``allowance``  a role; "" = the server  ""       ``600 day``
    ``pixels``     a role                   ""       a number
    ``word``       ``block`` or ``allow``   a word   ""
    ``style``      a name                   ""       the words it adds
    ``off``        a model                  ""       ""
    ``state``      ""                       ""       ``paused``, ``paused 1764429000`` or ``draining``
    ``log``        ""                       ""       a channel
    """

    kind: str
    target: str = ""
    name: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one server, or (under ``EVERYWHERE``) those that hold in all of them.

    ``named``: the bot answers in the places named alone (an exception inside a closed place names none).
    """

    channels: Mapping[str, bool] = field(default_factory=dict)
    named: bool = False
    permits: Mapping[tuple[Restricted, str], frozenset[str]] = field(default_factory=dict)
    roles: Mapping[str, RoleRule] = field(default_factory=dict)
    content: Mapping[str, Content] = field(default_factory=dict)
    bans: Mapping[str, Ban] = field(default_factory=dict)
    blocked: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()
    styles: Mapping[str, str] = field(default_factory=dict)
    off: frozenset[str] = frozenset()
    state: Open = "open"
    until: float | None = None  # Unix seconds at which a pause ends by itself
    log: str | None = None
    weight: float = 1.0
    allowance: Allowance | None = None

    @classmethod
    def of(cls, rules: Iterable[Rule], bans: Iterable[Ban] = ()) -> Rules:
        """Return the rules that stored lines and bans make; kinds of a newer version are passed over."""
        channels: dict[str, bool] = {}
        above: dict[str, list[str]] = {}
        permits: dict[tuple[Restricted, str], set[str]] = {}
        roles: defaultdict[str, RoleRule] = defaultdict(RoleRule)
        content: dict[str, Content] = {}
        words: dict[str, list[str]] = {"block": [], "allow": []}
        styles: dict[str, str] = {}
        off: set[str] = set()
        state, until, log = "open", "", None
        for kind, target, name, value in rules:
            match kind:
                case "channel":
                    yes, *above[target] = value.split()
                    channels[target] = yes == "yes"
                case "command" | "model" | "speed":
                    permits.setdefault((kind, target), set()).add(name)
                case "weight":
                    roles[target] = replace(roles[target], weight=float(value))
                case "allowance":
                    seconds, _, per = value.partition(" ")
                    allowance = Allowance(float(seconds), cast(Period, per))
                    roles[target] = replace(roles[target], allowance=allowance)
                case "pixels":
                    roles[target] = replace(roles[target], pixels=int(value))
                case "content":
                    level, _, showing = value.partition(" ")
                    content[target] = Content(cast(Level, level), cast(Showing, showing))
                case "word":
                    words[target].append(name)
                case "style":
                    styles[target] = value
                case "off":
                    off.add(target)
                case "state":
                    state, _, until = value.partition(" ")
                case "log":
                    log = value
        server = roles.pop("", RoleRule())
        return cls(
            channels=channels,
            named=_named(channels, above),
            permits={key: frozenset(roles) for key, roles in permits.items()},
            roles=dict(roles),
            content=content,
            bans={ban.mark: ban for ban in bans},
            blocked=tuple(words["block"]),
            allowed=tuple(words["allow"]),
            styles=styles,
            off=frozenset(off),
            state=cast(Open, state),
            until=float(until) if until else None,
            log=log,
            weight=1.0 if server.weight is None else server.weight,
            allowance=server.allowance,
        )


def _named(channels: Mapping[str, bool], above: Mapping[str, Sequence[str]]) -> bool:
    """Say whether a place is named in which the bot answers; what lies in a closed one names none."""
    return any(
        yes and all(channels.get(parent, True) for parent in above[place]) for place, yes in channels.items()
    )
