"""Reports and appeals in Discord: dialogs, moderators' notices and their buttons, hiding and putting back.

What must be done stands in the database until it is done, so a restart at any moment loses nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import io
import logging
import re
from typing import Any, Self

import discord
from discord import ui

from bot import desk, messages_reports, modals
from bot.delivery import TROUBLE, Publisher
from bot.desk import Desk, Interaction
from bot.failures import GONE, guarded
from bot.wire import APPEAL, REPORT, REPORT_DIALOG, Channel, Deed, Of, address, appeal_id, report_dialog
from engine.authority import EVERYWHERE
from engine.errors import EngineError, NotFound
from engine.jobs import Delivery, Job
from engine.people import Refusal, Report

log = logging.getLogger(__name__)

EVERY = 30.0
"""Seconds between two looks at what is left to do, where nobody knocks."""
NOTICE_LIMIT = 8 * 1024 * 1024
"""Bytes of the picture moderators are shown."""
LEAST_SIDE = 512

_STATES = {
    Deed.BACK: "returned",
    Deed.GONE: "removed",
    Deed.BAN: "removed",
    Deed.GRANT: "granted",
    Deed.DECLINE: "declined",
}
_FACES = {
    Deed.BACK: (messages_reports.BACK, discord.ButtonStyle.success),
    Deed.GONE: (messages_reports.GONE, discord.ButtonStyle.danger),
    Deed.BAN: (messages_reports.BAN, discord.ButtonStyle.danger),
    Deed.GRANT: (messages_reports.GRANT, discord.ButtonStyle.success),
    Deed.DECLINE: (messages_reports.DECLINE, discord.ButtonStyle.secondary),
}


class DecisionButton(ui.DynamicItem[ui.Button[ui.View]], template=REPORT):
    """A moderator's button under a notice."""

    def __init__(self, deed: Deed, report: int) -> None:
        self.deed, self.report = deed, report
        label, style = _FACES[deed]
        super().__init__(ui.Button(style=style, label=label, custom_id=f"l1r:{deed.value}:{report}"))

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Make the pressed button again from its wire format."""
        return cls(Deed(match["deed"]), int(match["report"]))

    @guarded
    async def callback(self, interaction: Interaction) -> None:
        """Decide."""
        await desk.acknowledge(interaction, thinking=False)
        reports, message = interaction.client.service.reports, interaction.message
        report = await reports.find(self.report)
        if report.notice is None and message is not None:
            # it arrived, though we stopped before that was noted
            await reports.told(report, str(message.channel.id), str(message.id))
        await reports.decide(
            self.report, desk.asker(interaction), _STATES[self.deed], ban=self.deed is Deed.BAN
        )


class AppealButton(ui.DynamicItem[ui.Button[ui.View]], template=APPEAL):
    """The button under a refusal or a removal."""

    def __init__(self, of: Of, number: str) -> None:
        self.of, self.number = of, number
        super().__init__(ui.Button(label=messages_reports.APPEAL, custom_id=appeal_id(of, number)))

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Make the pressed button again from its wire format."""
        return cls(Of(match["of"]), match["id"])

    @guarded
    async def callback(self, interaction: Interaction) -> None:
        """Ask why."""
        title, label = messages_reports.APPEAL_TITLE, messages_reports.APPEAL_LABEL
        custom_id = report_dialog(self.of, self.number, interaction.id)
        await interaction.response.send_modal(modals.TextDialog(custom_id, title, label, limit=1000))


ITEMS = (DecisionButton, AppealButton)


async def ask(interaction: Interaction, job: str) -> None:
    """Open the dialog to report a job's picture."""
    await interaction.response.send_modal(
        modals.TextDialog(
            report_dialog(Of.PICTURE, job, interaction.id),
            messages_reports.REPORT_TITLE,
            messages_reports.REPORT_LABEL,
            example=messages_reports.REPORT_EXAMPLE,
            limit=1000,
        )
    )


async def submitted(interaction: Interaction) -> None:
    """Take what was typed into a dialog of ours; other dialogs are left alone."""
    match = REPORT_DIALOG.fullmatch(interaction.custom_id or "")
    if match is not None:
        await _submitted(match, interaction)


@guarded
async def _submitted(match: re.Match[str], interaction: Interaction) -> None:
    await desk.acknowledge(interaction, ephemeral=True)
    words = modals.typed(interaction).get(modals.PROMPT, "").strip()
    of, number = Of(match["of"]), match["id"]
    if of is Of.PICTURE:
        await filed(interaction, number, words, seen=True)
        return
    reports, asker = interaction.client.service.reports, desk.asker(interaction)
    if of is Of.REFUSAL:
        await reports.appeal(asker, words, refusal=int(number))
    elif of is Of.JOB:
        await reports.appeal(asker, words, job=number)
    else:
        await reports.appeal(asker, words, report=int(number))
    await interaction.edit_original_response(content=messages_reports.APPEALED)


async def filed(interaction: Interaction, job_id: str, words: str, *, seen: bool) -> None:
    """File a report for an interaction that was acknowledged, and thank for it."""
    service = interaction.client.service
    job = await service.find(job_id)
    report = await service.reports.report(job, desk.asker(interaction), words, seen=seen)
    await interaction.edit_original_response(content=messages_reports.thanks(report))


