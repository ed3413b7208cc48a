"""What a person has and prefers: ``/info``."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands

from bot import desk, messages
from bot.desk import Interaction
from engine.jobs import FINAL


@app_commands.command(name="info", description="About you: your jobs, your limits, your settings.")
async def info(interaction: Interaction) -> None:
    """Tell a person how they stand."""
    await desk.acknowledge(interaction, ephemeral=True)
    service = interaction.client.service
    jobs = await service.jobs_of(str(interaction.user.id))
    embed = discord.Embed(title=messages.INFO_TITLE)
    for name, value in messages.person_facts(
        [(job, await service.position(job.id)) for job in jobs if job.state not in FINAL],
        jobs,
        interaction.client.config.limits,
    ):
        embed.add_field(name=name, value=value[:1024], inline=False)
    await interaction.edit_original_response(embed=embed)


COMMANDS: tuple[Any, ...] = (info,)
