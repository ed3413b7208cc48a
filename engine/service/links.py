"""Links to pictures that need no key: signed, and good for an hour. Knows no web framework."""

from __future__ import annotations

import hashlib
import hmac

from engine.library.clock import AGREES
from engine.service.keys import Keys

GOOD_FOR = 3600
"""Seconds a link opens its picture."""
SLACK = AGREES
"""Seconds later than that a signed end may lie; one that lies still later was signed by a wrong clock."""


class Links:
    """Signs the addresses of pictures, and tells whether a signature is good."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    async def to(
        self, url: str, job: str, cell: int, kind: str = "png", quality: int = 95, now: float | None = None
    ) -> str:
        """Return a link to a picture of a job under the listener's address; ``cell`` counts from 0."""
        until = int(self._keys.now() if now is None else now) + GOOD_FOR
        name = f"{job}/{cell}/{quality}/{until}.{kind}"
        return f"{url}/pictures/{name}?signature={await self._signature(name)}"

    async def good(self, name: str, signature: str) -> bool:
        """Say whether this signature was made here for this name."""
        return hmac.compare_digest((await self._signature(name)).encode(), signature.encode())

    async def _signature(self, name: str) -> str:
        secret = await self._keys.secret("links")
        return hmac.new(secret, f"picture {name}".encode(), hashlib.sha256).hexdigest()[:40]
