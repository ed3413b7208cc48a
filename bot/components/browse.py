"""Lists of results with thumbnails: turned, opened, and what can be done with an entry."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Self

import discord
from discord import ui

from bot import interactions
from bot.components.component import Component
from bot.custom_ids import BROWSE, BROWSE_OPEN, ListPage, Press, Verb, number_in
from bot.interactions import Blue, Grey, Interaction
from bot.messages import browse as words
from bot.messages import jobs as messages_jobs
from engine.errors import NotFound, UserError
from engine.jobs import Job
from engine.service import GALLERY, FileOptions, Page
from engine.words import Sentence, say

THUMBNAIL, SHOWN = 256, 1024
"""Pixels of the longer side of a thumbnail, and of an opened entry."""
THUMBNAIL_BYTES, SHOWN_BYTES = 128 * 1024, 2 * 1024 * 1024
TO_DO = (
    (Verb.POST, Verb.SUBTLE, Verb.STRONG, Verb.REGION, Verb.EDIT),
    (Verb.INFO, Verb.FULL, Verb.LIKE),
)
"""What can be done with an opened picture, row by row."""
DOWNLOAD = Sentence("Download")


class PageButton(Component, ui.DynamicItem[ui.Button[ui.LayoutView]], template=BROWSE):
    """Turns to a page of a list, or opens an entry of it."""

    def __init__(self, to: ListPage, label: str = "…", *, chosen: bool = False) -> None:
        self.to = to
        super().__init__(ui.Button(label=label, style=Blue if chosen else Grey, custom_id=str(to)))

    @classmethod
    def remade(cls, match: re.Match[str]) -> Self:
        """Make the pressed button again from its wire format."""
        return cls(ListPage.of(match))

    async def pressed(self, interaction: Interaction) -> None:
        """Turn, or open."""
        interaction.client.admit(interaction, self.to.which)
        await interactions.acknowledge(interaction, thinking=False)
        await show(interaction, self.to)


class OpenSelect(Component, ui.DynamicItem[ui.Select[ui.LayoutView]], template=BROWSE_OPEN):
    """The entries of a page, to open one."""

    def __init__(self, page: ListPage, options: Sequence[discord.SelectOption] = ()) -> None:
        self.page = page
        custom_id = f"l1bo:{page.which}:{page.page}:{page.search}"
        super().__init__(ui.Select(custom_id=custom_id, placeholder=say(words.OPEN), options=list(options)))

    @classmethod
    def remade(cls, match: re.Match[str]) -> Self:
        """Make the list again from its wire format."""
        return cls(ListPage.of(match))

    async def pressed(self, interaction: Interaction) -> None:
        """Open the chosen entry in the place of the page."""
        interaction.client.admit(interaction, self.page.which)
        await interactions.acknowledge(interaction, thinking=False)
        job, _, cell = self.item.values[0].partition(".")
        await show(interaction, replace(self.page, job=job, cell=number_in(cell)))


async def show(interaction: Interaction, where: ListPage) -> None:
    """Show a page, or the entry opened on it, in the message this interaction is about."""
    if where.job is None:
        await _page(interaction, where)
    else:
        await _entry(interaction, where, where.job)


async def _page(interaction: Interaction, where: ListPage) -> None:
    browse, who = interaction.client.service.browse, interactions.requester(interaction)
    search = await browse.search(who.owner, where.which, where.search)
    public = await visible(interaction) if where.which == GALLERY else ()
    page = await browse.page(who, where.which, search, where.page, public)
    view = ui.LayoutView(timeout=None)
    view.add_item(ui.TextDisplay(words.title(where.which, page.total, page.number, page.last, search)))
    files = []
    for number, entry in enumerate(page.entries, 1):
        text = words.entry(entry.job, number, entry.hearts, entry.cell, whose=where.which == GALLERY)
        file = await thumbnail(interaction, entry.job, entry.cell, f"{number}")
        if file is None:
            view.add_item(ui.TextDisplay(f"{text}\n-# {say(words.MISSING)}"))
            continue
        files.append(file)
        small: ui.Thumbnail[ui.LayoutView] = ui.Thumbnail(
            f"attachment://{file.filename}",
            description=file.description,
            spoiler=page.cover and entry.job.rated,
        )
        view.add_item(ui.Section(ui.TextDisplay(text), accessory=small))
    if page.entries:
        view.add_item(ui.ActionRow(OpenSelect(_at(where, page.number), _options(page))))
    turns = [
        PageButton(_at(where, number), label)
        for number, label in ((page.number - 1, say(words.NEWER)), (page.number + 1, say(words.OLDER)))
        if 0 <= number <= page.last
    ]
    if turns:
        view.add_item(ui.ActionRow(*turns))
    await interaction.edit_original_response(view=view, attachments=files)


def _at(where: ListPage, number: int) -> ListPage:
    return ListPage(where.which, number, where.search)


def _options(page: Page) -> list[discord.SelectOption]:
    found = []
    for number, entry in enumerate(page.entries, 1):
        label, description = words.option(entry.job, number, entry.cell)
        value = entry.job.id + ("" if entry.cell is None else f".{entry.cell}")
        found.append(discord.SelectOption(label=label, description=description, value=value))
    return found


async def _entry(interaction: Interaction, where: ListPage, job_id: str) -> None:
    """Show one entry: its picture, which of its pictures, and what can be done with it."""
    service, who = interaction.client.service, interactions.requester(interaction)
    job = await service.find(job_id)
    await service.reports.require_shown(job.id, who.guild)
    cover = service.screening.cover(job, who)
    cell = 0 if where.cell is None and len(job.pictures) == 1 else where.cell
    file = await _picture(interaction, job, cell, "picture", SHOWN, SHOWN_BYTES)
    view = ui.LayoutView(timeout=None)
    text = words.opened(job, cell)
    view.add_item(ui.TextDisplay(text if file is not None else f"{text}\n{say(words.MISSING)}"))
    if file is not None:
        picture = f"attachment://{file.filename}"
        shown = discord.MediaGalleryItem(picture, description=file.description, spoiler=cover)
        view.add_item(ui.MediaGallery(shown))
        _to_do(view, where, job, cell, editing=bool(service.planner.editors()))
    else:
        view.add_item(ui.ActionRow(PageButton(_at(where, where.page), say(words.BACK))))
    await interaction.edit_original_response(view=view, attachments=[] if file is None else [file])


def _to_do(view: ui.LayoutView, where: ListPage, job: Job, cell: int | None, *, editing: bool) -> None:
    """Put the rows under an opened entry: its pictures by number, then what is done with the chosen one."""
    count = len(job.pictures)
    for first in range(0, count if count > 1 else 0, 5):
        numbers = [
            PageButton(replace(where, job=job.id, cell=number), str(number + 1), chosen=number == cell)
            for number in range(first, min(first + 5, count))
        ]
        view.add_item(ui.ActionRow(*numbers))
    for number, verbs in enumerate(TO_DO):
        buttons: list[ui.Item[Any]] = [
            button(Press(verb, job.id, cell), say(DOWNLOAD if verb is Verb.FULL else verb.label or ""))
            for verb in verbs
            if (cell is not None or verb.edit is None) and (editing or verb is not Verb.EDIT)
        ]
        back = [PageButton(_at(where, where.page), say(words.BACK))] if number == len(TO_DO) - 1 else []
        view.add_item(ui.ActionRow(*buttons, *back))


def button(press: Press, label: str | None) -> ui.Button[ui.LayoutView]:
    """Return a button of a result; who presses it is answered by ``bot.components.buttons``."""
    return ui.Button(label=label or None, emoji=press.verb.emoji, style=Grey, custom_id=str(press))


async def thumbnail(
    interaction: Interaction, job: Job, cell: int | None, name: str = "thumbnail"
) -> discord.File | None:
    """Return a result as a small file, or None where it is no longer kept."""
    return await _picture(interaction, job, cell, name, THUMBNAIL, THUMBNAIL_BYTES)


async def illustrated(
    interaction: Interaction, embed: discord.Embed, job: Job | None, cell: int | None = None
) -> None:
    """Answer with an embed, and a job's picture beside it where it may be seen openly in this place."""
    service, who = interaction.client.service, interactions.requester(interaction)
    file = None
    with contextlib.suppress(UserError):  # it is hidden or removed
        if job is not None and job.pictures and not service.screening.cover(job, who):
            await service.reports.require_shown(job.id, who.guild)
            file = await thumbnail(interaction, job, cell)
    if file is not None:
        embed.set_thumbnail(url=f"attachment://{file.filename}")
    await interaction.edit_original_response(embed=embed, attachments=[] if file is None else [file])


