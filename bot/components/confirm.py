"""Asked before a large request starts: what it makes, what it takes, and what is left; draws nothing itself.

The question is kept with the person, so that its answer outlives a restart.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import discord

from bot import interactions
from bot.custom_ids import Answer
from bot.interactions import Interaction
from bot.messages import common as messages
from engine.errors import NotFound
from engine.service import Action, Preview, Submitted

QUESTION = "question"
"""The preference that holds what a person was last asked."""
KEPT = ("job", "verb", "cell", "line", "factor", "picture", "mask", "strength", "model", "reply_to")
"""What is kept of an action; who asks, and where, is told by whoever answers."""


def view(key: str) -> discord.ui.View:
    """Return the row under a question; who presses is answered by ``bot.components.buttons``."""
    row = discord.ui.View(timeout=None)
    for answer, label, style in (
        (Answer.START, "Start", discord.ButtonStyle.success),
        (Answer.LEAVE, "Cancel", discord.ButtonStyle.secondary),
    ):
        row.add_item(discord.ui.Button(style=style, label=label, custom_id=f"l1:{answer.value}:{key}"))
    return row


async def ask(interaction: Interaction, found: Preview, line: str, kept: Mapping[str, Any]) -> None:
    """Ask before a large request starts; only the newest question of a person can be answered."""
    key = str(interaction.id)
    question = json.dumps({"key": key, **kept})
    await interaction.client.service.prefer(str(interaction.user.id), QUESTION, question)
    text = messages.question(line, found.jobs, found.pictures, found.seconds, found.balances)
    await interaction.edit_original_response(content=text, view=view(key))


async def prompt(interaction: Interaction, message: str | None, line: str, found: Preview) -> None:
    """Hand over a typed prompt whose interaction was acknowledged; ask first where it makes or takes much."""
    if found.large:
        await ask(interaction, found, line, {"line": line})
    else:
        await interactions.submit_line(interaction, message, line, interactions.progress_view)


async def action(interaction: Interaction, message: str | None, wanted: Action) -> None:
    """Hand over what is to be done with a picture, as ``prompt`` does with a line."""
    found = await interaction.client.service.weigh(wanted)
    if found is not None and found.large:
        kept = {name: value for name in KEPT if (value := getattr(wanted, name)) is not None}
        await ask(interaction, found, found.prompt, {"action": kept})
    else:
        await _act(interaction, message, wanted)


async def _act(interaction: Interaction, message: str | None, wanted: Action) -> None:
    async def submit(place: str, progress: str | None) -> Submitted:
        return await interaction.client.service.act(replace(wanted, origin=place, progress=progress))

    await interactions.start(interaction, message, submit, interactions.progress_view)


async def answered(interaction: Interaction, key: str, *, start: bool) -> None:
    """Start what a question was about, or leave it."""
    message = interaction.message
    await interactions.acknowledge(interaction, thinking=False)
    owner, service = str(interaction.user.id), interaction.client.service
    question = json.loads((await service.preferences(owner)).get(QUESTION, "{}"))
    if question.get("key") != key or message is None:
        raise NotFound(messages.QUESTION_GONE)
    # a refusal leaves the question: once a place is free it can be pressed again
    if start and "action" in question:
        asker = interactions.asker(interaction)
        asked = Action(key=key, owner=owner, origin="", asker=asker, **question["action"])
        await _act(interaction, str(message.id), asked)
    elif start:
        await interactions.submit_line(
            interaction, str(message.id), question["line"], interactions.progress_view, key=key
        )
    else:
        await interaction.edit_original_response(content=messages.NOT_STARTED, view=None)
    await service.prefer(owner, QUESTION, None)
