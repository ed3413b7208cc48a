"""Who asks: the key of a request, what it may do, and how fast."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from fastapi import Request

from engine.config import ApiConfig
from engine.rules.keys import Key, Scope
from engine.service import Service
from engine.web.errors import Fault
from engine.words import Sentence

WRONG_KEYS = (10, 60.0)
"""So many wrong keys in so many seconds from one address; then all further ones are turned away."""
RATES: dict[Scope, tuple[int, float]] = {"draw": (60, 60.0), "read": (20, 1.0), "metrics": (20, 1.0)}
"""Requests in seconds for one key: as many at once, and as many again in that time."""
KNOWN = 10_000
"""With more keys and addresses than this, those that were long silent are forgotten."""

MISSING = "missing authorization header: send your key as `Authorization: Bearer KEY`"
WRONG = Sentence(
    "Incorrect API key provided, or one that was revoked or has expired. `limner keys create` makes one."
)

TOO_MANY = Sentence("Too many wrong keys came from this address.")
UNFIT = Sentence("This key may not be used for this: it lacks the scope `{scope}`.")


class Rate:
    """So many at once, and as many again in ``seconds``."""

    def __init__(self, most: int, seconds: float, clock: Callable[[], float]) -> None:
        self._most, self._seconds, self._clock = most, seconds, clock
        self._spent: dict[str, tuple[float, float]] = {}

    def wait(self, who: str) -> float:
        """Count one more and return 0, or return the seconds until it may come; then it is not counted."""
        now = self._clock()
        spent, at = self._spent.get(who, (0.0, now))
        spent = max(0.0, spent - (now - at) * self._most / self._seconds)
        if spent + 1 > self._most:
            return (spent + 1 - self._most) * self._seconds / self._most
        if len(self._spent) > KNOWN:
            self._spent = {one: kept for one, kept in self._spent.items() if now - kept[1] < self._seconds}
        self._spent[who] = spent + 1, now
        return 0.0


@dataclass
class Gate:
    """Lets requests with a good key in. ``clock`` gives seconds that never run backwards."""

    service: Service
    config: ApiConfig
    clock: Callable[[], float] = time.monotonic
    _wrong: Rate = field(init=False)
    _rates: dict[Scope, Rate] = field(init=False)

    def __post_init__(self) -> None:
        self._wrong = Rate(*WRONG_KEYS, self.clock)
        self._rates = {scope: Rate(most, seconds, self.clock) for scope, (most, seconds) in RATES.items()}

    async def key(self, request: Request, scope: Scope, *, raw: bool = False, basic: bool = False) -> Key:
        """Return the key a request came with. Raises Fault: none, wrong, not for this, too fast.

        ``raw``: the key may stand alone in the header; ``basic``: it may be the password of Basic.
        """
        said = request.headers.get("authorization", "").strip()
        if not said or said.lower() in ("basic", "bearer"):  # nothing behind it is no guess
            raise Fault("unauthorized", MISSING, code="missing")
        secret = _secret(said, raw=raw, basic=basic)
        key = await self.service.keys.find(secret) if secret else None
        if key is None:
            if wait := self._wrong.wait(self.address(request)):
                raise Fault("rate", TOO_MANY, retry_after=wait)
            raise Fault("unauthorized", WRONG, code="wrong")
        self.admit(key, scope)
        return key

    def admit(self, key: Key, scope: Scope) -> None:
        """Count a request of a key. Raises Fault: the key is not for this, it comes too fast."""
        if scope not in key.scopes:
            raise Fault("forbidden", Sentence(UNFIT, scope=scope))
        if wait := self._rates[scope].wait(str(key.id)):
            most, seconds = RATES[scope]
            span = "a minute" if seconds == 60 else "a second"
            sentence = f"That is more than {most} requests {span}, which is the most for one key."
            raise Fault("rate", sentence, retry_after=wait)

    def address(self, request: Request) -> str:
        """Return whose address a request comes from; what a proxy says counts where it is ours."""
        peer = request.client.host if request.client else ""
        hops = [hop.strip() for hop in ",".join(request.headers.getlist("x-forwarded-for")).split(",")]
        while peer in self.config.proxies and hops:
            hop = hops.pop()
            try:
                peer = str(ipaddress.ip_address(hop))
            except ValueError:
                break
        return peer


def _secret(said: str, *, raw: bool, basic: bool) -> str:
    scheme, _, rest = said.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if scheme.lower() == "basic":
        if not basic:
            return ""
        try:
            return base64.b64decode(rest.strip(), validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return said if raw else ""
