"""The counter all commands, buttons and dialogs go through: acknowledge, ask the service, show progress.

Refuses to know what was asked for: commands and buttons say that, the service decides about it.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import discord

from bot.custom_ids import Channel, Press, Token, Verb, address
from bot.failures import GONE, HIDDEN, PUBLIC, THINKING
from bot.messages import common as messages
from engine.config import Config
from engine.errors import LimitError
from engine.jobs import FINAL, Job, State
from engine.rules.people import Asker
from engine.rules.permissions import Deed
from engine.service import Preview, Request, Service, Submitted

log = logging.getLogger(__name__)

TOKEN_LIFE = 14 * 60.0
"""Seconds an interaction's token is used for: Discord's 15 minutes, less one to spare."""
EDIT_EVERY = 2.0
"""Seconds between two edits of a progress message."""
LOOK_WITHIN = 0.5
"""Seconds a prompt may be looked at before Discord is answered; it waits 3."""
MOST_BUTTONS = 25
"""Buttons of one message, five to a row (Discord)."""
LOOK_EVERY = 5.0
"""Seconds after which a waiting job's place in the queue is looked up again."""
ALREADY_ACKNOWLEDGED = 40060

TRANSIENT = (
    discord.DiscordServerError,
    discord.RateLimited,
    aiohttp.ClientError,
    OSError,
    TimeoutError,
    KeyError,
    ValueError,
)
"""What a second try may cure. discord.py retries neither 503 nor Linux's connection reset (errno 104), and
raises KeyError over a 429 without ``retry_after``, ValueError over a cut-off body."""

Row = Callable[[Sequence[Job]], discord.ui.View]
Submit = Callable[[str, str | None], Awaitable[Submitted]]


class Desk(discord.Client):
    """A Discord client that knows the engine's front door and keeps its background tasks."""

    background: asyncio.TaskGroup
    tree: discord.app_commands.CommandTree[Any]

    def __init__(self, config: Config, service: Service, **options: Any) -> None:
        super().__init__(**options)
        self.service = service
        self.followed: set[str] = set()  # progress messages that are removed by their follower

    @property
    def config(self) -> Config:
        """The host's choices as they stand: a reload changes them."""
        return self.service.config

    def owned_by(self, user: int) -> bool:
        """Say whether this person owns the bot: named under ``discord.owners``, or the application's owner.

        Of an application that belongs to a team: its owner, and the members who may change it.
        """
        if user in self.config.discord.owners:
            return True
        application = self.application
        if application is None:
            return False
        if application.team is None:
            return application.owner.id == user
        able = (discord.TeamMemberRole.admin, discord.TeamMemberRole.developer)
        return user == application.team.owner_id or any(
            member.id == user
            and member.role in able
            and member.membership_state is discord.TeamMembershipState.accepted
            for member in application.team.members
        )

    def admit(self, interaction: Interaction, command: str) -> None:
        """Raise the refusing sentence where whoever asks may not use this command here."""
        self.service.admin.require(asker(interaction), Deed(command))

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Run ``work`` beside everything else; what it raises is logged and harms nothing else."""
        self.background.create_task(_shielded(work, name), name=name)


async def _shielded(work: Coroutine[Any, Any, None], name: str) -> None:
    try:
        await work
    except Exception:
        log.exception("%s", name)


Interaction = discord.Interaction[Desk]


async def acknowledge(
    interaction: Interaction, *, thinking: bool = True, ephemeral: bool = False
) -> str | None:
    """Answer Discord within its 3 seconds, before any work; return the id of the message to fill, if any.

    Tried again at once where the line breaks: a first answer that did arrive makes the second one say so.
    """
    for delay in (0.0, 0.2, 0.5):
        await asyncio.sleep(delay)
        try:
            answer = await interaction.response.defer(thinking=thinking, ephemeral=ephemeral)
        except TRANSIENT as error:
            log.info("acknowledging %s failed, trying again: %s", interaction.id, type(error).__name__)
            continue
        except discord.HTTPException as error:
            if error.code != ALREADY_ACKNOWLEDGED:
                raise
            # the first try arrived though its answer was lost
            message = await interaction.original_response() if thinking else None
            return None if message is None else _thinking(interaction, message.id, ephemeral)
        return _thinking(interaction, answer.message_id if thinking and answer else None, ephemeral)
    raise ConnectionResetError("Discord took no acknowledgement")


def _thinking(interaction: Interaction, message: int | None, ephemeral: bool) -> str | None:
    if message is None:
        return None
    interaction.extras[THINKING] = HIDDEN if ephemeral else PUBLIC
    return str(message)


def origin(interaction: Interaction) -> Channel | Token:
    """Return where results for this interaction go: its channel where the bot may post, else its token."""
    channel = interaction.channel_id
    if channel is not None:
        if interaction.guild_id is None:
            # direct messages with the bot; anybody else's are reached through the token only
            if interaction.context.dm_channel:
                return Channel(None, channel)
        elif interaction.is_guild_integration() and interaction.app_permissions >= _needed(interaction):
            return Channel(interaction.guild_id, channel)
    return Token(interaction.application_id, interaction.token)


def asker(interaction: Interaction) -> Asker:
    """Return who asks here: the person, with server, channel, roles and rights as Discord tells them."""
    client, user, channel = interaction.client, interaction.user, interaction.channel
    host = client.owned_by(user.id)
    rights = interaction.permissions  # none in direct messages
    thread = channel if isinstance(channel, discord.Thread) else None
    above = thread.parent if thread is not None else channel
    parents = (
        None if thread is None else thread.parent_id,
        None if above is None else getattr(above, "category_id", None),
    )
    guild = interaction.guild_id
    roles = [] if guild is None else [guild, *(role.id for role in getattr(user, "roles", ()))]
    # a thread is as its channel is; what tells nothing (direct messages) is not restricted
    restricted = getattr(channel, "is_nsfw", None)
    return Asker(
        owner=str(user.id),
        guild=None if guild is None else str(guild),
        channel=None if interaction.channel_id is None else str(interaction.channel_id),
        parents=tuple(str(one) for one in parents if one is not None),
        roles=tuple(dict.fromkeys(map(str, roles))),
        manager=host or rights.administrator or rights.manage_guild,
        age_restricted=restricted is not None and restricted(),
        host=host,
    )


def _needed(interaction: Interaction) -> discord.Permissions:
    thread = isinstance(interaction.channel, discord.Thread)
    return discord.Permissions(
        view_channel=True, attach_files=True, send_messages=not thread, send_messages_in_threads=thread
    )


@dataclass
class Screen:
    """A progress message: edited through the interaction's token while it lives, then through the channel."""

    client: Desk
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
                await self._partial(self.place).edit(content=content, **more)
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
                await self._partial(self.place).delete()

    def _partial(self, place: Channel) -> discord.PartialMessage:
        channel = self.client.get_partial_messageable(place.channel, guild_id=place.guild)
        return channel.get_partial_message(int(self.message))


