"""The state of a small Discord: people, channels, messages, files; refuses to know sockets and who watches.

All that HTTP, the gateway, the page and the tests show or change goes through one `World`. It is synchronous,
lives in one event loop and speaks Discord's own JSON (``dict``), ids being decimal strings.

Reading: `World.people`, `World.channels_for`, `World.history`, `World.render`, `World.commands_for`.
Acting as somebody: ``bot.demo.people.Person`` (``world.person("alice").slash(…)``).
Watching: `World.subscribe` (a callback) or `World.feed` (an async iterator) give `Event`s:

=====================  =====================================================================================
kind                   data
=====================  =====================================================================================
``message_create``     ``message`` (API JSON); ``viewer`` is set for an ephemeral message
``message_update``     ``message``; reactions and thread links come as updates too
``message_delete``     ``id``, ``channel_id``
``channel_create``     ``channel`` (a thread or a DM), ``channel_update``, ``channel_delete`` likewise
``typing``             ``channel_id``, ``user_id``
``interaction_create`` ``id``, ``type``, ``name``, ``user_id``, ``channel_id``, ``message_id`` (component's)
``interaction_done``   ``id``, ``callback`` (the callback type 4 to 9), ``message_id`` where one came of it
``interaction_failed`` ``id``, ``reason``: show "The application did not respond" to ``viewer``
``modal_open``         ``interaction_id``, ``modal`` (title, custom_id, components), for ``viewer``
``autocomplete``       ``interaction_id``, ``choices``, for ``viewer``
``commands``           ``commands``: the command list changed
``presence``           ``online``: the bot's gateway connection came or went
``traffic``            for the drawer: ``way`` (rest, gateway, fault), ``text``, ``body``, ``status``
=====================  =====================================================================================

Events with a ``viewer`` are for that user id alone; ``None`` is for everybody.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.demo import founding
from bot.demo import permissions as perm
from bot.demo.errors import DiscordError
from bot.demo.files import Files
from bot.demo.founding import (
    ADMIN_ID,
    ADMIN_ROLE_ID,
    ALICE_ID,
    APP_ID,
    BOB_ID,
    ELSEWHERE_ID,
    GENERAL_ID,
    GUILD_ID,
    LOBBY_ID,
)
from bot.demo.shapes import (
    COMPONENTS_V2,
    DM,
    EPHEMERAL,
    GROUP_DM,
    HAS_THREAD,
    LOADING,
    PRIVATE_THREAD,
    TEXT,
    THREAD,
    Event,
    Json,
    Message,
    Upload,
)

if TYPE_CHECKING:
    from bot.demo.interactions import Interaction
    from bot.demo.people import Person

EPOCH_MS = 1_420_070_400_000  # Discord's epoch: 2015-01-01 UTC
MEMORY_OF_NONCES = 180.0  # seconds; Discord says "the past few minutes"
REQUEST_LIMIT = 25 * 2**20  # bytes a message, all files together

__all__ = [
    "ADMIN_ID",
    "ADMIN_ROLE_ID",
    "ALICE_ID",
    "APP_ID",
    "BOB_ID",
    "COMPONENTS_V2",
    "DM",
    "ELSEWHERE_ID",
    "EPHEMERAL",
    "EPOCH_MS",
    "GENERAL_ID",
    "GROUP_DM",
    "GUILD_ID",
    "LOADING",
    "LOBBY_ID",
    "MEMORY_OF_NONCES",
    "PRIVATE_THREAD",
    "REQUEST_LIMIT",
    "TEXT",
    "THREAD",
    "Event",
    "Json",
    "Message",
    "Upload",
    "World",
]


class World:
    """Everything a stand-in Discord remembers. ``data_dir=None`` keeps it in memory."""

    def __init__(self, data_dir: Path | None = None, *, clock: Callable[[], float] = time.time) -> None:
        self.data_dir = data_dir
        self.clock = clock
        self.users = founding.users()
        self.guilds = founding.guilds()
        self.members = founding.members(self.users)  # guild → user → member
        self.channels = founding.channels()
        self.messages: dict[str, dict[str, Message]] = {key: {} for key in self.channels}  # oldest first
        # through a function: tests turn the clock
        folder = None if data_dir is None else data_dir / "files"
        self.files = Files(folder, lambda: self.clock(), self.snowflake)
        self.commands: dict[str | None, list[Json]] = {None: []}  # guild or None (everywhere)
        self.command_creates = 0
        self.interactions: dict[str, Interaction] = {}
        self.nonces: dict[tuple[str, str], tuple[str, float]] = {}  # (channel, nonce) → (message, when)
        self.online = 0
        self.locales: dict[str, str] = {}  # user → the language of their client; English where none is set
        self.dirty = False
        self._last = 0
        self._watchers: list[Callable[[Event], None]] = []
        self._dispatchers: list[Callable[[str, Json, str | None], None]] = []
        self._load()

    # -- founding and keeping ---------------------------------------------------------------------

    @property
    def token(self) -> str:
        """Return the bot token: base64(application id).x.y, as client libraries expect."""
        head = urlsafe_b64encode(APP_ID.encode()).decode().rstrip("=")
        return f"{head}.GdemoA.stand-in-token-that-opens-nothing-elsewhere"

    def _load(self) -> None:
        if self.data_dir is None or not (self.data_dir / "world.json").exists():
            return
        file = self.data_dir / "world.json"
        try:
            kept = json.loads(file.read_text())
            messages = {
                channel_id: {entry["data"]["id"]: Message(**entry) for entry in entries}
                for channel_id, entries in kept["messages"].items()
            }
            kept = {key: kept[key] for key in ("channels", "commands", "files", "last")}
        except (ValueError, KeyError, TypeError):
            file.replace(file.with_suffix(".unreadable"))  # of another version, or cut off: start afresh
            return
        self.channels.update(kept["channels"])
        self.commands = {(None if key == "" else key): value for key, value in kept["commands"].items()}
        self.files.names = {key: (value[0], value[1]) for key, value in kept["files"].items()}
        self._last = kept["last"]
        self.messages.update(messages)

    def save(self) -> None:
        """Write the world to its folder, atomically; ephemeral messages are forgotten, as clients do."""
        if self.data_dir is None or not self.dirty:
            return
        self.data_dir.mkdir(parents=True, exist_ok=True)
        kept = {
            "channels": self.channels,
            "commands": {key or "": value for key, value in self.commands.items()},
            "files": self.files.names,
            "last": self._last,
            "messages": {
                channel_id: [asdict(message) for message in messages.values() if not message.ephemeral]
                for channel_id, messages in self.messages.items()
            },
        }
        temporary = self.data_dir / "world.json.tmp"
        temporary.write_text(json.dumps(kept))
        temporary.replace(self.data_dir / "world.json")
        self.dirty = False

    # -- watching ---------------------------------------------------------------------------------

    def subscribe(self, watcher: Callable[[Event], None]) -> Callable[[], None]:
        """Call ``watcher`` with every event, in order; returns what ends it."""
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)

    @contextmanager
    def feed(self) -> Iterator[AsyncIterator[Event]]:
        """Give an async iterator of the events from now on: ``with world.feed() as events: async for …``."""
        queue: asyncio.Queue[Event] = asyncio.Queue()

        async def events() -> AsyncIterator[Event]:
            while True:
                yield await queue.get()

        stop = self.subscribe(queue.put_nowait)
        try:
            yield events()
        finally:
            stop()

    def emit(self, kind: str, viewer: str | None = None, **data: Any) -> None:
        """Tell every watcher."""
        event = Event(kind, data, viewer)
        for watcher in list(self._watchers):
            watcher(event)

    def on_dispatch(self, send: Callable[[str, Json, str | None], None]) -> Callable[[], None]:
        """Call ``send(name, data, guild_id)`` for every gateway dispatch; returns what ends it."""
        self._dispatchers.append(send)
        return lambda: self._dispatchers.remove(send)

    def dispatch(self, name: str, data: Json, guild_id: str | None) -> None:
        """Send a gateway event to the bot, if the bot is where it happens."""
        there: Sequence[str] = [APP_ID]
        if guild_id is not None:
            there = list(self.members.get(guild_id, {}))
        elif str(data.get("channel_id")) in self.channels:
            there = self.channels[str(data["channel_id"])]["users"]
        if APP_ID not in there and name != "INTERACTION_CREATE":
            return
        for send in list(self._dispatchers):
            send(name, data, guild_id)

    def traffic(self, way: str, text: str, *, body: Any = None, status: int | None = None) -> None:
        """Note one request, answer or frame for the drawer and the transcript."""
        self.emit("traffic", way=way, text=text, body=body, status=status)

    # -- small facts ------------------------------------------------------------------------------

    def snowflake(self) -> str:
        """Return a fresh id, later than all before it."""
        self._last = max(self._last + 1, (int(self.clock() * 1000) - EPOCH_MS) << 22)
        return str(self._last)

    def now(self) -> str:
        """Return the time as Discord writes it."""
        return datetime.fromtimestamp(self.clock(), UTC).isoformat(timespec="milliseconds")

    def user_id(self, who: str) -> str:
        """Return a user's id from an id or a username."""
        if who in self.users:
            return who
        for user in self.users.values():
            if user["username"].casefold() == who.casefold():
                return str(user["id"])
        raise DiscordError(10013)

    def channel_id(self, where: str) -> str:
        """Return a channel's id from an id or a name (``general`` or ``#general``)."""
        if where in self.channels:
            return where
        for channel in self.channels.values():
            if channel.get("name") == where.removeprefix("#"):
                return str(channel["id"])
        raise DiscordError(10003)

    def person(self, who: str) -> Person:
        """Return the hands of a user, by id or username."""
        from bot.demo.people import Person

        return Person(self, self.user_id(who))

    def people(self) -> list[Json]:
        """Return the users somebody can act as, with ``roles`` (names) in the bot's server."""
        names = {role["id"]: role["name"] for role in self.guilds[GUILD_ID]["roles"]}
        return [
            {**user, "roles": [names[role] for role in self.members[GUILD_ID][user["id"]]["roles"]]}
            for user in self.users.values()
            if not user.get("bot")
        ]

    def channel(self, channel_id: str) -> Json:
        """Return a channel; raises 10003."""
        if channel_id not in self.channels:
            raise DiscordError(10003)
        return self.channels[channel_id]

    def guild_of(self, channel_id: str) -> str | None:
        """Return the server a channel belongs to, None for a DM."""
        guild_id = self.channel(channel_id).get("guild_id")
        return None if guild_id is None else str(guild_id)

    def channels_for(self, user_id: str) -> list[Json]:
        """Return every channel a user sees: servers' channels, threads, DMs."""
        return [
            self.public_channel(channel, user_id)
            for channel in self.channels.values()
            if self.permissions(user_id, channel["id"]) & perm.VIEW_CHANNEL
        ]

    def public_channel(self, channel: Json, viewer: str) -> Json:
        """Return a channel as ``viewer`` reads it: a DM's recipients are the others."""
        if channel["type"] not in (DM, GROUP_DM):
            return channel
        others = [self.users[user] for user in channel["users"] if user != viewer]
        return {key: value for key, value in channel.items() if key != "users"} | {"recipients": others}

    def permissions(self, user_id: str, channel_id: str) -> int:
        """Return a user's permission bits in a channel; 0 where they are not."""
        channel = self.channel(channel_id)
        if channel["type"] in (DM, GROUP_DM):
            return perm.EVERYONE if user_id in channel["users"] else 0
        if channel["type"] in (THREAD, PRIVATE_THREAD):
            bits = self.permissions(user_id, channel["parent_id"])
            if bits & perm.SEND_MESSAGES_IN_THREADS:
                return bits | perm.SEND_MESSAGES
            return bits & ~perm.SEND_MESSAGES
        guild_id = channel["guild_id"]
        member = self.members[guild_id].get(user_id)
        if member is None:
            return 0
        if user_id == self.guilds[guild_id]["owner_id"]:
            return perm.ALL
        roles = {role["id"]: int(role["permissions"]) for role in self.guilds[guild_id]["roles"]}
        bits = perm.base(member["roles"], roles, guild_id)
        return perm.in_channel(bits, channel["permission_overwrites"], member["roles"], user_id, guild_id)

    def demand(self, user_id: str, channel_id: str, bits: int) -> None:
        """Raise 50001 where a user cannot look, 50013 where they lack one of ``bits``."""
        has = self.permissions(user_id, channel_id)
        if not has & perm.VIEW_CHANNEL:
            raise DiscordError(50001)
        if has & bits != bits:
            raise DiscordError(50013)

    def overwrite(self, channel_id: str, target_id: str, *, allow: int = 0, deny: int = 0) -> None:
        """Set a channel's overwrite for a role or member and tell the bot."""
        channel = self.channel(channel_id)
        kind = 1 if target_id in self.users else 0
        kept = [item for item in channel["permission_overwrites"] if item["id"] != target_id]
        kept.append({"id": target_id, "type": kind, "allow": str(allow), "deny": str(deny)})
        channel["permission_overwrites"] = kept
        self.dirty = True
        self.dispatch("CHANNEL_UPDATE", channel, channel["guild_id"])
        self.emit("channel_update", channel=channel)

    # -- channels ---------------------------------------------------------------------------------

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

    # -- files ------------------------------------------------------------------------------------

    @property
    def base_url(self) -> str:
        """Return where files are served."""
        return self.files.base_url

    @base_url.setter
    def base_url(self, url: str) -> None:
        self.files.base_url = url

    @property
    def upload_limit(self) -> int:
        """Return the most bytes of a file."""
        return self.files.limit

    @upload_limit.setter
    def upload_limit(self, limit: int) -> None:
        self.files.limit = limit

    def store(self, channel_id: str, upload: Upload, *, ephemeral: bool = False) -> Json:
        """Keep a file; returns its attachment JSON without links. Raises 40005 over the limit."""
        self.dirty = True
        return self.files.store(channel_id, upload, ephemeral=ephemeral)

    def file(self, file_id: str) -> bytes | None:
        """Return a file's bytes, None where there is none."""
        return self.files.read(file_id)

    def link(self, attachment: Json, channel_id: str) -> Json:
        """Return an attachment with fresh signed links."""
        return self.files.link(attachment, channel_id)

    # -- messages ---------------------------------------------------------------------------------

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

    # -- commands ---------------------------------------------------------------------------------

    def put_commands(self, guild_id: str | None, bodies: Sequence[Json]) -> list[Json]:
        """Replace the command list; commands that keep name and type keep their id. Raises 30034."""
        before = {(command["name"], command["type"]): command for command in self.commands.get(guild_id, [])}
        fresh = [body for body in bodies if (body["name"], body.get("type") or 1) not in before]
        if self.command_creates + len(fresh) > 200:
            raise DiscordError(30034)
        self.command_creates += len(fresh)
        out = []
        for body in bodies:
            kind = body.get("type") or 1
            old = before.get((body["name"], kind))
            needed = body.get("default_member_permissions")
            command: Json = {
                "id": old["id"] if old else self.snowflake(),
                "application_id": APP_ID,
                "version": self.snowflake(),
                "type": kind,
                "name": body["name"],
                "name_localizations": body.get("name_localizations"),
                "description": body.get("description") or "",
                "description_localizations": body.get("description_localizations"),
                # a number is taken, a string is given
                "default_member_permissions": None if needed is None else str(needed),
                "nsfw": bool(body.get("nsfw")),
            }
            if body.get("options"):
                command["options"] = body["options"]
            if guild_id is None:
                command["dm_permission"] = body.get("dm_permission", True) is not False
                command["contexts"] = body.get("contexts")
                command["integration_types"] = body.get("integration_types") or [0]
            else:
                command["guild_id"] = guild_id
            out.append(command)
        self.commands[guild_id] = out
        self.dirty = True
        self.emit("commands", commands=self.all_commands())
        return out

    def all_commands(self) -> list[Json]:
        """Return every registered command."""
        return [command for commands in self.commands.values() for command in commands]

    def commands_for(self, user_id: str, channel_id: str) -> list[Json]:
        """Return the commands a client would offer this user here: context, permission, age gate."""
        channel = self.channel(channel_id)
        guild_id = channel.get("guild_id")
        member_here = guild_id is None or APP_ID in self.members[guild_id]
        context = 0 if guild_id else (1 if APP_ID in channel["users"] else 2)
        bits = self.permissions(user_id, channel_id)
        if guild_id and not bits & perm.USE_APPLICATION_COMMANDS:
            return []
        out = []
        for command in [*self.commands.get(None, []), *self.commands.get(guild_id, [])]:
            installs = command.get("integration_types") or [0]
            if 0 not in installs and 1 not in installs:
                continue
            if (not member_here or context == 2) and 1 not in installs:
                continue
            contexts = command.get("contexts")
            if contexts is not None and context not in contexts:
                continue
            needed = command.get("default_member_permissions")
            if guild_id and needed is not None and not _may(bits, int(needed)):
                continue
            if command["nsfw"] and guild_id and not channel.get("nsfw"):
                continue
            if command not in out:
                out.append(command)
        return out


def _may(bits: int, needed: int) -> bool:
    if bits & perm.ADMINISTRATOR:
        return True
    return needed != 0 and bits & needed == needed


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
