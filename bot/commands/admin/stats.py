"""``/admin stats``, ``export`` and ``audit``: what was drawn, by how many, and what those in charge did."""

from __future__ import annotations

import io

import discord
from discord import app_commands
from discord.app_commands import Range

from bot.commands.admin import helpers
from bot.commands.admin.defaults import ALL_SERVERS
from bot.interactions import Interaction
from bot.messages import admin as words
from bot.messages import record
from engine.words import say

Days = Range[int, 1, 366]
LISTED = 100
DAYS = "How many days back."


@helpers.admin.command(name="stats", description="Jobs, people, failures, waits and devices, with a picture.")
@app_commands.describe(days=DAYS, everywhere=ALL_SERVERS)
async def stats(interaction: Interaction, days: Days = 30, everywhere: bool = False) -> None:
    """Show the figures."""
    guild, service = helpers.scope(interaction, everywhere), interaction.client.service
    figures = await service.admin.figures(guild, days)
    title = (
        say(words.EVERYWHERE) if guild is None else (interaction.guild.name if interaction.guild else guild)
    )
    picture = await service.admin.chart(figures, title)
    file = discord.File(io.BytesIO(picture), "stats.png", description=words.chart_alt(figures))
    told = f"{words.stats(figures)}\n{words.devices(service.control.workers())}"
    await helpers.reply(interaction, told, [file])


@helpers.admin.command(name="export", description="Every job as a CSV file, without prompts.")
@app_commands.describe(days=DAYS, everywhere=ALL_SERVERS)
async def export(interaction: Interaction, days: Days = 30, everywhere: bool = False) -> None:
    """Export the jobs."""
    guild, service = helpers.scope(interaction, everywhere), interaction.client.service
    limit = interaction.filesize_limit - 10_000
    table, count, left = await service.admin.jobs_table(guild, days, limit)
    await service.admin.audit(
        str(interaction.user.id), "export", guild=guild, detail={"days": days, "jobs": count}
    )
    file = discord.File(io.BytesIO(table), "limner-jobs.csv")
    await helpers.reply(interaction, words.exported(count, left, days), [file])


@helpers.admin.command(name="audit", description="What admins did lately, newest first.")
@app_commands.describe(everywhere=ALL_SERVERS)
async def audit(interaction: Interaction, everywhere: bool = False) -> None:
    """Show the record."""
    guild = helpers.scope(interaction, everywhere)
    entries = await interaction.client.service.admin.audits(guild, limit=LISTED)
    await helpers.reply(interaction, record.audits(entries))
