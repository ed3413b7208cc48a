"""Who asks, as far as rules need to know: values only; knows no rules, no stores and no Discord."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Requester:
    """A person, and where they stand while they ask. All ids are strings; None where there is no such place.

    ``parents``: what the channel lies in, nearest first: the channel of a thread, then its category.
    ``roles``: theirs in that server, ``@everyone`` (whose id is the server's) among them.
    ``manager``: they may manage that server, or own the bot. ``host``: they own the bot.
    ``hidden``: channels with rules that they do not see, and that nobody sends them to.
    ``allowance``: seconds of the device in a period that the key they ask with allows, beside what they have.
    """

    owner: str
    guild: str | None = None
    channel: str | None = None
    parents: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    manager: bool = False
    age_restricted: bool = False
    host: bool = False
    allowance: float | None = None
    hidden: tuple[str, ...] = ()


class Unruled(Enum):
    """What stands in a person's place where no server's rules apply: the host's own command line, a key."""

    UNRULED = "unruled"


UNRULED: Final = Unruled.UNRULED
"""Said on purpose: a door that knows of no servers."""


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


@dataclass(frozen=True, slots=True)
class Report:
    """A picture somebody reported, or an appeal against what was refused or removed.

    ``guild``: whose moderators decide, None: the host. ``hides``: the picture is hidden while this is open.
    ``state``: open; a report is then returned or removed, an appeal granted or declined. ``todo``: what must
    still be done in Discord. ``channel`` and ``notice``: where moderators were told.
    """

    id: int
    at: float  # Unix seconds
    kind: str  # report or appeal
    job: str | None
    refusal: int | None
    guild: str | None
    owner: str  # who reports or appeals
    words: str
    hides: bool
    state: str
    moderator: str | None
    todo: str | None
    channel: str | None
    notice: str | None
    attempted_at: float | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """What was refused to whom, and why (for moderators). ``absolute``: no appeal."""

    id: int
    at: float  # Unix seconds
    owner: str
    guild: str | None
    job: str | None
    prompt: str
    why: str
    absolute: bool
