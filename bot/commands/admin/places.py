"""``/admin channels …`` and ``/admin log``: where the bot answers, how far pictures go, where it reports."""

from __future__ import annotations

from typing import Literal

from discord import app_commands
from discord.app_commands import Range

from bot.commands.admin import helpers
from bot.interactions import Interaction
from bot.messages import admin as words
from bot.messages import rules as rules_words
from engine.rules import changes
from engine.words import say

channels = helpers.group("channels", "Where I answer, and what may be drawn there.")
Named = Range[str, 1, 100]
HERE = "A channel, thread or category: mention, id or name. Without it: this one."


@channels.command(name="allow", description="Answer here. Once a channel is allowed, all others are closed.")
@app_commands.describe(channel=HERE)
@app_commands.autocomplete(channel=helpers.places)
async def allow(interaction: Interaction, channel: Named | None = None) -> None:
    """Answer somewhere."""
    place = helpers.place(interaction, channel)
    closed = any(parent in helpers.rules(interaction).channels for parent in place.parents)
    said = rules_words.allowed_inside(str(place)) if closed else rules_words.allowed(str(place))
    await helpers.change(interaction, changes.allow_channel(place.id, place.parents), said)


@channels.command(name="deny", description="Do not answer here.")
@app_commands.describe(channel=HERE)
@app_commands.autocomplete(channel=helpers.places)
async def deny(interaction: Interaction, channel: Named | None = None) -> None:
    """Answer there no more."""
    place = helpers.place(interaction, channel)
    await helpers.change(interaction, changes.deny_channel(place.id), rules_words.denied(str(place)))


@channels.command(name="reset", description="Forget the rules of a channel; without one, of all.")
@app_commands.describe(channel="Mention, id or name. Without it: all of them.")
@app_commands.autocomplete(channel=helpers.places)
async def reset(interaction: Interaction, channel: Named | None = None) -> None:
    """Forget the rules of a channel, or of all."""
    place = None if channel is None else helpers.place(interaction, channel)
    said = say(rules_words.ALL_CHANNELS_RESET) if place is None else rules_words.channel_reset(str(place))
    change = changes.reset_channels(helpers.rules(interaction), place and place.id)
    await helpers.change(interaction, change, said)


@channels.command(name="content", description="How far pictures may go, and what becomes of others.")
@app_commands.describe(
    level="strict, or restricted: adult pictures where Discord restricts the channel by age.",
    past="Refuse such pictures, or hide them behind a spoiler.",
    channel="Mention, id or name. Without it: the whole server.",
)
@app_commands.autocomplete(channel=helpers.places)
async def content(
    interaction: Interaction,
    level: Literal["strict", "restricted"],
    past: Literal["refuse", "spoiler"] = "refuse",
    channel: Named | None = None,
) -> None:
    """Set the content level of a channel, or of the server."""
    place = None if channel is None else helpers.place(interaction, channel)
    said = rules_words.content(str(place) if place else None, level, past)
    await helpers.change(interaction, changes.set_content(level, past, place and place.id), said)


@channels.command(name="list", description="Where I answer, and how far pictures may go.")
async def channels_list(interaction: Interaction) -> None:
    """List the rules of channels."""
    await helpers.reply(interaction, rules_words.channels(helpers.rules(interaction)))


@helpers.admin.command(name="log", description="Report what admins do in a channel; without one, nowhere.")
@app_commands.describe(
    channel="Mention, id or name. Without it: report nowhere.",
    everywhere="What concerns no one server, or one without a log (the bot's owner only).",
)
@app_commands.autocomplete(channel=helpers.places)
async def log(interaction: Interaction, channel: Named | None = None, everywhere: bool = False) -> None:
    """Set the log channel."""
    place = None if channel is None else helpers.place(interaction, channel)
    said = say(words.LOG_OFF) if place is None else rules_words.log_kept(str(place))
    await helpers.change(interaction, changes.report_in(place and place.id), said, everywhere=everywhere)
