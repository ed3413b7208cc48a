"""What the people of a server may do where: ``refusal`` evaluates a server's rules for somebody.

Pure: refuses to know stores, clocks and how rules are changed. Nothing configured means that everybody may do
everything everywhere. Roles and channels are written ``<@&id>`` and ``<#id>``: rules about them reach nobody
but people who ask where those exist.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.jobs import Speed
from engine.rules.limits import span
from engine.rules.people import Requester
from engine.rules.rules import Allowance, Ban, Content, Restricted, Rules
from engine.words import Sentence

ADMIN = "admin"
"""The command of those in charge."""

ALWAYS = frozenset(
    {"help", "info", "queue", "cancel", "privacy", "report", "appeal", "Cancel job", "Info", "Report"}
)
"""Commands nobody can be kept from: they draw nothing, and their answers are seen by whoever asks alone."""


@dataclass(frozen=True, slots=True)
class PermissionCheck:
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
class Entitlement:
    """What somebody's roles bring them: the best of each. ``server``: what all of a server may use together.

    ``weight`` is their share of the engine, the server's share included. None: nothing was said here.
    """

    weight: float = 1.0
    allowance: Allowance | None = None
    pixels: int | None = None
    server: Allowance | None = None


def standing(rules: Rules, requester: Requester) -> Entitlement:
    """Return what somebody's roles bring them in their server; of several roles the most generous counts."""
    mine = [rules.roles[role] for role in requester.roles if role in rules.roles]
    weights = [one.weight for one in mine if one.weight is not None]
    allowances = [one.allowance for one in mine if one.allowance is not None]
    pixels = [one.pixels for one in mine if one.pixels is not None]
    return Entitlement(
        weight=max(weights, default=1.0) * rules.weight,
        allowance=max(allowances, key=lambda one: one.daily, default=None),
        pixels=max(pixels, default=None),
        server=rules.allowance,
    )


def content(rules: Rules, requester: Requester) -> Content:
    """Return what may be drawn where somebody asks: the nearest rule decides, the server's own comes last.

    ``restricted`` is said only of channels that Discord itself holds to be age-restricted.
    """
    places = (*_places(requester), "")
    found = next((rules.content[place] for place in places if place in rules.content), Content())
    if found.level == "restricted" and not requester.age_restricted:
        return Content("strict", found.showing)
    return found


def answers(rules: Rules, requester: Requester) -> bool:
    """Say whether the bot answers where somebody stands.

    The nearest rule decides: that of a thread before its channel's, that before its category's. Where none
    speaks, the bot answers, unless the server named places where it does.
    """
    for place in _places(requester):
        if place in rules.channels:
            return rules.channels[place]
    return not rules.named


def _places(requester: Requester) -> tuple[str, ...]:
    return (*(() if requester.channel is None else (requester.channel,)), *requester.parents)


DRAINING = (
    Sentence("No new pictures are taken just now; what waits is still drawn. Try again later."),
    Sentence(
        "No new pictures are taken in this server just now; what waits is still drawn. Try again later."
    ),
)
"""What is said while new pictures are not taken anywhere, or in one server: this alone passes with time."""


def refusal(
    here: Rules,
    everywhere: Rules,
    requester: Requester,
    deed: PermissionCheck,
    *,
    mark: str = "",
    now: float = 0.0,
) -> str | None:
    """Return None where somebody may do this, else the sentence that refuses it.

    ``here``: the rules of their server (none in direct messages); ``mark``: the keyed hash of their id.
    What roles may do does not bind those who manage the server; where the bot answers binds everybody.
    """
    if deed.command == ADMIN:
        if requester.host or (requester.manager and requester.guild is not None):
            return None
        return Sentence("`/admin` is for those who manage this server (the right `Manage Server`).")
    if deed.command in ALWAYS:
        return None
    ban = everywhere.bans.get(mark)
    if ban is not None and ban.holds(now) and not requester.host:
        return _banned(ban, now, Sentence("here"))
    ban = here.bans.get(mark)
    if ban is not None and ban.holds(now) and not requester.manager:
        return _banned(ban, now, Sentence("in this server"))
    if not answers(here, requester):
        seen = (one for one, yes in here.channels.items() if yes and one not in requester.hidden)
        listed = [f"<#{channel}>" for channel in seen][:5]
        if not listed:
            return Sentence("I do not draw in this channel. Try another channel.")
        return Sentence("I do not draw in this channel. Try {channels}.", channels=" / ".join(listed))
    if deed.draws and "draining" in (here.state, everywhere.state):
        return DRAINING[0] if everywhere.state == "draining" else DRAINING[1]
    return _by_role(here, everywhere, requester, deed)


def _by_role(here: Rules, everywhere: Rules, requester: Requester, deed: PermissionCheck) -> str | None:
    if deed.model is not None and deed.model in here.off | everywhere.off:
        return Sentence(
            "The model `{model}` is switched off here. Choose another with `--model`.", model=deed.model
        )
    if requester.manager:
        return None
    asked: tuple[tuple[Restricted, str | None, str], ...] = (
        ("command", deed.command, f"`/{deed.command}`"),
        ("model", deed.model, Sentence("The model `{name}`", name=deed.model)),
        ("speed", deed.speed, Sentence("The speed `{name}`", name=deed.speed)),
    )
    for kind, name, shown in asked:
        roles = None if name is None else here.permits.get((kind, name))
        if roles is not None and not roles.intersection(requester.roles):
            named = " / ".join(f"<@&{role}>" for role in sorted(roles)[:5])
            return Sentence(
                "{what} is for people with the role {roles} in this server.", what=shown, roles=named
            )
    most = standing(here, requester).pixels
    if most is not None and deed.pixels is not None and deed.pixels > most:
        side = int(most**0.5)
        return Sentence(
            "Your roles in this server draw up to {side} × {side} pixels, and this would be "
            "{times:.1f} times as many. Ask for a smaller size.",
            side=side,
            times=deed.pixels / most,
        )
    return None


def _banned(ban: Ban, now: float, where: str) -> str:
    why = Sentence(" Reason: {reason}", reason=ban.reason) if ban.reason else ""
    if ban.until is None:
        return Sentence(
            "You may not draw {where}.{why} Its moderators can tell you more.", where=where, why=why
        )
    left = span(ban.until - now)
    return Sentence("You may not draw {where} for about {left} more.{why}", where=where, left=left, why=why)
