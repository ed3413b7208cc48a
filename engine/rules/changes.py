"""What those in charge can change of the rules: one function an operation, called by every door. Pure.

``Change`` is what goes on the record: the operation, the lines it keeps and drops, whom or what it is about.
``held`` are the rules as they stand. What people read of a change that was made is in the words of the doors;
what is refused is said here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from engine.errors import LimitError, NotFound, PromptError
from engine.prompt.flags import STYLE_NAMES
from engine.rules.rules import Allowance, Level, Open, Restricted, Rule, Rules, Showing
from engine.words import Sentence

MOST_STYLES, MOST_WORDS = 50, 500
_STYLE = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_NOTHING: Mapping[str, Any] = MappingProxyType({})
Listed = Literal["block", "allow"]


class Change(NamedTuple):
    """A change of rules, as it is recorded."""

    action: str
    keep: Sequence[Rule] = ()
    drop: Sequence[Rule] = ()
    target: str | None = None
    detail: Mapping[str, Any] = _NOTHING


# ---- places -------------------------------------------------------------------------------------------


def allow_channel(channel: str, parents: Iterable[str] = ()) -> Change:
    """Answer in a channel that lies in ``parents``; once one is allowed, all others are closed."""
    rule = Rule("channel", channel, value=" ".join(("yes", *parents)))
    return Change("channels allow", keep=[rule], target=channel)


def deny_channel(channel: str) -> Change:
    """Answer in a channel no more."""
    return Change("channels deny", keep=[Rule("channel", channel, value="no")], target=channel)


def reset_channels(held: Rules, channel: str | None) -> Change:
    """Forget the rules of a channel; None: of all."""
    known = {*held.channels, *held.content} if channel is None else {channel}
    drop = [Rule(kind, one) for one in sorted(known) for kind in ("channel", "content")]
    return Change("channels reset", drop=drop, target=channel)


def set_content(level: Level, showing: Showing, channel: str | None) -> Change:
    """Set how far pictures may go in a channel; None: in the whole server."""
    rule = Rule("content", channel or "", value=f"{level} {showing}")
    return Change("channels content", keep=[rule], target=channel, detail={"level": level, "past": showing})


def report_in(channel: str | None) -> Change:
    """Report in a channel what those in charge do; None: nowhere."""
    if channel is None:
        return Change("log off", drop=[Rule("log")])
    return Change("log", keep=[Rule("log", value=channel)], target=channel)


# ---- roles --------------------------------------------------------------------------------------------


def permit(kind: Restricted, name: str, role: str, *, remove: bool = False) -> Change:
    """Put a role on the list of who may use something, or take it off; an empty list means everybody."""
    rule, detail = Rule(kind, name, role), {kind: name, "remove": remove}
    return _either(f"roles {kind}", rule, not remove, role, detail)


def limit_size(role: str, side: int | None) -> Change:
    """Set a role's largest picture, as a square of ``side`` pixels; None: no limit."""
    return _figure("pixels", "roles size", role, None if side is None else str(side * side))


def weigh_role(role: str, weight: float | None) -> Change:
    """Set a role's share of the engine; None: the usual 1."""
    return _figure("weight", "roles weight", role, None if weight is None else f"{weight:g}")


def allow_role(role: str, allowance: Allowance | None) -> Change:
    """Set the engine seconds of each person with a role; None: none set."""
    return _figure("allowance", "roles allowance", role, _written(allowance))


def forget_roles(held: Rules, role: str | None) -> Change:
    """Forget every rule about a role; None: about all roles."""
    drop = [
        Rule(kind, name, one)
        for (kind, name), permitted in held.permits.items()
        for one in permitted
        if role in (None, one)
    ]
    for one in held.roles:
        if role in (None, one):
            drop += [Rule(kind, one) for kind in ("weight", "allowance", "pixels")]
    return Change("roles reset", drop=drop, target=role)


def weigh_server(weight: float) -> Change:
    """Set a server's share of the engine."""
    return Change("weight", keep=[Rule("weight", value=f"{weight:g}")], detail={"weight": weight})


def allow_server(allowance: Allowance | None) -> Change:
    """Set the engine seconds that all people of a server share; None: no limit."""
    value = _written(allowance)
    return _either(
        "allowance", Rule("allowance", value=value or ""), value is not None, None, {"allowance": value}
    )


