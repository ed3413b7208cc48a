"""Keeps what was promised: publishes each pending delivery as one message; knows nothing of drawing.

Long: sending once, with all that may go wrong on the way.

A send has three outcomes: done, refused, or unknown (the process died, the line broke). An unknown one is
tried again with the same nonce, which Discord remembers for some minutes; before that the channel is searched
for our own buttons holding that very delivery: a message appears once, however often and late it is repeated.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import io
import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import discord

from bot.components import near, picture, views
from bot.custom_ids import Channel, Token, address
from bot.interactions import TRANSIENT, BotClient
from bot.language import of_server
from bot.messages import answers as messages_answers
from bot.messages import asking as messages_asking
from bot.messages import jobs as messages_jobs
from bot.messages import origin as messages_origin
from bot.messages import things as messages_things
from bot.publish.search import both_ends
from engine.config import ModelConfig
from engine.errors import OUT_OF_MEMORY, EngineError
from engine.jobs import Delivery, Job, Kind
from engine.planning import answers
from engine.planning.plan import find_model
from engine.planning.size import smaller
from engine.service import LABEL, LANGUAGE, FileOptions, server
from engine.words import say, speaking

log = logging.getLogger(__name__)

DEFAULT_LIMIT = 10 * 1024 * 1024
"""Most bytes of a file where neither boost nor Nitro lifts it (Discord, Uploading Files)."""
TOO_LARGE = 40005
SMALLEST_LIMIT = 4096
"""Bytes below which a picture is not squeezed any further."""
SEARCH_DEPTH = 300
"""Messages of a channel that are searched for an earlier send of unknown outcome."""
LONGEST_PAUSE = 60.0
"""Seconds between two tries at the most."""
LEAST_SIDE = 512
"""Pixels a shown picture's longer side has at least: Discord shows a small file small."""
TROUBLE = (discord.DiscordException, *TRANSIENT, EngineError)
"""What becomes of a bad line or a bad answer. EngineError: our own disk took nothing down; it may again."""
REST = 5.0
"""Seconds before delivering begins again after an error of ours."""
AT_ONCE = 8
"""Deliveries that are sent at the same time."""

HOPELESS = {
    10003: "the channel no longer exists",
    10004: "the bot is no longer in that server",
    10008: "the message to fill no longer exists",
    10015: "the interaction is over",
    10062: "the interaction is over",
    50001: "the bot may not see that channel",
    50007: "that person's direct messages are closed",
    50013: "the bot may not send messages or files in that channel",
    50027: "the 15 minutes in which an answer was possible there are over",
    160005: "the thread is locked",
}
"""Discord's error codes after which trying again cannot help, and why."""


class Undeliverable(Exception):
    """This promise cannot be kept; ``str(error)`` says why, for the log and the database."""


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """A message ready to send; files are made anew for each try, since a try reads them to the end."""

    content: str
    files: tuple[tuple[str, bytes, str], ...]  # name, bytes, alternative text
    view: discord.ui.View | None

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(len(data) for _, data, _ in self.files)

    def open_files(self) -> list[discord.File]:
        """Return the files for one try."""
        return [discord.File(io.BytesIO(data), name, description=alt) for name, data, alt in self.files]


