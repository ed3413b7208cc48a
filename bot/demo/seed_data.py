"""Who and what is there at the start: people, two servers, their channels; pure, and the same every time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.demo import permissions as perm
from bot.demo.shapes import TEXT, Json

APP_ID = "1100000000000000001"
GUILD_ID = "1100000000000000100"
ELSEWHERE_ID = "1100000000000000200"
GENERAL_ID = "1100000000000000111"
GALLERY_ID, AFTER_DARK_ID = "1100000000000000112", "1100000000000000113"
ADMIN_CHANNEL_ID = "1100000000000000114"
LOBBY_ID = "1100000000000000211"
ALICE_ID, BOB_ID, ADMIN_ID = "1100000000000000011", "1100000000000000012", "1100000000000000013"
ADMIN_ROLE_ID, BOT_ROLE_ID = "1100000000000000121", "1100000000000000122"


def users() -> dict[str, Json]:
    """Return everybody by id: the bot, two members and an admin."""
    return {
        user_id: {
            "id": user_id,
            "username": username,
            "global_name": None if bot else name,
            "discriminator": "0001" if bot else "0",
            "avatar": None,
            "primary_guild": None,
            "flags": 0,
            "public_flags": 0,
            **({"bot": True} if bot else {}),
        }
        for user_id, username, name, bot in (
            (APP_ID, "Limner", "Limner", True),
            (ALICE_ID, "alice", "Alice", False),
            (BOB_ID, "bob", "Bob", False),
            (ADMIN_ID, "ada", "Ada", False),
        )
    }


def channels() -> dict[str, Json]:
    """Return the servers' channels by id."""
    return {
        channel_id: {
            "id": channel_id,
            "type": TEXT,
            "guild_id": guild_id,
            "name": name,
            "topic": topic,
            "nsfw": nsfw,
            "position": int(channel_id) % 10,
            "permission_overwrites": overwrites,
            "rate_limit_per_user": 0,
            "parent_id": None,
            "last_message_id": None,
            "flags": 0,
        }
        for channel_id, guild_id, name, topic, nsfw, overwrites in (
            (GENERAL_ID, GUILD_ID, "general", "Draw here.", False, []),
            (GALLERY_ID, GUILD_ID, "gallery", "Finished pictures.", False, []),
            (AFTER_DARK_ID, GUILD_ID, "after-dark", "Age-restricted.", True, []),
            (ADMIN_CHANNEL_ID, GUILD_ID, "admin", "For those who run this server.", False, _only_admins()),
            (LOBBY_ID, ELSEWHERE_ID, "lobby", "A server the bot is not in.", False, []),
        )
    }


def _only_admins() -> list[Json]:
    """Return what hides a channel from everybody but admins, who see all, and the bot."""
    view = str(perm.VIEW_CHANNEL)
    return [
        {"id": GUILD_ID, "type": 0, "allow": "0", "deny": view},
        {"id": APP_ID, "type": 1, "allow": view, "deny": "0"},
    ]


def guilds() -> dict[str, Json]:
    """Return the servers by id: one with the bot, one without."""
    studio = [
        _role(GUILD_ID, "@everyone", perm.EVERYONE, 0),
        _role(ADMIN_ROLE_ID, "Admin", perm.ADMINISTRATOR, 2),
        _role(BOT_ROLE_ID, "Limner", perm.EVERYONE, 1, managed=True, tags={"bot_id": APP_ID}),
    ]
    elsewhere = [_role(ELSEWHERE_ID, "@everyone", perm.EVERYONE, 0)]
    return {
        GUILD_ID: _guild(GUILD_ID, "The Studio", studio),
        ELSEWHERE_ID: _guild(ELSEWHERE_ID, "Elsewhere", elsewhere),
    }


def members(people: dict[str, Json]) -> dict[str, dict[str, Json]]:
    """Return the members of each server by server and user id."""
    return {
        GUILD_ID: _members(people, list(people), {ADMIN_ID: [ADMIN_ROLE_ID], APP_ID: [BOT_ROLE_ID]}),
        ELSEWHERE_ID: _members(people, [user for user in people if user != APP_ID], {}),
    }


def _role(role_id: str, title: str, bits: int, position: int, **more: Any) -> Json:
    return {
        "id": role_id,
        "name": title,
        "description": None,
        "permissions": str(bits),
        "position": position,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "managed": False,
        "mentionable": False,
        "icon": None,
        "unicode_emoji": None,
        "flags": 0,
        **more,
    }


def _guild(guild_id: str, name: str, roles: list[Json]) -> Json:
    return {
        "id": guild_id,
        "name": name,
        "icon": None,
        "splash": None,
        "discovery_splash": None,
        "owner_id": ADMIN_ID,
        "region": "us-east",
        "afk_channel_id": None,
        "afk_timeout": 300,
        "verification_level": 0,
        "default_message_notifications": 1,
        "explicit_content_filter": 0,
        "roles": roles,
        "emojis": [],
        "stickers": [],
        "features": [],
        "mfa_level": 0,
        "application_id": None,
        "system_channel_id": None,
        "system_channel_flags": 0,
        "rules_channel_id": None,
        "vanity_url_code": None,
        "description": None,
        "banner": None,
        "premium_tier": 0,
        "premium_subscription_count": 0,
        "preferred_locale": "en-US",
        "public_updates_channel_id": None,
        "nsfw_level": 0,
        "premium_progress_bar_enabled": False,
    }


def _members(
    people: dict[str, Json], user_ids: Sequence[str], granted: dict[str, list[str]]
) -> dict[str, Json]:
    return {
        user_id: {
            "user": people[user_id],
            "nick": None,
            "avatar": None,
            "banner": None,
            "roles": granted.get(user_id, []),
            "joined_at": "2026-01-01T00:00:00+00:00",
            "premium_since": None,
            "communication_disabled_until": None,
            "deaf": False,
            "mute": False,
            "pending": False,
            "flags": 0,
        }
        for user_id in user_ids
    }
