"""What every ``/admin`` command needs: whose rules are meant, what was named, and an answer that fits."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from typing import NamedTuple

import discord
from discord import app_commands
from discord.app_commands import Choice

from bot import interactions
from bot.interactions import HiddenGroup, Interaction
from bot.messages import admin as words
from bot.messages import rules as rules_words
from bot.messages.text import CONTENT_LIMIT
from engine.errors import NotFound, UserError, no_model
from engine.planning.plan import find_model
from engine.rules.changes import Change
from engine.rules.rules import Rules
from engine.words import say

admin = HiddenGroup(
    name="admin",
    description="Run this server's pictures: who, where, how much, and what is going on.",
    allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=False, private_channel=False),
    allowed_installs=app_commands.AppInstallationType(guild=True, user=False),
    # what Discord offers it to; whoever uses it is checked by us each time
    default_permissions=discord.Permissions(manage_guild=True),
)


def group(name: str, description: str) -> HiddenGroup:
    """Return a group of ``/admin``."""
    return HiddenGroup(name=name, description=description, parent=admin)


def scope(interaction: Interaction, everywhere: bool = False) -> str | None:
    """Return the server whose rules are meant; None for all, which the bot's owner alone may mean."""
    if everywhere:
        if not interactions.requester(interaction).host:
            raise UserError(words.HOST_ONLY)
        return None
    if interaction.guild_id is None:
        raise UserError(words.IN_A_SERVER)
    return str(interaction.guild_id)


def require_home(interaction: Interaction, sentence: str) -> None:
    """Raise with this sentence where the engine as a whole is not this server's to command.

    It is the bot's owner's, and that of the servers the owner named under ``discord.guilds``, or of the one
    server the bot is in.
    """
    named = interaction.client.config.discord.guilds
    home = interaction.guild_id in named if named else len(interaction.client.guilds) == 1
    if not home and not interactions.requester(interaction).host:
        raise UserError(sentence)


def rules(interaction: Interaction, everywhere: bool = False) -> Rules:
    """Return the rules that are meant."""
    return interaction.client.service.admin.rules(scope(interaction, everywhere) or "")


async def change(interaction: Interaction, change: Change, said: str, *, everywhere: bool = False) -> None:
    """Change rules on the record, act on them at once, and say so; or that it stood so already."""
    guild, service = scope(interaction, everywhere), interaction.client.service
    changed = await service.admin.change(str(interaction.user.id), guild, change)
    await service.control.decided()
    await reply(interaction, said if changed else f"{say(words.ALREADY)} {said}")


def named(role: discord.Role) -> str:
    """Return how a role is written; a mention of everybody's would show as "@@everyone"."""
    return "@everyone" if role.is_default() else role.mention


async def reply(interaction: Interaction, text: str, files: Iterable[discord.File] = ()) -> None:
    """Answer; what is too long for a message comes whole as a file, with its beginning above it."""
    attached = list(files)
    if len(text) > CONTENT_LIMIT:
        attached.append(discord.File(io.BytesIO(text.encode()), "all.txt"))
        shown = text[: CONTENT_LIMIT - len(say(words.REST_IN_FILE)) - 1].rsplit("\n", 1)[0]
        text = f"{shown}\n{say(words.REST_IN_FILE)}"
    await interaction.edit_original_response(content=text, attachments=attached)


class Place(NamedTuple):
    """A channel, thread or category: its id, what it lies in, and how it is written."""

    id: str
    parents: tuple[str, ...]

    def __str__(self) -> str:
        return f"<#{self.id}>"


_ID = re.compile(r"(?:<[#@&!]{0,2})?(\d{15,20})>?")


def identifier(text: str) -> str | None:
    """Return the id in a mention, or in an id itself; None where there is none."""
    match = _ID.fullmatch(text.strip())
    return None if match is None else match[1]


def owner(text: str) -> str | None:
    """Return a person's id, as ``identifier``, or ``key:N`` of a key of the HTTP API; None: neither."""
    return text.strip() if re.fullmatch(r"key:\d{1,9}", text.strip()) else identifier(text)


def place(interaction: Interaction, named: str | None) -> Place:
    """Return the place somebody named by mention, id or name; without a name, where they are."""
    guild = interaction.guild
    if named is None:
        here = interactions.requester(interaction)
        assert here.channel is not None
        return Place(here.channel, here.parents)
    known = [] if guild is None else [*guild.channels, *guild.threads]
    number, wanted = identifier(named), named.strip().removeprefix("#").lower()
    found = next((one for one in known if str(one.id) == number or one.name.lower() == wanted), None)
    if found is not None:
        return Place(str(found.id), interactions.parents(found))
    if number is not None:
        return Place(number, ())  # an archived thread, say
    raise NotFound(rules_words.no_channel(named))


async def places(interaction: Interaction, typed: str) -> list[Choice[str]]:
    """Offer the server's channels, threads and categories."""
    guild = interaction.guild
    known = [] if guild is None else [*guild.channels, *guild.threads]
    names = {str(one.id): f"#{one.name}" for one in known}
    return interactions.choices(typed.strip().removeprefix("#"), names, names)


def model(interaction: Interaction, name: str) -> str:
    """Return the model somebody named, by its name or an alias. Raises NotFound."""
    models = interaction.client.service.models
    found = find_model(name, models)
    if found is None:
        raise NotFound(no_model(name, [one.name for one in models]))
    return found.name
