"""What the people of a server may do where: its rules as one value, and one function that answers.

Pure: refuses to know stores, clocks and how rules are changed. Nothing configured means that everybody may do
everything everywhere. Roles and channels are written ``<@&id>`` and ``<#id>``: rules about them reach nobody
but people who ask where those exist.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, cast

from engine.jobs import Speed
from engine.rules.limits import span
from engine.rules.people import Asker

EVERYWHERE = ""
"""The name, in place of a server's id, under which the rules of all servers and direct messages stand."""

ADMIN = "admin"
"""The command of those in charge."""

ALWAYS = frozenset(
    {"help", "info", "queue", "cancel", "privacy", "report", "appeal", "Cancel job", "Info", "Report"}
)
"""Commands nobody can be kept from: they draw nothing, and their answers are seen by whoever asks alone."""

Period = Literal["day", "month"]
Kind = Literal["command", "model", "speed"]
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
    ``state``      ""                       ""       ``paused`` or ``draining``
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
    permits: Mapping[tuple[Kind, str], frozenset[str]] = field(default_factory=dict)
    roles: Mapping[str, RoleRule] = field(default_factory=dict)
    content: Mapping[str, Content] = field(default_factory=dict)
    bans: Mapping[str, Ban] = field(default_factory=dict)
    blocked: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()
    styles: Mapping[str, str] = field(default_factory=dict)
    off: frozenset[str] = frozenset()
    state: Open = "open"
    log: str | None = None
    weight: float = 1.0
    allowance: Allowance | None = None

    @classmethod
    def of(cls, rules: Iterable[Rule], bans: Iterable[Ban] = ()) -> Rules:
        """Return the rules that stored lines and bans make; kinds of a newer version are passed over."""
        channels: dict[str, bool] = {}
        above: dict[str, list[str]] = {}
        permits: dict[tuple[Kind, str], set[str]] = {}
        weights: dict[str, float] = {}
        allowances: dict[str, Allowance] = {}
        pixels: dict[str, int] = {}
        content: dict[str, Content] = {}
        words: dict[str, list[str]] = {"block": [], "allow": []}
        styles: dict[str, str] = {}
        off: set[str] = set()
        state, log = "open", None
        for kind, target, name, value in rules:
            match kind:
                case "channel":
                    yes, *above[target] = value.split()
                    channels[target] = yes == "yes"
                case "command" | "model" | "speed":
                    permits.setdefault((kind, target), set()).add(name)
                case "weight":
                    weights[target] = float(value)
                case "allowance":
                    seconds, _, per = value.partition(" ")
                    allowances[target] = Allowance(float(seconds), cast(Period, per))
                case "pixels":
                    pixels[target] = int(value)
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
                    state = value
                case "log":
                    log = value
        named = {*weights, *allowances, *pixels} - {""}
        return cls(
            channels=channels,
            named=any(
                yes and all(channels.get(parent, True) for parent in above[place])
                for place, yes in channels.items()
            ),
            permits={key: frozenset(roles) for key, roles in permits.items()},
            roles={
                role: RoleRule(weights.get(role), allowances.get(role), pixels.get(role)) for role in named
            },
            content=content,
            bans={ban.mark: ban for ban in bans},
            blocked=tuple(words["block"]),
            allowed=tuple(words["allow"]),
            styles=styles,
            off=frozenset(off),
            state=cast(Open, state),
            log=log,
            weight=weights.get("", 1.0),
            allowance=allowances.get(""),
        )


@dataclass(frozen=True, slots=True)
class Deed:
    """What somebody is about to do: a command, and what it would draw with, as far as that is known yet."""

    command: str
    model: str | None = None
    speed: Speed | None = None
    pixels: int | None = None

    @property
    def draws(self) -> bool:
        """Say whether this would make a job."""
        return self.model is not None


@dataclass(frozen=True, slots=True)
class Standing:
    """What somebody's roles bring them: the best of each. ``server``: what all of a server may use together.

    ``weight`` is their share of the engine, the server's share included. None: nothing was said here.
    """

    weight: float = 1.0
    allowance: Allowance | None = None
    pixels: int | None = None
    server: Allowance | None = None


