"""What a person or a server may use of the device in a day or a month, in seconds; pure: knows no stores."""

from __future__ import annotations

import calendar
import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from engine.config import AllowanceConfig
from engine.errors import LimitError
from engine.jobs import Speed
from engine.rules.limits import span
from engine.rules.people import Requester
from engine.rules.rules import Allowance
from engine.words import Sentence

FACTORS: Mapping[Speed, float] = {Speed.RELAX: 0.0, Speed.FAST: 1.0, Speed.TURBO: 2.0}
"""How many times its seconds a job is charged: what lets others go first is free, what goes ahead double."""

FIRST_PACE = 0.05
"""Seconds of the device for one unit of work, until the first job of a model was timed."""

LARGE = 0.25
"""A request that would take this share of an allowance is priced before it starts."""

LACKS = {
    "you": Sentence(
        "This takes about {price} of the engine, and you have {left} of {limit} a {per} left. "
        "{when}; with `--relax` it costs nothing."
    ),
    "server": Sentence(
        "This takes about {price} of the engine, and this server has {left} of {limit} a {per} left. "
        "{when}; with `--relax` it costs nothing."
    ),
}
"""What is said where an allowance has too little left, by whose it is."""


@dataclass(frozen=True, slots=True)
class Balance:
    """How an allowance stands: whose (``you``, ``server``), seconds allowed and used, when it is new."""

    whose: str
    limit: float
    used: float
    per: str  # day, month
    until: float  # Unix seconds

    @property
    def left(self) -> float:
        """Seconds still to be had."""
        return max(0.0, self.limit - self.used)


def period(now: float, per: str) -> tuple[float, float]:
    """Return the Unix seconds at which the calendar day or month (UTC) around ``now`` begins and ends.

    >>> period(86400 * 31 + 5, "month"), period(86400 * 31 + 5, "day")
    ((2678400.0, 5097600.0), (2678400.0, 2764800.0))
    """
    moment = datetime.datetime.fromtimestamp(now, datetime.UTC)
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    days = 1
    if per == "month":
        day = day.replace(day=1)
        days = calendar.monthrange(day.year, day.month)[1]
    return day.timestamp(), (day + datetime.timedelta(days=days)).timestamp()


class Limit(NamedTuple):
    """Seconds of the device allowed in a period: to ``you``, or to all of the ``server`` together."""

    whose: str
    seconds: float
    per: str


def limits(
    config: AllowanceConfig,
    requester: Requester | None,
    by_role: Allowance | None,
    of_server: Allowance | None,
) -> tuple[Limit, ...]:
    """Return every limit that holds for somebody where they ask; none = as much as they like.

    A person's: what their roles bring them by the server's rules (``by_role``), else by the host's, the
    best of several, else what everybody has. A server's: the host's, and its own (``of_server``).
    """
    mine = [config.roles[role] for role in (requester.roles if requester else ()) if role in config.roles]
    guild = None if requester is None else requester.guild
    if by_role is not None:
        person = Limit("you", by_role.seconds, by_role.per)
    elif mine:
        person = Limit("you", 0.0 if 0.0 in mine else max(mine), config.per)
    else:
        person = Limit("you", config.seconds, config.per)
    found = [person] if person.seconds or by_role is not None else []
    if requester is not None and requester.allowance is not None:
        found.append(Limit("you", requester.allowance, config.per))
    if guild is not None:
        if together := config.servers.get(guild, config.server):
            found.append(Limit("server", together, config.per))
        if of_server is not None:
            found.append(Limit("server", of_server.seconds, of_server.per))
    return tuple(found)


def balances(
    limits: Sequence[Limit], spent: Mapping[str, float], spent_in_server: Mapping[str, float], now: float
) -> tuple[Balance, ...]:
    """Return how limits stand, from the seconds charged in each period."""
    used = {"you": spent, "server": spent_in_server}
    return tuple(
        Balance(one.whose, one.seconds, used[one.whose].get(one.per, 0.0), one.per, period(now, one.per)[1])
        for one in limits
    )


def check(price: float, balances: tuple[Balance, ...], now: float, line: str) -> None:
    """Refuse what an allowance does not cover. Raises LimitError. What costs nothing is never refused."""
    for one in balances:
        if price <= one.left + 1e-9 or not price:
            continue
        fields = {
            "price": seconds(price),
            "left": seconds(one.left),
            "limit": seconds(one.limit),
            "per": Sentence("day" if one.per == "day" else "month"),
            "when": Sentence("Ask for fewer or smaller pictures")
            if price > one.limit
            else Sentence("It resets in {span}", span=span(one.until - now)),
        }
        wait = None if price > one.limit else one.until - now
        raise LimitError(Sentence(LACKS[one.whose], **fields), line, kind="allowance", retry_after=wait)


def seconds(value: float) -> str:
    """Return seconds as people read them: ``0.4 s``, ``12 s``, ``1,200 s``."""
    return f"{value:.1f} s" if 0 < value < 10 else f"{value:,.0f} s"