class Publisher:
    """Sends pending deliveries until it is cancelled."""

    def __init__(self, client: BotClient) -> None:
        self._client = client
        self._service = client.service
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def run(self) -> None:
        """Publish everything that is pending now and whatever becomes so."""
        await self._client.wait_until_ready()
        while True:
            try:
                await self._publish()
            except Exception:
                # our own disk or database: what was promised stays pending, so begin again
                log.exception("delivering stopped; beginning again in %.0f s", REST)
                await asyncio.sleep(REST)

    async def _publish(self) -> None:
        async with asyncio.TaskGroup() as group:
            async for delivery in self._service.outbox.deliveries():
                if address(delivery.origin) is not None:
                    group.create_task(self._keep(delivery), name=f"delivery-{delivery.id}")

    async def _keep(self, delivery: Delivery) -> None:
        """Send one delivery, however long it takes; never raises."""
        tries = 0
        while True:
            try:
                async with self._slots:
                    message = await self._send(delivery)
                # before booking: after a crash in between nobody would look for the progress message again
                await self._clear(delivery)
                await self._service.outbox.mark_sent(delivery.id, message)
                return
            except Undeliverable as why:
                log.warning("delivery %s of job %s given up: %s", delivery.id, delivery.job, why)
                await self._service.outbox.mark_undeliverable(delivery.id, str(why))
                break
            except TROUBLE as error:
                tries += 1
                delay = _pause(tries)
                odd = isinstance(error, (KeyError, ValueError))  # a bad answer, or a fault of ours
                line = "delivery %s failed (%s), again in %.1f s"
                log.warning(line, delivery.id, _short(error), delay, exc_info=odd)
                await asyncio.sleep(delay)
                # its outcome is unknown: look before sending again
                delivery = delivery.model_copy(update={"attempted_at": delivery.attempted_at or 0.0})
            except Exception:
                log.exception("delivery %s of job %s", delivery.id, delivery.job)
                await self._service.outbox.mark_undeliverable(delivery.id, "an error of ours; see the log")
                break
        await self._clear(delivery)

    async def _send(self, delivery: Delivery) -> str:
        """Return the id of the message that keeps this promise, sending it unless it is there already."""
        target = address(delivery.origin)
        assert target is not None  # those of other doors are not taken up
        limit = self.limit(target)
        while True:
            try:
                letter = await self.spoken(delivery, limit)
            except OSError as error:
                if error.errno not in (None, errno.ENOENT):
                    raise  # too many open files, a disk that stumbles: it may pass
                raise Undeliverable(f"the pictures cannot be read: {_short(error)}") from error
            try:
                return await self._post(target, delivery, letter)
            except discord.HTTPException as error:
                if error.code != TOO_LARGE and error.status != 413:
                    raise
                # the limit there is lower than we know (a boost that ended): half of what was refused
                limit = letter.size // 2
                if limit < SMALLEST_LIMIT:
                    raise Undeliverable("no file small enough for that place") from error

    async def _post(self, target: Channel | Token, delivery: Delivery, letter: OutgoingMessage) -> str:
        try:
            if isinstance(target, Channel):
                return await self._to_channel(target, delivery, letter)
            return await self._to_token(target, delivery, letter)
        except discord.HTTPException as error:
            raise _verdict(error) from error

    async def _to_channel(self, target: Channel, delivery: Delivery, letter: OutgoingMessage) -> str:
        channel = self._client.get_partial_messageable(target.channel, guild_id=target.guild)
        if delivery.attempted_at is not None:
            earlier = await self._earlier(channel, delivery)
            if earlier is not None:
                return earlier
        await self._service.outbox.mark_attempted(delivery.id)
        reference: Any = None
        if delivery.reply_to is not None:
            reference = discord.MessageReference(
                message_id=int(delivery.reply_to), channel_id=target.channel, fail_if_not_exists=False
            )
        message = await channel.send(
            letter.content,
            files=letter.open_files(),
            view=letter.view,  # type: ignore[arg-type]  # None is taken, though not written in the stubs
            nonce=delivery.nonce,
            reference=reference,
            allowed_mentions=_mentions(delivery.owner),
            suppress_embeds=True,
        )
        return str(message.id)

    async def _to_token(self, target: Token, delivery: Delivery, letter: OutgoingMessage) -> str:
        """Fill the interaction's own message: repeating that changes nothing, so it needs no nonce."""
        await self._service.outbox.mark_attempted(delivery.id)
        webhook = discord.Webhook.partial(target.application, target.token, client=self._client)
        original: Any = "@original"  # Discord's own name for it, which discord.py's signature does not know
        message = await webhook.edit_message(
            original,
            content=letter.content,
            attachments=letter.open_files(),
            view=letter.view,
            allowed_mentions=_mentions(delivery.owner),
        )
        return str(message.id)

    async def _earlier(self, channel: discord.PartialMessageable, delivery: Delivery) -> str | None:
        """Return the message of an earlier try, recognised by our own buttons, or None."""
        try:
            async for message in both_ends(channel, delivery.created_at, SEARCH_DEPTH):
                if message.author == self._client.user and any(
                    press.job == delivery.job and press.delivery == delivery.id
                    for press in picture.presses(message)
                ):
                    return str(message.id)
        except discord.Forbidden:
            log.info("delivery %s: may not read that channel's history; relying on the nonce", delivery.id)
        return None

    async def spoken(self, delivery: Delivery, limit: int) -> OutgoingMessage:
        """Return what a delivery says to whoever asked, with files of at most ``limit`` bytes together."""
        target = address(delivery.origin)
        guild = target.guild if isinstance(target, Channel) else None
        place = None if guild is None else server(str(guild))
        job, own, here = await self._service.outbox.addressed(delivery, place)
        with speaking(own.get(LANGUAGE) or of_server(self._client, guild)):
            return await self._letter(job, delivery, limit, here.get(LABEL, ""))

    async def _letter(self, job: Job, delivery: Delivery, limit: int, label: str) -> OutgoingMessage:
        """``label``: where the place wants a visible word: ``message``, ``corner``, or nowhere."""
        match delivery.kind:
            case "failure":
                less = _smaller(job, self._service.models)
                content, whole = messages_jobs.failure(job, less)
                data, alt = job.prompt.encode("utf-8", "replace"), say(messages_asking.PROMPT_FILE)
                attached = () if whole else (("prompt.txt", data, alt),)
                view = views.failure_view(job, delivery.id, smaller=less is not None)
                return OutgoingMessage(content, attached, view)
            case "text":
                return await self._answer(job, delivery, limit)
        cell = delivery.cell or 0 if delivery.kind == "picture" else None
        corner = str(messages_origin.LABEL) if label == "corner" else ""  # our font has Latin letters
        wanted = FileOptions(limit=limit, least=LEAST_SIDE, label=corner)
        file = await self._service.files.file(job, cell, wanted)
        notes = [say(messages_origin.LABEL)] if label == "message" else []
        if file.extension == "webp":
            notes.append(say(messages_jobs.WEBP_EXACT) if file.exact else say(messages_jobs.WEBP_NOTE))
        lossy = not file.exact
        if cell is not None:
            models, able = len(self._service.models), bool(self._service.planner.editors())
            view = views.picture_view(job, cell, delivery.id, models, editing=able, lossy=lossy)
        else:
            unknown = near.unknown(self._service, job)
            offered = [] if unknown is None else near.offered(self._service, job, unknown)
            if unknown is not None:
                notes.append(messages_things.unknown(unknown, near.able(self._service, job, unknown)))
            view = views.grid_view(job, delivery.id, offered, lossy=lossy)
        cover = "SPOILER_" if delivery.spoiler else ""  # Discord covers a file by its name
        name = cover + messages_jobs.filename(job, file.extension, cell)
        files = [(name, file.data, messages_jobs.alt(job, cell))]
        if job.film is not None and (delivery.kind == "grid" or len(job.pictures) == 1):
            film = await self._service.files.film(job)
            if len(file.data) + len(film) <= limit:
                name = cover + messages_jobs.filename(job, "film.webp")
                files.append((name, film, say(messages_jobs.FILM_ALT)))
            else:
                notes.append(say(messages_jobs.FILM_TOO_LARGE))
        return OutgoingMessage(messages_jobs.result(job, delivery, notes), tuple(files), view)

    async def _answer(self, job: Job, delivery: Delivery, limit: int) -> OutgoingMessage:
        """Return what was answered in words, with the picture that was described."""
        prompts = answers.prompts(job)
        content = messages_answers.answer(job, prompts, delivery.owner)
        files = []
        for one in job.spec.inputs:
            file = await self._service.files.shown(one.sha256, limit)
            name = f"described-{job.id}.{file.extension}"
            files.append((name, file.data, say(messages_answers.DESCRIBED_ALT)))
        return OutgoingMessage(content, tuple(files), views.answer_view(job, len(prompts), delivery.id))

    def limit(self, target: Channel | Token) -> int:
        """Return how many bytes a file may have there."""
        guild = self._client.get_guild(target.guild) if isinstance(target, Channel) and target.guild else None
        return DEFAULT_LIMIT if guild is None else guild.filesize_limit

    async def _clear(self, delivery: Delivery) -> None:
        """Remove the progress message: what it promised is there now."""
        target = address(delivery.origin)
        if delivery.progress is None or not isinstance(target, Channel):
            return
        if delivery.progress in self._client.followed:
            return  # it stands for several jobs; who follows them removes it
        with contextlib.suppress(*TROUBLE):
            await self._client.message_in(target, delivery.progress).delete()


