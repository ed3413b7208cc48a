"""``/admin``: who may draw what where, what is going on, and what was done about it; for those in charge."""

from __future__ import annotations

from typing import Any

from bot.commands.admin import defaults, people, places, roles, stats, work
from bot.commands.admin.helpers import admin

ROOMS = (places, roles, defaults, people, work, stats)
"""Where the subcommands are; each adds its own to ``admin``."""

COMMANDS: tuple[Any, ...] = (admin,)
