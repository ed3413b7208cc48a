"""What a person has and prefers: ``/info``, ``/settings``, ``/prefer``, ``/fast``, ``/relax``, ``/turbo``."""

from __future__ import annotations

import re
from typing import Any

import discord
from discord import app_commands
from discord.app_commands import Choice, Range

from bot import interactions, progress
from bot.commands import origin
from bot.components import browse, picture
from bot.components.settings import REMIX, VARIATION, show_panel, turn
from bot.interactions import Interaction
from bot.messages import person as messages_person
from engine.errors import LimitError, PromptError
from engine.jobs import FINAL, State
from engine.prompt import BY_NAME, flags_of
from engine.prompt.options import expand_options
from engine.service import OPTION, SUFFIX
from engine.words import say

MOST_OPTIONS = 20
OPTION_LENGTH = 1000
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")


@app_commands.command(name="info", description="About you: your jobs, limits, settings; or about a picture.")
@app_commands.describe(
    image="A picture: where it comes from, and its recipe.", link="Or a link to one, or a message's link."
)
async def info(
    interaction: Interaction,
    image: discord.Attachment | None = None,
    link: Range[str, 1, 2000] | None = None,
) -> None:
    """Tell a person how they stand, or what a picture says of itself."""
    await interactions.acknowledge(interaction, ephemeral=True)
    if image is not None or link is not None:
        await origin.answer(interaction, await picture.file(interaction, image, link))
        return
    service, owner = interaction.client.service, str(interaction.user.id)
    jobs = await service.jobs_of(owner)
    standing = [(job, await progress.standing(service, job)) for job in jobs if job.state not in FINAL]
    embed = discord.Embed(title=say(messages_person.INFO_TITLE))
    for name, value in messages_person.person_facts(
        standing,
        jobs,
        interaction.client.config.limits,
        await service.preferences(owner),
        await service.prices.balances(owner, interactions.requester(interaction)),
    ):
        embed.add_field(name=name, value=value[:1024], inline=False)
    newest = next((job for job in jobs if job.state is State.RENDERED and job.pictures), None)
    await browse.illustrated(interaction, embed, newest)


@app_commands.command(name="settings", description="What you draw with where the prompt says nothing.")
async def settings(interaction: Interaction) -> None:
    """Show the settings panel."""
    await interactions.acknowledge(interaction, ephemeral=True)
    await show_panel(interaction)


prefer = interactions.HiddenGroup(name="prefer", description="Your own flags and habits.")
option = interactions.HiddenGroup(name="option", description="Flags of your own making.", parent=prefer)


def _own(preferences: dict[str, str]) -> dict[str, str]:
    return {key.removeprefix(OPTION): text for key, text in preferences.items() if key.startswith(OPTION)}


@option.command(
    name="set", description="Make a flag of your own, such as --mine; without a value it is deleted."
)
@app_commands.describe(option="Its name.", value="What it stands for: words, flags or both.")
async def option_set(
    interaction: Interaction, option: Range[str, 1, 40], value: Range[str, 1, OPTION_LENGTH] | None = None
) -> None:
    """Keep or delete an option."""
    service, owner = interaction.client.service, str(interaction.user.id)
    name = option.strip().lstrip("-—–").lower()
    own = _own(await service.preferences(owner))
    if value is None:
        if name not in own:
            raise PromptError(messages_person.no_option(name))
        await service.prefer(owner, OPTION + name, None)
        await interaction.edit_original_response(content=messages_person.option_deleted(name))
        return
    if not _NAME.fullmatch(name):
        raise PromptError(messages_person.BAD_OPTION_NAME)
    if name in BY_NAME:
        raise PromptError(messages_person.option_taken(name))
    if name not in own and len(own) >= MOST_OPTIONS:
        raise LimitError(messages_person.too_many_options(MOST_OPTIONS))
    # one that stands for itself is refused here, not at some later prompt
    expand_options(f"--{name}", {**own, name: value}, interaction.client.config.limits.prompt_length)
    await service.prefer(owner, OPTION + name, value)
    await interaction.edit_original_response(content=messages_person.option_kept(name, value))


@option_set.autocomplete("option")
async def _options(interaction: Interaction, typed: str) -> list[Choice[str]]:
    own = _own(await interaction.client.service.preferences(str(interaction.user.id)))
    return interactions.choices(typed.strip().lstrip("-"), own)


@option.command(name="list", description="Show your own flags.")
async def option_list(interaction: Interaction) -> None:
    """List the options."""
    own = _own(await interaction.client.service.preferences(str(interaction.user.id)))
    await interaction.edit_original_response(content=messages_person.options(own))


@prefer.command(name="suffix", description="Flags put after each of your prompts; without a value, none.")
@app_commands.describe(new_value="Flags only, such as --ar 3:2 --style pixel-art.")
async def suffix(interaction: Interaction, new_value: Range[str, 1, OPTION_LENGTH] | None = None) -> None:
    """Keep or delete the suffix."""
    if new_value is not None:
        flags_of(new_value, "suffix")
    await interaction.client.service.prefer(str(interaction.user.id), SUFFIX, new_value)
    await interaction.edit_original_response(content=messages_person.suffix_kept(new_value))


@prefer.command(name="remix", description="Turn on or off the dialog to change the prompt before variations.")
async def remix(interaction: Interaction) -> None:
    """Turn Remix."""
    service, owner = interaction.client.service, str(interaction.user.id)
    await turn(service, owner, "remix", "")
    on = (await service.preferences(owner)).get(REMIX) == "on"
    await interaction.edit_original_response(
        content=say(messages_person.REMIX_ON) if on else say(messages_person.REMIX_OFF)
    )


@prefer.command(name="variability", description="Turn the V buttons between strong and subtle variations.")
async def variability(interaction: Interaction) -> None:
    """Turn the strength of variations."""
    service, owner = interaction.client.service, str(interaction.user.id)
    low = (await service.preferences(owner)).get(VARIATION) == "low"
    await turn(service, owner, "variation", "high" if low else "low")
    await interaction.edit_original_response(
        content=say(messages_person.VARIATION_HIGH) if low else say(messages_person.VARIATION_LOW)
    )


def _speed(name: str, description: str) -> app_commands.Command[Any, ..., Any]:
    @app_commands.command(name=name, description=description)
    async def speed(interaction: Interaction) -> None:
        await interactions.acknowledge(interaction, ephemeral=True)
        await turn(interaction.client.service, str(interaction.user.id), "speed", name)
        await interaction.edit_original_response(content=say(messages_person.SPEED_KEPT[name]))

    return speed


SPEEDS = (
    _speed("fast", "From now on: normal priority."),
    _speed("relax", "From now on: your jobs let others go first."),
    _speed("turbo", "From now on: ahead of others, in few steps if possible, at twice the price."),
)

COMMANDS: tuple[Any, ...] = (info, settings, prefer, *SPEEDS)
