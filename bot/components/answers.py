"""Messages that answer in words, and their numbered buttons; what they say the engine decides."""

from __future__ import annotations

from bot import interactions, progress
from bot.components import confirm, modals
from bot.custom_ids import Press, redo_id
from bot.failures import REDO, TYPED
from bot.interactions import Interaction
from bot.messages import answers as messages_answers
from bot.messages import asking as messages_asking
from engine.errors import NotFound
from engine.planning import answers
from engine.service import Describe, Imagine, Shorten


async def describe(interaction: Interaction, message: str | None, picture: str) -> None:
    """Hand over a kept picture to be described; ``message`` shows the progress."""
    await confirm.submit(interaction, message, Describe(interactions.caller(interaction), picture))


async def shorten(interaction: Interaction, message: str | None, line: str) -> None:
    """Hand over a prompt to be shortened; ``message`` shows the progress."""
    await confirm.submit(interaction, message, Shorten(interactions.caller(interaction), line))


async def taken(interaction: Interaction, press: Press) -> None:
    """Open the dialog with one of the prompts a message offers; sent, it is drawn."""
    line = await interactions.in_time(_prompt(interaction, press), "")
    if 0 < len(line) <= modals.INPUT_LIMIT:
        title = messages_answers.IMAGINE_TITLE
        await interaction.response.send_modal(
            modals.TextDialog(
                press.dialog(interaction.id), title, messages_answers.IMAGINE_LABEL, default=line
            )
        )
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
    await interactions.begun(interaction, messages_asking.begun(messages_asking.DRAWING, line))
    await _draw(interaction, message, line)


async def _draw(interaction: Interaction, message: str | None, line: str) -> None:
    interaction.extras[TYPED], interaction.extras[REDO] = line, redo_id()
    # what is drawn stands in front of them: nothing is asked once more
    ask = Imagine(interactions.caller(interaction), line)
    await progress.start(interaction, message, await interaction.client.service.plan(ask))


async def _prompt(interaction: Interaction, press: Press) -> str:
    found = answers.prompts(await interaction.client.service.find(press.job))
    if press.cell is None or not press.cell < len(found):
        raise NotFound("That message offers no such prompt.")
    return found[press.cell]
