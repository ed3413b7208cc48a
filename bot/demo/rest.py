"""REST version 10 and the CDN: the routes the bot needs, the rest answered 501; keeps no state itself."""

from __future__ import annotations

import asyncio
import json
import mimetypes
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from aiohttp import BodyPartReader, web

from bot.demo import faults, forms, interactions
from bot.demo import permissions as perm
from bot.demo.errors import DiscordError, NotBuilt
from bot.demo.gateway import MESSAGE_CONTENT, without_content
from bot.demo.limits import OLD_MESSAGE, Limits
from bot.demo.openapi import Checker
from bot.demo.world import APP_ID, COMPONENTS_V2, DM, EPOCH_MS, Json, Message, Upload, World

PREFIX = "/api/v10"
OUTSIDE_LIMITS = ("/interactions/", "/webhooks/")  # not counted in the global limit


@dataclass(slots=True)
class Call:
    """One request, read: who it names, what it says, what files it brings."""

    request: web.Request
    path: Mapping[str, str]
    body: Any = None
    uploads: dict[int, Upload] = field(default_factory=dict)
    form: bool = False

    @property
    def query(self) -> Mapping[str, str]:
        """Return the query parameters."""
        return self.request.query


Answer = tuple[int, Any]  # status and JSON body; None for an empty one
Handler = Callable[["Rest", Call], Awaitable[Answer]]
ROUTES: list[tuple[str, str, Handler]] = []


def route(method: str, template: str) -> Callable[[Handler], Handler]:
    """Mark a method of `Rest` as the one that answers ``method template``."""

    def mark(handler: Handler) -> Handler:
        ROUTES.append((method, template, handler))
        return handler

    return mark


