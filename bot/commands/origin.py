"""``/verify``: where a picture comes from, and what it was drawn with."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands
from discord.app_commands import Range

from bot import interactions
from bot.components import picture
from bot.components.redo import RedoButton
from bot.failures import LastingView
from bot.interactions import Interaction
from bot.messages import asking
from bot.messages import origin as messages


@app_commands.command(name="verify", description="Was this picture made here, or by another machine?")
@app_commands.describe(image="The picture, as a file.", link="Or a link to one, or a message's link.")
async def verify(
    interaction: Interaction,
    image: discord.Attachment | None = None,
    link: Range[str, 1, 2000] | None = None,
) -> None:
    """Say what a picture says of its origin."""
    picture.require(image, link)
    await interactions.acknowledge(interaction, ephemeral=True)
    await answer(interaction, await picture.file(interaction, image, link))


async def answer(interaction: Interaction, data: bytes) -> None:
    """Answer an acknowledged interaction with a file's origin and its recipe."""
    service = interaction.client.service
    found, job = await service.verify(data)
    moderates = interaction.permissions.manage_messages and interaction.guild_id is not None
    here = job is not None and moderates and job.guild == str(interaction.guild_id)
    told = job is not None and (job.owner == str(interaction.user.id) or here)
    told = told or interaction.client.owned_by(interaction.user.id)
    lines = [messages.verdict(found, job, told=told)]
    if found.recipe is not None:
        lines.append(messages.recipe(found.recipe, await service.line_of(found.recipe)))
    content = "\n".join(lines)[:2000]
    view = None if asking.copied(content) is None else LastingView(RedoButton())
    await interaction.edit_original_response(content=content, view=view)


COMMANDS: tuple[Any, ...] = (verify,)
