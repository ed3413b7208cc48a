"""``/admin pause``, ``drain``, ``resume``, ``jobs …``, ``models …``: what the engine does, and with what."""

from __future__ import annotations

import datetime
import re
from typing import Literal

import discord
from discord import app_commands
from discord.app_commands import Choice, Range

from bot import interactions
from bot.commands.admin import helpers
from bot.commands.admin.defaults import ALL_SERVERS
from bot.commands.admin.people import seconds
from bot.interactions import Interaction
from bot.messages import admin as words
from engine.errors import NotFound
from engine.jobs import Job, State
from engine.rules import changes
from engine.rules.rules import EVERYWHERE
from engine.words import say

jobs = helpers.group("jobs", "What waits and what is being drawn.")
models = helpers.group("models", "What the engine draws with.")
JOB = "Its id; names are offered."


@helpers.admin.command(name="pause", description="Start nothing new; what is asked for waits.")
@app_commands.describe(
    until="How long (30m, 2h), or a time of day in UTC (18:30); else until /admin resume.",
    everywhere=ALL_SERVERS,
)
async def pause(
    interaction: Interaction, until: Range[str, 2, 30] | None = None, everywhere: bool = False
) -> None:
    """Pause."""
    end = None if until is None else ending(until, interaction.created_at)
    change = changes.set_state("paused", end)
    await helpers.change(interaction, change, words.paused(end), everywhere=everywhere)


def ending(text: str, now: datetime.datetime) -> float:
    """Return when a pause ends, in Unix seconds: after a length of time, or at the next such time in UTC."""
    found = re.fullmatch(r"([01]?\d|2[0-3])[:.]([0-5]\d)", text.strip())
    if found is None:
        return now.timestamp() + seconds(text)
    end = now.replace(hour=int(found[1]), minute=int(found[2]), second=0, microsecond=0)
    return (end if end > now else end + datetime.timedelta(days=1)).timestamp()


@helpers.admin.command(name="drain", description="Take nothing new; what waits is still drawn.")
@app_commands.describe(everywhere=ALL_SERVERS)
async def drain(interaction: Interaction, everywhere: bool = False) -> None:
    """Drain."""
    change = changes.set_state("draining")
    await helpers.change(interaction, change, say(words.DRAINING), everywhere=everywhere)


@helpers.admin.command(name="resume", description="End a pause or a drain.")
@app_commands.describe(everywhere=ALL_SERVERS)
async def resume(interaction: Interaction, everywhere: bool = False) -> None:
    """Resume."""
    said = say(words.RESUMED)
    service = interaction.client.service
    if not everywhere and service.admin.rules(EVERYWHERE).state != "open":
        said += " " + say(words.STILL_PAUSED)
    await helpers.change(interaction, changes.set_state("open"), said, everywhere=everywhere)


async def _open_jobs(interaction: Interaction, everywhere: bool = False) -> list[Job]:
    """Return what runs and waits in this server (or everywhere), in the order in which it goes."""
    guild = helpers.scope(interaction, everywhere)
    return await interaction.client.service.open_jobs(guild)


@jobs.command(name="list", description="What is being drawn and what waits, in the order in which it goes.")
@app_commands.describe(person="Only theirs.", everywhere=ALL_SERVERS)
async def jobs_list(
    interaction: Interaction, person: discord.User | None = None, everywhere: bool = False
) -> None:
    """List the jobs."""
    service, found = interaction.client.service, await _open_jobs(interaction, everywhere)
    if person is not None:
        found = [job for job in found if job.owner == str(person.id)]
    standing = [(job, await service.position(job.id)) for job in found[:200]]
    state = helpers.rules(interaction, everywhere).state
    await helpers.reply(interaction, words.jobs(standing, len(found), state, service.admin.rules("").state))


@jobs.command(name="move", description="Let a waiting job go before all others, or after them.")
@app_commands.describe(job=JOB, to="Where to.")
async def move(interaction: Interaction, job: Range[str, 1, 32], to: Literal["front", "back"]) -> None:
    """Move a job."""
    found = await _job(interaction, job)
    if to == "front":
        helpers.require_home(interaction, words.HOME_FRONT)
    await interaction.client.service.control.move(found.id, front=to == "front", by=str(interaction.user.id))
    await helpers.reply(interaction, words.moved(found, to))


