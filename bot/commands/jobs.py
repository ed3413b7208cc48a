"""Looking after jobs: ``/queue``, ``/cancel``, ``/show`` and the menus on a message of ours."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import discord
from discord import app_commands
from discord.app_commands import Choice, Range

from bot import interactions, progress
from bot.commands import browse, origin
from bot.components import buttons, picture
from bot.custom_ids import Channel, Token, Verb
from bot.interactions import MOST_CHOICES, Interaction
from bot.messages import jobs as messages_jobs
from engine.errors import NotFound, UserError
from engine.jobs import FINAL, Job, State
from engine.service import HISTORY
from engine.words import say

ALL = "all"
LISTED = 15
"""Jobs named in one answer."""


async def _open_jobs(interaction: Interaction) -> list[Job]:
    jobs = await interaction.client.service.jobs_of(str(interaction.user.id))
    return [job for job in jobs if job.state not in FINAL]


def _choice(job: Job) -> Choice[str]:
    words = " ".join(job.prompt.split())
    return Choice(name=f"{words[:85]} · {job.id}", value=job.id)


@app_commands.command(name="queue", description="What is waiting, and where your jobs stand.")
async def queue(interaction: Interaction) -> None:
    """Show the queue."""
    await interactions.acknowledge(interaction, ephemeral=True)
    service = interaction.client.service
    view = await service.queue()
    guild = None if interaction.guild_id is None else str(interaction.guild_id)
    paused = view.paused or service.admin.rules(guild).state == "paused"
    until = service.control.paused_until(guild)
    first = messages_jobs.queue(len(view.running), len(view.waiting), held=paused, until=until)
    mine = [
        messages_jobs.job_line(job, await progress.standing(service, job))
        for job in (await _open_jobs(interaction))[:LISTED]
    ]
    await interaction.edit_original_response(content="\n".join([first, *mine]))


@app_commands.command(name="cancel", description="Take back a job of yours that waits or is being drawn.")
@app_commands.describe(job="Which one; without it, your newest.")
async def cancel(interaction: Interaction, job: Range[str, 1, 32] | None = None) -> None:
    """Cancel."""
    await interactions.acknowledge(interaction, ephemeral=True)
    service, owner = interaction.client.service, str(interaction.user.id)
    if job is None or job == ALL:
        jobs = await _open_jobs(interaction)
        chosen = [one.id for one in (jobs if job == ALL else jobs[:1])]
        if not chosen:
            raise NotFound(messages_jobs.NO_JOBS)
    else:
        chosen = [job.strip().lower()]
    after = [await service.cancel(one, owner) for one in chosen]
    await interaction.edit_original_response(content=messages_jobs.cancelled(after))


@cancel.autocomplete("job")
async def _cancellable(interaction: Interaction, typed: str) -> list[Choice[str]]:
    jobs = [job for job in await _open_jobs(interaction) if typed.lower() in f"{job.id} {job.prompt}".lower()]
    every = [Choice(name=say("all of them"), value=ALL)] if len(jobs) > 1 else []
    return [*every, *(_choice(job) for job in jobs)][:MOST_CHOICES]


@app_commands.command(name="show", description="Post one of your past results again, with live buttons.")
@app_commands.describe(
    job="Which one: choose it by its words, or look through all of them without this.",
    image="Only this picture of it, from 1.",
)
async def show(
    interaction: Interaction, job: Range[str, 1, 32] | None = None, image: Range[int, 1, 10] | None = None
) -> None:
    """Show a result again; without one, all of them to choose from."""
    if job is None:
        await browse.listed(interaction, HISTORY)
        return
    place = interactions.origin(interaction)
    await interactions.acknowledge(interaction, ephemeral=isinstance(place, Channel))
    found = await interaction.client.service.find(job.strip().lower())
    if found.owner != str(interaction.user.id):
        raise UserError(messages_jobs.NOT_YOURS_TO_SHOW)
    await _show(interaction, found, None if image is None else image - 1, place)
    if isinstance(place, Channel):
        await interaction.delete_original_response()


@show.autocomplete("job")
async def _showable(interaction: Interaction, typed: str) -> list[Choice[str]]:
    jobs = await interaction.client.service.jobs_of(str(interaction.user.id))
    return [
        _choice(job)
        for job in jobs
        if job.state is State.RENDERED and typed.lower() in f"{job.id} {job.prompt}".lower()
    ][:MOST_CHOICES]


async def _show(interaction: Interaction, job: Job, cell: int | None, place: Channel | Token) -> None:
    caller, who = interactions.caller(interaction), interactions.requester(interaction)
    if isinstance(place, Channel) and place.guild is None:
        who = replace(who, guild=None, channel=str(place.channel), parents=(), age_restricted=False)
    await interaction.client.service.show(replace(caller, origin=str(place), requester=who), job.id, cell)


@app_commands.context_menu(name="Cancel job")
async def cancel_menu(interaction: Interaction, message: discord.Message) -> None:
    """Cancel the jobs a message shows: a progress message may stand for several."""
    await interactions.acknowledge(interaction, ephemeral=True)
    service, owner = interaction.client.service, str(interaction.user.id)
    first = picture.pressed(message)
    shown = [press.job for press in picture.presses(message) if press.verb is Verb.CANCEL] or [first.job]
    after = [await service.cancel(one, owner) for one in dict.fromkeys(shown)]
    await interaction.edit_original_response(content=messages_jobs.cancelled(after))


@app_commands.context_menu(name="Info")
async def info_menu(interaction: Interaction, message: discord.Message) -> None:
    """Tell all about the job a message shows; of another picture, where it comes from."""
    await interactions.acknowledge(interaction, ephemeral=True)
    press = next(picture.presses(message), None)
    if press is None:
        await origin.answer(interaction, await picture.file_in(interaction, message))
        return
    job = await interaction.client.service.find(press.job)
    await buttons.info(interaction, job, picture.single(message))


@app_commands.context_menu(name="DM results")
async def dm_menu(interaction: Interaction, message: discord.Message) -> None:
    """Bring a result to the person's direct messages."""
    await interactions.acknowledge(interaction, ephemeral=True)
    job = await interaction.client.service.find(picture.pressed(message).job)
    direct = await interaction.user.create_dm()
    await _show(interaction, job, picture.single(message), Channel(None, direct.id))
    await interaction.edit_original_response(content=say(messages_jobs.SENT_TO_YOU))


COMMANDS: tuple[Any, ...] = (queue, cancel, show, cancel_menu, info_menu, dm_menu)
