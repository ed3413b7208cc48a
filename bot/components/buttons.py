"""The buttons under our messages: what they show and what a press does.

Each is a ``DynamicItem`` resolved from the database by its ``custom_id``, so it works after any restart, and
whoever presses owns and pays for what comes of it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Any, Self

import discord
from discord import ui

from bot import interactions
from bot.components import answers, confirm, mask_editor, modals
from bot.custom_ids import MODEL_CHOICE, PRESS, REPLY, Answer, Of, Press, Token, Verb, appeal_id
from bot.failures import TYPED, guarded
from bot.interactions import Interaction
from bot.messages import answers as messages_answers
from bot.messages import common as messages
from bot.messages.reports import APPEAL
from engine.jobs import WORDS, Job, Kind, State
from engine.rules.permissions import command_of
from engine.service import Action
from engine.service import Verb as Deed

Grey = discord.ButtonStyle.secondary
Blue = discord.ButtonStyle.primary

_FACE: dict[Verb, tuple[str | None, str | None]] = {  # label, emoji
    Verb.REROLL: (None, "🔄"),
    Verb.SUBTLE: ("Vary (Subtle)", "🪄"),
    Verb.STRONG: ("Vary (Strong)", "🪄"),
    Verb.REGION: ("Vary (Region)", "🖌️"),
    Verb.INFO: ("Info", "ℹ️"),
    Verb.REMASTER: ("Remaster", "🎨"),
    Verb.LIKE: (None, "❤️"),
    Verb.UPSCALE_2: ("Upscale (Subtle)", "🔍"),
    Verb.UPSCALE_4: ("Upscale (4x)", "🔍"),
    Verb.UPSCALE_CREATIVE: ("Upscale (Creative)", "🔍"),
    Verb.REDO_SUBTLE: ("Redo Upscale (Subtle)", "🔍"),
    Verb.REDO_CREATIVE: ("Redo Upscale (Creative)", "🔍"),
    Verb.ZOOM_2: ("Zoom Out 2x", "🔭"),
    Verb.ZOOM_1_5: ("Zoom Out 1.5x", "🔭"),
    Verb.ZOOM_CUSTOM: ("Custom Zoom", "🔭"),
    Verb.SQUARE: ("Make Square", "⏹️"),
    Verb.PAN_LEFT: (None, "⬅️"),
    Verb.PAN_RIGHT: (None, "➡️"),
    Verb.PAN_UP: (None, "⬆️"),
    Verb.PAN_DOWN: (None, "⬇️"),
    Verb.CANCEL: ("Cancel", None),
    Verb.PROMPTS: (messages_answers.ALL, "🎉"),
}


ACTIONS: dict[Verb, Deed] = {
    Verb.VARY: "vary",
    Verb.SUBTLE: "vary_subtle",
    Verb.STRONG: "vary_strong",
    Verb.REROLL: "reroll",
    Verb.UPSCALE_2: "upscale_2x",
    Verb.UPSCALE_4: "upscale_4x",
    Verb.UPSCALE_CREATIVE: "upscale_creative",
    Verb.REDO_SUBTLE: "upscale_again_subtle",
    Verb.REDO_CREATIVE: "upscale_again_creative",
    Verb.ZOOM_2: "zoom",
    Verb.ZOOM_1_5: "zoom",
    Verb.ZOOM_CUSTOM: "zoom",
    Verb.SQUARE: "square",
    Verb.REMASTER: "remaster",
    Verb.PAN_LEFT: "pan_left",
    Verb.PAN_RIGHT: "pan_right",
    Verb.PAN_UP: "pan_up",
    Verb.PAN_DOWN: "pan_down",
}
"""The buttons that make a new job, and what the service calls that."""

COMMANDS = {
    Verb.PICTURE: "show",
    Verb.REGION: "inpaint",
    Verb.PROMPT: "imagine",
    Verb.PROMPTS: "imagine",
    **{verb: command_of(deed) for verb, deed in ACTIONS.items()},
}
"""Under which command's rules each button stands; the others are open to everybody."""

