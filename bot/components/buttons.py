"""The buttons under our messages: what they show and what a press does.

Long: every button under a result.

Each is a ``DynamicItem`` resolved from the database by its ``custom_id``, so it works after any restart, and
whoever presses owns and pays for what comes of it.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

import discord
from discord import ui

from bot import interactions
from bot.components import answers, browse, confirm, full_size, mask_editor, modals, picture
from bot.components.component import Component
from bot.components.near import NearButton
from bot.components.settings import REMIX, VARIATION
from bot.custom_ids import (
    MODEL_CHOICE,
    NEAR,
    PRESS,
    Press,
    Token,
    Verb,
    address,
    redo_id,
)
from bot.failures import PUBLIC, REDO, THINKING, TYPED, LastingView
from bot.interactions import HINT, MOST_CHOICES, Blue, Grey, Interaction
from bot.messages import asking as messages_asking
from bot.messages import browse as messages_browse
from bot.messages import facts as messages_facts
from bot.messages import jobs as messages_jobs
from bot.messages import text as messages_text
from bot.messages import welcome as messages_welcome
from engine.errors import NotFound, UserError
from engine.jobs import WORDS, Job, State
from engine.planning.edits import EDITS
from engine.service import Edit
from engine.words import say


class JobButton(Component, ui.DynamicItem[ui.Button[ui.View]], template=PRESS):
    """A button that does something with a job."""

    def __init__(self, press: Press, *, row: int | None = None, used: bool = False) -> None:
        self.press = press
        label = None if press.verb.label is None else say(press.verb.label)
        if press.verb in (Verb.PICTURE, Verb.VARY) and press.cell is not None:
            label = f"{press.verb.value.upper()}{press.cell + 1}"
        if press.verb is Verb.PROMPT and press.cell is not None:
            label = str(press.cell + 1)
        cancels = press.verb in (Verb.CANCEL, Verb.CANCEL_ALL)
        style = discord.ButtonStyle.danger if cancels else Blue if used else Grey
        super().__init__(
            ui.Button(style=style, label=label, emoji=press.verb.emoji, custom_id=str(press), row=row)
        )

    @classmethod
    def remade(cls, match: re.Match[str]) -> Self:
        """Make the pressed button again from its wire format."""
        return cls(Press.of(match))

    async def pressed(self, interaction: Interaction) -> None:
        """Do what the button says."""
        await press(interaction, self.press)


class ModelChoice(Component, ui.DynamicItem[ui.Select[ui.View]], template=MODEL_CHOICE):
    """The list of models that may draw a picture again."""

    def __init__(self, job: str, cell: int, names: Sequence[str] = ()) -> None:
        self.job, self.cell = job, cell
        options = [discord.SelectOption(label=name) for name in names[:MOST_CHOICES]]
        super().__init__(ui.Select(custom_id=f"l1r:{job}:{cell}", options=options))

    @classmethod
    def remade(cls, match: re.Match[str]) -> Self:
        """Make the list again from its wire format."""
        return cls(match["job"], int(match["cell"] or 0))

    async def pressed(self, interaction: Interaction) -> None:
        """Draw it again with the chosen model."""
        await act(interaction, Press(Verb.REMASTER, self.job, self.cell), model=self.item.values[0])


async def press(interaction: Interaction, press: Press) -> None:
    """Do what a pressed button says, for the person who pressed it."""
    if press.verb.command is not None:
        # before a dialog opens or a panel is made: what is asked for is held to all rules once more later
        interaction.client.admit(interaction, press.verb.command)
    if press.verb in messages_welcome.HINTS:
        key, text = messages_welcome.HINTS[press.verb]
        first = interaction.client.service.welcome.first(str(interaction.user.id), key)
        if await interactions.in_time(first, default=False):
            interaction.extras[HINT] = f"{say(text)}\n{say(messages_welcome.ONCE)}"
    await _DONE_BY.get(press.verb, _edit)(interaction, press)
    modal = interaction.response.type is discord.InteractionResponseType.modal
    if not modal and interaction.extras.get(THINKING) != PUBLIC:  # else once its progress is shown
        await interactions.hint(interaction)


async def _edit(interaction: Interaction, press: Press) -> None:
    if not await _remixed(interaction, press):
        await act(interaction, press)


async def _picture(interaction: Interaction, press: Press) -> None:
    caller = interactions.caller(interaction, reply_to=_pressed(interaction))
    if isinstance(address(caller.origin), Token) or interaction.message is None:
        await interactions.acknowledge(interaction)
    else:
        await interactions.repaint(interaction, used(interaction.message, press))
    await interaction.client.service.show(caller, press.job, press.cell)


async def instruct(interaction: Interaction, press: Press) -> None:
    """Open the dialog that asks what to change in a picture."""
    interaction.client.service.planner.editors(needed=True)
    await interaction.response.send_modal(modals.EditDialog(press, interaction.id))


async def _post(interaction: Interaction, press: Press) -> None:
    caller = interactions.caller(interaction)
    here = not isinstance(address(caller.origin), Token)  # else this very answer is where it appears
    await interactions.acknowledge(interaction, ephemeral=here)
    await interaction.client.service.show(caller, press.job, press.cell)
    if here:
        await interaction.edit_original_response(content=say(messages_browse.POSTED))


async def _info(interaction: Interaction, press: Press) -> None:
    await interactions.acknowledge(interaction, ephemeral=True)
    await info(interaction, await interaction.client.service.find(press.job), press.cell)


async def _like(interaction: Interaction, press: Press) -> None:
    await interactions.acknowledge(interaction, ephemeral=True)
    turned = await interaction.client.service.likes.turn(str(interaction.user.id), press.job, press.cell)
    await interaction.edit_original_response(content=messages_jobs.liked(*turned))


async def _remaster(interaction: Interaction, press: Press) -> None:
    await interactions.acknowledge(interaction, ephemeral=True)
    service = interaction.client.service
    job = await service.find(press.job)
    names = [model.name for model in service.models if model.name != job.spec.model]
    if not names:  # there was another one when its button was made
        raise UserError(messages_jobs.NO_OTHER_MODEL)
    view = LastingView(ModelChoice(press.job, press.cell or 0, names))
    await interaction.edit_original_response(content=say(messages_jobs.WHICH_MODEL), view=view)


async def _cancel(interaction: Interaction, press: Press) -> None:
    await interactions.acknowledge(interaction, thinking=False)
    service, owner = interaction.client.service, str(interaction.user.id)
    if press.verb is Verb.CANCEL:
        jobs = [await service.cancel(press.job, owner)]
    else:
        jobs = await service.control.cancel_request(press.job, owner)
    if all(job.state is not State.CANCELLED for job in jobs):
        await interaction.followup.send(say(messages_jobs.ALREADY_OVER), ephemeral=True)


_DONE_BY: Mapping[Verb, Callable[[Interaction, Press], Coroutine[Any, Any, None]]] = {
    Verb.PICTURE: _picture,
    Verb.EDIT: instruct,
    Verb.INFO: _info,
    Verb.PROMPT: answers.taken,
    Verb.PROMPTS: answers.all_taken,
    Verb.LIKE: _like,
    Verb.REMASTER: _remaster,
    Verb.REGION: mask_editor.opened,
    Verb.CANCEL: _cancel,
    Verb.CANCEL_ALL: _cancel,
    Verb.POST: _post,
    Verb.FULL: full_size.pressed,
}
"""The buttons that do something of their own; all others make an edit."""
if forgotten := [verb.name for verb in Verb if verb.edit is None and verb not in _DONE_BY]:
    raise TypeError(f"nothing is done by {forgotten}")


async def _remixed(interaction: Interaction, press: Press) -> bool:
    """Open the dialog to change the prompt first, for those who want that; False: they do not."""
    zoom = press.verb is Verb.ZOOM_CUSTOM
    if not zoom and (press.verb.edit is None or not EDITS[press.verb.edit].remix):
        return False
    prompt = await interactions.in_time(_prompt_to_change(interaction, press, zoom), "")
    if prompt is None:
        return False
    if not zoom and not 0 < len(prompt) <= modals.INPUT_LIMIT:
        return False
    await interaction.response.send_modal(modals.PromptDialog(press, interaction.id, prompt, zoom=zoom))
    return True


async def _prompt_to_change(interaction: Interaction, press: Press, zoom: bool) -> str | None:
    """Return the prompt a dialog begins with; None: no dialog is wanted."""
    service = interaction.client.service
    preferences = await service.preferences(str(interaction.user.id))
    if preferences.get(REMIX) != "on" and not zoom:
        return None
    job = await service.find(press.job)
    return None if job.spec.kind in WORDS else job.prompt


async def submitted(match: re.Match[str], interaction: Interaction) -> None:
    """Do what a button says with the prompt that was changed in its dialog."""
    press, typed = Press.of(match), modals.typed(interaction)
    line = interaction.extras[TYPED] = typed.get(modals.PROMPT, "").strip() or None
    if press.verb is Verb.PROMPT:
        await answers.submitted(interaction, line or "")
        return
    files = modals.files(interaction)
    if modals.NUMBER in typed:
        press = replace(press, cell=round(modals.number(typed[modals.NUMBER])) - 1)
    if modals.FACTOR not in typed and not files:  # the message with a refusal could not hold that too
        interaction.extras[REDO] = redo_id(press)
    await act(interaction, press, line, typed.get(modals.FACTOR), files=files)


async def act(
    interaction: Interaction,
    press: Press,
    line: str | None = None,
    factor: str | None = None,
    model: str | None = None,
    files: Sequence[discord.Attachment] = (),
) -> None:
    """Make a new job from the one under the button.

    ``line`` is a prompt changed in a dialog, ``factor`` how far to zoom out as it was typed there, ``files``
    what was dropped there.
    """
    message = await interactions.acknowledge(interaction)
    beside = [(await picture.resolve(interaction, one, None)).sha256 for one in files]
    name = press.verb.edit
    if press.verb is Verb.VARY:
        name = await as_strong_as_preferred(interaction)
    assert name is not None  # ``press`` sends others elsewhere
    if line is not None or factor is not None or model is not None:  # after a dialog or a list
        zoom = press.verb.factor if factor is None else modals.number(factor)
        what = say(EDITS[name].title or messages_asking.AGAIN, factor=zoom)
        await interactions.begun(interaction, messages_asking.begun(what, line, model))
    edit = Edit(
        interactions.caller(interaction, reply_to=_pressed(interaction)),
        name,
        job=press.job,
        cell=press.cell,
        line=line,
        model=model,
        factor=press.verb.factor if factor is None else modals.number(factor),
        beside=tuple(beside),
    )
    await confirm.submit(interaction, message, edit)


async def as_strong_as_preferred(interaction: Interaction) -> str:
    """Return how far variations go for this person where nothing says it."""
    preferences = await interaction.client.service.preferences(str(interaction.user.id))
    return "vary_subtle" if preferences.get(VARIATION) == "low" else "vary_strong"


def _pressed(interaction: Interaction) -> str | None:
    """Return the message to answer: that of the button, where others see it too."""
    message = interaction.message
    return None if message is None or message.flags.ephemeral else str(message.id)


def used(message: discord.Message, pressed: Press) -> ui.View:
    """Return the message's own buttons again, with the pressed one in blue."""
    view = view_of()
    for row, component in enumerate(message.components):
        for child in getattr(component, "children", ()):
            custom_id = getattr(child, "custom_id", None) or ""
            said = Press.read(custom_id)
            if near := NEAR.fullmatch(custom_id):
                view.add_item(NearButton.remade(near, row))
            elif said is not None:
                blue = said == pressed or child.style is Blue
                view.add_item(JobButton(said, row=row, used=blue))
    return view


def view_of(*rows: Sequence[Press]) -> LastingView:
    """Return these buttons, row by row."""
    return LastingView(*(JobButton(press, row=number) for number, row in enumerate(rows) for press in row))


async def info(interaction: Interaction, job: Job, cell: int | None) -> None:
    """Answer what is known of a job: its words and a thumbnail first, ids last."""
    service = interaction.client.service
    size = None
    if job.pictures:
        with contextlib.suppress(OSError, NotFound):  # the rest is known also of a picture that is gone
            size = await service.files.size(job.pictures[cell or 0])
    embed = discord.Embed(description=messages_text.shown(job.prompt, 3500))
    for name, value in messages_facts.picture_facts(job, cell, size):
        embed.add_field(name=name, value=value[:1024], inline=name != say(messages_facts.RECIPE))
    if job.notes:
        embed.add_field(name=say("Notes"), value="\n".join(map(say, job.notes))[:1024], inline=False)
    await browse.illustrated(interaction, embed, job, cell)