# ---- styles and words ---------------------------------------------------------------------------------


def set_style(held: Rules, name: str, adds: str) -> Change:
    """Make a server's own style. Raises PromptError, LimitError."""
    key = name.strip().lower()
    if not _STYLE.fullmatch(key) or key == "raw":
        raise PromptError(
            Sentence("A style's name begins with a letter; letters, digits, `-` and `_` follow, 32 at most.")
        )
    if key in STYLE_NAMES:
        raise PromptError(
            Sentence("There is a style `{key}` everywhere already. Choose another name.", key=key)
        )
    if key not in held.styles and len(held.styles) >= MOST_STYLES:
        raise _too_many("styles", MOST_STYLES)
    rule = Rule("style", key, value=" ".join(adds.split()))
    return Change("styles set", keep=[rule], target=key, detail={"adds": rule.value})


def remove_style(held: Rules, name: str) -> Change:
    """Take a style away. Raises NotFound."""
    key = name.strip().lower()
    if key not in held.styles:
        raise NotFound(
            Sentence(
                "This server has no style `{key}`. `/admin styles list` shows what there is.", key=key[:40]
            )
        )
    return Change("styles remove", drop=[Rule("style", key)], target=key)


def list_words(held: Rules, which: Listed, words: Sequence[str]) -> Change:
    """Block words, or let blocked ones through after all. Raises PromptError, LimitError."""
    if not words:
        raise PromptError(Sentence("Name at least one word."))
    unread = [one for one in words if not any(letter.isalnum() for letter in one)]
    if unread:
        named = ", ".join(f"`{one[:40]}`" for one in unread[:5])
        raise PromptError(
            Sentence("{named} holds no letters or digits, so nothing could match it.", named=named)
        )
    other: Listed = "allow" if which == "block" else "block"
    new = set(words) - {*held.blocked, *held.allowed}
    if len(new) + len(held.blocked) + len(held.allowed) > MOST_WORDS:
        raise _too_many("words", MOST_WORDS)
    return Change(
        f"words {which}", keep=[Rule("word", which, one) for one in words],
        drop=[Rule("word", other, one) for one in words], detail={"words": list(words)},
    )  # fmt: skip


def remove_words(held: Rules, words: Sequence[str]) -> Change:
    """Take words off both lists. Raises NotFound where none of them is on one."""
    named = {one.lower() for one in words}
    listed: Iterable[tuple[Listed, Collection[str]]] = (("block", held.blocked), ("allow", held.allowed))
    drop = [Rule("word", which, one) for which, kept in listed for one in kept if one.lower() in named]
    if not drop:
        raise NotFound(Sentence("None of these words is on a list. `/admin words list` shows both."))
    return Change("words remove", drop=drop, detail={"words": sorted({rule.name for rule in drop})})


# ---- the queue and its models -------------------------------------------------------------------------


def set_state(state: Open, until: float | None = None) -> Change:
    """Pause (``until`` then, in Unix seconds, or a resume), drain, or resume a server's queue."""
    action = {"paused": "pause", "draining": "drain", "open": "resume"}[state]
    value = "" if state == "open" else state if until is None else f"{state} {int(until)}"
    return _either(action, Rule("state", value=value), state != "open", None, {})


def switch_model(name: str, *, on: bool) -> Change:
    """Offer a model again, or take it out of the choices."""
    return _either(f"models {'enable' if on else 'disable'}", Rule("off", name), not on, name, {})


def _either(action: str, rule: Rule, keep: bool, target: str | None, detail: Mapping[str, Any]) -> Change:
    return Change(action, [rule] if keep else (), () if keep else [rule], target, detail)


def _figure(kind: str, action: str, role: str, value: str | None) -> Change:
    return _either(action, Rule(kind, role, value=value or ""), value is not None, role, {kind: value})


def _written(allowance: Allowance | None) -> str | None:
    return None if allowance is None else f"{allowance.seconds:g} {allowance.per}"


def _too_many(what: str, most: int) -> LimitError:
    return LimitError(
        Sentence(
            "A server keeps at most {most} {what}. Remove some first; this limit does not pass with time.",
            most=most,
            what=Sentence(what),
        )
    )
