"""Does in Discord what reports and appeals ask for: moderators' notices, hiding, putting back, letters.

What must be done stands in the database until it is done, so a restart at any moment loses nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
from typing import Any

import discord

from bot.components.reports import AppealButton, DecisionButton
from bot.custom_ids import REPORT, Channel, Decision, Of, address, number_in
from bot.failures import GONE, LastingView
from bot.interactions import BotClient
from bot.language import of_server, spoken_with
from bot.messages import reports as messages_reports
from bot.publish.delivery import TROUBLE, Publisher
from bot.publish.search import both_ends
from engine.errors import EngineError, NotFound
from engine.jobs import Delivery, Job
from engine.rules.people import Refusal, Report
from engine.rules.rules import EVERYWHERE
from engine.service import FileOptions
from engine.words import say, speaking

log = logging.getLogger(__name__)

EVERY = 30.0
"""Seconds between two looks at what is left to do, where nobody knocks."""
NOTICE_LIMIT = 8 * 1024 * 1024
"""Bytes of the picture moderators are shown."""
LEAST_SIDE = 512


class Moderation:
    """Does in Discord what reports ask for: hide, put back, remove, tell moderators and people."""

    def __init__(self, client: BotClient, publisher: Publisher) -> None:
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
            with speaking(of_server(self._client, number_in(report.guild))):
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
        return say("this bot") if guild is None else guild.name

    async def _language(self, person: str, report: Report) -> str | None:
        return await spoken_with(self._client, self._client.service, person, number_in(report.guild))

    async def _do(self, report: Report) -> None:
        job, refusal = await self._about(report)
        if report.todo == "tell":
            with speaking(await self._language(report.owner, report)):
                answer = messages_reports.answered(report, job, refusal, self._server(report))
            await self._write_to(report.owner, answer)
        elif job is not None:
            for delivery in await self._reports.shown(report):
                await self._change(report, delivery)
            if report.todo == "remove":
                with speaking(await self._language(job.owner, report)):
                    view = LastingView(AppealButton(Of.REPORT, str(report.id)))
                    text = messages_reports.removed(job, self._server(report))
                await self._write_to(job.owner, text, view)
        if report.state != "open" and report.channel and report.notice:
            text = messages_reports.decided(report, messages_reports.notice(report, job, refusal))
            message = self._client.message_in(Channel(None, int(report.channel)), report.notice)
            with _gone_is_fine():
                shown: dict[str, Any] = {"attachments": []} if report.state == "removed" else {}
                await message.edit(content=text, view=None, **shown)

    async def _change(self, report: Report, delivery: Delivery) -> None:
        place = address(delivery.origin)
        if not isinstance(place, Channel) or delivery.message is None:
            return
        message = self._client.message_in(place, delivery.message)
        with _gone_is_fine():
            if report.todo == "remove":
                await message.delete()
            elif report.todo == "hide":
                await message.edit(content=say(messages_reports.HIDDEN), attachments=[], view=None)
            else:
                letter = await self._publisher.spoken(delivery, self._publisher.limit(place))
                await message.edit(content=letter.content, attachments=letter.open_files(), view=letter.view)

    async def _write_to(self, person: str, text: str, view: LastingView | None = None) -> None:
        """Write a direct message, where the person takes any."""
        if not person.isdecimal():
            return
        with _gone_is_fine():
            channel = await self._client.create_dm(discord.Object(int(person)))
            await channel.send(text, view=view)  # type: ignore[arg-type]  # None is taken

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
                wanted = FileOptions(limit=NOTICE_LIMIT, least=LEAST_SIDE)
                file = await self._client.service.files.file(job, wanted=wanted)
                files = [discord.File(io.BytesIO(file.data), f"SPOILER_report-{report.id}.{file.extension}")]
        deeds = (
            (Decision.BACK, Decision.GONE, Decision.BAN)
            if report.kind == "report"
            else (Decision.GRANT, Decision.DECLINE)
        )
        await self._reports.telling(report)
        message = await channel.send(
            messages_reports.notice(report, job, refusal),
            files=files,
            view=LastingView(*(DecisionButton(deed, report.id) for deed in deeds)),
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
        async for message in both_ends(channel, report.at, 100):
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
