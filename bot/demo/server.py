"""The stand-in as a whole on one loopback port: REST, gateway, CDN and the control of its faults."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from bot.demo import interactions
from bot.demo import permissions as perm
from bot.demo.errors import DiscordError
from bot.demo.faults import Faults, from_json
from bot.demo.gateway import Gateway
from bot.demo.limits import Limits
from bot.demo.openapi import Checker
from bot.demo.rest import Rest
from bot.demo.seed_data import APP_ID
from bot.demo.serving import PREFIX
from bot.demo.world import World

API_HOST, GATEWAY_HOST, CDN_HOST = "discord.com", "gateway.discord.gg", "cdn.discordapp.com"
REAL_HOSTS = {API_HOST, GATEWAY_HOST, CDN_HOST}
"""Discord's own names, answered to in TLS mode only, where a test makes them lead here."""
SAVE_EVERY = 2.0  # seconds
CONTROL_HEADER = "X-Limner-Control"  # a custom header keeps other web pages from reaching the control


class Standin:
    """A running stand-in: ``async with Standin() as discord: …``.

    ``port=0`` takes a free one. ``tls``: be addressed by Discord's own names, with a certificate for them.
    ``privileged``: intents granted in the portal. ``shards``: how many are recommended to a bot, of which
    ``max_concurrency`` may log in at a time.
    """

    def __init__(
        self,
        data_dir: Path | None = None,
        *,
        port: int = 0,
        seed: int = 0,
        rate_limits: bool = True,
        privileged: int = 0,
        shards: int = 1,
        max_concurrency: int = 1,
        openapi: str | None = None,
        tls: ssl.SSLContext | None = None,
        world: World | None = None,
    ) -> None:
        self.world = world or World(data_dir)
        self.faults = Faults(seed)
        self.limits = Limits(enabled=rate_limits)
        self.checker = Checker(openapi)
        self.gateway = Gateway(
            self.world, privileged=privileged, shards=shards, max_concurrency=max_concurrency
        )
        self.rest = Rest(self.world, self.limits, self.faults, self.checker)
        self.rest.privileged = privileged
        self.rest.shards, self.rest.max_concurrency = shards, max_concurrency
        self.port = port
        self._tls = tls
        self._hosts = {"127.0.0.1", "localhost", "::1"} | (REAL_HOSTS if tls else set())
        self.app = web.Application(client_max_size=64 * 2**20, middlewares=[self._only_here])
        self._runner: web.AppRunner | None = None
        self._keeper: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Return ``http://127.0.0.1:port``."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def gateway_url(self) -> str:
        """Return the gateway's address."""
        return f"{'wss' if self._tls else 'ws'}://127.0.0.1:{self.port}/gateway"

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment that points a bot process here."""
        return {
            "LIMNER_DISCORD_API": self.url + PREFIX,
            "LIMNER_DISCORD_GATEWAY": self.gateway_url,
            "LIMNER_TOKEN": self.world.token,
        }

    async def __aenter__(self) -> Self:
        self.rest.mount(self.app)
        self.app.router.add_get("/gateway", self.gateway.handle)
        if self._tls:
            self.app.router.add_get("/", self.gateway.handle)
        self.app.router.add_route("*", "/control/{what}", self._control)
        self._runner = web.AppRunner(self.app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, ssl_context=self._tls)
        await site.start()
        self.port = self._runner.addresses[0][1]
        # behind its own names Discord serves files and the gateway from other hosts
        self.world.base_url = f"https://{CDN_HOST}" if self._tls else self.url
        self.gateway.url = self.rest.gateway_url = f"wss://{GATEWAY_HOST}" if self._tls else self.gateway_url
        self._keeper = asyncio.create_task(self._keep())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._keeper is not None
        assert self._runner is not None
        self._keeper.cancel()
        await asyncio.gather(self._keeper, return_exceptions=True)
        self.gateway.drop()
        await self._runner.cleanup()
        self.world.save()

    async def _keep(self) -> None:
        """Let deadlines pass and write the world down now and then."""
        loop = asyncio.get_running_loop()
        saved = loop.time()
        while True:
            left = interactions.tick(self.world)
            if loop.time() - saved > SAVE_EVERY:
                self.world.save()
                saved = loop.time()
            await asyncio.sleep(min(left + 0.005, 0.25) if left is not None else 0.25)

    @web.middleware
    async def _only_here(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Answer only what is addressed to loopback by name: a page elsewhere cannot rebind its way in."""
        host = request.host.rpartition(":")[0] if ":" in request.host else request.host
        if host.strip("[]") not in self._hosts:
            return web.Response(status=421, text="This server answers on loopback only.")
        response: web.StreamResponse = await handler(request)
        return response

    # -- control ----------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Return figures: requests, invalid ones, violations, what was not built, sessions."""
        return {
            "requests": self.rest.requests,
            "invalid": self.rest.invalid,
            "unbuilt": self.rest.unbuilt,
            "violations": self.checker.violations,
            "judged": {"requests": self.checker.requests, "answers": self.checker.responses},
            "sessions": len(self.gateway.sessions),
            "identifies": self.gateway.identifies,
            "resumes": self.gateway.resumes,
            "online": self.world.online,
            "seed": self.faults.seed,
            "faults": [
                {"kind": rule.kind, "path": rule.path, "hits": rule.hits} for rule in self.faults.rules
            ],
        }

    def act(self, what: str, **more: Any) -> None:
        """Do one thing to the world or the gateway; raises ValueError for an unknown one.

        ``drop_gateway`` (of one ``shard``, or all), ``reconnect``, ``invalid_session``, ``mute_gateway``,
        ``duplicate_dispatch``, ``lose_dispatch`` and ``swap_dispatch`` (``count``), ``forget_nonces``,
        ``expire_tokens``, ``delete_message`` (``message``), ``delete_channel`` (``channel``),
        ``lose_permissions`` and ``restore_permissions`` (``channel``), ``close_dms`` (``user``).
        """
        world = self.world
        if what == "drop_gateway":
            self.gateway.drop(more.get("shard"))
        elif what == "reconnect":
            self.gateway.reconnect()
        elif what == "invalid_session":
            self.gateway.invalidate(resumable=bool(more.get("resumable")))
        elif what == "duplicate_dispatch":
            self.gateway.duplicate_next += int(more.get("count", 1))
        elif what == "lose_dispatch":
            self.gateway.lose_next += int(more.get("count", 1))
        elif what == "swap_dispatch":
            self.gateway.swap_next += int(more.get("count", 1))
        elif what == "mute_gateway":
            self.gateway.mute()
        elif what == "forget_nonces":
            world.forget_nonces()
        elif what == "expire_tokens":
            for interaction in list(world.interactions.values()):
                interactions.expire(world, interaction)
        elif what == "delete_message":
            world.delete(world.find_message(str(more["message"])))
        elif what == "delete_channel":
            world.delete_channel(world.channel_id(str(more["channel"])))
        elif what == "lose_permissions":
            bits = int(more.get("bits", perm.SEND_MESSAGES | perm.ATTACH_FILES))
            world.overwrite(world.channel_id(str(more["channel"])), APP_ID, deny=bits)
        elif what == "restore_permissions":
            world.overwrite(world.channel_id(str(more["channel"])), APP_ID)
        elif what == "close_dms":
            self.rest.closed_dms.add(world.user_id(str(more["user"])))
        else:
            raise ValueError(f"no such action: {what}")
        world.traffic("fault", what, body=more)

    async def _control(self, request: web.Request) -> web.Response:
        """``GET state``; ``POST faults`` a list of rules; ``DELETE faults``; ``POST act`` ``{"what": …}``."""
        if CONTROL_HEADER not in request.headers:
            return web.Response(status=403, text=f"Send the header {CONTROL_HEADER}.")
        what = (request.method, request.match_info["what"])
        try:
            if what == ("GET", "state"):
                pass
            elif what == ("POST", "faults"):
                self.faults.rules.extend(from_json(await request.json()))
            elif what == ("DELETE", "faults"):
                self.faults.clear()
            elif what == ("POST", "act"):
                body = await request.json()
                self.act(**body)
            else:
                return web.Response(status=404, text=f"No such control: {what}")
        except (TypeError, ValueError, KeyError, DiscordError) as error:
            return web.Response(status=400, text=str(error))
        return web.Response(
            body=json.dumps(self.state()).encode(), headers={"Content-Type": "application/json"}
        )


def environment_of(standin: Standin) -> dict[str, str]:
    """Return a child's whole environment: ours, pointed at the stand-in."""
    return {**os.environ, **standin.environment}
