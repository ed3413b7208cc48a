"""A picture in full size: by link where the listener has a public address, here, or by direct message."""

from __future__ import annotations

import io

import discord

from bot import interactions
from bot.custom_ids import Press
from bot.interactions import Interaction
from bot.messages import browse as words
from bot.messages import jobs as messages_jobs
from engine.errors import UserError
from engine.images import File
from engine.jobs import Job
from engine.service import Service
from engine.words import say

DIRECT_LIMIT = 10 * 1024 * 1024
"""Most bytes of a file in direct messages (Discord, Uploading Files)."""
CLOSED = 50007
"""Discord's error code of direct messages that are closed."""


async def pressed(interaction: Interaction, press: Press) -> None:
    """Give whoever pressed the files of a picture (of a grid: all of them) that lose nothing."""
    await interactions.acknowledge(interaction, ephemeral=True)
    service, who = interaction.client.service, interactions.requester(interaction)
    job = await service.find(press.job)
    await service.reports.require_shown(job.id, who.guild)
    cover = service.screening.cover(job, who)
    web = interaction.client.config.web
    if web.enabled and web.public_url:
        links = await _links(service, web.public_url.rstrip("/"), job, press.cell)
        await interaction.edit_original_response(content=" ".join([say(words.FULL_LINK), *links]))
        return
    limit = interaction.filesize_limit
    files = await service.files.full(job.id, press.cell, limit)
    if sum(len(file.data) for file in files) <= limit and len(files) <= 10:
        named = [_named(job, file, number, len(files), cover=cover) for number, file in enumerate(files)]
        await interaction.edit_original_response(content=say(words.FULL_HERE), attachments=named)
        return
    if limit > DIRECT_LIMIT:
        files = await service.files.full(job.id, press.cell, DIRECT_LIMIT)
    await _to_direct_messages(interaction, job, files)


async def _links(service: Service, url: str, job: Job, cell: int | None) -> list[str]:
    cells = range(len(job.pictures)) if cell is None else [cell]
    links = [await service.links.to(url, job.id, one) for one in cells]
    return [f"[{say('image #{cell}', cell=one + 1)}]({link})" for one, link in zip(cells, links, strict=True)]


async def _to_direct_messages(interaction: Interaction, job: Job, files: list[File]) -> None:
    """Send each file as a message of its own, so that each fits."""
    try:
        direct = await interaction.user.create_dm()
        for number, file in enumerate(files):
            named = _named(job, file, number, len(files))
            await direct.send(words.part(number + 1, len(files)), file=named)
    except discord.HTTPException as error:
        if error.code != CLOSED:
            raise
        raise UserError(words.FULL_CLOSED) from None
    await interaction.edit_original_response(content=say(words.FULL_SENT))


def _named(job: Job, file: File, number: int, count: int, *, cover: bool = False) -> discord.File:
    name = messages_jobs.filename(job, file.extension, None if count == 1 else number)
    alt = messages_jobs.alt(job, 0)
    return discord.File(io.BytesIO(file.data), ("SPOILER_" if cover else "") + name, description=alt)
