"""From a request to its jobs: planned, asked about where it is large, then submitted; draws nothing itself.

What was asked about is kept with the person, so that the answer outlives a restart.
"""

from __future__ import annotations

import asyncio
import json
import re
from typing import Self

from discord import ui

from bot import interactions, progress
from bot.components.component import Component
from bot.custom_ids import REPLY, Answer, Token, address, redo_id
from bot.failures import REDO, LastingView
from bot.interactions import Green, Grey, Interaction
from bot.messages import asking as messages_asking
from engine.errors import LimitError, NotFound
from engine.service import Ask, Imagine, Planned, restored, stored
from engine.words import say

QUESTION = "question"
"""The preference that holds what a person was last asked."""
PLAN_WITHIN = 0.5
"""Seconds a prompt may be planned before Discord is answered; it waits 3."""


class AnswerButton(Component, ui.DynamicItem[ui.Button[ui.View]], template=REPLY):
    """An answer to the question asked before a large request starts."""

    def __init__(self, answer: Answer, key: str) -> None:
        self.answer, self.key = answer, key
        style, label = {Answer.START: (Green, say("Start")), Answer.LEAVE: (Grey, say("Cancel"))}[answer]
        super().__init__(ui.Button(style=style, label=label, custom_id=f"l1:{answer.value}:{key}"))

    @classmethod
    def remade(cls, match: re.Match[str]) -> Self:
        """Make the pressed button again from its wire format."""
        return cls(Answer(match["answer"]), match["key"])

    async def pressed(self, interaction: Interaction) -> None:
        """Start what was asked for, or leave it."""
        await answered(interaction, self.key, start=self.answer is Answer.START)


def view(key: str) -> LastingView:
    """Return the row under a question."""
    return LastingView(*(AnswerButton(answer, key) for answer in Answer))


async def submit(interaction: Interaction, message: str | None, ask: Ask) -> None:
    """Plan and start a request whose interaction was acknowledged; ask first where it makes or takes much."""
    await start(interaction, message, await _plan(interaction, ask))


async def submit_line(interaction: Interaction, message: str | None, line: str) -> None:
    """As ``submit``, for a typed prompt."""
    interaction.extras[REDO] = redo_id()
    await submit(interaction, message, Imagine(interactions.caller(interaction), line))


async def preview_in_time(interaction: Interaction, line: str) -> None:
    """As ``submit_line``, of an interaction that is acknowledged in between.

    What is refused before that is said to the person alone. Where our own disk is slow, Discord does not
    wait: it is acknowledged while the planning goes on.
    """
    interaction.extras[REDO] = redo_id()
    planning = asyncio.create_task(_plan(interaction, Imagine(interactions.caller(interaction), line)))
    try:
        done, _ = await asyncio.wait({planning}, timeout=PLAN_WITHIN)
        if done:
            planning.result()  # a refusal is raised here
        message = await interactions.acknowledge(interaction)
        await start(interaction, message, await planning)
    finally:
        planning.cancel()


async def _plan(interaction: Interaction, ask: Ask) -> Planned:
    """Plan a request; refuse what cannot be shown where it was asked."""
    planned = await interaction.client.service.plan(ask)
    if len(planned.jobs) > 1 and isinstance(address(ask.caller.origin), Token):
        raise LimitError(messages_asking.ONE_HERE, planned.line)
    return planned


async def start(interaction: Interaction, message: str | None, planned: Planned) -> None:
    """Start a planned request whose interaction was acknowledged; ask first where it makes or takes much."""
    if planned.large:
        await _ask(interaction, planned)
    else:
        await progress.start(interaction, message, planned)


async def _ask(interaction: Interaction, planned: Planned) -> None:
    """Ask before a large request starts; only the newest question of a person can be answered."""
    key = planned.ask.caller.key
    question = json.dumps({"key": key, **stored(planned.ask)})
    await interaction.client.service.prefer(planned.ask.caller.owner, QUESTION, question)
    text = messages_asking.question(
        planned.line, len(planned.jobs), planned.pictures, planned.seconds, planned.balances
    )
    await interaction.edit_original_response(content=text, view=view(key))
    await interactions.hint(interaction)


async def answered(interaction: Interaction, key: str, *, start: bool) -> None:
    """Start what a question was about, or leave it."""
    message = interaction.message
    await interactions.acknowledge(interaction, thinking=False)
    owner, service = str(interaction.user.id), interaction.client.service
    question = json.loads((await service.preferences(owner)).get(QUESTION, "{}"))
    if question.get("key") != key or message is None:
        raise NotFound(messages_asking.QUESTION_GONE)
    # a refusal leaves the question: once a place is free it can be pressed again
    if start:
        ask = restored(question, interactions.caller(interaction, key=key))
        await progress.start(interaction, str(message.id), await service.plan(ask))
    else:
        await interaction.edit_original_response(content=say(messages_asking.NOT_STARTED), view=None)
    await service.prefer(owner, QUESTION, None)
