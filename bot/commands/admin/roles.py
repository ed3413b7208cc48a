"""``/admin roles …``: what a role may use, how large, how much of the engine it gets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import discord
from discord import app_commands
from discord.app_commands import Choice, Range

from bot import interactions
from bot.commands.admin import helpers
from bot.interactions import MOST_CHOICES, Interaction
from bot.messages import rules as rules_words
from engine.errors import NotFound
from engine.planning.edits import EDITS
from engine.rules.permissions import ADMIN, ALWAYS
from engine.rules.rules import Allowance, Kind, Rule, Rules

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


async def _keep(interaction: Interaction, kind: Kind, name: str, role: discord.Role, remove: bool) -> None:
    rule = Rule(kind, name, str(role.id))
    held = set(helpers.rules(interaction).permits.get((kind, name), ()))
    after = held - {str(role.id)} if remove else held | {str(role.id)}
    await helpers.change(
        interaction, f"roles {kind}", rules_words.permit(kind, name, after),
        keep=() if remove else [rule], drop=[rule] if remove else (),
        target=str(role.id), detail={kind: name, "remove": remove},
    )  # fmt: skip


@roles.command(name="command", description="Keep a command for certain roles; each call adds one.")
@app_commands.describe(command="Such as imagine, or vary for the V buttons.", role="Who may.", remove=REMOVE)
async def command(
    interaction: Interaction, command: Range[str, 1, 32], role: discord.Role, remove: bool = False
) -> None:
    """Keep a command for roles."""
    await interactions.acknowledge(interaction, ephemeral=True)
    await _keep(interaction, "command", named(command, _commands(interaction)), role, remove)


@command.autocomplete("command")
async def _offered(interaction: Interaction, typed: str) -> list[Choice[str]]:
    wanted = typed.strip().lstrip("/").lower()
    return [Choice(name=name, value=name) for name in _commands(interaction) if wanted in name][
        : MOST_CHOICES
    ]


@roles.command(name="model", description="Keep a model for certain roles; each call adds one.")
@app_commands.describe(model="Which.", role="Who may.", remove=REMOVE)
@app_commands.autocomplete(model=helpers.models)
async def model(
    interaction: Interaction, model: Range[str, 1, 64], role: discord.Role, remove: bool = False
) -> None:
    """Keep a model for roles."""
    await interactions.acknowledge(interaction, ephemeral=True)
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
    await interactions.acknowledge(interaction, ephemeral=True)
    await _keep(interaction, "speed", speed, role, remove)


@roles.command(name="size", description="The largest picture a role may ask for; without a side, no limit.")
@app_commands.describe(role="Whose; @everyone for all.", side="As a square of this many pixels a side.")
async def size(interaction: Interaction, role: discord.Role, side: Range[int, 8, 8192] | None = None) -> None:
    """Limit the size for a role."""
    await interactions.acknowledge(interaction, ephemeral=True)
    await _number(
        interaction, "pixels", "roles size", role, None if side is None else str(side * side),
        rules_words.size(role.mention, side),
    )  # fmt: skip


@roles.command(name="weight", description="A role's share of the engine; without a weight, the usual 1.")
@app_commands.describe(role="Whose.", weight="2 is served twice as much as 1.")
async def weight(
    interaction: Interaction, role: discord.Role, weight: Range[float, 0.1, 10.0] | None = None
) -> None:
    """Weigh a role."""
    await interactions.acknowledge(interaction, ephemeral=True)
    if weight is not None and weight > 1:
        helpers.require_home(interaction, rules_words.HOME_WEIGHT)
    await _number(
        interaction, "weight", "roles weight", role, None if weight is None else f"{weight:g}",
        rules_words.weight(role.mention, weight),
    )  # fmt: skip


@roles.command(name="allowance", description="Engine seconds for each person; without seconds, none set.")
@app_commands.describe(role="Whose; @everyone for all.", seconds="How many.", per="In each day or month.")
async def allowance(
    interaction: Interaction,
    role: discord.Role,
    seconds: Range[float, 0.0, 10_000_000.0] | None = None,
    per: Literal["day", "month"] = "day",
) -> None:
    """Give a role an allowance."""
    await interactions.acknowledge(interaction, ephemeral=True)
    host = interaction.client.config.allowance
    most = Allowance(host.seconds, host.per)
    if seconds is not None and most.seconds and Allowance(seconds, per).daily > most.daily:
        helpers.require_home(
            interaction, rules_words.HOME_ALLOWANCE.format(most=rules_words.allowed_seconds(most))
        )
    await _number(
        interaction, "allowance", "roles allowance", role, None if seconds is None else f"{seconds:g} {per}",
        rules_words.allowance(role.mention, seconds, per),
    )  # fmt: skip


async def _number(
    interaction: Interaction, kind: str, action: str, role: discord.Role, value: str | None, said: str
) -> None:
    rule = Rule(kind, str(role.id), value=value or "")
    await helpers.change(
        interaction, action, said, keep=[rule] if value else (), drop=() if value else [rule],
        target=str(role.id), detail={kind: value},
    )  # fmt: skip


def about(held: Rules, role: str | None) -> list[Rule]:
    """Return every rule about a role; None: about all roles."""
    drop = [
        Rule(kind, name, one)
        for (kind, name), permitted in held.permits.items()
        for one in permitted
        if role in (None, one)
    ]
    for one in held.roles:
        if role in (None, one):
            drop += [Rule(kind, one) for kind in ("weight", "allowance", "pixels")]
    return drop


@roles.command(name="reset", description="Forget everything about a role; without one, about all roles.")
@app_commands.describe(role="Which. Without it: all of them.")
async def reset(interaction: Interaction, role: discord.Role | None = None) -> None:
    """Forget the rules of a role, or of all."""
    await interactions.acknowledge(interaction, ephemeral=True)
    only = None if role is None else str(role.id)
    drop = about(helpers.rules(interaction), only)
    said = rules_words.roles_reset(None if role is None else role.mention)
    await helpers.change(interaction, "roles reset", said, drop=drop, target=only)


@roles.command(name="list", description="What is kept for which roles, and what they get.")
async def roles_list(interaction: Interaction) -> None:
    """List the rules of roles."""
    await interactions.acknowledge(interaction, ephemeral=True)
    await helpers.reply(interaction, rules_words.roles(helpers.rules(interaction), str(interaction.guild_id)))