class Rest:
    """The HTTP side of the stand-in. ``invalid`` counts what Discord counts toward its ban: 401, 403, 429."""

    def __init__(self, world: World, limits: Limits, dice: faults.Faults, checker: Checker) -> None:
        self.world = world
        self.limits = limits
        self.faults = dice
        self.checker = checker
        self.gateway_url = ""
        self.privileged = 0  # intents granted in the portal
        self.requests = 0
        self.invalid = 0
        self.unbuilt: list[str] = []
        self.closed_dms: set[str] = set()  # people who take no messages from the bot (50007)

    def mount(self, app: web.Application) -> None:
        """Add the routes to an application."""
        for method, template, handler in ROUTES:
            app.router.add_route(method, PREFIX + template, self._serve(method, template, handler))
        app.router.add_route("*", "/api/{rest:.*}", self._unknown)
        app.router.add_get("/attachments/{channel}/{file}/{name}", self.cdn)

    # -- the way through --------------------------------------------------------------------------

    def _serve(
        self, method: str, template: str, handler: Handler
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def serve(request: web.Request) -> web.StreamResponse:
            self.requests += 1
            path = request.path.removeprefix(PREFIX)
            fault = self.faults.strike(method, path)
            if fault is not None:
                self.world.traffic(
                    "fault",
                    f"{fault.kind} {fault.status if fault.kind == 'status' else ''} {method} {_quiet(path)}",
                )
                if fault.kind == "stall" and not fault.stored:
                    await request.read()  # so that hanging up is noticed
                    await asyncio.sleep(fault.seconds)
                    if request.transport is None or request.transport.is_closing():
                        return web.Response()  # whoever asked is gone: nothing was stored
                elif fault.kind == "reset_before":
                    await request.read()
                    faults.reset(request)
                    return web.Response()
                elif fault.kind == "status" and not fault.stored:
                    await request.read()
                    self.invalid += fault.status == 429
                    return faults.answer(fault)
            response = await self._respond(method, template, handler, request)
            if fault is not None and fault.kind == "reset_after":
                faults.reset(request)
            elif fault is not None and fault.kind == "stall" and fault.stored:
                await asyncio.sleep(fault.seconds)
            elif fault is not None and fault.kind == "status" and fault.stored:
                return faults.answer(fault)
            elif fault is not None and fault.kind == "truncate" and response.body:
                return await _truncated(request, response)
            return response

        return serve

    async def _respond(
        self, method: str, template: str, handler: Handler, request: web.Request
    ) -> web.Response:
        path = request.path.removeprefix(PREFIX)
        outside = path.startswith(OUTSIDE_LIMITS)
        info = {key: unquote(value) for key, value in request.match_info.items()}
        major = " ".join(info[key] for key in ("channel", "guild", "application", "token") if key in info)
        verdict = self.limits.take(f"{method} {template}", major, time.monotonic(), interaction=outside)
        if "X-RateLimit-Reset" in verdict.headers:
            left = float(verdict.headers["X-RateLimit-Reset-After"])
            verdict.headers["X-RateLimit-Reset"] = f"{time.time() + left:.3f}"
        call = Call(request, info)
        if verdict.retry_after is not None:
            self.invalid += 1
            return self._finish(
                call, method, path, *_limited(verdict.retry_after, verdict.is_global), verdict.headers
            )
        try:
            call = await _read(request, info)
            if not outside and request.headers.get("Authorization") != f"Bot {self.world.token}":
                raise DiscordError(0)
            status, body = await handler(self, call)
        except DiscordError as error:
            status, body = error.status, error.body()
            if status == 429:
                body["retry_after"], body["global"] = 1.0, False
        except NotBuilt as error:
            status, body = self._not_built(method, path, str(error))
        self.invalid += status in (401, 403)
        if call.body is not None or call.form:
            self.checker.request(method, path, call.body, form=call.form, ok=status < 400)
        return self._finish(call, method, path, status, body, verdict.headers)

    def _finish(
        self, call: Call, method: str, path: str, status: int, body: Any, headers: Mapping[str, str]
    ) -> web.Response:
        if status != 501:
            self.checker.response(method, path, status, body)
        names = [upload.filename for upload in call.uploads.values()]
        said = {"request": call.body, "files": names, "answer": body}
        self.world.traffic("rest", f"{method} {_quiet(path)}", body=said, status=status)
        more = {"Via": "1.1 limner-stand-in", **headers}
        if status == 429:
            more["Retry-After"] = str(int(body.get("retry_after", 1)) + 1)
            more["X-RateLimit-Scope"] = "global" if body.get("global") else "user"
            if body.get("global"):
                more["X-RateLimit-Global"] = "true"
        if body is None:
            return web.Response(status=status, headers=more)
        # exactly "application/json": discord.py compares for equality
        return web.Response(
            status=status,
            body=json.dumps(body).encode(),
            headers={**more, "Content-Type": "application/json"},
        )

    def _not_built(self, method: str, path: str, what: str) -> Answer:
        line = f"{method} {_quiet(path)}: {what}"
        self.unbuilt.append(line)
        return 501, {"message": f"501: the stand-in has no {what}", "code": 0}

    async def _unknown(self, request: web.Request) -> web.Response:
        await request.read()
        path = request.path.removeprefix(PREFIX)
        status, body = self._not_built(request.method, path, "such route")
        self.world.traffic("rest", f"{request.method} {_quiet(path)}", status=status, body={"answer": body})
        return web.Response(
            status=status, body=json.dumps(body).encode(), headers={"Content-Type": "application/json"}
        )

    async def cdn(self, request: web.Request) -> web.Response:
        """Serve an attachment whose signed link is whole and has not run out."""
        file_id = request.match_info["file"]
        expires, issued = request.query.get("ex", ""), request.query.get("is", "")
        good = request.query.get("hm") == self.world.files.signature(file_id, expires, issued)
        try:
            good = good and int(expires, 16) > self.world.clock()
        except ValueError:
            good = False
        data = self.world.file(file_id) if good else None
        if data is None:
            return web.Response(status=404, text="This content is no longer available.")
        name = self.world.files.names[file_id][1]
        headers = {"Cache-Control": "private, max-age=86400", "X-Content-Type-Options": "nosniff"}
        response = web.Response(body=data, headers=headers)
        response.content_type = _content_type(name)
        if not response.content_type.startswith(("image/", "video/", "text/plain")):
            response.headers["Content-Disposition"] = "attachment"
        return response

    # -- who one is -------------------------------------------------------------------------------

    @route("GET", "/users/@me")
    async def me(self, call: Call) -> Answer:
        """The bot itself."""
        return 200, {
            **self.world.users[APP_ID],
            "locale": "en-US",
            "mfa_enabled": False,
            "verified": True,
            "email": None,
        }

    @route("GET", "/users/{user}")
    async def user(self, call: Call) -> Answer:
        """Somebody."""
        found = self.world.users.get(call.path["user"])
        if found is None:
            raise DiscordError(10013)
        return 200, found

    @route("GET", "/oauth2/applications/@me")
    async def application(self, call: Call) -> Answer:
        """The application."""
        admin = next(user for user in self.world.users.values() if user["username"] == "ada")
        return 200, {
            "id": APP_ID,
            "name": "Limner",
            "icon": None,
            "description": "",
            "type": None,
            "bot": dict(self.world.users[APP_ID]),
            "bot_public": True,
            "bot_require_code_grant": False,
            "verify_key": "0" * 64,
            "owner": admin,
            "team": None,
            "flags": 0,
            "flags_new": "0",
            "approximate_guild_count": 1,
            "approximate_user_install_count": 1,
            "approximate_user_authorization_count": 1,
            "eligible_oauth2_scopes": [],
            "explicit_content_filter": 0,
            "interactions_endpoint_url": None,
            "redirect_uris": [],
            "role_connections_verification_url": None,
            "integration_types_config": {"0": {}, "1": {}},
        }

    @route("GET", "/applications/@me")
    async def application_me(self, call: Call) -> Answer:
        """The application, by its newer name."""
        return await self.application(call)

    @route("GET", "/gateway")
    async def gateway(self, call: Call) -> Answer:
        """Where the gateway is."""
        return 200, {"url": self.gateway_url}

    @route("GET", "/gateway/bot")
    async def gateway_bot(self, call: Call) -> Answer:
        """Where the gateway is, and how many shards to open."""
        limit = {"total": 1000, "remaining": 999, "reset_after": 14_400_000, "max_concurrency": 1}
        return 200, {"url": self.gateway_url, "shards": 1, "session_start_limit": limit}

    # -- commands ---------------------------------------------------------------------------------

    @route("GET", "/applications/{application}/commands")
    async def commands(self, call: Call) -> Answer:
        """List the global commands."""
        return 200, self.world.commands.get(None, [])

    @route("PUT", "/applications/{application}/commands")
    async def put_commands(self, call: Call) -> Answer:
        """Replace the global commands."""
        return 200, self.world.put_commands(None, forms.commands(call.body))

    @route("GET", "/applications/{application}/guilds/{guild}/commands")
    async def guild_commands(self, call: Call) -> Answer:
        """List a server's commands."""
        self._guild(call)
        return 200, self.world.commands.get(call.path["guild"], [])

    @route("PUT", "/applications/{application}/guilds/{guild}/commands")
    async def put_guild_commands(self, call: Call) -> Answer:
        """Replace a server's commands."""
        self._guild(call)
        return 200, self.world.put_commands(call.path["guild"], forms.commands(call.body))

    def _guild(self, call: Call) -> str:
        guild = call.path["guild"]
        if APP_ID not in self.world.members.get(guild, {}):
            raise DiscordError(50001 if guild in self.world.guilds else 10004)
        return guild

    # -- channels ---------------------------------------------------------------------------------

    @route("GET", "/channels/{channel}")
    async def channel(self, call: Call) -> Answer:
        """One channel."""
        found = self.world.channel(call.path["channel"])
        self.world.demand(APP_ID, found["id"], 0)
        return 200, self.world.public_channel(found, APP_ID)

    @route("POST", "/users/@me/channels")
    async def open_dm(self, call: Call) -> Answer:
        """Open a DM."""
        return 200, self.world.public_channel(self.world.dm(str(call.body["recipient_id"])), APP_ID)

    @route("POST", "/channels/{channel}/typing")
    async def typing(self, call: Call) -> Answer:
        """Show the bot typing."""
        self.world.demand(APP_ID, call.path["channel"], perm.SEND_MESSAGES)
        self.world.typing(APP_ID, call.path["channel"])
        return 204, None

    @route("POST", "/channels/{channel}/threads")
    async def thread(self, call: Call) -> Answer:
        """Open a thread without a message."""
        if call.body.get("type") != 11:
            raise NotBuilt("private threads")
        return 201, self.world.start_thread(APP_ID, call.path["channel"], call.body["name"])

    @route("POST", "/channels/{channel}/messages/{message}/threads")
    async def message_thread(self, call: Call) -> Answer:
        """Open a thread from a message."""
        message = self._seen(call)
        return 201, self.world.start_thread(APP_ID, call.path["channel"], call.body["name"], message.id)

    # -- messages ---------------------------------------------------------------------------------

    @route("GET", "/channels/{channel}/messages")
    async def history(self, call: Call) -> Answer:
        """The latest messages, newest first."""
        channel = call.path["channel"]
        self.world.demand(APP_ID, channel, 0)
        if "around" in call.query:
            raise NotBuilt("history around a message")
        limit = int(call.query.get("limit", 50))
        if not 1 <= limit <= 100:
            words = "int value should be less than or equal to 100."
            raise DiscordError(50035, {"limit": ("NUMBER_TYPE_MAX", words)})
        if not self.world.permissions(APP_ID, channel) & perm.READ_MESSAGE_HISTORY:
            return 200, []
        before, after = call.query.get("before"), call.query.get("after")
        found = self.world.history(channel, APP_ID, limit=limit, before=before, after=after)
        return 200, [self._readable(message, channel) for message in found]

    @route("GET", "/channels/{channel}/messages/{message}")
    async def get_message(self, call: Call) -> Answer:
        """One message."""
        message = self._seen(call)
        self.world.demand(APP_ID, call.path["channel"], perm.READ_MESSAGE_HISTORY)
        return 200, self._readable(self.world.render(message), call.path["channel"])

    def _readable(self, message: Json, channel: str) -> Json:
        """Return a message as far as the bot may read it."""
        if self.privileged & MESSAGE_CONTENT:
            return message
        return without_content(message, self.world.guild_of(channel))

    @route("POST", "/channels/{channel}/messages")
    async def create_message(self, call: Call) -> Answer:
        """Post a message; a nonce used here in the past minutes gives back the message it made."""
        world, channel, body = self.world, call.path["channel"], call.body or {}
        found = world.channel(channel)
        world.demand(APP_ID, channel, perm.SEND_MESSAGES | (perm.ATTACH_FILES if call.uploads else 0))
        if found["type"] == DM and self.closed_dms & set(found["users"]):
            raise DiscordError(50007)
        forms.message(body, call.uploads)
        nonce = body.get("nonce")
        if nonce is not None and body.get("enforce_nonce"):
            before = world.remembered(channel, str(nonce))
            if before is not None:
                return 200, world.render(before)
        reply_to = None
        reference = body.get("message_reference")
        if reference:
            if reference.get("type", 0) != 0:
                raise NotBuilt("forwarded messages")
            reply_to = str(reference["message_id"])
            if reply_to not in world.messages[channel] or world.messages[channel][reply_to].ephemeral:
                if reference.get("fail_if_not_exists", True):
                    words = ("MESSAGE_REFERENCE_UNKNOWN_MESSAGE", "Unknown message")
                    raise DiscordError(50035, {"message_reference": words})
                reply_to = None
            else:
                world.demand(APP_ID, channel, perm.READ_MESSAGE_HISTORY)
        flags = int(body.get("flags") or 0) & (COMPONENTS_V2 | 1 << 2 | 1 << 12)
        message = world.post(
            APP_ID,
            channel,
            body.get("content") or "",
            attachments=interactions.attach(world, channel, body, call.uploads, ()),
            embeds=forms.normal_embeds(body.get("embeds") or []),
            components=forms.normal(body.get("components") or []),
            allowed_mentions=body.get("allowed_mentions"),
            flags=flags,
            reply_to=reply_to,
            nonce=nonce,
        )
        if nonce is not None:
            world.remember(channel, str(nonce), message)
        return 200, world.render(message)

    @route("PATCH", "/channels/{channel}/messages/{message}")
    async def edit_message(self, call: Call) -> Answer:
        """Edit one of the bot's own messages."""
        message = self._seen(call)
        if message.data["author"]["id"] != APP_ID:
            raise DiscordError(50005)
        age = self.world.clock() - ((int(message.id) >> 22) + EPOCH_MS) / 1000
        if age > OLD_MESSAGE and self.limits.old_edit(call.path["channel"], time.monotonic()) is not None:
            raise DiscordError(30046)
        return 200, self.world.render(interactions.change(self.world, message, call.body or {}, call.uploads))

    @route("DELETE", "/channels/{channel}/messages/{message}")
    async def delete_message(self, call: Call) -> Answer:
        """Delete a message."""
        message = self._seen(call)
        if message.data["author"]["id"] != APP_ID:
            self.world.demand(APP_ID, call.path["channel"], perm.MANAGE_MESSAGES)
        self.world.delete(message)
        return 204, None

    def _seen(self, call: Call) -> Message:
        """Return the message a path names, if the bot sees it: an ephemeral one lives only by its token."""
        self.world.demand(APP_ID, call.path["channel"], 0)
        message = self.world.message(call.path["channel"], call.path["message"])
        if message.ephemeral:
            raise DiscordError(10008)
        return message

    # -- reactions --------------------------------------------------------------------------------

    @route("PUT", "/channels/{channel}/messages/{message}/reactions/{emoji}/@me")
    async def react(self, call: Call) -> Answer:
        """Put the bot's reaction on a message."""
        message, emoji = self._seen(call), call.path["emoji"]
        self.world.demand(APP_ID, call.path["channel"], perm.READ_MESSAGE_HISTORY)
        if emoji.isascii() and ":" not in emoji:
            raise DiscordError(10014)
        if emoji not in message.reactions:
            self.world.demand(APP_ID, call.path["channel"], perm.ADD_REACTIONS)
        self.world.react(APP_ID, message, emoji)
        return 204, None

    @route("DELETE", "/channels/{channel}/messages/{message}/reactions/{emoji}/@me")
    async def unreact(self, call: Call) -> Answer:
        """Take the bot's reaction off a message."""
        self.world.react(APP_ID, self._seen(call), call.path["emoji"], add=False)
        return 204, None

    @route("GET", "/channels/{channel}/messages/{message}/reactions/{emoji}")
    async def reactors(self, call: Call) -> Answer:
        """Who reacted so."""
        users = self._seen(call).reactions.get(call.path["emoji"], [])
        return 200, [self.world.users[user] for user in users]

    # -- interactions -----------------------------------------------------------------------------

    @route("POST", "/interactions/{interaction}/{token}/callback")
    async def callback(self, call: Call) -> Answer:
        """Take the first answer to an interaction."""
        path = call.path
        done = interactions.answer(
            self.world, path["interaction"], path["token"], call.body or {}, call.uploads
        )
        if call.query.get("with_response") not in ("1", "true", "True"):
            return 204, None
        about: Json = {"id": done.id, "type": done.type, "channel_id": done.channel_id}
        guild = self.world.guild_of(done.channel_id)
        if guild:
            about["guild_id"] = guild
        answer: Json = {"interaction": about}
        if done.original is not None:
            about["response_message_id"] = done.original
            about["response_message_loading"] = done.answered == 5
            about["response_message_ephemeral"] = done.ephemeral
        if done.answered in (4, 7):
            message = interactions.original(self.world, done)
            answer["resource"] = {"type": done.answered, "message": self.world.render(message)}
        return 200, answer

    @route("POST", "/webhooks/{application}/{token}")
    async def followup(self, call: Call) -> Answer:
        """Send a follow-up."""
        spoken = interactions.by_token(self.world, call.path["application"], call.path["token"])
        return 200, self.world.render(
            interactions.followup(self.world, spoken, call.body or {}, call.uploads)
        )

    @route("GET", "/webhooks/{application}/{token}/messages/{message}")
    async def get_own(self, call: Call) -> Answer:
        """One message sent by this token."""
        spoken = interactions.by_token(self.world, call.path["application"], call.path["token"])
        return 200, self.world.render(interactions.own(self.world, spoken, call.path["message"]))

    @route("PATCH", "/webhooks/{application}/{token}/messages/{message}")
    async def edit_own(self, call: Call) -> Answer:
        """Edit a message sent by this token."""
        spoken = interactions.by_token(self.world, call.path["application"], call.path["token"])
        message = interactions.own(self.world, spoken, call.path["message"])
        return 200, self.world.render(interactions.change(self.world, message, call.body or {}, call.uploads))

    @route("DELETE", "/webhooks/{application}/{token}/messages/{message}")
    async def delete_own(self, call: Call) -> Answer:
        """Delete a message sent by this token."""
        spoken = interactions.by_token(self.world, call.path["application"], call.path["token"])
        self.world.delete(interactions.own(self.world, spoken, call.path["message"]))
        return 204, None


def _quiet(path: str) -> str:
    """Return a path without the token in it."""
    return re.sub(r"/(webhooks|interactions)/(\d+)/[^/]+", r"/\1/\2/…", path)


def _limited(retry_after: float, is_global: bool) -> tuple[int, Json]:
    words = "You are being rate limited."
    return 429, {"message": words, "code": 0, "retry_after": retry_after, "global": is_global}


async def _read(request: web.Request, info: Mapping[str, str]) -> Call:
    """Read a JSON or multipart body: ``payload_json`` and ``files[n]``."""
    if not request.content_type.startswith("multipart/"):
        raw = await request.read()
        if not raw:
            return Call(request, info)
        try:
            return Call(request, info, json.loads(raw))
        except ValueError:
            raise DiscordError(50109) from None
    call = Call(request, info, {}, form=True)
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            raise NotBuilt("nested multipart bodies")
        data = bytes(await part.read(decode=False))
        if part.name == "payload_json":
            try:
                call.body = json.loads(data)
            except ValueError:
                raise DiscordError(50109) from None
            continue
        number = re.fullmatch(r"files\[(\d+)\]", part.name or "")
        if number is None:
            raise NotBuilt(f"multipart field {part.name!r}")
        call.uploads[int(number[1])] = Upload(part.filename or "unknown", data)
    return call


async def _truncated(request: web.Request, response: web.Response) -> web.StreamResponse:
    """Promise the whole body, send half of it and hang up."""
    assert isinstance(response.body, bytes)
    broken = web.StreamResponse(status=response.status, headers=response.headers)
    broken.content_length = len(response.body)
    await broken.prepare(request)
    await broken.write(response.body[: len(response.body) // 2])
    if request.transport is not None:
        request.transport.close()
    return broken


def _content_type(name: str) -> str:
    return mimetypes.guess_type(name)[0] or "application/octet-stream"
