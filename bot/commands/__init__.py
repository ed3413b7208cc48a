"""The slash commands and menus, a few lines each: the service decides, ``bot.messages`` has the words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from discord import app_commands

from bot.commands import admin, answers, browse, edit, imagine, jobs, origin, person, privacy, report, talk
from engine.config import Config

Command = app_commands.Command[Any, ..., Any] | app_commands.Group | app_commands.ContextMenu
COMMANDS: tuple[Command, ...] = tuple(
    command
    for room in (imagine, edit, answers, jobs, browse, origin, person, privacy, report, talk, admin)
    for command in room.COMMANDS
)
"""Everything registered with Discord."""


def offered(config: Config) -> Iterator[Command]:
    """Yield the commands of a host: those that ask for what is not set up are left out."""
    for command in COMMANDS:
        if command.name != answers.enhance.name or config.engine.enhancer:
            yield command
