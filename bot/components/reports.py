"""Reports and appeals in Discord: dialogs, moderators' notices and their buttons, hiding and putting back.

What must be done stands in the database until it is done, so a restart at any moment loses nothing.
"""

from __future__ import annotations

import re
from typing import Self

import discord
from discord import ui

from bot import interactions
from bot.components import modals
from bot.components.component import Component
from bot.custom_ids import APPEAL, REPORT, Decision, Of, appeal_id, report_dialog
from bot.interactions import Green, Grey, Interaction
from bot.messages import reports as messages_reports
from engine.words import say

_DECISIONS = {
    Decision.BACK: (messages_reports.BACK, Green, "returned"),
    Decision.GONE: (messages_reports.GONE, discord.ButtonStyle.danger, "removed"),
    Decision.BAN: (messages_reports.BAN, discord.ButtonStyle.danger, "removed"),
    Decision.GRANT: (messages_reports.GRANT, Green, "granted"),
    Decision.DECLINE: (messages_reports.DECLINE, Grey, "declined"),
}
"""What a moderator's button says, how it looks, and how the report stands then."""


class DecisionButton(Component, ui.DynamicItem[ui.Button[ui.View]], template=REPORT):
    """A moderator's button under a notice."""

    def __init__(self, deed: Decision, report: int) -> None:
        self.deed, self.report = deed, report
        label, style, self.state = _DECISIONS[deed]
        super().__init__(ui.Button(style=style, label=say(label), custom_id=f"l1r:{deed.value}:{report}"))

    @classmethod
    def remade(cls, match: re.Match[str]) -> Self:
        """Make the pressed button again from its wire format."""
        return cls(Decision(match["deed"]), int(match["report"]))

    async def pressed(self, interaction: Interaction) -> None:
        """Decide."""
        await interactions.acknowledge(interaction, thinking=False)
        reports, message = interaction.client.service.reports, interaction.message
        report = await reports.find(self.report)
        if report.notice is None and message is not None:
            # it arrived, though we stopped before that was noted
            await reports.told(report, str(message.channel.id), str(message.id))
        who = interactions.requester(interaction)
        await reports.decide(self.report, who, self.state, ban=self.deed is Decision.BAN)


class AppealButton(Component, ui.DynamicItem[ui.Button[ui.View]], template=APPEAL):
    """The button under a refusal or a removal."""

    def __init__(self, of: Of, number: str) -> None:
        self.of, self.number = of, number
        super().__init__(ui.Button(label=say(messages_reports.APPEAL), custom_id=appeal_id(of, number)))

    @classmethod
    def remade(cls, match: re.Match[str]) -> Self:
        """Make the pressed button again from its wire format."""
        return cls(Of(match["of"]), match["id"])

    async def pressed(self, interaction: Interaction) -> None:
        """Ask why."""
        title, label = say(messages_reports.APPEAL_TITLE), say(messages_reports.APPEAL_LABEL)
        custom_id = report_dialog(self.of, self.number, interaction.id)
        await interaction.response.send_modal(modals.TextDialog(custom_id, title, label, limit=1000))


async def ask(interaction: Interaction, job: str) -> None:
    """Open the dialog to report a job's picture."""
    await interaction.response.send_modal(
        modals.TextDialog(
            report_dialog(Of.PICTURE, job, interaction.id),
            say(messages_reports.REPORT_TITLE),
            say(messages_reports.REPORT_LABEL),
            example=say(messages_reports.REPORT_EXAMPLE),
            limit=1000,
        )
    )


async def submitted(match: re.Match[str], interaction: Interaction) -> None:
    """Take what was typed into a dialog of ours."""
    await interactions.acknowledge(interaction, ephemeral=True)
    words = modals.typed(interaction).get(modals.PROMPT, "").strip()
    of, number = Of(match["of"]), match["id"]
    if of is Of.PICTURE:
        await filed(interaction, number, words, seen=True)
        return
    reports, requester = interaction.client.service.reports, interactions.requester(interaction)
    if of is Of.REFUSAL:
        await reports.appeal(requester, words, refusal=int(number))
    elif of is Of.JOB:
        await reports.appeal(requester, words, job=number)
    else:
        await reports.appeal(requester, words, report=int(number))
    await interaction.edit_original_response(content=say(messages_reports.APPEALED))


async def filed(interaction: Interaction, job_id: str, words: str, *, seen: bool) -> None:
    """File a report for an interaction that was acknowledged, and thank for it."""
    service = interaction.client.service
    job = await service.find(job_id)
    report = await service.reports.report(job, interactions.requester(interaction), words, seen=seen)
    await interaction.edit_original_response(content=messages_reports.thanks(report))
