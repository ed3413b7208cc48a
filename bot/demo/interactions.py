"""An interaction from the press to the last follow-up: deadlines, tokens, one answer; refuses to know HTTP.

Long: one life of an interaction, from its start to its end.

The rules are Discord's: the first answer within 3 s (10062), one first answer (40060), a token for 15 min
(50027), five follow-ups where the bot is only user-installed (40094).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.demo import forms, normal
from bot.demo import permissions as perm
from bot.demo.errors import DiscordError, NotBuilt
from bot.demo.seed_data import APP_ID
from bot.demo.shapes import COMPONENTS_V2, DM, EPHEMERAL, LOADING, Json, Message, Upload
from bot.demo.world import World

COMMAND, COMPONENT, AUTOCOMPLETE, MODAL = 2, 3, 4, 5
TOKEN_LIVES = 15 * 60.0  # seconds
FOLLOWUPS_OF_GUESTS = 5
ALLOWED = {COMMAND: {4, 5, 9}, COMPONENT: {4, 5, 6, 7, 9}, AUTOCOMPLETE: {8}, MODAL: {4, 5, 6, 7}}


@dataclass(slots=True)
class Interaction:
    """One use of a command, component or modal, and what became of it."""

    id: str
    token: str
    type: int
    user_id: str
    channel_id: str
    created: float
    payload: Json
    name: str
    guest: bool  # the bot is not in that server: user-installed, token only
    message_id: str | None = None  # whose component was used
    answered: int | None = None  # the callback type
    failed: bool = False
    original: str | None = None  # the answering message's id
    ephemeral: bool = False
    followups: int = 0
    modal: Json | None = None
    choices: list[Json] | None = None


def member(world: World, user_id: str, channel_id: str) -> Json:
    """Return the member object an interaction carries: with its permissions in the channel."""
    guild_id = world.guild_of(channel_id)
    assert guild_id is not None
    return {**world.members[guild_id][user_id], "permissions": str(world.permissions(user_id, channel_id))}


def create(
    world: World,
    user_id: str,
    channel_id: str,
    kind: int,
    data: Json,
    *,
    command: Json | None = None,
    message: Message | None = None,
    parent: Interaction | None = None,
) -> Interaction:
    """Start an interaction and send it to the bot."""
    channel = world.channel(channel_id)
    guild_id = world.guild_of(channel_id)
    guest = (guild_id is not None and APP_ID not in world.members[guild_id]) or (
        guild_id is None and APP_ID not in channel["users"]
    )
    interaction_id = world.snowflake()
    token = "aW50ZXJhY3Rpb24" + secrets.token_hex(40)  # base64 for "interaction", as Discord's begin
    payload = _payload(world, user_id, channel_id, guest=guest)
    payload |= {"id": interaction_id, "type": kind, "token": token, "data": data}
    if message is not None:
        payload["message"] = world.render(message, user_id)
    name = command["name"] if command else str(data.get("custom_id"))
    interaction = Interaction(
        id=interaction_id,
        token=token,
        type=kind,
        user_id=user_id,
        channel_id=channel_id,
        created=world.clock(),
        payload=payload,
        name=name,
        guest=guest,
        message_id=message.id if message else None,
    )
    _tidy(world)
    world.interactions[interaction_id] = interaction
    world.emit(
        "interaction_create",
        id=interaction_id,
        type=kind,
        name=name,
        user_id=user_id,
        channel_id=channel_id,
        message_id=interaction.message_id,
    )
    world.dispatch("INTERACTION_CREATE", payload, guild_id)
    return interaction


def _payload(world: World, user_id: str, channel_id: str, *, guest: bool) -> Json:
    """Return what every interaction says of the place it comes from and who acts there."""
    channel = world.channel(channel_id)
    guild_id = world.guild_of(channel_id)
    if guild_id is not None:
        context = 0
    else:
        context = 1 if APP_ID in channel["users"] else 2
    app_permissions = perm.EVERYONE if guest else world.permissions(APP_ID, channel_id)
    payload: Json = {
        "application_id": APP_ID,
        "version": 1,
        "channel_id": channel_id,
        "channel": {
            **world.public_channel(channel, APP_ID if channel["type"] == DM else user_id),
            "permissions": str(world.permissions(user_id, channel_id)),
        },
        "app_permissions": str(app_permissions),
        "locale": world.locales.get(user_id, "en-US"),
        "entitlements": [],
        "authorizing_integration_owners": {"1": user_id} if guest else {"0": guild_id or "0"},
        "context": context,
        "attachment_size_limit": world.upload_limit,
    }
    if guild_id is not None:
        payload["guild_id"] = guild_id
        payload["guild_locale"] = "en-US"
        payload["guild"] = {"id": guild_id, "locale": "en-US", "features": []}
        payload["member"] = member(world, user_id, channel_id)
    else:
        payload["user"] = world.users[user_id]
    return payload


def _tidy(world: World) -> None:
    """Forget interactions long past their token's life."""
    now = world.clock()
    for old in [item for item in world.interactions.values() if now - item.created > 2 * TOKEN_LIVES]:
        del world.interactions[old.id]


