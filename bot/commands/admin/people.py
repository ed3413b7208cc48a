"""``/admin ban``, ``timeout``, ``unban`` and ``bans``: who may not draw, why, and until when."""

from __future__ import annotations

import re

import discord
from discord import app_commands
from discord.app_commands import Choice, Range

from bot.commands.admin import helpers
from bot.commands.admin.defaults import ALL_SERVERS
from bot.interactions import MOST_CHOICES, Interaction
from bot.messages import admin as words
from engine.errors import NotFound, PromptError, UserError

Reason = Range[str, 1, 300]
_UNITS = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_LENGTH = re.compile(r"(\d{1,5})\s*(m|min|h|d|w)[a-z]*")
LONGEST = 366 * 86400.0


def seconds(text: str) -> float:
    """Return a length of time as people write it (``30m``, ``2 h``, ``1w 2d``). Raises PromptError."""
    found = [*_LENGTH.finditer(text.strip().lower())]
    left = _LENGTH.sub("", text.strip().lower()).replace(",", "").replace("and", "").strip()
    total = sum(int(one[1]) * _UNITS[one[2][0]] for one in found)
    if left or not 0 < total <= LONGEST:
        raise PromptError(words.bad_length(text))
    return float(total)


async def _keep_out(
    interaction: Interaction,
    person: discord.User,
    reason: str,
    length: float | None,
    everywhere: bool,
) -> None:
    guild, service = helpers.scope(interaction, everywhere), interaction.client.service
    if interaction.client.owned_by(person.id):
        raise UserError(words.NOT_THE_HOST)
    member = person if isinstance(person, discord.Member) else None
    rights = None if member is None or everywhere else member.resolved_permissions
    if rights is not None and (rights.administrator or rights.manage_guild):
        raise UserError(words.NOT_AN_ADMIN)
    if interaction.client.user is not None and person.id == interaction.client.user.id:
        raise UserError(words.NOT_ME)
    await service.admin.ban(str(interaction.user.id), guild, str(person.id), reason, length)
    await helpers.reply(interaction, words.banned(person.mention, reason, length, everywhere))


@helpers.admin.command(name="ban", description="Keep somebody from drawing, for good.")
@app_commands.describe(person="Who; an id does too.", reason="They read it.", everywhere=ALL_SERVERS)
async def ban(
    interaction: Interaction, person: discord.User, reason: Reason = "", everywhere: bool = False
) -> None:
    """Ban somebody."""
    await _keep_out(interaction, person, reason, None, everywhere)


@helpers.admin.command(name="timeout", description="Keep somebody from drawing for a while.")
@app_commands.describe(
    person="Who; an id does too.", length="Such as 30m, 2h, 7d.", reason="They read it.",
    everywhere=ALL_SERVERS,
)  # fmt: skip
async def timeout(
    interaction: Interaction,
    person: discord.User,
    length: Range[str, 2, 30],
    reason: Reason = "",
    everywhere: bool = False,
) -> None:
    """Ban somebody for a while."""
    await _keep_out(interaction, person, reason, seconds(length), everywhere)


@helpers.admin.command(name="bankey", description="Keep a program's key from drawing, in any server.")
@app_commands.describe(
    number="The key's number: limner keys list.", length="Such as 30m, 2h, 7d; else for good.",
    reason="It reads it.",
)  # fmt: skip
async def bankey(
    interaction: Interaction,
    number: Range[int, 1],
    length: Range[str, 2, 30] | None = None,
    reason: Reason = "",
) -> None:
    """Ban a key of the HTTP API; it draws in no server, so it is the bot's owner who may."""
    helpers.scope(interaction, True)
    service, span = interaction.client.service, None if length is None else seconds(length)
    key = await service.keys.get(number)
    if key is None:
        raise NotFound(words.no_key(number))
    await service.admin.ban(str(interaction.user.id), None, key.owner, reason, span)
    await helpers.reply(interaction, words.banned(f"`{key.owner}`", reason, span, True))


@helpers.admin.command(name="unban", description="Let somebody draw again.")
@app_commands.describe(person="Who: mention or id.", reason="For the record.", everywhere=ALL_SERVERS)
async def unban(
    interaction: Interaction, person: Range[str, 1, 40], reason: Reason = "", everywhere: bool = False
) -> None:
    """Lift a ban."""
    guild, number = helpers.scope(interaction, everywhere), helpers.owner(person)
    if number is None:
        raise PromptError(words.no_person(person))
    actor = str(interaction.user.id)
    if not await interaction.client.service.admin.unban(actor, guild, number, reason):
        raise NotFound(words.not_banned(number))
    await helpers.reply(interaction, words.unbanned(number))


@unban.autocomplete("person")
async def _banned(interaction: Interaction, typed: str) -> list[Choice[str]]:
    held = interaction.client.service.admin.bans(helpers.scope(interaction))
    known = [
        Choice(name=f"{ban.owner} {ban.reason}"[:100], value=ban.owner)
        for ban in held
        if ban.owner is not None and typed.strip().lower() in f"{ban.owner} {ban.reason}".lower()
    ]
    return known[-MOST_CHOICES:]


@helpers.admin.command(name="bans", description="Who may not draw, why, and until when.")
@app_commands.describe(everywhere=ALL_SERVERS)
async def bans(interaction: Interaction, everywhere: bool = False) -> None:
    """List the bans."""
    held = interaction.client.service.admin.bans(helpers.scope(interaction, everywhere))
    await helpers.reply(interaction, words.bans(held))
