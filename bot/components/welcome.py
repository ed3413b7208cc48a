"""What newcomers press: Accept under the host's rules, and starters that draw at once."""

from __future__ import annotations

import re
from typing import Self

from discord import ui

from bot import custom_ids, interactions
from bot.components import confirm
from bot.components.component import Component
from bot.custom_ids import redo_id, starter_id
from bot.failures import TYPED, LastingView
from bot.interactions import Blue, Green, Interaction
from bot.messages import asking as messages_asking
from bot.messages import welcome as messages_welcome
from engine.words import say


class AcceptButton(Component, ui.DynamicItem[ui.Button[ui.View]], template=custom_ids.ACCEPT):
    """Accepts the rules that its message shows."""

    def __init__(self) -> None:
        super().__init__(
            ui.Button(label=say(messages_welcome.ACCEPT), style=Green, custom_id=custom_ids.ACCEPT_ID)
        )

    async def pressed(self, interaction: Interaction) -> None:
        """Keep that they were accepted; welcome, with what was about to be drawn and three starters."""
        await interactions.acknowledge(interaction, thinking=False)
        await interaction.client.service.welcome.accept(str(interaction.user.id))
        line = None if interaction.message is None else messages_asking.copied(interaction.message.content)
        view = LastingView()
        if line is not None:  # who presses it is answered by ``bot.components.redo``
            view.add_item(ui.Button(label=say(messages_asking.DRAW_THIS), style=Blue, custom_id=redo_id()))
        for starter in interaction.client.config.welcome.starters:
            view.add_item(StarterButton(starter))
        text = messages_welcome.welcome(line)
        await interaction.edit_original_response(content=text, view=view, attachments=[])


class StarterButton(Component, ui.DynamicItem[ui.Button[ui.View]], template=custom_ids.STARTER):
    """Draws what stands on it."""

    def __init__(self, line: str, *, row: int | None = None) -> None:
        self.line = line
        super().__init__(ui.Button(label=line[:80], custom_id=starter_id(line), row=row))

    @classmethod
    def remade(cls, match: re.Match[str]) -> Self:
        """Make the pressed button again from its wire format."""
        return cls(match["line"])

    async def pressed(self, interaction: Interaction) -> None:
        """Draw it, for the person who pressed."""
        interaction.client.admit(interaction, "imagine")
        interaction.extras[TYPED] = self.line
        await confirm.preview_in_time(interaction, self.line)
