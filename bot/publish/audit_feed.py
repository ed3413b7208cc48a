"""Brings what those in charge did to the log channels of their servers; decides nothing.

At best once each: a line that Discord does not take is not sent again, the record itself has it.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping

import discord

from bot.interactions import TRANSIENT, BotClient
from bot.language import of_server
from bot.messages import record
from engine.rules.people import AuditEntry
from engine.rules.rules import EVERYWHERE
from engine.service import Service
from engine.words import speaking

log = logging.getLogger(__name__)

EVERY = 1.0
"""Seconds between two looks for new records."""
REPORTED = "admin.reported"
"""The fact under which the number of the last reported record is kept."""
LEFT_OUT = "models.left_out"
"""The fact under which is kept what the host was last told is not ready, and why."""
FOR_ALL = frozenset({"pause", "drain", "resume", "models disable", "models enable"})
"""What was done everywhere and concerns every server."""


async def note_left_out(service: Service, left_out: Mapping[str, str]) -> None:
    """Put on the record, once, why models and LoRAs are not offered: the host's log channel is told."""
    known = json.loads(await service.meta(LEFT_OUT) or "{}")
    for name, why in left_out.items():
        if known.get(name) != why:
            await service.admin.audit("limner", "models left out", target=name, detail={"why": why})
    for name in [name for name in known if name not in left_out]:
        await service.admin.audit("limner", "models offered again", target=name)
    if known != left_out:
        await service.remember(LEFT_OUT, json.dumps(dict(left_out)))


async def report(client: BotClient) -> None:
    """Go on reporting what those in charge do, whichever process they do it in."""
    admin = client.service.admin
    known = await client.service.meta(REPORTED)
    last = admin.newest if known is None else int(known)
    while True:
        if admin.newest > last:
            lines: dict[int, list[str]] = {}
            for entry in await client.service.admin.audits(after=last):
                last = entry.id
                for guild, channel in _channels(client, entry):
                    with speaking(of_server(client, guild)):
                        lines.setdefault(channel, []).append(record.entry(entry))
            await client.service.remember(REPORTED, str(last))
            for channel, told in lines.items():
                # together: Discord takes about one message a second in a channel
                for text in record.joined(told):
                    await _post(client, channel, text)
        else:
            await asyncio.sleep(EVERY)


def _channels(client: BotClient, entry: AuditEntry) -> list[tuple[int | None, int]]:
    rules = client.service.admin.every()
    if entry.guild is not None:
        named = [entry.guild]
    else:
        named = [*rules] if entry.action in FOR_ALL else [EVERYWHERE]
    logs = [(guild, rules[guild].log) for guild in named if guild in rules]
    return [(int(guild) if guild else None, int(channel)) for guild, channel in logs if channel is not None]


async def tell_host(client: BotClient, text: str) -> None:
    """Bring something to the host's log channel at once: it may be that no record can be written."""
    rules = client.service.admin.every().get(EVERYWHERE)
    if rules is not None and rules.log is not None:
        await _post(client, int(rules.log), text)


async def _post(client: BotClient, channel: int, text: str) -> None:
    try:
        await client.get_partial_messageable(channel).send(text, silent=True)
    except (discord.HTTPException, *TRANSIENT) as error:
        log.info("log channel %s: %s", channel, error)
