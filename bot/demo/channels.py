"""Channels of the stand-in: direct messages and threads, opened and removed."""

from __future__ import annotations

from bot.demo import permissions as perm
from bot.demo.errors import DiscordError
from bot.demo.messages import Messages
from bot.demo.seed_data import APP_ID
from bot.demo.shapes import DM, HAS_THREAD, PRIVATE_THREAD, THREAD, Json


class Channels(Messages):
    """Messages, and the channels they stand in."""

    def dm(self, user_id: str, other_id: str = APP_ID) -> Json:
        """Return the DM channel of two users, opening it where there is none."""
        if user_id not in self.users or user_id == other_id:
            raise DiscordError(10013)
        for channel in self.channels.values():
            if channel["type"] == DM and set(channel["users"]) == {user_id, other_id}:
                return channel
        channel = {
            "id": self.snowflake(),
            "type": DM,
            "last_message_id": None,
            "flags": 0,
            "users": [user_id, other_id],
        }
        self.channels[channel["id"]] = channel
        self.messages[channel["id"]] = {}
        self.dirty = True
        for viewer in (user_id, other_id):
            if viewer == APP_ID:
                self.dispatch("CHANNEL_CREATE", self.public_channel(channel, APP_ID), None)
            else:
                self.emit("channel_create", viewer, channel=self.public_channel(channel, viewer))
        return channel

    def start_thread(self, user_id: str, channel_id: str, name: str, message_id: str | None = None) -> Json:
        """Open a public thread, from a message or by itself."""
        parent = self.channel(channel_id)
        self.demand(user_id, channel_id, perm.CREATE_PUBLIC_THREADS)
        if message_id is not None and message_id in self.channels:
            raise DiscordError(160004)
        now = self.now()
        thread = {
            "id": message_id or self.snowflake(),
            "type": THREAD,
            "guild_id": parent["guild_id"],
            "parent_id": channel_id,
            "owner_id": user_id,
            "name": name[:100],
            "last_message_id": None,
            "rate_limit_per_user": 0,
            "message_count": 0,
            "member_count": 1,
            "total_message_sent": 0,
            "flags": 0,
            "thread_metadata": {
                "archived": False,
                "archive_timestamp": now,
                "auto_archive_duration": 1440,
                "locked": False,
                "create_timestamp": now,
            },
        }
        self.channels[thread["id"]] = thread
        self.messages[thread["id"]] = {}
        self.dirty = True
        self.dispatch("THREAD_CREATE", {**thread, "newly_created": True}, parent["guild_id"])
        self.emit("channel_create", channel=thread)
        if message_id is not None:
            starter = self.message(channel_id, message_id)
            starter.data["flags"] |= HAS_THREAD
            self.changed(starter)
        return thread

    def delete_channel(self, channel_id: str) -> None:
        """Remove a channel with what is in it."""
        channel = self.channels.pop(channel_id, None)
        if channel is None:
            raise DiscordError(10003)
        self.messages.pop(channel_id, None)
        self.dirty = True
        name = "THREAD_DELETE" if channel["type"] in (THREAD, PRIVATE_THREAD) else "CHANNEL_DELETE"
        self.dispatch(name, channel, channel.get("guild_id"))
        self.emit("channel_delete", channel=channel)
