"""The button beside a line that a refusal gives back: a press instead of copying."""

from __future__ import annotations

import re
from typing import Self

from discord import ui

from bot import custom_ids
from bot.components import buttons, confirm
from bot.components.component import Component
from bot.custom_ids import Press, redo_id
from bot.failures import REDO, TYPED
from bot.interactions import Interaction
from bot.messages import asking as messages_asking
from engine.errors import NotFound
from engine.words import say


class RedoButton(Component, ui.DynamicItem[ui.Button[ui.View]], template=custom_ids.REDO):
    """A button that draws the line its message gave back: repaired, or the same once a limit has passed."""

    def __init__(self, press: Press | None = None) -> None:
        self.press = press
        super().__init__(ui.Button(label=say(messages_asking.DRAW_THIS), custom_id=redo_id(press)))

    @classmethod
    def remade(cls, match: re.Match[str]) -> Self:
        """Make the pressed button again from its wire format."""
        return cls(None if match["verb"] is None else Press.of(match))

    async def pressed(self, interaction: Interaction) -> None:
        """Draw the line."""
        command = "imagine" if self.press is None else self.press.verb.command
        if command is not None:
            interaction.client.admit(interaction, command)
        line = None if interaction.message is None else messages_asking.copied(interaction.message.content)
        if line is None:
            raise NotFound(messages_asking.NOTHING_TO_DRAW)
        interaction.extras[TYPED] = line
        if self.press is None:
            await confirm.preview_in_time(interaction, line)
            return
        interaction.extras[REDO] = redo_id(self.press)
        await buttons.act(interaction, self.press, line)
