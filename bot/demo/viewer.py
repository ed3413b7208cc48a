"""One open page of the demo: the world as one person sees it, and what they do; keeps no world itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from aiohttp import web

from bot.demo.errors import DiscordError
from bot.demo.interactions import Interaction
from bot.demo.people import Person, Refused
from bot.demo.seed_data import APP_ID
from bot.demo.shapes import Event, Json, Upload
from bot.demo.world import World

ENGLISH = "en-US"
HISTORY = 60  # messages of a channel sent at once
BACKLOG = 2000  # events a stuck page may lag behind before it is cut off; it then starts from a snapshot


def snapshot(world: World, user_id: str) -> Json:
    """Return the world as one person sees it, with the newest messages of every channel."""
    channels = world.channels_for(user_id)
    messages = {
        channel["id"]: world.history(channel["id"], user_id, limit=HISTORY)[::-1] for channel in channels
    }
    return {
        "me": next(user for user in world.people() if user["id"] == user_id),
        "bot": {**world.users[APP_ID], "online": world.online > 0},
        "people": world.people(),
        "locale": world.locales.get(user_id, ENGLISH),
        "guilds": [{"id": guild["id"], "name": guild["name"]} for guild in world.guilds.values()],
        "roles": [
            {"id": role["id"], "name": role["name"], "guild_id": guild["id"], "color": role["color"]}
            for guild in world.guilds.values()
            for role in guild["roles"]
        ],
        "channels": channels,
        "messages": messages,
        "complete": [channel_id for channel_id, shown in messages.items() if len(shown) < HISTORY],
        "limit": world.upload_limit,
        **_commands(world, user_id, channels),
    }


def _in_words_of(part: Json, locale: str) -> Json:
    """Return a command, an option or a choice as a client in this language shows it."""
    shown = dict(part)
    for key in ("name", "description"):
        localized = (part.get(f"{key}_localizations") or {}).get(locale)
        if localized and (key == "description" or "value" in part):  # commands keep their names here
            shown[key] = localized
    for inner in ("options", "choices"):
        if part.get(inner):
            shown[inner] = [_in_words_of(one, locale) for one in part[inner]]
    return shown


def _commands(world: World, user_id: str, channels: list[Json]) -> Json:
    """Return the commands, and which are offered to a person in each channel."""
    by_id: dict[str, Json] = {}
    locale = world.locales.get(user_id, ENGLISH)
    offered: dict[str, list[str]] = {}
    for channel in channels:
        here = world.commands_for(user_id, channel["id"])
        by_id.update({command["id"]: _in_words_of(command, locale) for command in here})
        offered[channel["id"]] = [command["id"] for command in here]
    return {"commands": list(by_id.values()), "offered": offered}


class Host(Protocol):
    """What an open page needs of the server it hangs on."""

    world: World
    prompts: tuple[str, ...]

    def uploads(self, handles: Any) -> list[Upload]:
        """Return the files behind upload handles."""

    async def outcome(self, interaction: Interaction) -> Json:
        """Wait for what the bot first answers."""

    @property
    def recent_traffic(self) -> list[Json]:
        """Return the last lines of traffic."""


class Viewer:
    """One open page: who looks, and what they do."""

    def __init__(
        self, playground: Host, socket: web.WebSocketResponse, transport: asyncio.Transport | None
    ) -> None:
        self.playground = playground
        self.world = playground.world
        self.socket = socket
        self.transport = transport
        self.user_id = ""
        self.traffic = False
        self._out: asyncio.Queue[Json] = asyncio.Queue(BACKLOG)

    @property
    def person(self) -> Person:
        """Return the hands of whoever looks."""
        return self.world.person(self.user_id)

    def send(self, kind: str, data: Any) -> None:
        """Queue an event for the page; a page that no longer reads is cut off."""
        self._put({"t": kind, "d": data})

    def _put(self, message: Json) -> None:
        try:
            self._out.put_nowait(message)
        except asyncio.QueueFull:
            if self.transport is not None:
                self.transport.abort()

    async def write(self) -> None:
        """Send what is queued until the page goes."""
        while not self.socket.closed:
            message = await self._out.get()
            try:
                await self.socket.send_str(json.dumps(message))
            except ConnectionError:
                return

    # -- what is shown ----------------------------------------------------------------------------

    def event(self, event: Event) -> None:
        """Pass on what happened, where this person may see it."""
        if not self.user_id:
            return
        data, world = event.data, self.world
        if event.kind in ("message_create", "message_update"):
            message = data["message"]
            if not self._sees(message["channel_id"]):
                return
            if message.get("reactions"):  # "me" differs from viewer to viewer
                message = world.render(world.find_message(message["id"]), self.user_id)
            self.send("MESSAGE", message)
        elif event.kind == "message_delete":
            self.send("MESSAGE_DELETE", {"id": data["id"], "channel_id": data["channel_id"]})
        elif event.kind.startswith("channel_"):
            channels = world.channels_for(self.user_id)
            self.send("CHANNELS", {"channels": channels, **_commands(world, self.user_id, channels)})
        elif event.kind == "commands":
            self.send("COMMANDS", _commands(world, self.user_id, world.channels_for(self.user_id)))
        elif event.kind == "typing" and self._sees(data["channel_id"]):
            self.send("TYPING", data)
        elif event.kind == "presence":
            self.send("BOT", {"online": bool(data["online"])})

    def _sees(self, channel_id: str) -> bool:
        return channel_id in self.world.channels and self.world.permissions(self.user_id, channel_id) != 0

    # -- what is done -----------------------------------------------------------------------------

    async def act(self, message: Json) -> None:
        """Carry out one operation and answer it."""
        operation = OPERATIONS.get(str(message.get("op")))
        try:
            if operation is None:
                raise Refused(f"there is no operation {message.get('op')!r}")
            if not self.user_id and message.get("op") != "hello":
                raise Refused("say hello first")
            answer: Json = {"ok": True, "d": await operation(self, message)}
        except DiscordError as error:
            answer = {"ok": False, "error": f"{error.message}."}
        except Refused as error:
            words = str(error)
            answer = {"ok": False, "error": f"{words[:1].upper()}{words[1:]}."}
        except (KeyError, TypeError, ValueError):
            answer = {"ok": False, "error": "The page sent something unreadable."}
        if "id" in message:
            self._put({"t": "REPLY", "id": message["id"], **answer})

    async def hello(self, message: Json) -> None:
        """Begin, or go on as somebody else."""
        people = [user["id"] for user in self.world.people()]
        wanted = str(message.get("user") or "")
        self.user_id = wanted if wanted in people else people[0]
        self.send(
            "SNAPSHOT", {**snapshot(self.world, self.user_id), "welcome": list(self.playground.prompts)}
        )

    async def locale(self, message: Json) -> None:
        """Set the language of this person's client, and begin anew in it."""
        self.world.locales[self.user_id] = str(message["locale"])
        await self.hello({"user": self.user_id})

    async def slash(self, message: Json) -> Json:
        """Use a slash command; files come as handles under ``files``."""
        values = {**message.get("options", {}), **self._files(message)}
        interaction = self.person.slash(message["channel"], message["command"], values)
        return await self.playground.outcome(interaction)

    async def autocomplete(self, message: Json) -> Json:
        """Ask for the choices of an option that is being typed."""
        interaction = self.person.autocomplete(
            message["channel"], message["command"], message.get("options", {}), message["focused"]
        )
        return await self.playground.outcome(interaction)

    async def click(self, message: Json) -> Json:
        """Press a button or choose from a select."""
        interaction = self.person.click(message["message"], message["component"], message.get("values"))
        return await self.playground.outcome(interaction)

    async def submit(self, message: Json) -> Json:
        """Send in a modal; uploads come as lists of handles under ``files``."""
        files = {name: self.playground.uploads(handles) for name, handles in message.get("files", {}).items()}
        values = {**message.get("values", {}), **files}
        return await self.playground.outcome(self.person.submit(message["interaction"], values))

    async def close_modal(self, message: Json) -> None:
        """Close a modal without sending it."""
        self.person.dismiss(message["interaction"])

    async def context(self, message: Json) -> Json:
        """Use a message's or a person's menu."""
        interaction = self.person.context_menu(message["channel"], message["command"], message["target"])
        return await self.playground.outcome(interaction)

    async def say(self, message: Json) -> Json:
        """Write a message."""
        uploads = self.playground.uploads(message.get("files"))
        said = self.person.say(message["channel"], message["content"], uploads, message.get("reply_to"))
        return {"message_id": said.id}

    async def react(self, message: Json) -> None:
        """Put a reaction on a message, or take it off."""
        self.person.react(message["message"], message["emoji"], add=bool(message["add"]))

    async def delete(self, message: Json) -> None:
        """Delete a message, or dismiss an ephemeral one."""
        self.person.delete(message["message"])

    async def thread(self, message: Json) -> Json:
        """Open a thread, from a message or by itself."""
        return self.person.start_thread(message["channel"], message["name"], message.get("message"))

    async def dm(self, message: Json) -> Json:
        """Open the direct messages with the bot."""
        return self.person.dm()

    async def history(self, message: Json) -> Json:
        """Return older messages of a channel."""
        channel = message["channel"]
        if not self._sees(channel):
            raise Refused("you cannot look there")
        shown = self.world.history(channel, self.user_id, limit=HISTORY, before=message.get("before"))
        return {"messages": shown, "complete": len(shown) < HISTORY}

    async def watch(self, message: Json) -> None:
        """Begin or end showing traffic; the recent lines come at once."""
        self.traffic = bool(message["on"])
        if self.traffic:
            self.send("TRAFFIC", self.playground.recent_traffic)

    def _files(self, message: Json) -> dict[str, Upload]:
        return {name: self.playground.uploads(handle)[0] for name, handle in message.get("files", {}).items()}


Operation = Callable[[Viewer, Json], Awaitable[Any]]
OPERATIONS: dict[str, Operation] = {
    "hello": Viewer.hello,
    "locale": Viewer.locale,
    "slash": Viewer.slash,
    "autocomplete": Viewer.autocomplete,
    "click": Viewer.click,
    "submit": Viewer.submit,
    "close_modal": Viewer.close_modal,
    "context": Viewer.context,
    "say": Viewer.say,
    "react": Viewer.react,
    "delete": Viewer.delete,
    "thread": Viewer.thread,
    "dm": Viewer.dm,
    "history": Viewer.history,
    "watch": Viewer.watch,
}
