"""Messages to somebody's own server (webhooks), behind the same gate as links: public addresses, https."""

from __future__ import annotations

from collections.abc import Mapping

import aiohttp
import yarl
from aiohttp.abc import AbstractResolver

from engine.errors import UserError
from engine.intake.addresses import checked
from engine.intake.fetch import connected

SECONDS = 15.0
"""For one message, from looking its server up to the answer."""
AGENT = "Limner (a bot that draws; tells you how a job ended)"
WRONG = (
    "A webhook's address begins with `https://` and names a public server, without a port, a name or a "
    "password in it."
)


def checked_hook(url: str, stand_in: str = "") -> str:
    """Return an address that may be written to, as far as its text can tell. Raises UserError."""
    try:
        return str(checked(url, stand_in))
    except UserError:
        raise UserError(WRONG) from None


async def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    stand_in: str = "",
    *,
    resolver: AbstractResolver | None = None,
) -> int:
    """Send JSON and return the answer's status; nothing else of it is read, and no redirect followed.

    Raises UserError with a sentence: no public server there, or none that answers in time.
    """
    target = yarl.URL(checked_hook(url, stand_in))
    try:
        async with (
            connected(target, stand_in, resolver, SECONDS, {"User-Agent": AGENT}) as session,
            session.post(target, data=body, headers=dict(headers), allow_redirects=False) as response,
        ):
            return response.status
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        raise UserError(f"the server could not be reached ({type(error).__name__})") from None