PANS = (Verb.PAN_LEFT, Verb.PAN_RIGHT, Verb.PAN_UP, Verb.PAN_DOWN)
FACTOR = {Verb.ZOOM_2: 2.0, Verb.ZOOM_1_5: 1.5}
REMIXABLE = frozenset({Verb.VARY, Verb.SUBTLE, Verb.STRONG, Verb.REROLL, *PANS})
MOST_CHOICES = 25
"""Options of a list (Discord)."""
ASK_WITHIN = 1.0
"""Seconds our own database has to say whether a dialog is wanted."""


class JobButton(ui.DynamicItem[ui.Button[ui.View]], template=PRESS):
    """A button that does something with a job."""

    def __init__(self, press: Press, *, row: int | None = None, used: bool = False) -> None:
        self.press = press
        label, emoji = _FACE.get(press.verb, (None, None))
        if press.verb in (Verb.PICTURE, Verb.VARY) and press.cell is not None:
            label = f"{press.verb.value.upper()}{press.cell + 1}"
        if press.verb is Verb.PROMPT and press.cell is not None:
            label = str(press.cell + 1)
        style = discord.ButtonStyle.danger if press.verb is Verb.CANCEL else Blue if used else Grey
        super().__init__(ui.Button(style=style, label=label, emoji=emoji, custom_id=str(press), row=row))

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Make the pressed button again from its wire format."""
        return cls(Press.of(match))

    @guarded
    async def callback(self, interaction: Interaction) -> None:
        """Do what the button says."""
        await press(interaction, self.press)


class AnswerButton(ui.DynamicItem[ui.Button[ui.View]], template=REPLY):
    """An answer to the question asked before a large request starts."""

    def __init__(self, answer: Answer, key: str) -> None:
        self.answer, self.key = answer, key
        style, label = {
            Answer.START: (discord.ButtonStyle.success, "Start"),
            Answer.LEAVE: (Grey, "Cancel"),
        }[answer]
        super().__init__(ui.Button(style=style, label=label, custom_id=f"l1:{answer.value}:{key}"))

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Make the pressed button again from its wire format."""
        return cls(Answer(match["answer"]), match["key"])

    @guarded
    async def callback(self, interaction: Interaction) -> None:
        """Start what was asked for, or leave it."""
        await confirm.answered(interaction, self.key, start=self.answer is Answer.START)


