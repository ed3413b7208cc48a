"""``/describe`` and its menu, ``/shorten``, ``/enhance``: a picture or a prompt in, prompts out."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands
from discord.app_commands import Range

from bot import interactions
from bot.components import answers, confirm, picture
from bot.custom_ids import redo_id
from bot.failures import REDO, TYPED
from bot.interactions import Interaction
from engine.service import Describe, Shorten


@app_commands.command(name="describe", description="Four prompts that might draw a picture like this one.")
@app_commands.describe(
    image="The picture, as a file.",
    link="Or a link to one, a message's link, or one of your results.",
)
@app_commands.autocomplete(link=picture.suggestions)
async def describe(
    interaction: Interaction,
    image: discord.Attachment | None = None,
    link: Range[str, 1, 2000] | None = None,
) -> None:
    """Describe a picture."""
    progress, found = await picture.asked(interaction, image, link)
    await confirm.submit(interaction, progress, Describe(interactions.caller(interaction), found.sha256))


@app_commands.context_menu(name="Describe")
async def describe_menu(interaction: Interaction, message: discord.Message) -> None:
    """Describe the picture a message shows."""
    progress = await interactions.acknowledge(interaction)
    # of a grid the first: whoever wants another presses its U button first
    grid = picture.single(message) is None and any(True for _ in picture.presses(message))
    found = await picture.in_message(interaction, message, 1 if grid else None)
    await confirm.submit(interaction, progress, Describe(interactions.caller(interaction), found.sha256))


@app_commands.command(name="shorten", description="Which words of a prompt matter, and five shorter ones.")
@app_commands.describe(prompt="The prompt. Flags may follow; they are kept.")
async def shorten(interaction: Interaction, prompt: Range[str, 1, 6000]) -> None:
    """Shorten a prompt."""
    progress = await interactions.acknowledge(interaction)
    interaction.extras[TYPED], interaction.extras[REDO] = prompt, redo_id()
    await confirm.submit(interaction, progress, Shorten(interactions.caller(interaction), prompt))


@app_commands.command(name="enhance", description="A longer prompt from yours, to see before it is drawn.")
@app_commands.describe(prompt="The prompt. Flags may follow; they are kept.")
async def enhance(interaction: Interaction, prompt: Range[str, 1, 6000]) -> None:
    """Lengthen a prompt."""
    await interactions.acknowledge(interaction, ephemeral=True)
    interaction.extras[TYPED], interaction.extras[REDO] = prompt, redo_id()
    await answers.enhance(interaction, prompt)


COMMANDS: tuple[Any, ...] = (describe, describe_menu, shorten, enhance)
