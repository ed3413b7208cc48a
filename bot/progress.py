"""Progress messages: handing a planned request over, and showing how its jobs stand until they are over."""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import discord

from bot.custom_ids import Channel, Press, Token, Verb, address
from bot.failures import GONE, LastingView
from bot.interactions import TRANSIENT, BotClient, Interaction, hint
from bot.language import spoken_with
from bot.messages import jobs as messages_jobs
from bot.messages.jobs import Standing
from engine.jobs import FINAL, Job, State
from engine.service import Planned, Service
from engine.words import say, speaking

log = logging.getLogger(__name__)

TOKEN_LIFE = 14 * 60.0
"""Seconds an interaction's token is used for: Discord's 15 minutes, less one to spare."""
EDIT_EVERY = 2.0
"""Seconds between two edits of a progress message."""
MOST_BUTTONS = 25
"""Buttons of one message, five to a row (Discord)."""
LOOK_EVERY = 5.0
"""Seconds after which a waiting job's place in the queue is looked up again."""


@dataclass
class ProgressMessage:
    """A progress message: edited through the interaction's token while it lives, then through the channel."""

    client: BotClient
    place: Channel | Token
    message: str
    interaction: Interaction | None = None
    until: float = field(default_factory=lambda: time.monotonic() + TOKEN_LIFE)

    async def show(self, content: str, preview: bytes | None = None, **more: Any) -> bool:
        """Show this, keeping the last preview where there is no new one. False: nobody can see it now."""
        if preview is not None:
            more["attachments"] = [discord.File(io.BytesIO(preview), f"preview.{_ending(preview)}")]
        try:
            if self.interaction is not None and time.monotonic() < self.until:
                await self.interaction.edit_original_response(content=content, **more)
            elif isinstance(self.place, Channel):
                await self.client.message_in(self.place, self.message).edit(content=content, **more)
            else:
                return False
        except TRANSIENT as error:
            log.debug("progress %s not shown: %s", self.message, type(error).__name__)
        except discord.HTTPException as error:
            if error.code not in GONE and error.status != 403:
                log.warning("progress %s: HTTP %s, code %s", self.message, error.status, error.code)
            return False
        return True

    async def remove(self) -> None:
        """Take the progress message away, if it is still there."""
        with contextlib.suppress(discord.HTTPException, *TRANSIENT):
            if isinstance(self.place, Channel):
                await self.client.message_in(self.place, self.message).delete()


def _ending(picture: bytes) -> str:
    return "webp" if picture[:4] == b"RIFF" else "png" if picture[:4] == b"\x89PNG" else "jpg"


def progress_view(jobs: Sequence[Job]) -> discord.ui.View:
    """Return what is under a progress message: a cancel button a job, as far as they fit, and one for all."""
    cancels = {
        Press(Verb.CANCEL, job.id): say("Cancel") if len(jobs) == 1 else say("Cancel {number}", number=number)
        for number, job in enumerate(jobs[: MOST_BUTTONS - 1], 1)
    }
    if len(jobs) > 1:
        cancels[Press(Verb.CANCEL_ALL, jobs[0].id)] = say(messages_jobs.CANCEL_ALL)
    # who presses them is answered by ``bot.components.buttons``, which knows them by their custom_ids
    return LastingView(
        *(
            discord.ui.Button(style=discord.ButtonStyle.danger, label=label, custom_id=str(press))
            for press, label in cancels.items()
        )
    )


async def start(interaction: Interaction, message: str | None, planned: Planned) -> None:
    """Submit a planned request; ``message`` is the progress message its interaction was acknowledged with."""
    service = interaction.client.service
    submitted = await service.submit(planned, progress=message)
    place = address(planned.ask.caller.origin)
    if message is not None and place is not None and submitted.new:  # a press repeated is followed already
        shown = ProgressMessage(interaction.client, place, message, interaction)
        interaction.client.spawn(follow(shown, submitted.jobs), f"progress-{message}")


