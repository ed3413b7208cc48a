"""What every button and list is: made again from its ``custom_id`` when it is pressed, after any restart."""

from __future__ import annotations

import re
from typing import Any, Self

import discord
from discord import ui


class Component:
    """Stands before ``ui.DynamicItem`` among the bases of a class whose ``custom_id`` tells all about it."""

    @classmethod
    def remade(cls, match: re.Match[str]) -> Self:
        """Make it again from its ``custom_id``; here, from one that holds no value."""
        return cls()

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Make it again, as discord.py asks for it."""
        return cls.remade(match)
