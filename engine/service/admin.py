"""Those in charge: keeps the rules of every server at hand, decides with them, changes them on the record.

Refuses to know Discord, queues and workers: what must be done to those it hands on as errands.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from engine.errors import UserError
from engine.images.chart import chart
from engine.rules import permissions
from engine.rules.changes import Change
from engine.rules.people import AuditEntry, Requester
from engine.rules.permissions import Entitlement, PermissionCheck
from engine.rules.rules import EVERYWHERE, Ban, Content, Rules
from engine.rules.stats import FinishedJob, Stats, count, table
from engine.store import audit as store_audit
from engine.store import meta as store_meta
from engine.store.audit import AdminAction
from engine.store.connection import Store

KEY = "admin.key"
"""The fact under which the key of the hashes of banned people is kept."""


class RefusedError(UserError):
    """The rules of a server, or of the bot's owner, do not allow this here."""


class DrainingError(RefusedError):
    """Those in charge let no new pictures in just now: the same request may do later."""


def mark(key: str, owner: str) -> str:
    """Return the keyed hash of a person's id: it tells that this is the same person again, not who."""
    return hmac.new(key.encode(), owner.encode(), hashlib.sha256).hexdigest()


class Administration:
    """The rules in force, all in memory: a self-hosted bot knows few servers. Made by ``await of(store)``."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rules: dict[str, Rules] = {}
        self._seen = (-1, -1)
        self._key = ""

    @classmethod
    async def of(cls, store: Store) -> Administration:
        """Return the administration of a store, with its rules read."""
        key = await store.read(store_meta.get, KEY)
        if key is None:
            key = await store.write(store_meta.put_first, KEY, secrets.token_hex(32))
        one = cls(store)
        one._key = key
        await one.refresh()
        return one

    async def refresh(self) -> bool:
        """Read the rules again where anything was decided since, by whichever process; say whether it was."""
        newest = await self._store.read(store_audit.newest)
        if newest == self._seen:
            return False
        kept, bans = await self._store.read(store_audit.rules)
        self._rules = {guild: Rules.of(kept.get(guild, ()), bans.get(guild, ())) for guild in {*kept, *bans}}
        self._seen = newest
        return True

    # ---- deciding ------------------------------------------------------------------------------------------

    def rules(self, guild: str | None) -> Rules:
        """Return a server's rules; none for None (direct messages), those of all for ``EVERYWHERE``."""
        return _NONE if guild is None else self._rules.get(guild, _NONE)

    @property
    def newest(self) -> int:
        """Return the number of the newest record, as far as anybody looked."""
        return self._seen[0]

    def every(self) -> Mapping[str, Rules]:
        """Return the rules of every server that has any."""
        return self._rules

    def mark(self, owner: str) -> str:
        """Return the keyed hash of a person's id, as it stands in a ban."""
        return mark(self._key, owner)

    def require(self, requester: Requester | None, deed: PermissionCheck) -> None:
        """Raise RefusedError (DrainingError) with the sentence for the person, where they may not do this.

        Whoever asks through a door that knows of no servers is held back by what holds everywhere alone.
        """
        if requester is None:
            return
        sentence = permissions.refusal(
            self.rules(requester.guild),
            self.rules(EVERYWHERE),
            requester,
            deed,
            mark=self.mark(requester.owner),
            now=self._store.now(),
        )
        if sentence is not None:
            raise DrainingError(sentence) if sentence in permissions.DRAINING else RefusedError(sentence)

    def standing(self, requester: Requester | None) -> Entitlement:
        """Return what somebody's roles bring them where they ask."""
        return (
            Entitlement()
            if requester is None
            else permissions.standing(self.rules(requester.guild), requester)
        )

    def content(self, requester: Requester | None) -> Content:
        """Return what may be drawn where somebody asks."""
        return Content() if requester is None else permissions.content(self.rules(requester.guild), requester)

    # ---- changing ------------------------------------------------------------------------------------------

    async def decide(self, decision: AdminAction) -> bool:
        """Do what somebody in charge decided, on the record. False: it stood so already."""
        changed = await self._store.write(store_audit.decide, self._store.now(), decision)
        await self.refresh()
        return changed

    async def change(self, actor: str, guild: str | None, change: Change) -> bool:
        """Change rules of a server (None: everywhere), on the record. False: they stood so already."""
        action, keep, drop, target, detail = change
        return await self.decide(
            AdminAction(actor, action, guild or EVERYWHERE, target, detail, tuple(keep), tuple(drop))
        )

    async def ban(
        self, actor: str, guild: str | None, owner: str, reason: str = "", seconds: float | None = None
    ) -> None:
        """Keep somebody from drawing in a server (None: everywhere), for so many seconds (None: for good)."""
        now = self._store.now()
        until = None if seconds is None else now + seconds
        ban = Ban(self.mark(owner), owner, reason, actor, now, until)
        action = "ban" if until is None else "timeout"
        detail = {"reason": reason} | ({} if until is None else {"until": until})
        await self.decide(AdminAction(actor, action, guild or EVERYWHERE, owner, detail, ban=ban))

    async def unban(self, actor: str, guild: str | None, owner: str, reason: str = "") -> bool:
        """Let somebody draw again. False: they could."""
        detail = {"reason": reason} if reason else {}
        return await self.decide(
            AdminAction(actor, "unban", guild or EVERYWHERE, owner, detail, unban=self.mark(owner))
        )

    def bans(self, guild: str | None) -> list[Ban]:
        """Return the bans of a server (None: everywhere) that hold, oldest first."""
        now = self._store.now()
        return [ban for ban in self.rules(guild or EVERYWHERE).bans.values() if ban.holds(now)]

    # ---- the record ----------------------------------------------------------------------------------------

    async def audit(
        self,
        actor: str,
        action: str,
        *,
        guild: str | None = None,
        target: str | None = None,
        detail: Mapping[str, Any] = MappingProxyType({}),
    ) -> int:
        """Record what was done in somebody's name; return the record's number. ``guild`` None: everywhere."""
        return await self._store.write(
            store_audit.audit, self._store.now(), actor, action, guild, target, detail
        )

    async def audits(
        self, guild: str | None = None, *, limit: int = 50, after: int | None = None
    ) -> list[AuditEntry]:
        """Return the newest records of a server (None: of all), newest first; or those after one in order."""
        return await self._store.read(store_audit.audits, guild, limit, after)

    async def jobs(self, guild: str | None, days: int) -> list[FinishedJob]:
        """Return what is counted of the jobs of so many days, today among them, newest first."""
        since = self._store.now() - days * 86400.0
        return await self._store.read(store_audit.jobs, guild, since)

    async def figures(self, guild: str | None, days: int) -> Stats:
        """Count what was drawn in a server (None: everywhere) in so many days, today among them."""
        jobs = await self.jobs(guild, days)
        return await asyncio.to_thread(count, jobs, days, self._store.now())

    async def chart(self, figures: Stats, title: str) -> bytes:
        """Return figures as a picture (PNG)."""
        return await asyncio.to_thread(chart, figures, title)

    async def jobs_table(self, guild: str | None, days: int, limit: int) -> tuple[bytes, int, int]:
        """Return a server's jobs (None: everyone's) as a CSV of at most ``limit`` bytes, newest first.

        With it, how many jobs it holds and how many older ones did not fit. It holds no prompts.
        """
        jobs = await self.jobs(guild, days)
        data, held = await asyncio.to_thread(table, jobs, limit)
        return data, held, len(jobs) - held


_NONE = Rules()
