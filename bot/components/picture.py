"""Which picture a person means: an attachment, a message's link, ``job.cell``, any link; draws nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import discord
from discord.app_commands import Choice

from bot import interactions
from bot.custom_ids import Channel, Press, Verb, address, number_in
from bot.interactions import MOST_CHOICES, Interaction
from bot.messages import jobs as messages_jobs
from engine.errors import NotFound, UserError
from engine.jobs import Job, State
from engine.words import Sentence

MESSAGE = re.compile(
    r"<?https://(?:(?:ptb|canary)\.)?discord(?:app)?\.com/channels/"
    r"(?P<guild>@me|[0-9]{1,20})/(?P<channel>[0-9]{1,20})/(?P<message>[0-9]{1,20})/?>?"
    r"(?:\s*[.#]?\s*(?P<number>[0-9]{1,2}))?"
)
"""A link to a message, as "Copy Message Link" gives it, and which of its pictures (from 1)."""
CELL = re.compile(r"(?P<job>[0-9a-hjkmnp-tv-z]{10})(?:\s*[.#]?\s*(?P<number>[0-9]{1,2}))?")
"""``job.cell``: a job's id and which of its pictures (from 1)."""

HOW = Sentence(
    "Attach one, or give a link to it, a message's link, or a job with its picture's number (`job.2`)."
)
NONE_GIVEN = Sentence("Which picture? {how}", how=HOW)
NOT_YOURS_TO_SEE = Sentence(
    "That picture was made where you cannot look. Use one of your own, or one from a channel you can read."
)
NO_SUCH_MESSAGE = Sentence(
    "There is no such message that we both can read. Copy its link again, or attach the picture itself."
)
NO_PICTURE_THERE = Sentence(
    "There is no picture in that message that Discord shows me; of other people's messages "
    "it shows me none. Save the picture and attach it."
)


@dataclass(frozen=True, slots=True)
class ChosenPicture:
    """A picture in the gallery. ``job`` and ``cell`` (from 0) where it is one of ours."""

    sha256: str
    job: str | None = None
    cell: int | None = None


def require(image: discord.Attachment | None, text: str | None) -> None:
    """Raise UserError where no picture was given at all: it can be said before anything is acknowledged."""
    if image is None and not (text or "").strip():
        raise UserError(NONE_GIVEN)


async def asked(
    interaction: Interaction, image: discord.Attachment | None, text: str | None
) -> tuple[str | None, ChosenPicture]:
    """Acknowledge a command about a picture; return the message to fill, and the picture it is about."""
    require(image, text)
    message = await interactions.acknowledge(interaction)  # before anything is fetched
    return message, await resolve(interaction, image, text)


async def resolve(
    interaction: Interaction, image: discord.Attachment | None, text: str | None
) -> ChosenPicture:
    """Return the picture a person means, kept in the gallery; for after the interaction was acknowledged.

    ``text`` is a message's link, ``job.cell`` or any link. Raises UserError with a sentence: nothing was
    given, it is no picture, or not theirs to see.
    """
    require(image, text)
    if image is not None:
        return await _fetched(interaction, image.url, attached=True)
    text = (text or "").strip()
    if found := MESSAGE.fullmatch(text):
        message = await _message(interaction, found)
        return await in_message(interaction, message, number_in(found["number"]))
    if found := CELL.fullmatch(text.lower()):
        job = await interaction.client.service.find(found["job"])
        if job.owner != str(interaction.user.id):
            place = address(job.origin)
            if not isinstance(place, Channel):
                raise NotFound(NOT_YOURS_TO_SEE)
            await _channel(interaction, place.guild, place.channel, NOT_YOURS_TO_SEE)
        return of_job(job, number_in(found["number"]))
    if "://" not in text:
        shown = text.replace("`", "")[:60]
        raise UserError(Sentence("`{shown}` names no picture. {how}", shown=shown, how=HOW))
    return await _fetched(interaction, text)


async def file(interaction: Interaction, image: discord.Attachment | None, text: str | None) -> bytes:
    """Return the very file a person means, attached or behind a link; nothing is kept. Raises UserError."""
    uploads = interaction.client.service.uploads
    if image is not None:
        return await uploads.fetch(image.url, attached=True)
    text = (text or "").strip()
    if found := MESSAGE.fullmatch(text):
        message = await _message(interaction, found)
        return await file_in(interaction, message, number_in(found["number"]))
    if "://" not in text:
        raise UserError(
            Sentence(
                "`{link}` is no link to a picture. Attach the picture instead.",
                link=text.replace("`", "")[:60],
            )
        )
    return await uploads.fetch(text)


async def file_in(interaction: Interaction, message: discord.Message, number: int | None = None) -> bytes:
    """Return the file of a picture that is attached to a message or embedded in it. Raises UserError."""
    url, attached = _url_in(message, number)
    return await interaction.client.service.uploads.fetch(url, attached=attached)


def _url_in(message: discord.Message, number: int | None) -> tuple[str, bool]:
    """Return the address of a message's picture, and whether it is attached. Raises UserError."""
    urls = [one.url for one in message.attachments]
    urls += [one.image.url or "" for one in message.embeds if one.image.url]
    if not urls:
        raise UserError(NO_PICTURE_THERE)
    if not 1 <= (number or 1) <= len(urls):
        raise NotFound(
            Sentence(
                "That message has {urls} pictures, and no number {number}.", urls=len(urls), number=number
            )
        )
    which = (number or 1) - 1
    return urls[which], which < len(message.attachments)


