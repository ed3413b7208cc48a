"""Messages of the stand-in: posted, edited, deleted, reacted to, and as each viewer reads them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from bot.demo import permissions as perm
from bot.demo.errors import DiscordError
from bot.demo.seed_data import APP_ID
from bot.demo.shapes import HAS_THREAD, LOADING, THREAD, Json, Message
from bot.demo.state import State

MEMORY_OF_NONCES = 180.0  # seconds; Discord says "the past few minutes"


class Messages(State):
    """The state with its messages."""

    def message(self, channel_id: str, message_id: str) -> Message:
        """Return a message; raises 10008."""
        found = self.messages.get(channel_id, {}).get(message_id)
        if found is None:
            raise DiscordError(10008)
        return found

    def find_message(self, message_id: str) -> Message:
        """Return a message wherever it stands; raises 10008."""
        for messages in self.messages.values():
            if message_id in messages:
                return messages[message_id]
        raise DiscordError(10008)

    def render(self, message: Message, viewer: str = APP_ID) -> Json:
        """Return a message as the API shows it to ``viewer``: links signed now, reactions counted."""
        out = dict(message.data)
        channel_id = message.channel_id
        out["attachments"] = [self.link(item, channel_id) for item in message.data["attachments"]]
        links = {item["filename"]: item for item in out["attachments"]}
        out["embeds"] = [_relink(embed, links) for embed in message.data["embeds"]]
        out["components"] = [_relink(component, links) for component in message.data["components"]]
        if message.reactions:
            out["reactions"] = [
                {
                    "emoji": _emoji(emoji),
                    "count": len(users),
                    "count_details": {"burst": 0, "normal": len(users)},
                    "me": viewer in users,
                    "me_burst": False,
                    "burst_colors": [],
                }
                for emoji, users in message.reactions.items()
            ]
        reference = message.data.get("message_reference")
        if reference and message.data["type"] == 19:
            replied = self.messages.get(channel_id, {}).get(reference["message_id"])
            if replied is None:
                out["referenced_message"] = None
            elif replied is not message:
                out["referenced_message"] = {
                    key: value
                    for key, value in self.render(replied, viewer).items()
                    if key not in ("referenced_message", "reactions")
                }
        if out["flags"] & HAS_THREAD and message.id in self.channels:
            out["thread"] = self.channels[message.id]
        return out

    def history(
        self,
        channel_id: str,
        viewer: str = APP_ID,
        *,
        limit: int = 50,
        before: str | None = None,
        after: str | None = None,
    ) -> list[Json]:
        """Return what ``viewer`` sees of a channel, newest first; ephemeral ones only to their person."""
        rows = [
            message
            for message in self.messages.get(channel_id, {}).values()
            if (message.viewer is None or message.viewer == viewer)
            and (before is None or int(message.id) < int(before))
            and (after is None or int(message.id) > int(after))
        ]
        rows = rows[:limit] if after is not None else rows[-limit:]
        return [self.render(message, viewer) for message in reversed(rows)]

    def post(
        self,
        author_id: str,
        channel_id: str,
        content: str = "",
        *,
        attachments: Sequence[Json] = (),
        embeds: Sequence[Json] = (),
        components: Sequence[Json] = (),
        allowed_mentions: Mapping[str, Any] | None = None,
        flags: int = 0,
        kind: int = 0,
        reply_to: str | None = None,
        nonce: str | int | None = None,
        viewer: str | None = None,
        interaction: str | None = None,
        **more: Any,
    ) -> Message:
        """Store a message and tell everybody. Refuses nothing: doors check first."""
        guild_id = self.guild_of(channel_id)
        data: Json = {
            "id": self.snowflake(),
            "type": 19 if reply_to and kind == 0 else kind,
            "channel_id": channel_id,
            "author": self.users[author_id],
            "content": content,
            "timestamp": self.now(),
            "edited_timestamp": None,
            "tts": False,
            "mention_everyone": False,
            "mentions": [],
            "mention_roles": [],
            "attachments": list(attachments),
            "embeds": list(embeds),
            "components": list(components),
            "pinned": False,
            "flags": flags,
            **more,
        }
        if nonce is not None:
            data["nonce"] = nonce
        if reply_to:
            data["message_reference"] = {"type": 0, "channel_id": channel_id, "message_id": reply_to}
            if guild_id:
                data["message_reference"]["guild_id"] = guild_id
        message = Message(data, viewer=viewer, interaction=interaction)
        self._mentions(message, allowed_mentions)
        self.messages[channel_id][message.id] = message
        self.channels[channel_id]["last_message_id"] = message.id
        if self.channels[channel_id]["type"] == THREAD:
            self.channels[channel_id]["message_count"] += 1
            self.channels[channel_id]["total_message_sent"] += 1
        self.dirty = True
        if viewer is None:
            self.dispatch("MESSAGE_CREATE", self._gateway_form(message), guild_id)
        self.emit("message_create", viewer, message=self.render(message, viewer or ""))
        return message

    def changed(self, message: Message) -> None:
        """Tell everybody that a message is not as it was."""
        self.dirty = True
        if message.viewer is None:
            self.dispatch("MESSAGE_UPDATE", self._gateway_form(message), self.guild_of(message.channel_id))
        self.emit("message_update", message.viewer, message=self.render(message, message.viewer or ""))

    def edit(
        self,
        message: Message,
        *,
        allowed_mentions: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> Message:
        """Change ``content``, ``embeds``, ``components``, ``attachments`` or ``flags`` and tell everybody."""
        loading = message.data["flags"] & LOADING
        message.data.update(fields)
        message.data["flags"] &= ~LOADING
        if not loading:
            message.data["edited_timestamp"] = self.now()
        if "content" in fields:
            self._mentions(message, allowed_mentions)
        self.changed(message)
        return message

    def delete(self, message: Message) -> None:
        """Remove a message and tell everybody."""
        self.messages[message.channel_id].pop(message.id, None)
        self.dirty = True
        gone = {"id": message.id, "channel_id": message.channel_id}
        guild_id = self.guild_of(message.channel_id)
        if message.viewer is None:
            self.dispatch(
                "MESSAGE_DELETE", {**gone, **({"guild_id": guild_id} if guild_id else {})}, guild_id
            )
        self.emit("message_delete", message.viewer, **gone)

    def react(self, user_id: str, message: Message, emoji: str, *, add: bool = True) -> None:
        """Put a reaction on a message or take it off."""
        users = message.reactions.setdefault(emoji, [])
        if add == (user_id in users):
            return
        if add:
            users.append(user_id)
        else:
            users.remove(user_id)
        if not users:
            del message.reactions[emoji]
        self.dirty = True
        guild_id = self.guild_of(message.channel_id)
        data: Json = {
            "user_id": user_id,
            "channel_id": message.channel_id,
            "message_id": message.id,
            "emoji": _emoji(emoji),
            "burst": False,
            "type": 0,
        }
        if add:
            data["message_author_id"] = message.data["author"]["id"]
        if guild_id:
            data["guild_id"] = guild_id
            if add:
                data["member"] = self.members[guild_id][user_id]
        if message.viewer is None:
            self.dispatch("MESSAGE_REACTION_ADD" if add else "MESSAGE_REACTION_REMOVE", data, guild_id)
        self.emit("message_update", message.viewer, message=self.render(message))

    def typing(self, user_id: str, channel_id: str) -> None:
        """Show somebody typing."""
        self.emit("typing", channel_id=channel_id, user_id=user_id)

    def _gateway_form(self, message: Message) -> Json:
        out = self.render(message)
        guild_id = self.guild_of(message.channel_id)
        if guild_id:
            out["guild_id"] = guild_id
            member = self.members[guild_id].get(out["author"]["id"])
            if member is not None:
                out["member"] = {key: value for key, value in member.items() if key != "user"}
        return out

    def _mentions(self, message: Message, allowed: Mapping[str, Any] | None) -> None:
        """Work out who is notified: what the text names and ``allowed_mentions`` lets through."""
        data, text = message.data, message.data["content"]
        author_id = data["author"]["id"]
        parse = {"users", "roles", "everyone"} if allowed is None else set(allowed.get("parse") or ())
        users, roles = (  # clients send ids as numbers too
            {str(one) for one in (allowed or {}).get(kind) or ()} for kind in ("users", "roles")
        )
        named = [user for user in re.findall(r"<@!?(\d+)>", text) if user in self.users]
        pinged = [user for user in dict.fromkeys(named) if "users" in parse or user in users]
        guild_id = self.guild_of(data["channel_id"])
        known = {role["id"] for role in self.guilds[guild_id]["roles"]} if guild_id else set()
        named_roles = [role for role in re.findall(r"<@&(\d+)>", text) if role in known]
        data["mention_roles"] = [
            role for role in dict.fromkeys(named_roles) if "roles" in parse or role in roles
        ]
        may = self.permissions(author_id, data["channel_id"]) & perm.MENTION_EVERYONE
        everyone = bool(re.search(r"@(everyone|here)\b", text)) and "everyone" in parse and bool(may)
        data["mention_everyone"] = everyone
        reference = data.get("message_reference")
        if reference and reference.get("message_id") in self.messages[data["channel_id"]]:
            replied = self.messages[data["channel_id"]][reference["message_id"]].data["author"]["id"]
            default = allowed is None
            if (allowed or {}).get("replied_user", default) and replied not in pinged:
                pinged.append(replied)
        data["mentions"] = [self.users[user] for user in pinged]
        message.pinged = [*pinged, *data["mention_roles"], *(["everyone"] if everyone else [])]

    # -- nonces -----------------------------------------------------------------------------------

    def remembered(self, channel_id: str, nonce: str) -> Message | None:
        """Return the message already sent here with this nonce in the past few minutes."""
        message_id, when = self.nonces.get((channel_id, nonce), ("", 0.0))
        if not message_id or self.clock() - when > MEMORY_OF_NONCES:
            return None
        return self.messages.get(channel_id, {}).get(message_id)

    def remember(self, channel_id: str, nonce: str, message: Message) -> None:
        """Keep a nonce for the next few minutes."""
        self.nonces[channel_id, nonce] = (message.id, self.clock())

    def forget_nonces(self) -> None:
        """Forget every nonce, as Discord does after a few minutes."""
        self.nonces.clear()


def _emoji(text: str) -> Json:
    """Return a partial emoji: a unicode one by its text, a custom one as ``name:id``."""
    name, _, emoji_id = text.partition(":")
    return {"id": emoji_id or None, "name": name}


def _relink(node: Any, links: Mapping[str, Json]) -> Any:
    """Replace ``attachment://name`` by the attachment's signed link wherever a media item stands."""
    if isinstance(node, list):
        return [_relink(item, links) for item in node]
    if not isinstance(node, dict):
        return node
    url = node.get("url")
    if isinstance(url, str) and url.startswith("attachment://"):
        item = links.get(url.removeprefix("attachment://"))
        if item is not None:
            shape = {key: item[key] for key in ("width", "height", "content_type") if key in item}
            extra = {"attachment_id": item["id"]} if "id" in node else {}
            return {**node, "url": item["url"], "proxy_url": item["url"], **shape, **extra}
    return {key: _relink(value, links) for key, value in node.items()}
