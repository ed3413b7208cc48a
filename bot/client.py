"""The Discord client and its composition root: logs in, registers what changed, serves; draws nothing.

Long: the composition root of the bot: login, registration, shutdown.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp
import discord
import yarl
from discord import app_commands
from discord.app_commands import AppCommandContext, AppInstallationType
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot import progress
from bot.commands import offered
from bot.components import dialogs
from bot.components.component import Component
from bot.failures import Tree
from bot.interactions import BotClient
from bot.publish import audit_feed, delivery
from bot.publish.moderation import Moderation
from bot.shards import LONGEST_PAUSE
from engine.config import Config
from engine.errors import ConfigError
from engine.service import Service
from engine.service.memory import settle
from engine.service.reload import reload

if TYPE_CHECKING:
    from engine.web import Doors

log = logging.getLogger(__name__)

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
REGISTERED = "discord.commands"
"""Where the service keeps the hash of what was registered in each scope."""
EVERYWHERE = "global"

WRONG_TOKEN = (
    "Discord does not accept this bot token. Copy it again (or reset it) under Bot > Token at "
    "https://discord.com/developers/applications."
)
AUTHENTICATION_FAILED = 4004
MORE_SHARDS = 4011
TOO_FEW_SHARDS = "Discord wants more shards than `shards` under [discord] says. Take that line out."
HEARTS = ("❤️", "❤")
DRAIN = 12.0
"""Seconds to end and post what is being drawn when the bot is asked to stop; with all else less than 20."""
TOLD_AGAIN = 3600.0
"""Seconds before the host is told the same again."""


def date_trace(tell: Callable[[float], None]) -> aiohttp.TraceConfig:
    """Return a trace that tells the time, in Unix seconds, of a session's first two answers with a ``Date``.

    Two, since one alone may be wrong. Then it goes, since a trace costs every request: from there on the ids
    of interactions tell the time.
    """
    told: list[float] = []

    async def ended(session: Any, context: Any, request: aiohttp.TraceRequestEndParams) -> None:
        with contextlib.suppress(ValueError):  # none, or not as RFC 9110, 5.6.7 writes it
            told.append(parsedate_to_datetime(request.response.headers.get("Date", "")).timestamp())
            tell(told[-1])
            if len(told) > 1:
                session.trace_configs.remove(trace)

    trace = aiohttp.TraceConfig()
    trace.on_request_end.append(ended)
    return trace


class Limner(BotClient):
    """The bot: commands, buttons and delivery over its connection to Discord."""

    def __init__(self, config: Config, service: Service) -> None:
        super().__init__(
            config,
            service,
            # neither message content nor members: commands, buttons and menus need none of them
            intents=discord.Intents(guilds=True, guild_reactions=True, dm_reactions=True),
            allowed_mentions=discord.AllowedMentions.none(),
            max_messages=None,
            guild_ready_timeout=0.2,
            http_trace=date_trace(service.retention.told),
        )
        self.doors: Doors | None = None  # those of the HTTP API, where it is on
        self.tree = Tree(self)
        self._told: dict[str, float] = {}
        scopes = [discord.Object(guild) for guild in config.discord.guilds]
        for command in offered(config):
            self.tree.add(command, scopes)

    async def setup_hook(self) -> None:
        """Make old buttons work again, register commands where they changed, start delivering."""
        self.add_dynamic_items(*Component.classes)
        await self._register()
        publisher = delivery.Publisher(self)
        self.spawn(publisher.run(), "deliveries")
        self.spawn(audit_feed.report(self), "record")
        self.spawn(Moderation(self, publisher).run(), "reports")
        await progress.resume(self)

    async def on_ready(self) -> None:
        """Say in the log that people can be served; what was loaded for them stays."""
        log.info("ready as %s in %s servers", self.user, len(self.guilds))
        self.spawn(settle(self.service.origin.prepared), "memory")

    async def on_interaction(self, interaction: discord.Interaction[Any]) -> None:
        """Take what was typed into a dialog, by its ``custom_id``: a restart in between is no matter."""
        self.service.retention.told(interaction.created_at.timestamp(), late=True)
        if interaction.type is discord.InteractionType.modal_submit:
            await dialogs.submitted(interaction)

    async def on_raw_reaction_add(self, payload: discord.RawReactionActionEvent) -> None:
        """Mark the pictures of a result that somebody put a heart on."""
        await self._hearted(payload, on=True)

    async def on_raw_reaction_remove(self, payload: discord.RawReactionActionEvent) -> None:
        """Unmark what somebody took their heart off."""
        await self._hearted(payload, on=False)

    async def _hearted(self, payload: discord.RawReactionActionEvent, *, on: bool) -> None:
        if str(payload.emoji) in HEARTS and payload.user_id != self.application_id:
            await self.service.likes.react(str(payload.user_id), str(payload.message_id), on=on)

    async def tell_host(self, text: str) -> None:
        """Say in the host's log channel what only they can do; the same at most once an hour."""
        now = time.monotonic()
        if now - self._told.get(text, -TOLD_AGAIN) >= TOLD_AGAIN:
            self._told[text] = now
            await audit_feed.tell_host(self, text)

    async def on_error(self, event_method: str, /, *args: Any, **kwargs: Any) -> None:
        """Log what an event handler raised."""
        log.exception("event %s", event_method)

    async def _register(self) -> None:
        """Register the commands of each scope whose payload changed.

        Discord allows 200 new commands a day in each server: registering at every start would run into it.
        """
        # where people may install the bot for themselves its commands must say so: if they say nothing,
        # Discord offers them in servers alone
        people = self.application is not None and self.application.user_integration_config is not None
        self.tree.allowed_installs = AppInstallationType(guild=True, user=people)
        self.tree.allowed_contexts = AppCommandContext(guild=True, dm_channel=True, private_channel=people)
        wanted: dict[str, list[Any]] = {EVERYWHERE: []}
        wanted |= {str(guild): [] for guild in self.config.discord.guilds}
        for scope in wanted:
            guild = None if scope == EVERYWHERE else discord.Object(int(scope))
            wanted[scope] = await self.tree.payload(guild)
        known: Mapping[str, str] = json.loads(await self.service.meta(REGISTERED) or "{}")
        hashes = {scope: _hash(self.application_id, payload) for scope, payload in wanted.items() if payload}
        if hashes == known:
            return
        for scope in sorted({*hashes, *known}):
            if hashes.get(scope) == known.get(scope):
                continue
            try:
                # a scope that is wanted no more gets an empty list
                await self.tree.sync(guild=None if scope == EVERYWHERE else discord.Object(int(scope)))
            except discord.Forbidden:
                log.warning("the bot was not invited to server %s: no commands there", scope)
                hashes.pop(scope, None)
            except (discord.HTTPException, app_commands.CommandSyncFailure) as error:
                if error.status >= 500:
                    raise
                raise ConfigError(refused(error, "the bot's commands")) from None
        await self.service.remember(REGISTERED, json.dumps(hashes))
        log.info("commands registered: %s", ", ".join(hashes))


