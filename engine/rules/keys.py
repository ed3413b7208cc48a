"""Keys of the HTTP API: how they are made, written and recognised, and what one may do; pure."""

from __future__ import annotations

import hashlib
import re
import secrets
import zlib
from dataclasses import dataclass
from typing import Literal, get_args

from engine.jobs import Speed

Scope = Literal["draw", "read", "metrics"]
SCOPES: tuple[Scope, ...] = get_args(Scope)

PREFIX = "limner_"
"""What every key begins with, so that scanners for secrets find it in code and chats."""

START = len(PREFIX) + 6
"""How many characters of a key are kept and shown to tell keys apart; 36 of its 256 random bits."""

USED_EVERY = 60.0
"""Seconds within which a further use of a key is not written down again."""

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM, _CHECK = 43, 6  # digits of base 62 for 256 bits, and for a CRC-32
_KEY = re.compile(rf"{PREFIX}[0-9A-Za-z]{{{_RANDOM + _CHECK}}}")


def _base62(number: int, width: int) -> str:
    digits = ""
    for _ in range(width):
        number, digit = divmod(number, 62)
        digits = _DIGITS[digit] + digits
    return digits


def _check(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), _CHECK)


def make() -> str:
    """Return a new key: the prefix, 256 random bits, and a checksum that shows a typing error."""
    body = PREFIX + _base62(secrets.randbits(256), _RANDOM)
    return body + _check(body)


def well_formed(text: str) -> bool:
    """Return whether this could be a key at all; what could not is looked up nowhere."""
    return _KEY.fullmatch(text) is not None and text.endswith(_check(text[:-_CHECK]))


def digest(key: str) -> bytes:
    """Return what is kept of a key. 256 random bits need no salt and no slow hash."""
    return hashlib.sha256(key.encode()).digest()


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it is kept. Times are Unix seconds; ``allowance`` seconds of the device in a period.

    ``owner``: as whom it draws: the person it acts for, or ``key:<id>``.
    """

    id: int
    name: str
    owner: str
    start: str
    scopes: frozenset[Scope]
    created_at: float
    models: tuple[str, ...] | None = None
    allowance: float | None = None
    speed: Speed | None = None
    expires_at: float | None = None
    used_at: float | None = None
    revoked_at: float | None = None

    def holds(self, now: float) -> bool:
        """Return whether it opens anything now."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def state(self, now: float) -> Literal["good", "revoked", "expired"]:
        """Return how it stands."""
        if self.revoked_at is not None:
            return "revoked"
        return "good" if self.holds(now) else "expired"
