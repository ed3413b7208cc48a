"""Saying where: the message in which a mask is made over a picture. Knows no pixels.

Long: one message with all its controls.

One ephemeral message holds the picture with the mask over it and everything that changes the mask. Its state
is a row, named by a key in every ``custom_id``, so pressing goes on after a restart. One file, though long:
the message, its controls and what they do name one another.
"""

from __future__ import annotations

import asyncio
import io
import re
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

import discord
from discord import ui

from bot import interactions
from bot.components import confirm, modals, near
from bot.components.component import Component
from bot.components.picture import ChosenPicture
from bot.custom_ids import MASK, MaskControl, Press, Token, mask_id, number_in
from bot.failures import TYPED
from bot.interactions import Blue, Green, Grey, Interaction
from bot.messages import mask_editor as messages_region
from engine.errors import UserError
from engine.images import AREAS, COLUMNS, ROWS
from engine.library.masks import MaskDraft, MaskPreview, MaskRecipe
from engine.pocket import knows
from engine.service import Edit
from engine.words import say

NAME = "marked.png"
_AREAS = re.compile(r"l1k:a:(?P<key>[0-9a-z]{10})")
_PRESSED = re.compile(r"(?!l1k:a:)" + MASK.pattern)
_locks: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()


class MaskButton(Component, ui.DynamicItem[ui.Button[ui.LayoutView]], template=_PRESSED):
    """A control of a mask in the making."""

    def __init__(
        self,
        part: MaskControl,
        key: str,
        value: int | None = None,
        *,
        label: str = "…",
        on: bool = False,
        disabled: bool = False,
    ) -> None:
        self.part, self.key, self.value = part, key, value
        custom_id = mask_id(part, key, value)
        style = Green if part is MaskControl.GO else Blue if on else Grey
        super().__init__(ui.Button(style=style, label=label, custom_id=custom_id, disabled=disabled))

    @classmethod
    def remade(cls, match: re.Match[str]) -> Self:
        """Make the pressed control again from its wire format."""
        return cls(MaskControl(match["part"]), match["key"], number_in(match["value"]))

    async def pressed(self, interaction: Interaction) -> None:
        """Change the mask, or go on with it."""
        match self.part:
            case MaskControl.GO:
                await _go(interaction, self.key)
            case MaskControl.LEAVE:
                await _leave(interaction, self.key)
            case MaskControl.SAY:
                await interaction.response.send_modal(
                    modals.TextDialog(
                        _dialog(MaskControl.SAY, self.key, interaction),
                        say(messages_region.SAY_TITLE),
                        say(messages_region.SAY_LABEL),
                        example=say(messages_region.SAY_EXAMPLE),
                        limit=100,
                    )
                )
            case MaskControl.BRING:
                await interaction.response.send_modal(
                    modals.FileDialog(
                        _dialog(MaskControl.BRING, self.key, interaction),
                        say(messages_region.BRING_TITLE),
                        say(messages_region.BRING_LABEL),
                        say(messages_region.BRING_HELP),
                    )
                )
            case MaskControl.LOOK:
                await interactions.acknowledge(interaction, thinking=False)
                sketch = await interaction.client.service.masks.settle(self.key, str(interaction.user.id))
                if not sketch.outline.finding:
                    await show(interaction, sketch)
            case _:
                turn, value = _CHANGES[self.part], self.value or 0
                await interactions.acknowledge(interaction, thinking=False)
                await _change(interaction, self.key, lambda outline: turn(outline, value))


_CHANGES: Mapping[MaskControl, Callable[[MaskRecipe, int], MaskRecipe]] = {
    MaskControl.SQUARE: lambda outline, value: outline.toggled(min(value, COLUMNS * ROWS - 1)),
    MaskControl.WIDEN: lambda outline, _: outline.widened(1),
    MaskControl.SHRINK: lambda outline, _: outline.widened(-1),
    MaskControl.INVERT: lambda outline, _: outline.model_copy(update={"inverted": not outline.inverted}),
    MaskControl.FEATHER: lambda outline, _: outline.softened(),
    MaskControl.REREAD: lambda outline, _: outline.reread(),
    MaskControl.TAP: lambda outline, _: MaskRecipe(),
}
"""What a control makes of a mask, and of the value in its ``custom_id``."""


class AreaSelect(Component, ui.DynamicItem[ui.Select[ui.LayoutView]], template=_AREAS):
    """The list of named parts."""

    def __init__(self, key: str, chosen: tuple[str, ...] = ()) -> None:
        self.key = key
        options = [
            discord.SelectOption(label=say(name), value=name, default=name in chosen) for name in AREAS
        ]
        super().__init__(
            ui.Select(
                custom_id=mask_id(MaskControl.AREAS, key),
                options=options,
                min_values=0,
                max_values=len(options),
                placeholder=say(messages_region.AREAS),
            )
        )

    @classmethod
    def remade(cls, match: re.Match[str]) -> Self:
        """Make the list again from its wire format."""
        return cls(match["key"])

    async def pressed(self, interaction: Interaction) -> None:
        """Mark the chosen parts."""
        areas = tuple(name for name in AREAS if name in self.item.values)
        await interactions.acknowledge(interaction, thinking=False)
        await _change(interaction, self.key, lambda outline: outline.model_copy(update={"areas": areas}))