def _hash(application: int | None, payload: list[Any]) -> str:
    text = json.dumps([application, payload], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def point_to_loopback(environment: Mapping[str, str]) -> str:
    """Let discord.py speak to a stand-in on this machine, if the environment names one; return its origin.

    ``LIMNER_DISCORD_API`` and ``LIMNER_DISCORD_GATEWAY`` hold its addresses; any other host is refused, since
    whoever answers there is given the bot's token.
    """
    api, gateway = environment.get("LIMNER_DISCORD_API"), environment.get("LIMNER_DISCORD_GATEWAY")
    if not api and not gateway:
        return ""
    if not api or not gateway:
        raise ConfigError("Set both `LIMNER_DISCORD_API` and `LIMNER_DISCORD_GATEWAY`, or neither.")
    for name, url in (("LIMNER_DISCORD_API", api), ("LIMNER_DISCORD_GATEWAY", gateway)):
        if urlsplit(url).hostname not in LOOPBACK:
            raise ConfigError(f"`{name}` may only name this machine (127.0.0.1). Unset it to use Discord.")
    Route.BASE = api.rstrip("/")
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway)
    return str(yarl.URL(api).origin())


class Stop:
    """What the host asked for: to end in good order, and, with a second signal, at once."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.at_once = asyncio.Event()

    def signalled(self) -> None:
        """Note SIGINT or SIGTERM."""
        (self.at_once if self.asked.is_set() else self.asked).set()


async def run(config: Config, token: str, reread: Callable[[], Config], left_out: Mapping[str, str]) -> None:
    """Serve Discord until SIGINT or SIGTERM. Raises ConfigError, in a group, where the host can mend it.

    ``reread``: at SIGHUP, the host's choices are read with it anew. ``left_out``: why models and LoRAs of the
    configuration are not offered, by name; the host's log channel is told.
    """
    stand_in = point_to_loopback(os.environ)
    # the two warnings about voice are of no use here
    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
    stop = Stop()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signum, stop.signalled)
    try:
        async with Service.open(config, stand_in=stand_in) as service:
            reloads: set[asyncio.Task[None]] = set()
            loop.add_signal_handler(
                signal.SIGHUP, lambda: reloads.add(loop.create_task(reload(service, reread)))
            )
            await audit_feed.note_left_out(service, left_out)
            await _serve(config, service, token, stop)
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
        for signum in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(signum)


class _Stopped(Exception):
    """Ends the task group in good order."""


async def _serve(config: Config, service: Service, token: str, stop: Stop) -> None:
    try:
        # the tasks end before the connection they speak over
        async with (
            Limner(config, service) as client,
            _listening(config, service, client),
            asyncio.TaskGroup() as tasks,
        ):
            client.background = tasks
            serving = tasks.create_task(_connect(client, token), name="discord")
            stopping = tasks.create_task(stop.asked.wait(), name="stop")
            await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if client.doors is not None:
                client.doors.draining = True
            if not serving.done():
                await _drain(service, stop)
            while not serving.done():  # discord.py swallows a cancellation that meets a breaking connection
                serving.cancel()
                await asyncio.wait({serving}, timeout=0.5)
            raise _Stopped
    except* _Stopped:
        log.info("stopped")


async def _drain(service: Service, stop: Stop) -> None:
    """Start nothing new; let what is being drawn end and be posted, as far as it takes no longer than DRAIN.

    What is not done by then goes back to the queue, and the next start of the bot draws it.
    """
    log.info("stopping; what is being drawn gets %.0f s, a second signal stops at once", DRAIN)
    draining = asyncio.create_task(service.control.drained(DRAIN), name="drain")
    hurry = asyncio.create_task(stop.at_once.wait(), name="hurry")
    await asyncio.wait({draining, hurry}, return_when=asyncio.FIRST_COMPLETED)
    for task in (draining, hurry):
        task.cancel()


@asynccontextmanager
async def _listening(config: Config, service: Service, client: Limner) -> AsyncIterator[None]:
    """Open the HTTP listener while inside, where it is wanted."""
    if not (config.web.enabled or config.api.enabled):
        yield
        return
    from engine.web import Doors, listening  # only where it is wanted: it takes a moment to import

    client.doors = Doors.of(service) if config.api.enabled else None
    async with listening(service, config.web, {"discord": client.is_ready}, client.doors):
        yield


def refused(error: discord.HTTPException, what: str) -> str:
    """Return the one line that ends the bot where Discord refuses what it cannot do without."""
    if error.status == 429:
        return (
            f"Discord refuses {what}: too many requests (HTTP 429). It says this to a bot that logged in too "
            "often, and to an address that made too many wrong requests. Wait an hour, then start again."
        )
    why = f"{error.text} " if error.text else ""
    return (
        f"Discord refuses {what}: {why}(HTTP {error.status}, code {error.code}). "
        "`limner check` looks at the application; starting again will not help by itself."
    )


async def _again(client: Limner, error: Exception, delay: float) -> float:
    """Wait until Discord may be reached again; return how long to wait the next time."""
    log.warning("Discord cannot be reached (%s); trying again in %.0f s", type(error).__name__, delay)
    await client.http.close()
    client.http.connector = discord.utils.MISSING  # closed too now, and login would take it again
    await asyncio.sleep(delay)
    return min(LONGEST_PAUSE, delay * 2)


async def _connect(client: Limner, token: str) -> None:
    delay = 1.0
    while True:
        try:
            await client.login(token)
            break
        except discord.LoginFailure:
            raise ConfigError(WRONG_TOKEN) from None
        except discord.HTTPException as error:
            if error.status >= 500:
                delay = await _again(client, error, delay)
                continue
            raise ConfigError(refused(error, "the login")) from None
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            delay = await _again(client, error, delay)
    delay = 1.0
    while not client.is_closed():
        try:
            await client.connect()
        except discord.ConnectionClosed as error:
            # discord.py lets only those through after which it is no use to come back
            if error.code == AUTHENTICATION_FAILED:
                raise ConfigError(WRONG_TOKEN) from None
            if error.code == MORE_SHARDS:
                raise ConfigError(TOO_FEW_SHARDS) from None
            raise ConfigError(f"Discord ended the connection for good (code {error.code}).") from None
        except (discord.GatewayNotFound, aiohttp.ClientError, OSError, TimeoutError) as error:
            why = type(error).__name__
            log.warning("Discord does not say where to connect (%s); asking again in %.0f s", why, delay)
            await asyncio.sleep(delay)
            delay = min(LONGEST_PAUSE, delay * 2)
