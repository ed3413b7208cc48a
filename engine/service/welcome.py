"""The host's rules, accepted before the first picture, and what a person was told once. No Discord here."""

from __future__ import annotations

import hashlib

from engine.errors import UserError
from engine.rules.permissions import ADMIN, ALWAYS
from engine.service.settings import HostConfig
from engine.store import preferences as store_preferences
from engine.store.connection import Store

ACCEPTED, TOLD = "rules", "told"
"""Preferences: which wording of the rules a person accepted, and what they were told once."""


class RulesError(UserError):
    """The host's rules must be accepted first; the message is the rules."""


class Welcome:
    """Who accepted the rules as they stand. Held in memory: it is asked before Discord's first answer."""

    def __init__(self, store: Store, host: HostConfig) -> None:
        self._store = store
        self._host = host
        self._accepted: dict[str, str] = {}

    async def load(self) -> None:
        """Read who accepted which wording."""
        self._accepted = await self._store.read(store_preferences.everybody, ACCEPTED)

    def require(self, owner: str, command: str) -> None:
        """Raise RulesError where somebody is about to draw who has not accepted the rules yet."""
        rules = self._host.config.welcome.rules.strip()
        if rules and command not in ALWAYS and command != ADMIN and self._accepted.get(owner) != _name(rules):
            raise RulesError(rules)

    async def accept(self, owner: str) -> None:
        """Keep that a person accepted the rules as they stand now."""
        name = _name(self._host.config.welcome.rules.strip())
        await self._store.write(store_preferences.prefer, owner, ACCEPTED, name)
        self._accepted[owner] = name

    def forget(self, owner: str) -> None:
        """Ask again, of whom everything was deleted."""
        self._accepted.pop(owner, None)

    async def first(self, owner: str, what: str) -> bool:
        """Say whether a person is to be told about this, and that only once."""
        if not self._host.config.welcome.hints:
            return False
        told = (await self._store.read(store_preferences.of, owner)).get(TOLD, "").split()
        return what not in told and await self._store.write(store_preferences.note, owner, TOLD, what)


def _name(rules: str) -> str:
    """Return what tells this wording from others."""
    return hashlib.sha256(rules.encode()).hexdigest()[:16]