def _ending(picture: bytes) -> str:
    return "webp" if picture[:4] == b"RIFF" else "png" if picture[:4] == b"\x89PNG" else "jpg"


def progress_view(jobs: Sequence[Job]) -> discord.ui.View:
    """Return what is under a progress message: a cancel button for each job, as far as they fit."""
    view = discord.ui.View(timeout=None)
    for number, job in enumerate(jobs[:MOST_BUTTONS], 1):
        # who presses it is answered by ``bot.components.buttons``, which knows it by its custom_id
        button: discord.ui.Button[discord.ui.View] = discord.ui.Button(
            style=discord.ButtonStyle.danger,
            label="Cancel" if len(jobs) == 1 else f"Cancel {number}",
            custom_id=str(Press(Verb.CANCEL, job.id)),
        )
        view.add_item(button)
    return view


async def start(interaction: Interaction, message: str | None, submit: Submit, row: Row) -> None:
    """Hand a request over whose interaction was acknowledged with this progress message."""
    place = origin(interaction)
    submitted = await submit(str(place), message)
    if message is not None and submitted.new:  # a press repeated is followed already
        screen = Screen(interaction.client, place, message, interaction)
        interaction.client.spawn(follow(screen, submitted.jobs, row), f"progress-{message}")


async def resume(client: Desk, row: Row) -> None:
    """Go on showing the progress of jobs that were accepted before a restart."""
    shown: dict[tuple[str, str], list[Job]] = {}
    for job, message in await client.service.unfinished():
        if message is not None:
            shown.setdefault((job.origin, message), []).append(job)
    for (where, message), jobs in shown.items():
        if isinstance(place := address(where), Channel):
            client.spawn(follow(Screen(client, place, message), jobs, row), f"progress-{message}")


