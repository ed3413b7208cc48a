"""The values the stand-in passes around: events, uploads, stored messages; they know nothing of the world."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

EPHEMERAL, LOADING, COMPONENTS_V2 = 1 << 6, 1 << 7, 1 << 15
SUPPRESS_EMBEDS, HAS_THREAD, SUPPRESS_NOTIFICATIONS = 1 << 2, 1 << 5, 1 << 12
TEXT, DM, GROUP_DM, THREAD, PRIVATE_THREAD = 0, 1, 3, 11, 12


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened; see the module's table. ``viewer``: the only user id who may see it."""

    kind: str
    data: Json
    viewer: str | None = None


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that somebody sends: its name, its bytes and its alt text."""

    filename: str
    data: bytes
    description: str | None = None


@dataclass(slots=True)
class Message:
    """A stored message: Discord's JSON without what depends on time and viewer."""

    data: Json
    viewer: str | None = None  # set: ephemeral, for this user alone
    interaction: str | None = None  # id of the interaction it answers
    reactions: dict[str, list[str]] = field(default_factory=dict)  # emoji → user ids
    pinged: list[str] = field(default_factory=list)  # ids notified; "everyone" for @everyone and @here

    @property
    def id(self) -> str:
        """Return the snowflake."""
        return str(self.data["id"])

    @property
    def channel_id(self) -> str:
        """Return where it stands."""
        return str(self.data["channel_id"])

    @property
    def ephemeral(self) -> bool:
        """Return whether only one person sees it."""
        return self.viewer is not None

    @property
    def content(self) -> str:
        """Return the text."""
        return str(self.data["content"])

    @property
    def attachments(self) -> list[Json]:
        """Return the files, without links."""
        return list(self.data["attachments"])

    @property
    def author_id(self) -> str:
        """Return who wrote it."""
        return str(self.data["author"]["id"])

    @property
    def loading(self) -> bool:
        """Return whether it still shows "is thinking…"."""
        return bool(self.data["flags"] & LOADING)