@jobs.command(name="cancel", description="Take jobs back: one, all of a person, or everything that waits.")
@app_commands.describe(job=JOB, person="All of theirs.", all="Everything that waits or runs in this server.")
async def cancel(
    interaction: Interaction,
    job: Range[str, 1, 32] | None = None,
    person: discord.User | None = None,
    all: bool = False,
) -> None:
    """Cancel jobs."""
    if job is not None:
        chosen = [await _job(interaction, job)]
    elif person is not None or all:
        found = await _open_jobs(interaction)
        chosen = [one for one in found if person is None or one.owner == str(person.id)]
    else:
        raise NotFound(words.WHICH_JOB)
    service, actor = interaction.client.service, str(interaction.user.id)
    after = [await service.cancel(one.id, actor, force=True) for one in chosen]
    gone = [one for one in after if one.state is State.CANCELLED]
    for one in gone:
        await service.admin.audit(
            actor, "jobs cancel", guild=one.guild, target=one.owner, detail={"job": one.id}
        )
    await helpers.reply(interaction, words.cancelled(gone, len(after)))


async def _job(interaction: Interaction, name: str) -> Job:
    """Return a job of this server; the bot's owner reaches every job."""
    found = await interaction.client.service.find(name.strip().lower())
    if found.guild != helpers.scope(interaction) and not interactions.requester(interaction).host:
        raise NotFound(words.NOT_HERE)
    return found


@move.autocomplete("job")
@cancel.autocomplete("job")
async def _offered(interaction: Interaction, typed: str) -> list[Choice[str]]:
    found = await _open_jobs(interaction)
    names = {job.id: f"{job.id} {' '.join(job.prompt.split())}" for job in found}
    return interactions.choices(typed, names, names)


@models.command(name="list", description="The models, which are in memory, which are switched off.")
async def models_list(interaction: Interaction) -> None:
    """List the models."""
    service = interaction.client.service
    off = helpers.rules(interaction).off | service.admin.rules(EVERYWHERE).off
    await helpers.reply(interaction, words.models(service.models, service.control.workers(), off))


@models.command(name="load", description="Bring a model into memory before anybody asks for it.")
@app_commands.describe(model="Which.")
@app_commands.autocomplete(model=interactions.models)
async def load(interaction: Interaction, model: Range[str, 1, 64]) -> None:
    """Load a model."""
    await _load(interaction, model, True)


@models.command(name="unload", description="Drop a model from memory once nothing is drawn with it.")
@app_commands.describe(model="Which.")
@app_commands.autocomplete(model=interactions.models)
async def unload(interaction: Interaction, model: Range[str, 1, 64]) -> None:
    """Unload a model."""
    await _load(interaction, model, False)


async def _load(interaction: Interaction, named: str, wanted: bool) -> None:
    helpers.require_home(interaction, words.HOME_LOADS)
    service, name = interaction.client.service, helpers.model(interaction, named)
    service.control.load(name, wanted)
    action = "models load" if wanted else "models unload"
    await service.admin.audit(str(interaction.user.id), action, guild=helpers.scope(interaction), target=name)
    await helpers.reply(interaction, words.loading(name, wanted))


@models.command(name="disable", description="Switch a model off: nobody here draws with it.")
@app_commands.describe(model="Which.", everywhere=ALL_SERVERS)
@app_commands.autocomplete(model=interactions.models)
async def disable(interaction: Interaction, model: Range[str, 1, 64], everywhere: bool = False) -> None:
    """Switch a model off."""
    await _switch(interaction, model, on=False, everywhere=everywhere)


async def _switch(interaction: Interaction, model: str, *, on: bool, everywhere: bool) -> None:
    name = helpers.model(interaction, model)
    change = changes.switch_model(name, on=on)
    await helpers.change(interaction, change, words.switched(name, on), everywhere=everywhere)


@models.command(name="enable", description="Switch a model on again.")
@app_commands.describe(model="Which.", everywhere=ALL_SERVERS)
@app_commands.autocomplete(model=interactions.models)
async def enable(interaction: Interaction, model: Range[str, 1, 64], everywhere: bool = False) -> None:
    """Switch a model on again."""
    await _switch(interaction, model, on=True, everywhere=everywhere)