class ModelChoice(ui.DynamicItem[ui.Select[ui.View]], template=MODEL_CHOICE):
    """The list of models that may draw a picture again."""

    def __init__(self, job: str, cell: int, names: Sequence[str] = ()) -> None:
        self.job, self.cell = job, cell
        options = [discord.SelectOption(label=name) for name in names[:MOST_CHOICES]]
        options = options or [discord.SelectOption(label="…")]
        super().__init__(ui.Select(custom_id=f"l1r:{job}:{cell}", options=options))

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Make the list again from its wire format."""
        return cls(match["job"], int(match["cell"] or 0))

    @guarded
    async def callback(self, interaction: Interaction) -> None:
        """Draw it again with the chosen model."""
        await act(interaction, Press(Verb.REMASTER, self.job, self.cell), model=self.item.values[0])


ITEMS = (JobButton, AnswerButton, ModelChoice, *mask_editor.ITEMS)


async def press(interaction: Interaction, press: Press) -> None:
    """Do what a pressed button says, for the person who pressed it."""
    if (command := COMMANDS.get(press.verb)) is not None:
        # before a dialog opens or a panel is made: what is asked for is held to all rules once more later
        interaction.client.admit(interaction, command)
    match press.verb:
        case Verb.PICTURE:
            await _picture(interaction, press)
        case Verb.INFO:
            await interactions.acknowledge(interaction, ephemeral=True)
            job = await interaction.client.service.find(press.job)
            await interaction.edit_original_response(embed=info(job, press.cell))
        case Verb.PROMPT:
            await answers.taken(interaction, press)
        case Verb.PROMPTS:
            await answers.all_taken(interaction, press)
        case Verb.LIKE:
            await interactions.acknowledge(interaction, ephemeral=True)
            turned = await interaction.client.service.likes.turn(
                str(interaction.user.id), press.job, press.cell
            )
            await interaction.edit_original_response(content=messages.liked(*turned))
        case Verb.REMASTER:
            await interactions.acknowledge(interaction, ephemeral=True)
            job = await interaction.client.service.find(press.job)
            view = ui.View(timeout=None)
            names = [one.name for one in interaction.client.service.models if one.name != job.spec.model]
            view.add_item(ModelChoice(press.job, press.cell or 0, names))
            await interaction.edit_original_response(content=messages.WHICH_MODEL, view=view)
        case Verb.REGION:
            await mask_editor.opened(interaction, press)
        case Verb.CANCEL:
            await interactions.acknowledge(interaction, thinking=False)
            job = await interaction.client.service.cancel(press.job, str(interaction.user.id))
            if job.state is not State.CANCELLED:
                await interaction.followup.send(messages.ALREADY_OVER, ephemeral=True)
        case _:
            if not await _remixed(interaction, press):
                await act(interaction, press)


async def _picture(interaction: Interaction, press: Press) -> None:
    place = interactions.origin(interaction)
    if isinstance(place, Token) or interaction.message is None:
        await interactions.acknowledge(interaction)
    else:
        await interactions.repaint(interaction, used(interaction.message, press))
    await interaction.client.service.show(
        press.job,
        press.cell,
        key=str(interaction.id),
        owner=str(interaction.user.id),
        origin=str(place),
        reply_to=_pressed(interaction),
        asker=interactions.asker(interaction),
    )


async def _remixed(interaction: Interaction, press: Press) -> bool:
    """Open the dialog to change the prompt first, for those who want that; False: they do not."""
    zoom = press.verb is Verb.ZOOM_CUSTOM
    if press.verb not in REMIXABLE and not zoom:
        return False
    service, prompt = interaction.client.service, ""
    try:
        # a dialog must be the first answer, within 3 s: where our own disk is slow, go on without it
        async with asyncio.timeout(ASK_WITHIN):
            preferences = await service.preferences(str(interaction.user.id))
            if preferences.get(interactions.REMIX) != "on" and not zoom:
                return False
            job = await service.find(press.job)
            if job.spec.kind in WORDS:
                return False
            prompt = job.prompt
    except TimeoutError:
        pass
    if not zoom and not 0 < len(prompt) <= modals.INPUT_LIMIT:
        return False
    await interaction.response.send_modal(modals.PromptDialog(press, interaction.id, prompt, zoom=zoom))
    return True


async def submitted(interaction: Interaction) -> None:
    """Do what a button says with the prompt that was changed in its dialog."""
    press = Press.of_dialog(interaction.custom_id or "")
    if press is not None:
        await _submitted(press, interaction)
    await mask_editor.submitted(interaction)


@guarded
async def _submitted(press: Press, interaction: Interaction) -> None:
    typed = modals.typed(interaction)
    line = interaction.extras[TYPED] = typed.get(modals.PROMPT, "").strip() or None
    if press.verb is Verb.PROMPT:
        await answers.submitted(interaction, line or "")
        return
    await act(interaction, press, line, typed.get(modals.FACTOR))


async def act(
    interaction: Interaction,
    press: Press,
    line: str | None = None,
    factor: str | None = None,
    model: str | None = None,
) -> None:
    """Make a new job from the one under the button.

    ``line`` is a prompt changed in a dialog, ``factor`` how far to zoom out as it was typed there.
    """
    message = await interactions.acknowledge(interaction)
    verb = ACTIONS[press.verb]
    if press.verb is Verb.VARY:
        verb = await as_strong_as_preferred(interaction)
    action = Action(
        key=str(interaction.id),
        owner=str(interaction.user.id),
        origin="",
        job=press.job,
        verb=verb,
        cell=press.cell,
        line=line,
        model=model,
        factor=FACTOR.get(press.verb, 2.0) if factor is None else modals.number(factor),
        reply_to=_pressed(interaction),
        asker=interactions.asker(interaction),
    )
    await confirm.action(interaction, message, action)


async def as_strong_as_preferred(interaction: Interaction) -> Deed:
    """Return how far variations go for this person where nothing says it."""
    preferences = await interaction.client.service.preferences(str(interaction.user.id))
    return "vary_subtle" if preferences.get(interactions.VARIATION) == "low" else "vary_strong"


def _pressed(interaction: Interaction) -> str | None:
    return None if interaction.message is None else str(interaction.message.id)


def used(message: discord.Message, pressed: Press) -> ui.View:
    """Return the message's own buttons again, with the pressed one in blue."""
    view = _view()
    for row, component in enumerate(message.components):
        for child in getattr(component, "children", ()):
            said = Press.read(getattr(child, "custom_id", None) or "")
            if said is not None:
                blue = said == pressed or child.style is Blue
                view.add_item(JobButton(said, row=row, used=blue))
    return view


