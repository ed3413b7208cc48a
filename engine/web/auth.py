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
from engine.rules.limits import Rate
from engine.service import Service
from engine.web.bodies import AS_JSON, media_type
from engine.web.errors import Fault
from engine.words import Sentence

WRONG_KEYS = (10, 60.0)
"""So many wrong keys in so many seconds from one address; then all further ones are turned away."""
RATES: dict[Scope, tuple[int, float]] = {"draw": (60, 60.0), "read": (20, 1.0), "metrics": (20, 1.0)}
"""Requests in seconds for one key: as many at once, and as many again in that time."""

MISSING = "missing authorization header: send your key as `Authorization: Bearer KEY`"
WRONG = Sentence(
    "Incorrect API key provided, or one that was revoked or has expired. `limner keys create` makes one."
)

TOO_MANY = Sentence("Too many wrong keys came from this address.")
UNFIT = Sentence("This key may not be used for this: it lacks the scope `{scope}`.")


@dataclass
class Gate:
    """Lets requests with a good key in. ``clock`` gives seconds that never run backwards."""

    service: Service
    config: ApiConfig
    clock: Callable[[], float] = time.monotonic
    _wrong: Rate = field(init=False)
    _rates: dict[Scope, Rate] = field(init=False)

    def __post_init__(self) -> None:
        self._wrong = Rate(WRONG_KEYS[1], self.clock)
        self._rates = {scope: Rate(seconds, self.clock) for scope, (_, seconds) in RATES.items()}

    async def key(self, request: Request, scope: Scope, *, raw: bool = False, basic: bool = False) -> Key:
        """Return the key a request came with. Raises Fault: none, wrong, not for this, too fast.

        ``raw``: the key may stand alone in the header; ``basic``: it may be the password of Basic, which
        browsers send by themselves, so forms of other sites' pages are turned away.
        """
        kind = media_type(request)
        if basic and kind and kind != "application/json":
            raise Fault("media", AS_JSON)
        said = request.headers.get("authorization", "").strip()
        if not said or said.lower() in ("basic", "bearer"):  # nothing behind it is no guess
            raise Fault("unauthorized", MISSING, code="missing")
        secret = _secret(said, raw=raw, basic=basic)
        key = await self.service.keys.find(secret) if secret else None
        if key is None:
            if wait := self._wrong.wait(self.address(request), WRONG_KEYS[0]):
                raise Fault("rate", TOO_MANY, retry_after=wait)
            raise Fault("unauthorized", WRONG, code="wrong")
        self.admit(key, scope)
        return key

    def admit(self, key: Key, scope: Scope) -> None:
        """Count a request of a key. Raises Fault: the key is not for this, it comes too fast."""
        if scope not in key.scopes:
            raise Fault("forbidden", Sentence(UNFIT, scope=scope))
        most, seconds = RATES[scope]
        if wait := self._rates[scope].wait(str(key.id), most):
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
