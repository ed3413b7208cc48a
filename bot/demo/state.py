"""What a small Discord remembers, who may see it, and who watches; refuses to know sockets.

Watching: `State.subscribe` calls with `Event`s:

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

import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.demo import permissions as perm
from bot.demo import seed_data
from bot.demo.errors import DiscordError
from bot.demo.files import Files
from bot.demo.seed_data import APP_ID, GUILD_ID
from bot.demo.shapes import DM, GROUP_DM, PRIVATE_THREAD, THREAD, Event, Json, Message, Upload

if TYPE_CHECKING:
    from bot.demo.interactions import Interaction

ANSWER_WITHIN = 3.0  # seconds
EPOCH_MS = 1_420_070_400_000  # Discord's epoch: 2015-01-01 UTC


class State:
    """Everything a stand-in Discord remembers. ``data_dir=None`` keeps it in memory."""

    def __init__(self, data_dir: Path | None = None, *, clock: Callable[[], float] = time.time) -> None:
        self.data_dir = data_dir
        self.clock = clock
        self.users = seed_data.users()
        self.guilds = seed_data.guilds()
        self.members = seed_data.members(self.users)  # guild → user → member
        self.channels = seed_data.channels()
        self.messages: dict[str, dict[str, Message]] = {key: {} for key in self.channels}  # oldest first
        # through a function: tests turn the clock
        folder = None if data_dir is None else data_dir / "files"
        self.files = Files(folder, lambda: self.clock(), self.snowflake)
        self.commands: dict[str | None, list[Json]] = {None: []}  # guild or None (everywhere)
        self.command_creates = 0
        self.interactions: dict[str, Interaction] = {}
        self.nonces: dict[tuple[str, str], tuple[str, float]] = {}  # (channel, nonce) → (message, when)
        self.online = 0
        self.answer_within = ANSWER_WITHIN  # a test on a busy machine is more patient
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