async def suggestions(interaction: Interaction, typed: str) -> list[Choice[str]]:
    """Return the person's newest pictures that fit what was typed, as choices whose value is ``job.cell``."""
    wanted = typed.strip().lower()
    found: list[Choice[str]] = []
    for job in await interaction.client.service.jobs_of(str(interaction.user.id)):
        if job.state is not State.RENDERED or wanted not in f"{job.id} {job.prompt}".lower():
            continue
        words = " ".join(job.prompt.split())
        for cell in range(len(job.pictures)):
            number = f" ({cell + 1})" if len(job.pictures) > 1 else ""
            # the id tells results of the same prompt apart, as Info and /info name them
            found.append(Choice(name=f"{words[:75]}{number} · {job.id}", value=f"{job.id}.{cell + 1}"))
    return found[:MOST_CHOICES]


async def more_suggestions(interaction: Interaction, typed: str) -> list[Choice[str]]:
    """Return the same for an option that names several pictures: each adds one to those named before."""
    before, _, last = typed.rpartition(" ")
    begun = f"{before.strip()} " if before.strip() else ""
    return [
        Choice(name=f"{begun}{choice.name}"[-100:], value=begun + choice.value)
        for choice in await suggestions(interaction, last)
        if len(begun + choice.value) <= 100
    ]


def of_job(job: Job, number: int | None) -> ChosenPicture:
    """Return picture ``number`` (from 1) of a job; it may be left out where there is but one."""
    if job.state is not State.RENDERED or not job.pictures:
        raise NotFound(Sentence("This job has no pictures (yet). `/queue` tells how it stands."))
    count = len(job.pictures)
    if number is None and count > 1:
        raise UserError(
            Sentence(
                "Which of its {count} pictures? Put the number behind it, such as `{id}.1`.",
                count=count,
                id=job.id,
            )
        )
    cell = (number or 1) - 1
    if not 0 <= cell < count:
        raise NotFound(
            Sentence.counted(
                count,
                "That job has {n} picture, and no number {number}.",
                "That job has {n} pictures, and no number {number}.",
                number=number,
            )
        )
    return ChosenPicture(job.pictures[cell], job.id, cell)


def presses(message: discord.Message) -> Iterator[Press]:
    """Yield what the buttons of a message say, as far as they are ours."""
    for component in message.components:
        for child in getattr(component, "children", ()):
            said = Press.read(getattr(child, "custom_id", None) or "")
            if said is not None:
                yield said


def pressed(message: discord.Message) -> Press:
    """Return what the first button of a message of ours says. Raises NotFound."""
    for press in presses(message):
        return press
    raise NotFound(messages_jobs.NOT_A_RESULT)


def single(message: discord.Message) -> int | None:
    """Return which cell a message shows alone, or None where it shows a grid or none."""
    said = list(presses(message))
    return None if any(one.verb is Verb.PICTURE for one in said) or not said else said[0].cell


async def _fetched(interaction: Interaction, url: str, *, attached: bool = False) -> ChosenPicture:
    kept = await interaction.client.service.uploads.link(url, attached=attached)
    return ChosenPicture(kept.sha256, kept.job, kept.cell)


async def in_message(interaction: Interaction, message: discord.Message, number: int | None) -> ChosenPicture:
    """Return the picture a message shows: one of ours by its buttons, else what is attached or embedded."""
    said = next(presses(message), None)
    user = interaction.client.user
    if said is not None and user is not None and message.author.id == user.id:
        job = await interaction.client.service.find(said.job)
        cell = single(message)
        return of_job(job, number if cell is None or number is not None else cell + 1)
    url, attached = _url_in(message, number)
    return await _fetched(interaction, url, attached=attached)


async def _message(interaction: Interaction, link: re.Match[str]) -> discord.Message:
    """Return the message of a link that both the person and the bot may read. Raises NotFound."""
    guild = None if link["guild"] == "@me" else int(link["guild"])
    place = await _channel(interaction, guild, int(link["channel"]), NO_SUCH_MESSAGE)
    try:
        return await place.get_partial_message(int(link["message"])).fetch()
    except (discord.NotFound, discord.Forbidden):
        raise NotFound(NO_SUCH_MESSAGE) from None


Readable = (
    discord.TextChannel
    | discord.VoiceChannel
    | discord.StageChannel
    | discord.Thread
    | discord.PartialMessageable
)
"""Where messages can be fetched by their ids."""


async def _channel(interaction: Interaction, guild: int | None, channel: int, refusal: str) -> Readable:
    """Return a channel that the person may read, history and all. Raises NotFound with ``refusal``."""
    client = interaction.client
    if guild is None:
        # of all direct messages, a person sees only their own
        if channel not in (interaction.channel_id, (await interaction.user.create_dm()).id):
            raise NotFound(refusal)
        return client.get_partial_messageable(channel)
    home = client.get_guild(guild)
    if home is None:
        raise NotFound(refusal)
    try:
        place = home.get_channel_or_thread(channel) or await home.fetch_channel(channel)
        requester = interaction.user
        if not isinstance(requester, discord.Member) or requester.guild.id != guild:
            requester = await home.fetch_member(requester.id)
        allowed = place.permissions_for(requester)
        if isinstance(place, discord.Thread) and place.is_private() and not allowed.manage_threads:
            await place.fetch_member(requester.id)
    except (discord.NotFound, discord.Forbidden, discord.InvalidData, discord.ClientException):
        raise NotFound(refusal) from None
    if not (allowed.view_channel and allowed.read_message_history):
        raise NotFound(refusal)
    if isinstance(place, discord.ForumChannel | discord.CategoryChannel):
        raise NotFound(refusal)
    return place
