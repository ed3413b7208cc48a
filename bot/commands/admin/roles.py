"""``/admin roles …``: what a role may use, how large, how much of the engine it gets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import discord
from discord import app_commands
from discord.app_commands import Choice, Range

from bot import interactions
from bot.commands.admin import helpers
from bot.interactions import Interaction
from bot.messages import rules as rules_words
from engine.errors import NotFound
from engine.planning.edits import EDITS
from engine.rules import changes
from engine.rules.permissions import ADMIN, ALWAYS
from engine.rules.rules import Allowance, Restricted

roles = helpers.group("roles", "What a role may use, and how much.")
REMOVE = "Take this role off the list again; an empty list means everybody."


def keepable(commands: Iterable[Any]) -> list[str]:
    """Return what can be kept for roles: these commands, and the buttons that have none."""
    names = {one.name for one in commands if not isinstance(one, app_commands.ContextMenu)}
    return sorted(({*names, *(edit.command for edit in EDITS.values())} - ALWAYS) - {ADMIN})


def named(command: str, known: Sequence[str]) -> str:
    """Return the command that is meant. Raises NotFound."""
    name = command.strip().lstrip("/").lower()
    if name not in known:
        raise NotFound(rules_words.no_command(name, known))
    return name


def _commands(interaction: Interaction) -> list[str]:
    guild = interaction.guild if interaction.client.config.discord.guilds else None
    return keepable(interaction.client.tree.get_commands(guild=guild))


async def _keep(
    interaction: Interaction, kind: Restricted, name: str, role: discord.Role, remove: bool
) -> None:
    held = set(helpers.rules(interaction).permits.get((kind, name), ()))
    after = held - {str(role.id)} if remove else held | {str(role.id)}
    await helpers.change(
        interaction,
        changes.permit(kind, name, str(role.id), remove=remove),
        rules_words.permit(kind, name, after),
    )


@roles.command(name="command", description="Keep a command for certain roles; each call adds one.")
@app_commands.describe(command="Such as imagine, or vary for the V buttons.", role="Who may.", remove=REMOVE)
async def command(
    interaction: Interaction, command: Range[str, 1, 32], role: discord.Role, remove: bool = False
) -> None:
    """Keep a command for roles."""
    await _keep(interaction, "command", named(command, _commands(interaction)), role, remove)


@command.autocomplete("command")
async def _offered(interaction: Interaction, typed: str) -> list[Choice[str]]:
    return interactions.choices(typed.strip().lstrip("/"), _commands(interaction))


@roles.command(name="model", description="Keep a model for certain roles; each call adds one.")
@app_commands.describe(model="Which.", role="Who may.", remove=REMOVE)
@app_commands.autocomplete(model=interactions.models)
async def model(
    interaction: Interaction, model: Range[str, 1, 64], role: discord.Role, remove: bool = False
) -> None:
    """Keep a model for roles."""
    await _keep(interaction, "model", helpers.model(interaction, model), role, remove)


@roles.command(name="speed", description="Keep a speed for certain roles; each call adds one.")
@app_commands.describe(speed="Which.", role="Who may.", remove=REMOVE)
async def speed(
    interaction: Interaction,
    speed: Literal["turbo", "fast", "relax"],
    role: discord.Role,
    remove: bool = False,
) -> None:
    """Keep a speed for roles."""
    await _keep(interaction, "speed", speed, role, remove)


@roles.command(name="size", description="The largest picture a role may ask for; without a side, no limit.")
@app_commands.describe(role="Whose; @everyone for all.", side="As a square of this many pixels a side.")
async def size(interaction: Interaction, role: discord.Role, side: Range[int, 8, 8192] | None = None) -> None:
    """Limit the size for a role."""
    said = rules_words.size(helpers.named(role), side)
    await helpers.change(interaction, changes.limit_size(str(role.id), side), said)


@roles.command(name="weight", description="A role's share of the engine; without a weight, the usual 1.")
@app_commands.describe(role="Whose.", weight="2 is served twice as much as 1.")
async def weight(
    interaction: Interaction, role: discord.Role, weight: Range[float, 0.1, 10.0] | None = None
) -> None:
    """Weigh a role."""
    if weight is not None and weight > 1:
        helpers.require_home(interaction, rules_words.HOME_WEIGHT)
    said = rules_words.weight(helpers.named(role), weight)
    await helpers.change(interaction, changes.weigh_role(str(role.id), weight), said)


@roles.command(name="allowance", description="Engine seconds for each person; without seconds, none set.")
@app_commands.describe(role="Whose; @everyone for all.", seconds="How many.", per="In each day or month.")
async def allowance(
    interaction: Interaction,
    role: discord.Role,
    seconds: Range[float, 0.0, 10_000_000.0] | None = None,
    per: Literal["day", "month"] = "day",
) -> None:
    """Give a role an allowance."""
    host = interaction.client.config.allowance
    most = Allowance(host.seconds, host.per)
    given = None if seconds is None else Allowance(seconds, per)
    if given is not None and most.seconds and given.daily > most.daily:
        helpers.require_home(
            interaction, rules_words.HOME_ALLOWANCE.format(most=rules_words.allowed_seconds(most))
        )
    said = rules_words.allowance(helpers.named(role), seconds, per)
    await helpers.change(interaction, changes.allow_role(str(role.id), given), said)


@roles.command(name="reset", description="Forget everything about a role; without one, about all roles.")
@app_commands.describe(role="Which. Without it: all of them.")
async def reset(interaction: Interaction, role: discord.Role | None = None) -> None:
    """Forget the rules of a role, or of all."""
    said = rules_words.roles_reset(None if role is None else helpers.named(role))
    change = changes.forget_roles(helpers.rules(interaction), None if role is None else str(role.id))
    await helpers.change(interaction, change, said)


@roles.command(name="list", description="What is kept for which roles, and what they get.")
async def roles_list(interaction: Interaction) -> None:
    """List the rules of roles."""
    await helpers.reply(interaction, rules_words.roles(helpers.rules(interaction), str(interaction.guild_id)))