def standing(rules: Rules, asker: Asker) -> Standing:
    """Return what somebody's roles bring them in their server; of several roles the most generous counts."""
    mine = [rules.roles[role] for role in asker.roles if role in rules.roles]
    weights = [one.weight for one in mine if one.weight is not None]
    allowances = [one.allowance for one in mine if one.allowance is not None]
    pixels = [one.pixels for one in mine if one.pixels is not None]
    return Standing(
        weight=max(weights, default=1.0) * rules.weight,
        allowance=max(allowances, key=lambda one: one.daily, default=None),
        pixels=max(pixels, default=None),
        server=rules.allowance,
    )


def content(rules: Rules, asker: Asker) -> Content:
    """Return what may be drawn where somebody asks: the nearest rule decides, the server's own comes last.

    ``restricted`` is said only of channels that Discord itself holds to be age-restricted.
    """
    places = (*_places(asker), "")
    found = next((rules.content[place] for place in places if place in rules.content), Content())
    if found.level == "restricted" and not asker.age_restricted:
        return Content("strict", found.showing)
    return found


def answers(rules: Rules, asker: Asker) -> bool:
    """Say whether the bot answers where somebody stands.

    The nearest rule decides: that of a thread before its channel's, that before its category's. Where none
    speaks, the bot answers, unless the server named places where it does.
    """
    for place in _places(asker):
        if place in rules.channels:
            return rules.channels[place]
    return not rules.named


def _places(asker: Asker) -> tuple[str, ...]:
    return (*(() if asker.channel is None else (asker.channel,)), *asker.parents)


def refusal(
    here: Rules, everywhere: Rules, asker: Asker, deed: Deed, *, mark: str = "", now: float = 0.0
) -> str | None:
    """Return None where somebody may do this, else the sentence that refuses it.

    ``here``: the rules of their server (none in direct messages); ``mark``: the keyed hash of their id.
    What roles may do does not bind those who manage the server; where the bot answers binds everybody.
    """
    if deed.command == ADMIN:
        if asker.host or (asker.manager and asker.guild is not None):
            return None
        return "`/admin` is for those who manage this server (the right `Manage Server`)."
    if deed.command in ALWAYS:
        return None
    ban = everywhere.bans.get(mark)
    if ban is not None and ban.holds(now) and not asker.host:
        return _banned(ban, now, "here")
    ban = here.bans.get(mark)
    if ban is not None and ban.holds(now) and not asker.manager:
        return _banned(ban, now, "in this server")
    if not answers(here, asker):
        listed = [f"<#{channel}>" for channel, yes in here.channels.items() if yes][:5]
        where = f"Try {' or '.join(listed)}." if listed else "Try another channel."
        return f"I do not draw in this channel. {where}"
    if deed.draws and "draining" in (here.state, everywhere.state):
        where = "" if everywhere.state == "draining" else " in this server"
        return f"No new pictures are taken{where} just now; what waits is still drawn. Try again later."
    return _by_role(here, everywhere, asker, deed)


def _by_role(here: Rules, everywhere: Rules, asker: Asker, deed: Deed) -> str | None:
    if deed.model is not None and deed.model in here.off | everywhere.off:
        return f"The model `{deed.model}` is switched off here. Choose another with `--model`."
    if asker.manager:
        return None
    asked: tuple[tuple[Kind, str | None, str], ...] = (
        ("command", deed.command, f"`/{deed.command}`"),
        ("model", deed.model, f"The model `{deed.model}`"),
        ("speed", deed.speed, f"The speed `{deed.speed}`"),
    )
    for kind, name, shown in asked:
        roles = None if name is None else here.permits.get((kind, name))
        if roles is not None and not roles.intersection(asker.roles):
            listed = " or ".join(f"<@&{role}>" for role in sorted(roles)[:5])
            return f"{shown} is for people with the role {listed} in this server."
    most = standing(here, asker).pixels
    if most is not None and deed.pixels is not None and deed.pixels > most:
        side = int(most**0.5)
        return (
            f"Your roles in this server draw up to {side} × {side} pixels, and this would be "
            f"{deed.pixels / most:.1f} times as many. Ask for a smaller size."
        )
    return None


def _banned(ban: Ban, now: float, where: str) -> str:
    why = f" Reason: {ban.reason}" if ban.reason else ""
    if ban.until is None:
        return f"You may not draw {where}.{why} Its moderators can tell you more."
    return f"You may not draw {where} for about {span(ban.until - now)} more.{why}"