async def follow(screen: Screen, jobs: Sequence[Job], row: Row | None) -> None:
    """Keep the progress message at the newest state until every job is over; edits never queue up."""
    client = screen.client
    board = _Board(client, jobs)
    alone = len(jobs) == 1
    if not alone:
        client.followed.add(screen.message)
    try:
        async with asyncio.TaskGroup() as group:
            watching = [group.create_task(board.watch(job)) for job in jobs]
            try:
                await _show(screen, board, row)
            finally:
                for task in watching:
                    task.cancel()
    finally:
        client.followed.discard(screen.message)
    if alone and board.states[jobs[0].id] is State.CANCELLED:
        await screen.show(board.text(), attachments=[], view=None)
    elif not alone:
        await screen.remove()


async def _show(screen: Screen, board: _Board, row: Row | None) -> None:
    before: tuple[str, bytes | None] | None = None
    more: dict[str, Any] = {} if row is None else {"view": row(board.jobs)}
    while True:
        # clear, then look: a change in between is kept
        board.changed.clear()
        if board.over():
            return
        now = (board.text(), board.preview)
        if now != before:
            fresh = now[1] if before is None or now[1] is not before[1] else None
            if not await screen.show(now[0], fresh, **more):
                return
            before, more = now, {}
        await asyncio.sleep(EDIT_EVERY)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_EVERY):
                await board.changed.wait()
        await board.look()


class _Board:
    """What is known about the jobs of one progress message; only ever the newest."""

    def __init__(self, client: Desk, jobs: Sequence[Job]) -> None:
        self.jobs = jobs
        self.states = {job.id: job.state for job in jobs}
        self.preview: bytes | None = None
        self.changed = asyncio.Event()
        self._service = client.service
        self._percent = 0
        self._before: int | None = None

    async def watch(self, job: Job) -> None:
        """Note every change of this job until it is over."""
        async for snapshot in self._service.progress(job.id):
            self.states[job.id] = snapshot.state
            if len(self.jobs) == 1:
                self._percent, self._before = snapshot.percent, snapshot.position
                self.preview = snapshot.preview or self.preview
            self.changed.set()

    async def look(self) -> None:
        """Look up the place in the queue: others' jobs move it."""
        if len(self.jobs) == 1 and self.states[self.jobs[0].id] is State.QUEUED:
            self._before = await self._service.position(self.jobs[0].id)

    def over(self) -> bool:
        """Say whether every job has ended."""
        return all(state in FINAL for state in self.states.values())

    def text(self) -> str:
        """Return what the progress message says now."""
        if len(self.jobs) > 1:
            return messages.several(self.jobs, list(self.states.values()))
        job = self.jobs[0]
        place = None if self._before is None else self._before + 1
        state, held = self.states[job.id], self._service.held(job)
        return messages.progress(job, state=state, place=place, percent=self._percent, held=held)


async def repaint(interaction: Interaction, view: discord.ui.View) -> None:
    """Acknowledge a press by showing its message's buttons anew; where the line breaks, acknowledge only."""
    try:
        await interaction.response.edit_message(view=view)
    except TRANSIENT:
        await acknowledge(interaction, thinking=False)


REMIX, VARIATION = "remix", "variation"
"""Preferences of ours: whether buttons open a dialog to change the prompt first (``on``), how far V buttons
go (``low``, else high)."""


async def glance(interaction: Interaction, line: str) -> Preview | None:
    """As ``preview``, for before the acknowledgement: what is refused then is said to the person alone.

    None: our own disk is slow, and Discord must not wait; look again afterwards.
    """
    try:
        async with asyncio.timeout(LOOK_WITHIN):
            return await preview(interaction, line)
    except TimeoutError:
        return None


async def preview(interaction: Interaction, line: str) -> Preview:
    """Return what a prompt would make and take; refuse what cannot be shown where it was typed."""
    place = origin(interaction)
    request = Request(
        key=str(interaction.id),
        owner=str(interaction.user.id),
        origin=str(place),
        line=line,
        asker=asker(interaction),
    )
    found = await interaction.client.service.preview(request)
    if found.jobs > 1 and isinstance(place, Token):
        raise LimitError(messages.ONE_HERE, line)
    return found


async def submit_line(
    interaction: Interaction, message: str | None, line: str, row: Row, *, key: str | None = None
) -> None:
    """Hand over a typed prompt whose interaction was acknowledged."""

    async def submit(place: str, progress: str | None) -> Submitted:
        request = Request(
            key=key or str(interaction.id),
            owner=str(interaction.user.id),
            origin=place,
            line=line,
            progress=progress,
            asker=asker(interaction),
        )
        return await interaction.client.service.submit(request)

    await start(interaction, message, submit, row)
