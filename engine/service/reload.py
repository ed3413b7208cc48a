"""What may change while the bot runs, and what needs a restart; how the configuration is read anew."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel

from engine.config import Config
from engine.errors import ConfigError
from engine.log import setup

if TYPE_CHECKING:
    from engine.service.service import Service

log = logging.getLogger(__name__)

LIVE = (
    "log_level",
    "log_format",
    "limits",
    "allowance",
    "retention",
    "links",
    "provenance",
    "wildcards",
    "welcome",
    "moderation.blocked",
    "moderation.allowed",
    "moderation.direct_messages",
    "moderation.threshold",
    "moderation.unsure",
    "discord.owners",
    "loras",
)
"""Keys and sections that are read anew each time they are needed; all others are given out once."""

OUTCOME = "reload"
"""The fact under which the outcome of the last reload is kept, for ``limner reload`` to tell."""


@dataclass(frozen=True, slots=True)
class Reloaded:
    """The configuration to go on with; which keys changed in it, and which changed in vain."""

    config: Config
    changed: tuple[str, ...] = ()
    restart: tuple[str, ...] = ()

    def sentences(self) -> list[str]:
        """Return what is told about it."""
        if not self.changed and not self.restart:
            return ["Nothing has changed."]
        said = []
        if self.changed:
            said.append(f"Changed: {', '.join(self.changed)}.")
        if self.restart:
            said.append(f"Needs a restart: {', '.join(self.restart)}.")
        return said

    def as_json(self, at: float) -> str:
        """Return the outcome as it is kept."""
        return json.dumps({"at": at, "said": self.sentences()})


async def reload(service: Service, reread: Callable[[], Config]) -> None:
    """Read the configuration anew and say what became of it; a wrong one changes nothing."""
    try:
        new = await asyncio.to_thread(reread)
    except ConfigError as error:
        log.error("the configuration was not reloaded: %s", error)
        await service.remember(OUTCOME, json.dumps({"at": time.time(), "said": [str(error)], "wrong": True}))
        return
    found = await service.reload(new)
    setup(found.config.log_level, found.config.log_format)
    log.info("configuration reloaded. %s", " ".join(found.sentences()))


def compare(old: Config, new: Config) -> Reloaded:
    """Return what becomes of ``old`` when the host's choices are ``new``."""
    changed, restart = [], []
    updates: dict[str, object] = {}
    for name in Config.model_fields:
        before, after = getattr(old, name), getattr(new, name)
        if before == after:
            continue
        if not isinstance(before, BaseModel) or not isinstance(after, BaseModel):
            if name in LIVE:
                changed.append(name)
                updates[name] = after
            else:
                restart.append(name)
            continue
        inner: dict[str, object] = {}
        for key in type(before).model_fields:
            if getattr(before, key) == getattr(after, key):
                continue
            if name in LIVE or f"{name}.{key}" in LIVE:
                changed.append(f"{name}.{key}")
                inner[key] = getattr(after, key)
            else:
                restart.append(f"{name}.{key}")
        if inner:
            updates[name] = before.model_copy(update=inner)
    return Reloaded(old.model_copy(update=updates), tuple(changed), tuple(restart))
