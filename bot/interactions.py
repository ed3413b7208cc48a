"""What every command, button and dialog needs of an interaction: acknowledge it in time, say who asks where.

Refuses to know what was asked for: commands and buttons say that, the service decides about it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine, Iterable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

import aiohttp
import discord
from discord import app_commands
from discord.app_commands import Choice

from bot.custom_ids import Channel, Token
from bot.failures import HIDDEN, PUBLIC, THINKING, Tree
from bot.shards import ShardedClient
from engine.config import Config
from engine.rules.people import Requester
from engine.rules.permissions import PermissionCheck
from engine.service import Caller, Service
from engine.words import Sentence, say

log = logging.getLogger(__name__)

T = TypeVar("T")

ALREADY_ACKNOWLEDGED = 40060
MOST_CHOICES = 25
"""Options of a list, and suggestions for what is typed (Discord)."""
DIALOG_WITHIN = 1.0
"""Seconds our own database has to say what a dialog shows: it must be the first answer, within 3."""
APPEARS = Sentence("The pictures appear here, as a new message.")
APPEARS_IN_ANSWER = Sentence("The pictures appear in this message.")
HINT = "limner.hint"
"""Key of ``interaction.extras``: what is told beside the answer, once it is there."""
Grey = discord.ButtonStyle.secondary
Blue = discord.ButtonStyle.primary
Green = discord.ButtonStyle.success

TRANSIENT = (
    discord.DiscordServerError,
    discord.RateLimited,
    aiohttp.ClientError,
    OSError,
    TimeoutError,
    KeyError,
    ValueError,
)
"""What a second try may cure. discord.py retries neither 503 nor Linux's connection reset (errno 104), and
raises KeyError over a 429 without ``retry_after``, ValueError over a cut-off body."""


class BotClient(ShardedClient):
    """A Discord client that knows the engine's front door and keeps its background tasks."""

    background: asyncio.TaskGroup
    tree: Tree

    def __init__(self, config: Config, service: Service, **options: Any) -> None:
        super().__init__(shards=config.discord.shards, **options)
        self.service = service
        self.followed: set[str] = set()  # progress messages that are removed by their follower

    @property
    def config(self) -> Config:
        """The host's choices as they stand: a reload changes them."""
        return self.service.config

    def owned_by(self, user: int) -> bool:
        """Say whether this person owns the bot: named under ``discord.owners``, or the application's owner.

        Of an application that belongs to a team: its owner, and the members who may change it.
        """
        if user in self.config.discord.owners:
            return True
        application = self.application
        if application is None:
            return False
        if application.team is None:
            return application.owner.id == user
        able = (discord.TeamMemberRole.admin, discord.TeamMemberRole.developer)
        return user == application.team.owner_id or any(
            member.id == user
            and member.role in able
            and member.membership_state is discord.TeamMembershipState.accepted
            for member in application.team.members
        )

    def admit(self, interaction: Interaction, command: str) -> None:
        """Raise the refusing sentence where whoever asks may not use this command here.

        Who has not accepted the host's rules is shown those first: RulesError.
        """
        self.service.admin.require(requester(interaction), PermissionCheck(command))
        self.service.welcome.require(str(interaction.user.id), command)

    def message_in(self, place: Channel, message: str) -> discord.PartialMessage:
        """Return a message by its id, to change or delete it; nothing is asked of Discord yet."""
        channel = self.get_partial_messageable(place.channel, guild_id=place.guild)
        return channel.get_partial_message(int(message))

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Run ``work`` beside everything else; what it raises is logged and harms nothing else.

        Once the bot stops nothing more is begun, such as when Discord says late that it is ready.
        """
        shielded = _shielded(work, name)
        try:
            self.background.create_task(shielded, name=name)
        except RuntimeError:  # the group has ended
            shielded.close()
            work.close()


async def _shielded(work: Coroutine[Any, Any, None], name: str) -> None:
    try:
        await work
    except Exception:
        log.exception("%s", name)


Interaction = discord.Interaction[BotClient]


async def acknowledge(
    interaction: Interaction, *, thinking: bool = True, ephemeral: bool = False
) -> str | None:
    """Answer Discord within its 3 seconds, before any work; return the id of the message to fill, if any.

    Tried again at once where the line breaks: a first answer that did arrive makes the second one say so.
    """
    for delay in (0.0, 0.2, 0.5):
        await asyncio.sleep(delay)
        try:
            answer = await interaction.response.defer(thinking=thinking, ephemeral=ephemeral)
        except TRANSIENT as error:
            log.info("acknowledging %s failed, trying again: %s", interaction.id, type(error).__name__)
            continue
        except discord.HTTPException as error:
            if error.code != ALREADY_ACKNOWLEDGED:
                raise
            # the first try arrived though its answer was lost
            message = await interaction.original_response() if thinking else None
            return None if message is None else _thinking(interaction, message.id, ephemeral)
        return _thinking(interaction, answer.message_id if thinking and answer else None, ephemeral)
    raise ConnectionResetError("Discord took no acknowledgement")


def _thinking(interaction: Interaction, message: int | None, ephemeral: bool) -> str | None:
    if message is None:
        return None
    interaction.extras[THINKING] = HIDDEN if ephemeral else PUBLIC
    return str(message)


class HiddenGroup(app_commands.Group):
    """Commands whose answers only the person sees: each is acknowledged before it begins."""

    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        """Acknowledge; what goes wrong is answered as what the command itself raises."""
        try:
            await acknowledge(interaction, ephemeral=True)
        except Exception as error:
            assert isinstance(interaction.command, app_commands.Command)
            raise app_commands.CommandInvokeError(interaction.command, error) from error
        return True


def origin(interaction: Interaction) -> Channel | Token:
    """Return where results for this interaction go: its channel where the bot may post, else its token."""
    channel = interaction.channel_id
    if channel is not None:
        if interaction.guild_id is None:
            # direct messages with the bot; anybody else's are reached through the token only
            if interaction.context.dm_channel:
                return Channel(None, channel)
        elif interaction.is_guild_integration() and interaction.app_permissions >= _needed(interaction):
            return Channel(interaction.guild_id, channel)
    return Token(interaction.application_id, interaction.token)


def requester(interaction: Interaction) -> Requester:
    """Return who asks here: the person, with server, channel, roles and rights as Discord tells them."""
    client, user, channel = interaction.client, interaction.user, interaction.channel
    host = client.owned_by(user.id)
    rights = interaction.permissions  # none in direct messages
    guild = interaction.guild_id
    roles = [] if guild is None else [guild, *(role.id for role in getattr(user, "roles", ()))]
    # a thread is as its channel is; what tells nothing (direct messages) is not restricted
    restricted = getattr(channel, "is_nsfw", None)
    return Requester(
        owner=str(user.id),
        guild=None if guild is None else str(guild),
        channel=None if interaction.channel_id is None else str(interaction.channel_id),
        parents=parents(channel),
        roles=tuple(dict.fromkeys(map(str, roles))),
        manager=host or rights.administrator or rights.manage_guild,
        age_restricted=restricted is not None and restricted(),
        host=host,
        hidden=_hidden(interaction),
    )


def _hidden(interaction: Interaction) -> tuple[str, ...]:
    """Return which of the channels with rules whoever asks does not see, as far as the cache tells."""
    guild, user = interaction.guild, interaction.user
    if guild is None or not isinstance(user, discord.Member):
        return ()
    rules = interaction.client.service.admin.rules(str(guild.id)).channels
    named = [guild.get_channel(int(one)) for one in rules if one.isdecimal()]
    return tuple(str(one.id) for one in named if one and not one.permissions_for(user).view_channel)


def _needed(interaction: Interaction) -> discord.Permissions:
    thread = isinstance(interaction.channel, discord.Thread)
    return discord.Permissions(
        view_channel=True, attach_files=True, send_messages=not thread, send_messages_in_threads=thread
    )


def caller(interaction: Interaction, *, key: str | None = None, reply_to: str | None = None) -> Caller:
    """Return who asks here, and where the answer goes. ``key``: of the interaction this goes on with."""
    return Caller(
        key=key or str(interaction.id),
        owner=str(interaction.user.id),
        origin=str(origin(interaction)),
        requester=requester(interaction),
        reply_to=reply_to,
        language=str(interaction.locale),
    )


def choices(
    typed: str, values: Iterable[str], names: Mapping[str, str] = MappingProxyType({})
) -> list[Choice[str]]:
    """Return the suggestions that hold what was typed. ``names``: what is shown of a value, if not itself."""
    wanted = typed.strip().lower()
    shown = {value: names.get(value, value) for value in values}
    found = [Choice(name=name[:100], value=value) for value, name in shown.items() if wanted in name.lower()]
    return found[:MOST_CHOICES]


async def models(interaction: Interaction, typed: str) -> list[Choice[str]]:
    """Suggest models by their names."""
    return choices(typed, [model.name for model in interaction.client.service.models])


def parents(channel: Any) -> tuple[str, ...]:
    """Return the ids of what a channel lies in, nearest first: the channel of a thread, then the category."""
    thread = channel if isinstance(channel, discord.Thread) else None
    above = channel if thread is None else thread.parent
    found = (None if thread is None else thread.parent_id, getattr(above, "category_id", None))
    return tuple(str(one) for one in found if one is not None)


async def in_time(work: Coroutine[Any, Any, T], default: T) -> T:
    """Return what is looked up for a dialog; ``default`` where our disk is slow: Discord must not wait."""
    try:
        async with asyncio.timeout(DIALOG_WITHIN):
            return await work
    except TimeoutError:
        return default


async def begun(interaction: Interaction, what: str) -> None:
    """Say at once what began after a dialog or a panel, and where it will appear; its progress follows."""
    here = isinstance(origin(interaction), Channel)
    end = "" if what.endswith((".", "!", "?", "…")) else "."
    text = f"{what}{end} {say(APPEARS) if here else say(APPEARS_IN_ANSWER)}"
    with contextlib.suppress(discord.HTTPException, *TRANSIENT):  # the progress message says it too
        await interaction.edit_original_response(content=text)


async def hint(interaction: Interaction) -> None:
    """Tell what was kept under ``HINT`` to whoever pressed, alone; its message must have been filled."""
    text = interaction.extras.pop(HINT, None)
    if text is not None:
        with contextlib.suppress(discord.HTTPException, *TRANSIENT):
            await interaction.followup.send(text, ephemeral=True)


async def repaint(interaction: Interaction, view: discord.ui.View) -> None:
    """Acknowledge a press by showing its message's buttons anew; where the line breaks, acknowledge only."""
    try:
        await interaction.response.edit_message(view=view)
    except TRANSIENT:
        await acknowledge(interaction, thinking=False)
