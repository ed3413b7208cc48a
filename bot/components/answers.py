"""Messages that answer in words, and their numbered buttons; what they say the engine decides."""

from __future__ import annotations

import re

from discord import ui

from bot import interactions, progress
from bot.components import modals
from bot.components.component import Component
from bot.custom_ids import CHANGE, CHANGE_ID, Press, redo_id
from bot.failures import REDO, TYPED, LastingView
from bot.interactions import Blue, Interaction
from bot.messages import answers as messages_answers
from bot.messages import asking as messages_asking
from engine.errors import NotFound
from engine.planning import answers
from engine.service import Imagine, lengthen
from engine.words import Sentence, say


async def enhance(interaction: Interaction, line: str) -> None:
    """Show a longer prompt to whoever asked: nothing is drawn until they say so."""
    longer = await lengthen(interaction.client.service, interactions.caller(interaction), line)
    content, whole = messages_answers.longer(line, longer)
    # who presses the first is answered by ``bot.components.redo``
    draw = ui.Button[ui.View](label=say(messages_asking.DRAW_THIS), style=Blue, custom_id=redo_id())
    view = LastingView(draw, ChangeButton()) if whole else None
    await interaction.edit_original_response(content=content, view=view)


class ChangeButton(Component, ui.DynamicItem[ui.Button[ui.View]], template=CHANGE):
    """Opens the dialog with the line that its message holds; sent, it is drawn."""

    def __init__(self) -> None:
        super().__init__(ui.Button(label=say(messages_answers.CHANGE), custom_id=CHANGE_ID))

    async def pressed(self, interaction: Interaction) -> None:
        """Open the dialog."""
        interaction.client.admit(interaction, "imagine")
        line = None if interaction.message is None else messages_asking.copied(interaction.message.content)
        if line is None:
            raise NotFound(messages_asking.NOTHING_TO_DRAW)
        await _change(interaction, f"{CHANGE_ID}{interaction.id}", line)


async def _change(interaction: Interaction, custom_id: str, line: str) -> None:
    title, label = say(messages_answers.IMAGINE_TITLE), say(messages_answers.IMAGINE_LABEL)
    await interaction.response.send_modal(modals.TextDialog(custom_id, title, label, default=line))


async def changed(_: re.Match[str], interaction: Interaction) -> None:
    """Draw the line that was changed in the dialog."""
    await submitted(interaction, modals.typed(interaction).get(modals.PROMPT, "").strip())


async def taken(interaction: Interaction, press: Press) -> None:
    """Open the dialog with one of the prompts a message offers; sent, it is drawn."""
    line = await interactions.in_time(_prompt(interaction, press), "")
    if 0 < len(line) <= modals.INPUT_LIMIT:
        await _change(interaction, press.dialog(interaction.id), line)
        return
    message = await interactions.acknowledge(interaction)
    await _draw(interaction, message, line or await _prompt(interaction, press))


async def all_taken(interaction: Interaction, press: Press) -> None:
    """Draw every prompt a message offers, as one request."""
    message = await interactions.acknowledge(interaction)
    job = await interaction.client.service.find(press.job)
    await _draw(interaction, message, answers.together(answers.prompts(job)))


async def submitted(interaction: Interaction, line: str) -> None:
    """Draw the prompt that was sent from the dialog."""
    message = await interactions.acknowledge(interaction)
    await interactions.begun(interaction, messages_asking.begun(say(messages_asking.DRAWING), line))
    await _draw(interaction, message, line)


async def _draw(interaction: Interaction, message: str | None, line: str) -> None:
    interaction.extras[TYPED], interaction.extras[REDO] = line, redo_id()
    # what is drawn stands in front of them: nothing is asked once more
    ask = Imagine(interactions.caller(interaction), line)
    await progress.start(interaction, message, await interaction.client.service.plan(ask))


async def _prompt(interaction: Interaction, press: Press) -> str:
    found = answers.prompts(await interaction.client.service.find(press.job))
    if press.cell is None or not press.cell < len(found):
        raise NotFound(Sentence("That message offers no such prompt."))
    return found[press.cell]
