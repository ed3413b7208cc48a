"""Keys of the HTTP API, for doors: who holds one, whether it still holds, which requests it named."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable

from engine.rules import keys
from engine.rules.keys import Key
from engine.store import keys as store_keys
from engine.store import meta as store_meta
from engine.store.connection import Store

SECRET = "api.secret"
"""The fact under which this installation's own secret is kept; no key of anybody."""
NAMED_FOR = 86_400.0
"""Seconds a request's name (its idempotency key) is remembered."""


class Keys:
    """Finds keys; what another process revoked is seen at the next look."""

    def __init__(self, store: Store, certain: Callable[[], float]) -> None:
        """``certain``: the time that has come for certain, by which names of requests are forgotten."""
        self._store = store
        self._certain = certain

    def now(self) -> float:
        """Return the time by which keys and links hold, in Unix seconds."""
        return self._store.now()

    async def find(self, secret: str) -> Key | None:
        """Return the key that holds now and reads so, and note its use; None: there is none."""
        if not keys.well_formed(secret):
            return None
        key = await self._store.read(store_keys.by_digest, keys.digest(secret))
        now = self._store.now()
        if key is None or not key.holds(now):
            return None
        if key.used_at is None or key.used_at < now - keys.USED_EVERY:
            await self._store.write(store_keys.used, now, key.id)
        return key

    async def holds(self, key: Key) -> bool:
        """Say whether a key that was found holds still."""
        return await self.get(key.id) is not None

    async def get(self, number: int) -> Key | None:
        """Return the key with this number if it holds now."""
        key = await self._store.read(store_keys.get, number)
        return key if key is not None and key.holds(self._store.now()) else None

    async def secret(self, purpose: str) -> bytes:
        """Return 256 secret bits of this installation for one purpose; the same ones for ever."""
        kept = await self._store.read(store_meta.get, SECRET)
        if kept is None:
            kept = await self._store.write(store_meta.put_first, SECRET, secrets.token_hex(32))
        return hmac.digest(kept.encode(), purpose.encode(), hashlib.sha256)

    async def claim(self, key: Key, name: str, sha256: bytes) -> str | None:
        """Return what a named request is called for ever; None: another has the name."""
        before = min(self._store.now(), self._certain()) - NAMED_FOR
        at = await self._store.write(store_keys.claim, self._store.now(), key.id, name, sha256, before)
        return None if at is None else f"http:{key.id}:{name}:{at!r}"
