"""The slash commands and menus, a few lines each: the service decides, ``bot.messages`` has the words."""

from __future__ import annotations

from typing import Any

from discord import app_commands

from bot.commands import admin, answers, browse, edit, imagine, jobs, origin, person, privacy, report, talk

COMMANDS: tuple[app_commands.Command[Any, ..., Any] | app_commands.Group | app_commands.ContextMenu, ...] = (
    *imagine.COMMANDS,
    *edit.COMMANDS,
    *answers.COMMANDS,
    *jobs.COMMANDS,
    *browse.COMMANDS,
    *origin.COMMANDS,
    *person.COMMANDS,
    *privacy.COMMANDS,
    *report.COMMANDS,
    *talk.COMMANDS,
    *admin.COMMANDS,
)
"""Everything registered with Discord."""