async def opened(interaction: Interaction, press: Press) -> None:
    """Open the mask over one picture of a job."""
    await interactions.acknowledge(interaction, ephemeral=True)
    cell = press.cell or 0
    picture = await interaction.client.service.files.cell(press.job, cell)
    await show(interaction, await begin(interaction, ChosenPicture(picture, press.job, cell)))


async def begin(interaction: Interaction, picture: ChosenPicture, line: str | None = None) -> MaskDraft:
    """Return a new mask over a picture. ``line``: what should be there, where that was said already."""
    place = interactions.origin(interaction)
    return await interaction.client.service.masks.open(
        owner=str(interaction.user.id),
        origin="" if isinstance(place, Token) else str(place),
        requester=interactions.requester(interaction),
        picture=picture.sha256,
        job=picture.job,
        cell=picture.cell,
        line=line,
    )


async def link(interaction: Interaction, sketch: MaskDraft) -> str | None:
    """Return the address of the drawing page for a sketch, or None where the host offers none."""
    web = interaction.client.config.web
    if not web.enabled or not web.public_url:
        return None
    name = await interaction.client.service.masks.link(sketch)
    if name is None:
        return None
    return f"{web.public_url.rstrip('/')}/draw/{name}?language={interaction.locale.value}"


async def show(interaction: Interaction, sketch: MaskDraft) -> None:
    """Show a mask in the message this interaction is about, with all that changes it."""
    page = await link(interaction, sketch)
    shown = await interaction.client.service.masks.show(sketch)
    alt = messages_region.alt(sketch, shown)
    file = discord.File(io.BytesIO(shown.overlay), NAME, description=alt)
    strange = await _strange(interaction, sketch)
    await interaction.edit_original_response(view=panel(sketch, shown, page, strange), attachments=[file])


async def _strange(interaction: Interaction, sketch: MaskDraft) -> tuple[str, ...]:
    """Return which words the model that looked was never taught; of other models nothing is known."""
    service = interaction.client.service
    if not sketch.outline.words or sketch.job is None or service.config.engine.segmenter:
        return ()
    source = near.taught(service, (await service.find(sketch.job)).spec.model)
    return () if source is None else knows.unknown(sketch.outline.words, source)


def panel(
    sketch: MaskDraft, shown: MaskPreview, page: str | None = None, strange: Sequence[str] = ()
) -> ui.LayoutView:
    """Return the message of a mask: words, overlay, squares, list, and two rows of controls.

    With squares these are 39 components of Discord's 40. ``page``: the address of the drawing page.
    ``strange``: words that the model looking was never taught.
    """
    key, outline, words = sketch.key, sketch.outline, messages_region
    view = ui.LayoutView(timeout=None)
    view.add_item(ui.TextDisplay(words.title(sketch, shown, strange)))
    picture = discord.MediaGalleryItem(f"attachment://{NAME}", description=words.alt(sketch, shown))
    view.add_item(ui.MediaGallery(picture))
    if outline.base is None:
        for row in range(ROWS):
            squares = [
                MaskButton(
                    MaskControl.SQUARE, key, number, label=str(number + 1), on=number in outline.squares
                )
                for number in range(row * COLUMNS, (row + 1) * COLUMNS)
            ]
            view.add_item(ui.ActionRow(*squares))
        view.add_item(ui.ActionRow(AreaSelect(key, outline.areas)))
    shape = [
        MaskButton(MaskControl.WIDEN, key, label=say(words.WIDEN)),
        MaskButton(MaskControl.SHRINK, key, label=say(words.SHRINK)),
        MaskButton(MaskControl.INVERT, key, label=say(words.INVERT), on=outline.inverted),
        MaskButton(MaskControl.FEATHER, key, label=say(words.FEATHER), on=bool(outline.feather)),
    ]
    if len(outline.readings) > 1:
        shape.append(MaskButton(MaskControl.REREAD, key, label=say(words.REPAINTS[outline.reading]), on=True))
    other: list[ui.Item[Any]] = [
        MaskButton(MaskControl.SAY, key, label=say(words.SAY)),
        MaskButton(MaskControl.BRING, key, label=say(words.BRING)),
    ]
    if page is not None:
        other.append(ui.Button(style=discord.ButtonStyle.link, label=say(words.DRAW), url=page))
    if outline.base is not None:
        shape.append(MaskButton(MaskControl.TAP, key, label=say(words.TAP)))
    rows = [shape] if len(shape) <= COLUMNS else [shape[:4], shape[4:]]
    for controls in rows:
        view.add_item(ui.ActionRow(*controls))
    view.add_item(
        ui.ActionRow(
            MaskButton(MaskControl.GO, key, label=say(words.GO), disabled=shown.empty),
            *other,
            MaskButton(MaskControl.LEAVE, key, label=say(words.LEAVE)),
        )
    )
    return view