def _view(*rows: Sequence[Press]) -> ui.View:
    view = ui.View(timeout=None)
    for number, row in enumerate(rows):
        for press in row:
            view.add_item(JobButton(press, row=number))
    return view


def grid_view(job: Job, delivery: int) -> ui.View:
    """Return ``U1 U2 U3 U4 🔄`` over ``V1 V2 V3 V4``; more cells take more rows, five buttons to each."""
    cells = range(len(job.pictures))
    us = [Press(Verb.PICTURE, job.id, cell, delivery) for cell in cells]
    vs = [Press(Verb.VARY, job.id, cell, delivery) for cell in cells]
    again = Press(Verb.REROLL, job.id, None, delivery)
    if len(us) <= 4:
        return _view([*us, again], vs)
    return _view(us[:5], us[5:], vs[:5], vs[5:], [again])


def picture_view(job: Job, cell: int, delivery: int, models: int = 1) -> ui.View:
    """Return the rows under a single picture; an enlarged one can be enlarged another way, and varied.

    ``models``: how many there are; with more than one, another may draw it again.
    """
    other = (Verb.REMASTER,) if models > 1 else ()
    # enlarged as it is, it would come out the same again: only the other way is worth a press
    again = (Verb.REDO_SUBTLE, Verb.REDO_CREATIVE) if job.spec.strength is not None else (Verb.REDO_CREATIVE,)
    rows: list[tuple[Verb, ...]] = [(Verb.SUBTLE, Verb.STRONG, Verb.REGION, Verb.INFO)]
    rows.append((*again, *other, Verb.LIKE))
    if job.spec.kind is not Kind.UPSCALE:
        square = () if job.spec.width == job.spec.height else (Verb.SQUARE,)
        rows = [
            (Verb.SUBTLE, Verb.STRONG, Verb.REGION, Verb.REROLL, Verb.INFO),
            (Verb.UPSCALE_2, Verb.UPSCALE_CREATIVE, Verb.UPSCALE_4, *other),
            (Verb.ZOOM_2, Verb.ZOOM_1_5, Verb.ZOOM_CUSTOM, *square),
            (*PANS, Verb.LIKE),
        ]
    return _view(*([Press(verb, job.id, cell, delivery) for verb in row] for row in rows))


def failure_view(job: Job, delivery: int) -> ui.View:
    """Return the row under a failure: try again, and appeal where it was our doing."""
    view = _view([Press(Verb.REROLL, job.id, None, delivery)])
    if job.state is State.BLOCKED:
        view.add_item(ui.Button(label=APPEAL, custom_id=appeal_id(Of.JOB, job.id), row=0))
        view.stop()  # discord.py need not remember it: its buttons are known by their custom_id
    return view


progress_view = interactions.progress_view


def answer_view(job: Job, prompts: int, delivery: int) -> ui.View:
    """Return the row under an answer in words: a number a prompt; a description also all, and again."""
    numbers = [Press(Verb.PROMPT, job.id, cell, delivery) for cell in range(min(prompts, 5))]
    if job.spec.kind is Kind.SHORTEN:
        return _view(numbers)
    again, every = (Press(verb, job.id, None, delivery) for verb in (Verb.REROLL, Verb.PROMPTS))
    return _view(numbers, [again, every])


def info(job: Job, cell: int | None) -> discord.Embed:
    """Return what the Info button shows."""
    embed = discord.Embed(description=messages.shown(job.prompt, 3500))
    for name, value in messages.picture_facts(job, cell):
        embed.add_field(name=name, value=value[:1024])
    if job.notes:
        embed.add_field(name="Notes", value="\n".join(job.notes)[:1024], inline=False)
    return embed
