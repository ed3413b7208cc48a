"""The dialogs our buttons open, and how what was typed there is read; knows nothing of what comes of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import discord
from discord import ui

from bot import messages
from bot.wire import Press

INPUT_LIMIT = 4000
"""Most characters of a text input (Discord)."""
OPEN_FOR = 15 * 60.0
"""Seconds discord.py remembers an open dialog for. What was typed later is read all the same."""
PROMPT = "prompt"


class PromptDialog(ui.Modal):
    """A box with the prompt, to change before a button does its work."""

    def __init__(self, press: Press, opening: int, prompt: str) -> None:
        super().__init__(title=messages.REMIX_TITLE, custom_id=press.dialog(opening), timeout=OPEN_FOR)
        box: ui.TextInput[PromptDialog] = ui.TextInput(
            custom_id=PROMPT, style=discord.TextStyle.paragraph, default=prompt, max_length=INPUT_LIMIT
        )
        self.add_item(ui.Label(text=messages.REMIX_LABEL, component=box))


def typed(interaction: discord.Interaction[Any]) -> dict[str, str]:
    """Return what stands in each text input of a sent dialog, by its ``custom_id``."""
    data: Mapping[str, Any] = interaction.data or {}
    return {item["custom_id"]: item["value"] for item in _inputs(data) if "value" in item}


def _inputs(part: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for child in (*part.get("components", ()), *([part["component"]] if "component" in part else [])):
        if "custom_id" in child:
            yield child
        yield from _inputs(child)
