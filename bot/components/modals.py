"""The dialogs our buttons open, and how what was typed there is read; knows nothing of what comes of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import discord
from discord import ui

from bot.custom_ids import Press
from bot.messages import asking as messages_asking
from bot.messages import text as messages_text
from engine.errors import UserError
from engine.planning.edits import MOST_SEEN
from engine.words import say

INPUT_LIMIT = 4000
"""Most characters of a text input (Discord)."""
OPEN_FOR = 15 * 60.0
"""Seconds discord.py remembers an open dialog for. What was typed later is read all the same."""
PROMPT, FACTOR, FILE, NUMBER = "prompt", "factor", "file", "number"
"""The ``custom_id`` of each input."""


class Dialog(ui.Modal):
    """What all of them are: inputs with labels, read by their ``custom_id``."""

    def __init__(self, custom_id: str, title: str) -> None:
        super().__init__(title=title, custom_id=custom_id, timeout=OPEN_FOR)

    def ask(self, label: str, component: ui.Item[Any], help_: str | None = None) -> None:
        """Put an input under those that are there."""
        self.add_item(ui.Label(text=label, description=help_, component=component))


class TextDialog(Dialog):
    """One box to type in."""

    def __init__(
        self,
        custom_id: str,
        title: str,
        label: str,
        *,
        default: str = "",
        example: str = "",
        limit: int = INPUT_LIMIT,
        required: bool = True,
    ) -> None:
        super().__init__(custom_id, title)
        box = ui.TextInput[TextDialog](
            custom_id=PROMPT,
            style=discord.TextStyle.paragraph if limit > 200 else discord.TextStyle.short,
            default=default if len(default) <= limit else "",
            placeholder=example or None,
            max_length=limit,
            required=required,
        )
        self.ask(label, box)


class PromptDialog(TextDialog):
    """A box with the prompt, to change before a button does its work."""

    def __init__(self, press: Press, opening: int, prompt: str, *, zoom: bool = False) -> None:
        title = say(messages_asking.ZOOM_TITLE) if zoom else say(messages_asking.REMIX_TITLE)
        label = say(messages_asking.REMIX_LABEL)
        # left empty, a zoom keeps the prompt
        super().__init__(press.dialog(opening), title, label, default=prompt, required=not zoom)
        if zoom:
            factor = ui.TextInput[PromptDialog](custom_id=FACTOR, default="2", max_length=10)
            self.ask(say(messages_asking.ZOOM_LABEL), factor)


class EditDialog(TextDialog):
    """What to change in a picture, and further pictures it speaks of; of a grid also which picture."""

    def __init__(self, press: Press, opening: int) -> None:
        title, label = say(messages_asking.EDIT_TITLE), say(messages_asking.EDIT_LABEL)
        super().__init__(press.dialog(opening), title, label, example=say(messages_asking.EDIT_EXAMPLE))
        if press.cell is None:
            number = ui.TextInput[EditDialog](custom_id=NUMBER, default="1", max_length=2)
            self.ask(say(messages_asking.EDIT_NUMBER), number)
        more = ui.FileUpload[EditDialog](
            custom_id=FILE, required=False, min_values=0, max_values=MOST_SEEN - 1
        )
        self.ask(say(messages_asking.EDIT_MORE), more, say(messages_asking.EDIT_MORE_HELP))


class FileDialog(Dialog):
    """One place to drop a file."""

    def __init__(self, custom_id: str, title: str, label: str, help_: str) -> None:
        super().__init__(custom_id, title)
        self.ask(label, ui.FileUpload[FileDialog](custom_id=FILE), help_)


def files(interaction: discord.Interaction[Any]) -> list[discord.Attachment]:
    """Return the files of a sent dialog; like ``typed`` it needs no dialog in memory."""
    data: Mapping[str, Any] = interaction.data or {}
    sent = (data.get("resolved") or {}).get("attachments") or {}
    chosen = [name for item in _inputs(data) for name in item.get("values", ()) if name in sent]
    return [discord.Attachment(data=sent[name], state=interaction._state) for name in chosen]


def number(text: str) -> float:
    """Return a number as people type it: ``1.5``, ``1,5``, ``1.5x``. Raises UserError."""
    try:
        return float(text.strip().lower().rstrip("x×").replace(",", "."))
    except ValueError:
        raise UserError(messages_text.no_number(text)) from None


def typed(interaction: discord.Interaction[Any]) -> dict[str, str]:
    """Return what stands in each text input of a sent dialog, by its ``custom_id``."""
    data: Mapping[str, Any] = interaction.data or {}
    return {item["custom_id"]: item["value"] for item in _inputs(data) if "value" in item}


def _inputs(part: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for child in (*part.get("components", ()), *([part["component"]] if "component" in part else [])):
        if "custom_id" in child:
            yield child
        yield from _inputs(child)
