"""What is said with an interaction's token after its first answer; refuses a token whose time is over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.demo import forms
from bot.demo.errors import DiscordError
from bot.demo.interactions import FOLLOWUPS_OF_GUESTS, TOKEN_LIVES, Interaction, change, posted
from bot.demo.seed_data import APP_ID
from bot.demo.shapes import COMPONENTS_V2, LOADING, Message, Upload
from bot.demo.world import World


def by_token(world: World, application_id: str, token: str) -> Interaction:
    """Return the interaction a token speaks for. Raises 50027 (unknown, run out), 10015 (unanswered)."""
    for interaction in world.interactions.values():
        if interaction.token == token and application_id == APP_ID:
            if world.clock() - interaction.created > TOKEN_LIVES:
                raise DiscordError(50027)
            if interaction.answered is None:
                raise DiscordError(10015)
            return interaction
    raise DiscordError(50027)


def original(world: World, interaction: Interaction) -> Message:
    """Return the message that answered; raises 10008."""
    if interaction.original is None:
        raise DiscordError(10008)
    return world.message(interaction.channel_id, interaction.original)


def followup(
    world: World, interaction: Interaction, body: Mapping[str, Any], uploads: Mapping[int, Upload]
) -> Message:
    """Send a follow-up; the first one after a defer fills the deferred message, as Discord still does."""
    forms.message(body, uploads)
    if interaction.answered == 5 and interaction.original is not None:
        waiting = world.messages.get(interaction.channel_id, {}).get(interaction.original)
        if waiting is not None and waiting.data["flags"] & LOADING:
            return change(
                world, waiting, {key: value for key, value in body.items() if key != "flags"}, uploads
            )
    if interaction.guest and interaction.followups >= FOLLOWUPS_OF_GUESTS:
        raise DiscordError(40094)
    interaction.followups += 1
    return posted(world, interaction, body, uploads, int(body.get("flags") or 0) & COMPONENTS_V2, first=False)


def own(world: World, interaction: Interaction, message_id: str) -> Message:
    """Return a message sent through this interaction's token (``@original`` too); raises 10008."""
    if message_id == "@original":
        return original(world, interaction)
    message = world.message(interaction.channel_id, message_id)
    if message.interaction != interaction.id:
        raise DiscordError(10008)
    return message
