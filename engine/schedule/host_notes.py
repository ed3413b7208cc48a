"""What only the host can mend, put on the record once, for their log channel; draws and books nothing."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from engine.schedule.offered import Offered
from engine.store import audit as store_audit
from engine.store.connection import Store

log = logging.getLogger("limner.scheduler")

Insist = Callable[[str, Callable[[], Awaitable[Any]]], Awaitable[Any]]
"""Does something with the disk until it is done: what for, and what."""


class HostNotes:
    """Tells the host of models left out and of other trouble, each once since the start."""

    def __init__(self, store: Store, offered: Offered, insist: Insist) -> None:
        self._store = store
        self._offered = offered
        self._insist = insist
        self._told: set[str] = set()

    async def leave_out(self, model: str, why: str) -> None:
        """Offer a model no more, and tell the host once."""
        if not self._offered.fail(model, why):
            return
        log.error("model %s is not offered any more: %s", model, why)
        remedy = f"`limner check` may say more; `limner admin models load {model}` offers it again."
        await self._record("models left out", model, f"{why.rstrip('.')}. {remedy}")

    async def trouble(self, text: str) -> None:
        """Tell the host what only they can do, once."""
        if text not in self._told:
            self._told.add(text)
            await self._record("trouble", None, text)

    async def _record(self, action: str, target: str | None, why: str) -> None:
        """Put something on the record of all servers: the host's log channel shows it."""
        await self._insist(
            f"record: {why}",
            lambda: self._store.write(
                store_audit.audit, self._store.now(), "limner", action, None, target, {"why": why}
            ),
        )