async def _change(interaction: Interaction, key: str, turn: Callable[[MaskRecipe], MaskRecipe]) -> None:
    """Change a mask and show it; of presses in quick succession the last one is shown last."""
    masks, owner = interaction.client.service.masks, str(interaction.user.id)
    lock = _locks.setdefault(key, asyncio.Lock())
    async with lock:
        await show(interaction, await masks.change(key, owner, turn))


async def _leave(interaction: Interaction, key: str) -> None:
    await interactions.acknowledge(interaction, thinking=False)
    await interaction.client.service.masks.leave(key, str(interaction.user.id))
    view = ui.LayoutView(timeout=None)
    view.add_item(ui.TextDisplay(say(messages_region.LEFT)))
    await interaction.edit_original_response(view=view, attachments=[])


def _dialog(part: MaskControl, key: str, interaction: Interaction) -> str:
    return f"l1km:{part.value}:{key}:{interaction.id}"


async def _go(interaction: Interaction, key: str) -> None:
    """Ask for the prompt, with the parent's to change; where one was given, start."""
    typed, prompt = await interactions.in_time(_prompts(interaction, key), (None, ""))
    if typed is not None:
        await _start(interaction, key, typed)
        return
    title, label = say(messages_region.PROMPT_TITLE), say(messages_region.PROMPT_LABEL)
    await interaction.response.send_modal(
        modals.TextDialog(_dialog(MaskControl.GO, key, interaction), title, label, default=prompt)
    )


async def _prompts(interaction: Interaction, key: str) -> tuple[str | None, str]:
    """Return the prompt that was given with a mask, or None, and the one its picture was drawn from."""
    service = interaction.client.service
    sketch = await service.masks.find(key, str(interaction.user.id))
    if sketch.line is not None or sketch.job is None:
        return sketch.line, ""
    return None, (await service.find(sketch.job)).prompt


async def submitted(match: re.Match[str], interaction: Interaction) -> None:
    """Take what was typed or dropped into one of our dialogs."""
    key, part = match["key"], MaskControl(match["part"])
    if part is MaskControl.SAY:
        await interactions.acknowledge(interaction, thinking=False)
        words = interaction.extras[TYPED] = modals.typed(interaction).get(modals.PROMPT, "").strip()
        await found(interaction, key, words)
    elif part is MaskControl.BRING:
        await interactions.acknowledge(interaction, thinking=False)
        sent = modals.files(interaction)
        if not sent:
            raise UserError(messages_region.NO_FILE)
        await show(interaction, await brought(interaction, key, sent[0]))
    else:
        line = interaction.extras[TYPED] = modals.typed(interaction).get(modals.PROMPT, "").strip()
        if not line:
            raise UserError(messages_region.NO_PROMPT)
        await _start(interaction, key, line)


async def found(interaction: Interaction, key: str, words: str) -> None:
    """Look for words in the picture and show what is marked then; what was marked before stays until then.

    The looking is a job like any other, so after a restart it goes on; the button shows what came of it.
    """
    service, owner = interaction.client.service, str(interaction.user.id)
    sketch = await service.masks.find(key, owner)
    # what is found is shown by the mask's own message, so it is sent nowhere
    caller = replace(interactions.caller(interaction), origin=f"find:{key}")
    planned = await service.plan(
        Edit(caller, "locate", job=sketch.job, cell=sketch.cell, line=words, picture=sketch.picture)
    )
    job = (await service.submit(planned)).jobs[0].id
    await service.masks.find_in(sketch, words, job)
    view = ui.LayoutView(timeout=None)
    view.add_item(ui.TextDisplay(messages_region.looking(words)))
    view.add_item(ui.ActionRow(MaskButton(MaskControl.LOOK, key, label=say(messages_region.LOOK))))
    await interaction.edit_original_response(view=view, attachments=[])
    async for _ in service.progress(job):
        pass
    try:
        sketch = await service.masks.settle(key, owner)
    except UserError:
        await show(interaction, await service.masks.find(key, owner))
        raise
    await show(interaction, sketch)


async def brought(interaction: Interaction, key: str, file: discord.Attachment) -> MaskDraft:
    """Take a mask from a file somebody sent."""
    service = interaction.client.service
    kept = await service.uploads.link(file.url, attached=True)
    return await service.masks.bring(key, str(interaction.user.id), kept.sha256, kept.mask)


async def _start(interaction: Interaction, key: str, line: str) -> None:
    """Repaint the marked part; the mask's message stays, for another prompt or another mask."""
    service, owner = interaction.client.service, str(interaction.user.id)
    message = await interactions.acknowledge(interaction)
    await interactions.begun(interaction, messages_region.begun(line))
    sketch = await service.masks.find(key, owner)
    edit = await service.repaint(interactions.caller(interaction), sketch, line)
    await confirm.submit(interaction, message, edit)
