"""Who asks, as far as rules need to know: values only; knows no rules, no stores and no Discord."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Asker:
    """A person, and where they stand while they ask. All ids are strings; None where there is no such place.

    ``parents``: what the channel lies in, nearest first: the channel of a thread, then its category.
    ``roles``: theirs in that server, ``@everyone`` (whose id is the server's) among them.
    ``manager``: they may manage that server, or own the bot. ``host``: they own the bot.
    """

    owner: str
    guild: str | None = None
    channel: str | None = None
    parents: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    manager: bool = False
    age_restricted: bool = False
    host: bool = False


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One thing done in somebody's name: who (a person's id, ``cli``, ``limner``), what, to whom, and how."""

    id: int
    at: float  # Unix seconds
    guild: str | None  # None: everywhere
    actor: str
    action: str  # such as "ban"
    target: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