async def resume(client: BotClient) -> None:
    """Go on showing the progress of jobs that were accepted before a restart."""
    shown: dict[tuple[str, str], list[Job]] = {}
    for job, message in await client.service.unfinished():
        if message is not None:
            shown.setdefault((job.origin, message), []).append(job)
    for (where, message), jobs in shown.items():
        if isinstance(place := address(where), Channel):
            with speaking(await spoken_with(client, client.service, jobs[0].owner, place.guild)):
                client.spawn(follow(ProgressMessage(client, place, message), jobs), f"progress-{message}")


async def follow(shown: ProgressMessage, jobs: Sequence[Job]) -> None:
    """Keep the progress message at the newest state until every job is over; edits never queue up."""
    client = shown.client
    progress = _ProgressState(client, jobs)
    alone = len(jobs) == 1
    if not alone:
        client.followed.add(shown.message)
    try:
        async with asyncio.TaskGroup() as group:
            watching = [group.create_task(progress.watch(job)) for job in jobs]
            try:
                await _show(shown, progress)
            finally:
                for task in watching:
                    task.cancel()
    finally:
        client.followed.discard(shown.message)
    if alone and progress.states[jobs[0].id] is State.CANCELLED:
        await shown.show(progress.text(), attachments=[], view=None)
    elif not alone:
        await shown.remove()


async def _show(shown: ProgressMessage, progress: _ProgressState) -> None:
    before: tuple[str, bytes | None] | None = None
    more: dict[str, Any] = {"view": progress_view(progress.jobs)}
    while True:
        # clear, then look: a change in between is kept
        progress.changed.clear()
        if progress.over():
            return
        if before is not None:  # the first is shown at once
            await progress.look()
        now = (progress.text(), progress.preview)
        if now != before:
            fresh = now[1] if before is None or now[1] is not before[1] else None
            if not await shown.show(now[0], fresh, **more):
                return
            if before is None and shown.interaction is not None:
                await hint(shown.interaction)
            before, more = now, {}
        await asyncio.sleep(EDIT_EVERY)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_EVERY):
                await progress.changed.wait()


async def standing(service: Service, job: Job) -> Standing:
    """Return how a job stands in line, and the seconds left."""
    before, held = await service.position(job.id), service.control.held(job)
    return Standing(
        job.state,
        place=None if before is None else before + 1,
        seconds=None if held else service.waits.left(job.id),
        held=held,
        until=service.control.paused_until(job.guild),
        waking=not service.ready,
        percent=round(100 * service.share(job.id)),
        deserted=service.control.deserted(),
    )


class _ProgressState:
    """What is known about the jobs of one progress message; only ever the newest."""

    def __init__(self, client: BotClient, jobs: Sequence[Job]) -> None:
        self.jobs = jobs
        self.states = {job.id: job.state for job in jobs}
        self.preview: bytes | None = None
        self.changed = asyncio.Event()
        self._service = client.service
        self._percent = {job.id: 0 for job in jobs}
        self._standing: dict[str, Standing] = {}

    async def watch(self, job: Job) -> None:
        """Note every change of this job until it is over."""
        async for snapshot in self._service.progress(job.id):
            self.states[job.id], self._percent[job.id] = snapshot.state, snapshot.percent
            if len(self.jobs) == 1:
                self.preview = snapshot.preview or self.preview
            self.changed.set()

    async def look(self) -> None:
        """Look up places in line and times, for what is about to be shown: others' jobs change them."""
        for job in self.jobs:
            if self.states[job.id] not in FINAL:
                self._standing[job.id] = await standing(self._service, job)

    def over(self) -> bool:
        """Say whether every job has ended."""
        return all(state in FINAL for state in self.states.values())

    def text(self) -> str:
        """Return what the progress message says now."""
        now = [
            replace(
                self._standing.get(job.id, Standing(self.states[job.id])),
                state=self.states[job.id],
                percent=self._percent[job.id],
            )
            for job in self.jobs
        ]
        if len(now) == 1:
            return messages_jobs.progress(self.jobs[0], now[0])
        return messages_jobs.several(self.jobs, now)
