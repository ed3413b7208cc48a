"""``/help``: how to ask, from the one table of flags."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands
from discord.app_commands import Choice, Range

from bot.interactions import MOST_CHOICES, Interaction
from bot.messages import help as messages_help
from engine.errors import NotFound
from engine.prompt.flags import FLAGS, Action

HELPFUL = tuple(flag for flag in FLAGS if flag.action is Action.HONOURED and not flag.legacy)


@app_commands.command(name="help", description="How to ask for pictures, and what the flags do.")
@app_commands.describe(flag="Tell about this flag only.")
async def help_command(interaction: Interaction, flag: Range[str, 1, 32] | None = None) -> None:
    """Help."""
    if flag is None:
        embed = discord.Embed(title=messages_help.HELP_TITLE, description=messages_help.HELP)
        for heading, lines in messages_help.flag_pages(HELPFUL):
            embed.add_field(name=heading, value=lines, inline=False)
    else:
        name = flag.strip().lstrip("-—–").lower()
        found = next((one for one in FLAGS if name in one.names), None)
        if found is None:
            raise NotFound(f"There is no flag `--{name[:30].replace('`', '')}`. `/help` lists them all.")
        embed = discord.Embed(title=f"--{found.name}", description=messages_help.flag_details(found))
    await interaction.response.send_message(embed=embed, ephemeral=True)


@help_command.autocomplete("flag")
async def _flags(interaction: Interaction, typed: str) -> list[Choice[str]]:
    wanted = typed.strip().lstrip("-—–").lower()
    return [
        Choice(name=f"--{flag.name}: {flag.meaning}"[:100], value=flag.name)
        for flag in FLAGS
        if any(wanted in name for name in flag.names) or wanted in flag.meaning.lower()
    ][:MOST_CHOICES]


COMMANDS: tuple[Any, ...] = (help_command,)
