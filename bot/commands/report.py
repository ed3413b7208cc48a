"""``/report`` and the Report menu: a picture that should not stand there goes before the moderators."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands
from discord.app_commands import Range

from bot import interactions
from bot.components import picture, reports
from bot.interactions import Interaction
from bot.messages import reports as messages_reports
from engine.errors import NotFound


@app_commands.command(name="report", description="Report a picture to the moderators; it is hidden at once.")
@app_commands.describe(job="The job's id, as Info tells it.", reason="What is wrong with it.")
async def report(interaction: Interaction, job: Range[str, 1, 32], reason: Range[str, 1, 1000]) -> None:
    """Report a job's picture."""
    await interactions.acknowledge(interaction, ephemeral=True)
    await reports.filed(interaction, job.strip().lower().partition(".")[0], reason, seen=False)


@app_commands.context_menu(name="Report")
async def report_menu(interaction: Interaction, message: discord.Message) -> None:
    """Report the picture of a message."""
    said = next(picture.presses(message), None)
    user = interaction.client.user
    if said is None or user is None or message.author.id != user.id:
        raise NotFound(messages_reports.NOT_OURS)
    await reports.ask(interaction, said.job)


COMMANDS: tuple[Any, ...] = (report, report_menu)
