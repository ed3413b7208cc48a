"""Discord's permission bits and how they combine; pure, refuses to know where they are stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

ADMINISTRATOR = 1 << 3
MANAGE_CHANNELS = 1 << 4
MANAGE_GUILD = 1 << 5
ADD_REACTIONS = 1 << 6
VIEW_CHANNEL = 1 << 10
SEND_MESSAGES = 1 << 11
MANAGE_MESSAGES = 1 << 13
EMBED_LINKS = 1 << 14
ATTACH_FILES = 1 << 15
READ_MESSAGE_HISTORY = 1 << 16
MENTION_EVERYONE = 1 << 17
USE_EXTERNAL_EMOJIS = 1 << 18
USE_APPLICATION_COMMANDS = 1 << 31
CREATE_PUBLIC_THREADS = 1 << 35
CREATE_PRIVATE_THREADS = 1 << 36
SEND_MESSAGES_IN_THREADS = 1 << 38
USE_EXTERNAL_APPS = 1 << 50

ALL = (1 << 53) - 1
EVERYONE = (
    ADD_REACTIONS
    | VIEW_CHANNEL
    | SEND_MESSAGES
    | EMBED_LINKS
    | ATTACH_FILES
    | READ_MESSAGE_HISTORY
    | USE_EXTERNAL_EMOJIS
    | USE_APPLICATION_COMMANDS
    | CREATE_PUBLIC_THREADS
    | SEND_MESSAGES_IN_THREADS
    | USE_EXTERNAL_APPS
)
"""What everybody may do in a new server (the part of it that matters to a bot that posts pictures)."""


def base(member_roles: Iterable[str], roles: Mapping[str, int], guild_id: str) -> int:
    """Return the bits a member has in the whole server; ``roles`` maps role id to bits."""
    bits = roles[guild_id]
    for role in member_roles:
        bits |= roles.get(role, 0)
    return ALL if bits & ADMINISTRATOR else bits


def in_channel(
    bits: int,
    overwrites: Iterable[Mapping[str, Any]],
    member_roles: Iterable[str],
    user_id: str,
    guild_id: str,
) -> int:
    """Apply a channel's overwrites: @everyone, then roles together, then the member."""
    if bits & ADMINISTRATOR:
        return ALL
    by_id = {overwrite["id"]: overwrite for overwrite in overwrites}
    layers = [[by_id[guild_id]]] if guild_id in by_id else []
    layers.append([by_id[role] for role in member_roles if role in by_id])
    layers.append([by_id[user_id]] if user_id in by_id else [])
    for layer in layers:
        for overwrite in layer:
            bits &= ~int(overwrite["deny"])
        for overwrite in layer:
            bits |= int(overwrite["allow"])
    if not bits & VIEW_CHANNEL:
        return 0
    return bits