async def _picture(
    interaction: Interaction, job: Job, cell: int | None, name: str, side: int, limit: int
) -> discord.File | None:
    """Return a result as a file to look at, or None where it is no longer kept."""
    with contextlib.suppress(NotFound, OSError):
        file = await interaction.client.service.files.file(job, cell, FileOptions(limit=limit, most=side))
        alt = messages_jobs.alt(job, cell)
        return discord.File(io.BytesIO(file.data), f"{name}.{file.extension}", description=alt)
    return None


async def visible(interaction: Interaction) -> list[str]:
    """Return the addresses in this server that everybody may see.

    What was posted where only adults look is seen from such a place alone.
    """
    guild = interaction.guild
    if guild is None:
        return []
    restricted = interactions.requester(interaction).age_restricted
    found = []
    for origin in await interaction.client.service.browse.places(str(guild.id)):
        channel = await _channel(guild, int(origin.rpartition("/")[2]))
        if channel is None or (isinstance(channel, discord.Thread) and channel.is_private()):
            continue
        above = channel.parent if isinstance(channel, discord.Thread) else channel
        if above is None or isinstance(above, discord.CategoryChannel):
            continue
        everybody = above.permissions_for(guild.default_role)
        open_to_all = everybody.view_channel and everybody.read_message_history
        if open_to_all and (restricted or not getattr(above, "nsfw", False)):
            found.append(origin)
    return found


async def _channel(guild: discord.Guild, channel: int) -> discord.abc.GuildChannel | discord.Thread | None:
    """Return a channel or a thread; archived threads are known to Discord alone."""
    known = guild.get_channel_or_thread(channel)
    if known is not None:
        return known
    with contextlib.suppress(discord.HTTPException, discord.InvalidData):
        return await guild.fetch_channel(channel)
    return None
