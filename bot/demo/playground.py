"""The page of the demo and its WebSocket: shows the `World` to people, acts for them; keeps no state itself.

One connection shows the world as one person sees it and may change who that is. The page sends
``{"op", "id", …}`` and gets ``{"t": "REPLY", "id", "ok", "d" | "error"}``; besides it gets ``SNAPSHOT`` and
then events (``MESSAGE``, ``MESSAGE_DELETE``, ``CHANNELS``, ``TYPING``, ``COMMANDS``, ``BOT``, ``TRAFFIC``).
Everything that is done goes through ``bot.demo.people.Person``, which refuses what a client would.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aiohttp import WSMsgType, web

from bot.demo.errors import DiscordError
from bot.demo.interactions import Interaction
from bot.demo.people import Person, Refused
from bot.demo.world import APP_ID, Event, Json, Upload, World

PAGE = Path(__file__).parent / "page"
HISTORY = 60  # messages of a channel sent at once
KEPT_TRAFFIC = 300  # lines of traffic a newly opened drawer sees
KEPT_UPLOADS = 40  # files waiting to be sent with something
BACKLOG = 2000  # events a stuck page may lag behind before it is cut off; it then starts from a snapshot
ANSWER_WITHIN = 5.0  # seconds; the world itself fails an interaction after 3
HEADERS = {
    # the page needs nothing from outside and may send nothing there
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self' data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
HIDDEN = "[hidden]"
PROMPTS = ("a red apple", "a penguin on a yellow background", "a {red, blue} car")
"""What the welcome proposes."""

_TOKEN_IN_PATH = re.compile(r"(/webhooks/\d+/|/interactions/\d+/)[^/\s?]{20,}")
_SECRET_KEYS = {"token", "session_id", "authorization", "resume_gateway_url"}


def mount(app: web.Application, world: World, *, prompts: tuple[str, ...] = PROMPTS) -> None:
    """Put the page at ``/demo/`` of ``app`` and send visitors of ``/`` there."""

    async def there(request: web.Request) -> web.Response:
        raise web.HTTPFound("/demo/")

    app.router.add_get("/", there)
    app.router.add_get("/demo", there)
    app.add_subapp("/demo/", Playground(world, prompts).application())


def redact(value: Any, secret: str = "") -> Any:
    """Return traffic with every token hidden: in JSON, in paths and, given ``secret``, wherever it stands."""
    if isinstance(value, Mapping):
        return {
            key: HIDDEN if str(key).lower() in _SECRET_KEYS and inner else redact(inner, secret)
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [redact(inner, secret) for inner in value]
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, str):
        value = _TOKEN_IN_PATH.sub(rf"\1{HIDDEN}", value)
        return value.replace(secret, HIDDEN) if secret else value
    return value


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


def _commands(world: World, user_id: str, channels: list[Json]) -> Json:
    """Return the commands, and which are offered to a person in each channel."""
    by_id: dict[str, Json] = {}
    offered: dict[str, list[str]] = {}
    for channel in channels:
        here = world.commands_for(user_id, channel["id"])
        by_id.update({command["id"]: command for command in here})
        offered[channel["id"]] = [command["id"] for command in here]
    return {"commands": list(by_id.values()), "offered": offered}


class Playground:
    """Serves the page of one world."""

    def __init__(self, world: World, prompts: tuple[str, ...] = PROMPTS) -> None:
        self.world = world
        self.prompts = prompts
        self._viewers: set[Viewer] = set()
        self._waiting: dict[str, asyncio.Future[Json]] = {}
        self._uploads: OrderedDict[str, Upload] = OrderedDict()
        self._traffic: deque[Json] = deque(maxlen=KEPT_TRAFFIC)
        self._line = 0

    def application(self) -> web.Application:
        """Return the aiohttp application to mount."""
        app = web.Application(middlewares=[_guard])
        app.router.add_get("/", self._file)
        app.router.add_get("/ws", self._socket)
        app.router.add_post("/upload", self._upload)
        app.router.add_get("/{name:[a-z0-9_-]+\\.(?:js|css|svg)}", self._file)

        async def watch(app: web.Application) -> Any:
            stop = self.world.subscribe(self._event)
            yield
            stop()

        async def close(app: web.Application) -> None:
            for viewer in list(self._viewers):
                await viewer.socket.close(code=1001, message=b"the server stops")

        app.cleanup_ctx.append(watch)
        app.on_shutdown.append(close)
        return app

    # -- files ------------------------------------------------------------------------------------

    async def _file(self, request: web.Request) -> web.Response:
        path = PAGE / request.match_info.get("name", "index.html")
        if not path.is_file():
            raise web.HTTPNotFound
        return web.Response(
            body=path.read_bytes(), content_type=TYPES[path.suffix], charset="utf-8", headers=HEADERS
        )

    async def _upload(self, request: web.Request) -> web.Response:
        data = bytearray()
        async for chunk in request.content.iter_chunked(2**16):
            data += chunk
            if len(data) > self.world.upload_limit:
                words = f"The file is over {self.world.upload_limit // 2**20} MiB, Discord's limit."
                return web.json_response({"error": words}, status=413)
        handle = secrets.token_urlsafe(9)
        self._uploads[handle] = Upload(request.query.get("name") or "file", bytes(data))
        while len(self._uploads) > KEPT_UPLOADS:
            self._uploads.popitem(last=False)
        return web.json_response({"id": handle})

    def uploads(self, handles: Any) -> list[Upload]:
        """Return the files behind handles; raises Refused where one is gone."""
        handles = [handles] if isinstance(handles, str) else list(handles or [])
        if any(handle not in self._uploads for handle in handles):
            raise Refused("the file is no longer here; add it again")
        return [self._uploads[handle] for handle in handles]

    # -- events -----------------------------------------------------------------------------------

    def _event(self, event: Event) -> None:
        data = event.data
        if event.kind == "traffic":
            self._line += 1
            line = redact(data, self.world.token) | {"n": self._line, "at": int(self.world.clock() * 1000)}
            self._traffic.append(line)
            for viewer in self._viewers:
                if viewer.traffic:
                    viewer.send("TRAFFIC", [line])
            return
        if event.kind in ("interaction_done", "interaction_failed"):
            self._settle(data["id"], {"kind": event.kind, **data})
        elif event.kind in ("modal_open", "autocomplete"):
            self._settle(data["interaction_id"], {"kind": event.kind, **data})
        for viewer in list(self._viewers):
            if event.viewer in (None, viewer.user_id):
                viewer.event(event)

    def _settle(self, interaction_id: str, outcome: Json) -> None:
        waiting = self._waiting.get(interaction_id)
        if waiting is not None and not waiting.done():
            waiting.set_result(outcome)

    async def outcome(self, interaction: Interaction) -> Json:
        """Wait for what the bot first answers; raises Refused where it does not."""
        waiting = self._waiting[interaction.id] = asyncio.get_running_loop().create_future()
        try:
            answer: Json = await asyncio.wait_for(waiting, ANSWER_WITHIN)
        except TimeoutError:
            raise Refused("the application did not respond") from None
        finally:
            self._waiting.pop(interaction.id, None)
        if answer["kind"] == "interaction_failed":
            raise Refused("the application did not respond")
        return {key: value for key, value in answer.items() if key != "kind"}

    # -- the socket -------------------------------------------------------------------------------

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(heartbeat=20, max_msg_size=2**20)
        await socket.prepare(request)
        viewer = Viewer(self, socket, request.transport)
        self._viewers.add(viewer)
        try:
            async with asyncio.TaskGroup() as tasks:
                writer = tasks.create_task(viewer.write())
                async for frame in socket:
                    if frame.type is not WSMsgType.TEXT:
                        continue
                    try:
                        message = json.loads(frame.data)
                    except ValueError:
                        continue
                    if isinstance(message, dict):
                        tasks.create_task(viewer.act(message))
                writer.cancel()
        finally:
            self._viewers.discard(viewer)
        return socket

    @property
    def recent_traffic(self) -> list[Json]:
        """Return the last lines of traffic, tokens hidden."""
        return list(self._traffic)


class Viewer:
    """One open page: who looks, and what they do."""

    def __init__(
        self, playground: Playground, socket: web.WebSocketResponse, transport: asyncio.Transport | None
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


@web.middleware
async def _guard(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Let in only pages of this machine: a foreign site may not rebind its name here or open the socket."""
    host = urlsplit(f"//{request.host}").hostname or ""
    if host not in LOOPBACK:
        raise web.HTTPForbidden(text="This page is for this machine only.")
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.host:
        raise web.HTTPForbidden(text="This page is for this machine only.")
    return await handler(request)
