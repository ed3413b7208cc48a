"""What every button and list is: made again from its ``custom_id`` when it is pressed, after any restart."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Self

import discord
from discord import ui

from bot.failures import guarded
from bot.interactions import Interaction


class Component:
    """Stands before ``ui.DynamicItem`` among the bases of a class whose ``custom_id`` tells all about it.

    The client hands every such class to discord.py.
    """

    classes: ClassVar[list[type[Any]]] = []

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        Component.classes.append(cls)

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

    @guarded
    async def callback(self, interaction: Interaction) -> None:
        """Take a press, as discord.py hands it over."""
        await self.pressed(interaction)

    async def pressed(self, interaction: Interaction) -> None:
        """Do what it is there for."""
        raise NotImplementedError
