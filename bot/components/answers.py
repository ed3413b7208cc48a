"""Messages that answer in words, and their numbered buttons; what they say the engine decides."""

from __future__ import annotations

import asyncio

from bot import interactions
from bot.components import modals
from bot.custom_ids import Press
from bot.failures import TYPED
from bot.interactions import Interaction
from bot.messages import answers as messages_answers
from engine.errors import NotFound
from engine.jobs import Input, Kind, Role
from engine.planning import answers
from engine.service import Request, Submitted

ASK_WITHIN = 1.5
"""Seconds our own database has to give a prompt for a dialog, which must be the first answer within 3."""


async def describe(interaction: Interaction, message: str | None, picture: str) -> None:
    """Hand over a kept picture to be described; ``message`` shows the progress."""
    await _ask(interaction, message, "", Kind.DESCRIBE, (Input(sha256=picture, role=Role.INIT),))


async def shorten(interaction: Interaction, message: str | None, line: str) -> None:
    """Hand over a prompt to be shortened; ``message`` shows the progress."""
    await _ask(interaction, message, line, Kind.SHORTEN)


async def _ask(
    interaction: Interaction, message: str | None, line: str, kind: Kind, inputs: tuple[Input, ...] = ()
) -> None:
    async def submit(place: str, progress: str | None) -> Submitted:
        request = Request(
            key=str(interaction.id),
            owner=str(interaction.user.id),
            origin=place,
            line=line,
            inputs=inputs,
            progress=progress,
            asker=interactions.asker(interaction),
            command=kind.value,
        )
        return await interaction.client.service.ask(request, kind)

    await interactions.start(interaction, message, submit, interactions.progress_view)


async def taken(interaction: Interaction, press: Press) -> None:
    """Open the dialog with one of the prompts a message offers; sent, it is drawn."""
    line = ""
    try:
        async with asyncio.timeout(ASK_WITHIN):
            line = await _prompt(interaction, press)
    except TimeoutError:
        pass
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
    await _draw(interaction, message, line)


async def _draw(interaction: Interaction, message: str | None, line: str) -> None:
    interaction.extras[TYPED] = line
    await interactions.submit_line(interaction, message, line, interactions.progress_view)


async def _prompt(interaction: Interaction, press: Press) -> str:
    found = answers.prompts(await interaction.client.service.find(press.job))
    if press.cell is None or not press.cell < len(found):
        raise NotFound("That message offers no such prompt.")
    return found[press.cell]
