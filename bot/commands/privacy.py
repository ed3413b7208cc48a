"""``/privacy``: everything that is kept about a person, handed out to them or deleted."""

from __future__ import annotations

import io
from typing import Any, Literal

import discord
from discord import app_commands

from bot.interactions import HiddenGroup, Interaction
from bot.messages import person as messages_person
from engine.words import say

MOST = 25 * 1024 * 1024
"""Bytes of one file, however much more a server's boosts allow: an export is read on phones too."""
SPARE = 64 * 1024
"""Bytes of a request that are not the file's."""

privacy = HiddenGroup(name="privacy", description="What is kept about you: get it, or delete it.")


@privacy.command(name="export", description="Get everything that is kept about you, pictures too.")
async def export(interaction: Interaction) -> None:
    """Hand out everything, as ZIP files that fit into messages only the person sees."""
    owner, number = str(interaction.user.id), 0
    limit = min(interaction.filesize_limit, MOST) - SPARE
    async for part in interaction.client.service.export(owner, limit):
        number += 1
        file = discord.File(io.BytesIO(part), f"limner-{number}.zip")
        await interaction.followup.send(messages_person.export_part(number), file=file, ephemeral=True)
    await interaction.followup.send(messages_person.exported(number), ephemeral=True)


@privacy.command(name="delete", description="Delete everything that is kept about you, for good.")
@app_commands.describe(confirm="There is no way back. /privacy export saves a copy first.")
async def delete(interaction: Interaction, confirm: Literal["Delete everything about me for good"]) -> None:
    """Delete everything."""
    await interaction.client.service.forget(str(interaction.user.id))
    await interaction.edit_original_response(content=say(messages_person.FORGOTTEN))


COMMANDS: tuple[Any, ...] = (privacy,)
