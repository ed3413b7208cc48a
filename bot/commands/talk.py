"""``/help``: how to ask, from the one table of flags."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import discord
from discord import app_commands
from discord.app_commands import Choice, Range

from bot.components import help as help_pages
from bot.interactions import MOST_CHOICES, Interaction
from bot.messages import help as messages_help
from engine.config import LoraConfig, ModelConfig
from engine.errors import NotFound
from engine.prompt.flags import FLAGS
from engine.service import Service
from engine.words import Sentence, say


@app_commands.command(name="help", description="How to ask for pictures, and what the flags do.")
@app_commands.describe(flag="Tell about this flag only.", topic="Open this section.")
async def help_command(
    interaction: Interaction, flag: Range[str, 1, 32] | None = None, topic: Range[str, 1, 32] | None = None
) -> None:
    """Help."""
    service = interaction.client.service
    if flag is not None:
        name = flag.strip().lstrip("-—–").lower()
        found = next((one for one in FLAGS if name in one.names), None)
        if found is None:
            raise NotFound(
                Sentence(
                    "There is no flag `--{name}`. `/help` lists them all.",
                    name=name[:30].replace("`", ""),
                )
            )
        names = {one.name: one.trigger_words or () for one in _named(service, found.name)}
        details = messages_help.flag_details(found, names)
        embed = discord.Embed(title=f"--{found.name}", description=details)
    else:
        embed = help_pages.front() if topic is None else help_pages.page(service, topic.strip().lower())
    view = help_pages.view(service, starters=flag is None and topic is None)
    await interaction.response.send_message(embed=embed, view=view, ephemeral=True)


def _named(service: Service, flag: str) -> Sequence[ModelConfig | LoraConfig]:
    """Return what a flag may name here."""
    return service.models if flag == "model" else service.config.loras if flag == "lora" else ()


@help_command.autocomplete("topic")
async def _topics(interaction: Interaction, typed: str) -> list[Choice[str]]:
    wanted = typed.strip().lower()
    return [
        Choice(name=say(heading), value=topic)
        for topic, heading in help_pages.topics(interaction.client.service).items()
        if wanted in say(heading).lower() or wanted in topic
    ]


@help_command.autocomplete("flag")
async def _flags(interaction: Interaction, typed: str) -> list[Choice[str]]:
    wanted = typed.strip().lstrip("-—–").lower()
    return [
        Choice(name=f"--{flag.name}: {say(flag.meaning)}"[:100], value=flag.name)
        for flag in FLAGS
        if any(wanted in name for name in flag.names) or wanted in say(flag.meaning).lower()
    ][:MOST_CHOICES]


COMMANDS: tuple[Any, ...] = (help_command,)