def tick(world: World) -> float | None:
    """Fail what was not answered in time; returns seconds to the next deadline, None where there is none."""
    now = world.clock()
    nearest: float | None = None
    for interaction in world.interactions.values():
        if interaction.answered is not None or interaction.failed:
            continue
        left = interaction.created + world.answer_within - now
        if left <= 0:
            fail(world, interaction, f"not answered within {world.answer_within:g} seconds")
        else:
            nearest = left if nearest is None else min(nearest, left)
    return nearest


def fail(world: World, interaction: Interaction, reason: str) -> None:
    """Mark an interaction as failed: the person reads "The application did not respond"."""
    interaction.failed = True
    world.emit("interaction_failed", interaction.user_id, id=interaction.id, reason=reason)


def expire(world: World, interaction: Interaction) -> None:
    """Let an interaction's token run out now."""
    interaction.created = min(interaction.created, world.clock() - TOKEN_LIVES - 1)


def answer(
    world: World, interaction_id: str, token: str, body: Mapping[str, Any], uploads: Mapping[int, Upload]
) -> Interaction:
    """Take the first answer. Raises 10062, 40060, 50035."""
    interaction = world.interactions.get(interaction_id)
    if interaction is None or interaction.token != token:
        raise DiscordError(10062)
    if interaction.answered is not None:
        raise DiscordError(40060)
    if world.clock() - interaction.created > world.answer_within:
        raise DiscordError(10062)
    kind, data = body.get("type"), dict(body.get("data") or {})
    if not isinstance(kind, int) or not 1 <= kind <= 12:
        raise DiscordError(
            50035, {"type": ("BASE_TYPE_CHOICES", "Value must be one of {4, 5, 6, 7, 8, 9, 12}.")}
        )
    if kind in (10, 12):
        raise NotBuilt(f"interaction callback type {kind}")
    allowed = ALLOWED[interaction.type]
    if kind not in allowed or (kind in (6, 7) and interaction.message_id is None):
        raise DiscordError(50035, {"type": ("INTERACTION_TYPE_INVALID", f"Not allowed here: {kind}")})
    if kind == 8:
        interaction.choices = forms.choices(data)
        interaction.answered = kind
        world.emit(
            "autocomplete", interaction.user_id, interaction_id=interaction.id, choices=interaction.choices
        )
    elif kind == 9:
        forms.modal(data)
        interaction.modal = {**data, "components": normal.components(data["components"])}
        interaction.answered = kind
        world.emit("modal_open", interaction.user_id, interaction_id=interaction.id, modal=interaction.modal)
    elif kind == 7:
        assert interaction.message_id is not None
        source = world.message(interaction.channel_id, interaction.message_id)
        change(world, source, data, uploads)
        interaction.answered, interaction.original = kind, source.id
    elif kind == 6:
        interaction.answered, interaction.original = kind, interaction.message_id
    else:
        if kind == 4:
            forms.message(data, uploads)
        flags = int(data.get("flags") or 0)
        interaction.ephemeral = bool(flags & EPHEMERAL) or _muzzled(world, interaction)
        keep = flags & COMPONENTS_V2 if kind == 4 else LOADING
        message = posted(world, interaction, data if kind == 4 else {}, uploads, keep, first=True)
        interaction.answered, interaction.original = kind, message.id
    world.emit(
        "interaction_done",
        interaction.user_id if interaction.ephemeral else None,
        id=interaction.id,
        callback=kind,
        message_id=interaction.original,
    )
    return interaction


def _muzzled(world: World, interaction: Interaction) -> bool:
    """Return whether the server denies outside apps the right to be seen."""
    if not interaction.guest or world.guild_of(interaction.channel_id) is None:
        return False
    return not world.permissions(interaction.user_id, interaction.channel_id) & perm.USE_EXTERNAL_APPS