class Moderation:
    """Does in Discord what reports ask for: hide, put back, remove, tell moderators and people."""

    def __init__(self, client: Desk, publisher: Publisher) -> None:
        self._client = client
        self._publisher = publisher
        self._reports = client.service.reports

    async def run(self) -> None:
        """Go on until cancelled."""
        await self._client.wait_until_ready()
        while True:
            # clear, then look: what comes in between is kept
            self._reports.waker.clear()
            try:
                for report in await self._reports.undone():
                    await self._one(report)
            except EngineError:
                log.exception("reports wait for the database")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(EVERY):
                    await self._reports.waker.wait()

    async def _one(self, report: Report) -> None:
        try:
            if report.todo is not None:
                await self._do(report)
                await self._reports.done(report)
            if report.notice is None and report.state == "open":
                await self._tell(report)
        except TROUBLE as error:
            log.warning("report %s waits (%s)", report.id, type(error).__name__)

    async def _about(self, report: Report) -> tuple[Job | None, Refusal | None]:
        job = None
        if report.job is not None:
            with contextlib.suppress(NotFound):
                job = await self._client.service.find(report.job)
        refusal = None if report.refusal is None else await self._reports.refusal(report.refusal)
        return job, refusal

    def _server(self, report: Report) -> str:
        guild = None if report.guild is None else self._client.get_guild(int(report.guild))
        return "this bot" if guild is None else guild.name

    async def _do(self, report: Report) -> None:
        job, refusal = await self._about(report)
        if report.todo == "tell":
            answer = messages_reports.answered(report, job, refusal, self._server(report))
            await self._write_to(report.person, answer)
        elif job is not None:
            for delivery in await self._reports.shown(report):
                await self._change(report, job, delivery)
            if report.todo == "remove":
                view = ui.View(timeout=None)
                view.add_item(AppealButton(Of.REPORT, str(report.id)))
                await self._write_to(job.owner, messages_reports.removed(job, self._server(report)), view)
        if report.state != "open" and report.channel and report.notice:
            text = messages_reports.decided(report, messages_reports.notice(report, job, refusal))
            channel = self._client.get_partial_messageable(int(report.channel))
            message = channel.get_partial_message(int(report.notice))
            with _gone_is_fine():
                if report.state == "removed":
                    await message.edit(content=text, view=None, attachments=[])
                else:
                    await message.edit(content=text, view=None)

    async def _change(self, report: Report, job: Job, delivery: Delivery) -> None:
        place = address(delivery.origin)
        if not isinstance(place, Channel) or delivery.message is None:
            return
        channel = self._client.get_partial_messageable(place.channel, guild_id=place.guild)
        message = channel.get_partial_message(int(delivery.message))
        with _gone_is_fine():
            if report.todo == "remove":
                await message.delete()
            elif report.todo == "hide":
                await message.edit(content=messages_reports.HIDDEN, attachments=[], view=None)
            else:
                letter = await self._publisher.letter(job, delivery, self._publisher.limit(place))
                await message.edit(content=letter.content, attachments=letter.open_files(), view=letter.view)

    async def _write_to(self, person: str, text: str, view: ui.View | None = None) -> None:
        """Write a direct message, where the person takes any."""
        if not person.isdecimal():
            return
        with _gone_is_fine():
            channel = await self._client.create_dm(discord.Object(int(person)))
            if view is None:
                await channel.send(text)
            else:
                await channel.send(text, view=view)

    async def _tell(self, report: Report) -> None:
        """Tell moderators, once: in the server's log channel, else the host's, else to the bot's owner."""
        channel = await self._moderators(report.guild)
        if channel is None:
            return
        if report.attempted_at is not None and (earlier := await self._earlier(channel, report)) is not None:
            await self._reports.told(report, str(channel.id), earlier)
            return
        job, refusal = await self._about(report)
        files = []
        if job is not None and job.pictures:
            with contextlib.suppress(NotFound):
                file = await self._client.service.file(job.id, limit=NOTICE_LIMIT, least=LEAST_SIDE)
                files = [discord.File(io.BytesIO(file.data), f"SPOILER_report-{report.id}.{file.extension}")]
        deeds = (Deed.BACK, Deed.GONE, Deed.BAN) if report.kind == "report" else (Deed.GRANT, Deed.DECLINE)
        view = ui.View(timeout=None)
        for deed in deeds:
            view.add_item(DecisionButton(deed, report.id))
        await self._reports.telling(report)
        message = await channel.send(
            messages_reports.notice(report, job, refusal),
            files=files,
            view=view,
            nonce=f"limner-report-{report.id}",
            allowed_mentions=discord.AllowedMentions.none(),
        )
        await self._reports.told(report, str(channel.id), str(message.id))

    async def _moderators(self, guild: str | None) -> discord.PartialMessageable | discord.DMChannel | None:
        admin = self._client.service.admin
        named = admin.rules(guild).log or admin.rules(EVERYWHERE).log
        if named is not None:
            return self._client.get_partial_messageable(int(named))
        application = self._client.application
        owner = next(iter(self._client.config.discord.owners), None)
        if owner is None and application is not None:
            owner = application.owner.id if application.team is None else application.team.owner_id
        return None if owner is None else await self._client.create_dm(discord.Object(owner))

    async def _earlier(self, channel: Any, report: Report) -> str | None:
        """Return the notice of an earlier try of unknown outcome, recognised by its buttons, or None."""
        since = datetime.datetime.fromtimestamp(report.at - 60.0, datetime.UTC)
        async for message in channel.history(limit=100, after=since):
            for row in message.components:
                for child in getattr(row, "children", ()):
                    match = REPORT.fullmatch(getattr(child, "custom_id", None) or "")
                    if match is not None and int(match["report"]) == report.id:
                        return str(message.id)
        return None


@contextlib.contextmanager
def _gone_is_fine() -> Any:
    """Go on where a message, a channel or our right to it is gone, or direct messages are closed."""
    try:
        yield
    except discord.HTTPException as error:
        if error.status not in (403, 404) and error.code not in GONE:
            raise
        log.info("report: code %s", error.code)
