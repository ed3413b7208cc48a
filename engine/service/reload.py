"""What may change while the bot runs, and what needs a restart; how the configuration is read anew."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Iterator
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
    found = dict(_differences(old, new))
    live = {path: value for path, value in found.items() if path in LIVE or path.partition(".")[0] in LIVE}
    config = old
    for path, value in live.items():
        name, _, key = path.partition(".")
        section = getattr(config, name).model_copy(update={key: value}) if key else value
        config = config.model_copy(update={name: section})
    return Reloaded(config, tuple(live), tuple(path for path in found if path not in live))


def _differences(old: Config, new: Config) -> Iterator[tuple[str, object]]:
    """Yield the name of each key that differs (``section.key``), and its new value."""
    for name, after in new:
        before = getattr(old, name)
        if isinstance(before, BaseModel) and isinstance(after, BaseModel):
            yield from ((f"{name}.{key}", value) for key, value in after if value != getattr(before, key))
        elif before != after:
            yield name, after