def _smaller(job: Job, models: Sequence[ModelConfig]) -> str | None:
    """Return the line in half the pixels, for what failed for want of memory; None: that is not why."""
    model = find_model(job.spec.model, models)
    if job.failure != OUT_OF_MEMORY or job.spec.kind is not Kind.IMAGINE or model is None:
        return None
    width, height = job.spec.width, job.spec.height
    return smaller(job.prompt, width, height, width * height / 2, model.multiple)


def _mentions(owner: str) -> discord.AllowedMentions:
    users: Sequence[Any] = [discord.Object(int(owner))] if owner.isdecimal() else []
    return discord.AllowedMentions(everyone=False, roles=False, users=users, replied_user=False)


def _verdict(error: discord.HTTPException) -> Exception:
    """Return Undeliverable where trying again cannot help, else the error itself."""
    if error.code in HOPELESS:
        return Undeliverable(HOPELESS[error.code])
    if error.code == TOO_LARGE or error.status in (401, 413, 429) or error.status >= 500:
        return error
    return Undeliverable(f"Discord refused it: {_short(error)}")


def _short(error: Exception) -> str:
    """Return one line about ``error`` without addresses, which may hold a token."""
    if isinstance(error, discord.HTTPException):
        return f"HTTP {error.status}, code {error.code}"
    return f"{type(error).__name__} {getattr(error, 'errno', None) or ''}".rstrip()


def _pause(tries: int) -> float:
    """Return the seconds to wait after so many tries: about 1, 2, 4 … at most a minute, with jitter."""
    return min(LONGEST_PAUSE, 2.0 ** (tries - 1)) * random.uniform(0.75, 1.25)
