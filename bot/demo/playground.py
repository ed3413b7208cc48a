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

from bot.demo.interactions import Interaction
from bot.demo.people import Refused
from bot.demo.shapes import Event, Json, Upload
from bot.demo.viewer import Viewer
from bot.demo.world import World

PAGE = Path(__file__).parent / "page"
KEPT_TRAFFIC = 300  # lines of traffic a newly opened drawer sees
KEPT_UPLOADS = 40  # files waiting to be sent with something
ANSWER_WITHIN = 5.0  # seconds; the world itself fails an interaction after 3
HEADERS = {
    # the page needs nothing from outside and may send nothing there; it holds itself, for two people at once
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self' data: blob:; base-uri 'none'; form-action 'none'; frame-src 'self'; "
        "frame-ancestors 'self'"
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