def _metadata(world: World, interaction: Interaction) -> Json:
    payload = interaction.payload
    out: Json = {
        "id": interaction.id,
        "type": interaction.type,
        "user": world.users[interaction.user_id],
        "authorizing_integration_owners": payload["authorizing_integration_owners"],
    }
    if interaction.type == COMMAND:
        out["name"] = interaction.name
        out["command_type"] = payload["data"]["type"]
    elif interaction.type == COMPONENT:
        out["interacted_message_id"] = interaction.message_id
    elif interaction.type == MODAL:
        out["triggering_interaction_metadata"] = {
            "id": interaction.id,
            "type": COMMAND,
            "user": world.users[interaction.user_id],
            "authorizing_integration_owners": payload["authorizing_integration_owners"],
            "name": interaction.name,
            "command_type": 1,
        }
        if interaction.message_id is not None:
            out["triggering_interaction_metadata"] |= {
                "type": COMPONENT,
                "interacted_message_id": interaction.message_id,
            }
            del out["triggering_interaction_metadata"]["name"]
            del out["triggering_interaction_metadata"]["command_type"]
    return out


def posted(
    world: World,
    interaction: Interaction,
    data: Mapping[str, Any],
    uploads: Mapping[int, Upload],
    flags: int,
    *,
    first: bool,
) -> Message:
    """Store the message an interaction is answered with, as it may be: seen by all, or by one."""
    ephemeral = interaction.ephemeral if first else bool(int(data.get("flags") or 0) & EPHEMERAL)
    ephemeral = ephemeral or _muzzled(world, interaction)
    kind, reply_to = 0, None
    if first and interaction.type == COMMAND:
        kind = 20 if interaction.payload["data"]["type"] == 1 else 23
    elif first:
        reply_to = interaction.message_id
    else:
        reply_to = interaction.original
    return world.post(
        APP_ID,
        interaction.channel_id,
        data.get("content") or "",
        attachments=attach(world, interaction.channel_id, data, uploads, (), ephemeral=ephemeral),
        embeds=normal.embeds_of(data.get("embeds") or []),
        components=normal.components(data.get("components") or []),
        allowed_mentions=data.get("allowed_mentions"),
        flags=flags | (EPHEMERAL if ephemeral else 0),
        kind=kind,
        reply_to=reply_to,
        viewer=interaction.user_id if ephemeral else None,
        interaction=interaction.id,
        application_id=APP_ID,
        webhook_id=APP_ID,
        interaction_metadata=_metadata(world, interaction),
    )


def attach(
    world: World,
    channel_id: str,
    body: Mapping[str, Any],
    uploads: Mapping[int, Upload],
    kept: tuple[Json, ...],
    *,
    ephemeral: bool = False,
) -> list[Json]:
    """Return the attachments a body asks for: kept ones by id, new ones by their file number."""
    entries = body.get("attachments")
    if entries is None:
        entries = [*kept, *({"id": number} for number in uploads)]
    by_id = {item["id"]: item for item in kept}
    out = []
    for entry in entries:
        number = str(entry["id"])
        if number in by_id:
            item = dict(by_id[number])
            if entry.get("description") is not None:
                item["description"] = entry["description"]
            out.append(item)
        else:
            upload = uploads[int(number)]
            named = Upload(
                entry.get("filename") or upload.filename,
                upload.data,
                entry.get("description") or upload.description,
            )
            out.append(world.store(channel_id, named, ephemeral=ephemeral))
    return out


def change(world: World, message: Message, body: Mapping[str, Any], uploads: Mapping[int, Upload]) -> Message:
    """Edit a message by a request body, checked; what the body leaves out stays."""
    flags = message.data["flags"]
    asked = int(body.get("flags") or 0)
    v2 = (flags | asked) & COMPONENTS_V2
    kept = tuple(message.data["attachments"])
    checked = dict(body)
    checked["flags"] = asked | v2
    forms.message(checked, uploads, kept, edit=True)
    fields: Json = {}
    if "content" in body:
        fields["content"] = body["content"] or ""
    if "embeds" in body:
        fields["embeds"] = normal.embeds_of(body["embeds"] or [])
    if "components" in body:
        fields["components"] = normal.components(body["components"] or [])
    if "attachments" in body or uploads:
        fields["attachments"] = attach(
            world, message.channel_id, body, uploads, kept, ephemeral=message.ephemeral
        )
    fields["flags"] = flags | v2
    after = {**message.data, **fields}
    if not (after["content"] or after["embeds"] or after["components"] or after["attachments"]):
        raise DiscordError(50006)
    return world.edit(message, allowed_mentions=body.get("allowed_mentions"), **fields)
