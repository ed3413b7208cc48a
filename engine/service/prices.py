"""What a request costs in seconds of the engine, and the allowances it draws on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.jobs import JobSpec, Speed
from engine.planning.cost import work
from engine.rules import allowance
from engine.rules.allowance import Balance
from engine.rules.people import Requester
from engine.service.admin import Administration
from engine.service.settings import HostConfig
from engine.store import jobs as store_jobs
from engine.store.connection import Store


@dataclass(eq=False)
class Prices:
    """Prices of specs and balances of people. ``paces``: seconds of a unit of work, by model."""

    host: HostConfig
    store: Store
    admin: Administration
    paces: Mapping[str, float]

    def known(self, model: str) -> bool:
        """Say whether anything was drawn with a model yet, so that its prices are more than a guess."""
        return model in self.paces

    def price(self, spec: JobSpec, speed: Speed) -> float:
        """Return the seconds of the engine that a job is charged."""
        pace = self.paces.get(spec.model, allowance.FIRST_PACE)
        return work(spec) * pace * allowance.FACTORS[speed]

    async def balances(self, owner: str, requester: Requester | None) -> tuple[Balance, ...]:
        """Return how the allowances stand that a person draws on where they ask; none where none is set."""
        allowed = self.allowances(requester)
        if not allowed:
            return ()
        guild = None if requester is None else requester.guild
        usage = await self.store.read(
            store_jobs.usage, owner, guild, self.since(allowed), self.admin.mark(owner)
        )
        return allowance.balances(allowed, usage.spent, usage.spent_in_server, self.store.now())

    def allowances(self, requester: Requester | None) -> tuple[allowance.Limit, ...]:
        """Return the allowances a person draws on where they ask."""
        standing = self.admin.standing(requester)
        return allowance.limits(self.host.config.allowance, requester, standing.allowance, standing.server)

    def since(self, allowed: Sequence[allowance.Limit]) -> dict[str, float]:
        """Return when the period of each allowance began, in Unix seconds."""
        return {limit.per: allowance.period(self.store.now(), limit.per)[0] for limit in allowed}
