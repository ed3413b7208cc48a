"""What all doors share, and the list of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.rules.keys import Key
from engine.service import Service
from engine.web.auth import Gate
from engine.web.bodies import Budget
from engine.web.drawing import Drawing


@dataclass
class Doors:
    """The service and what stands before it. ``draining``: nothing new is taken."""

    service: Service
    gate: Gate
    drawing: Drawing
    budget: Budget = field(default_factory=Budget)
    draining: bool = False

    @classmethod
    def of(cls, service: Service) -> Doors:
        """Return the doors of a service."""
        config = service.config.api
        return cls(service, Gate(service, config), Drawing(service, config))

    async def left(self, key: Key) -> float | None:
        """Return how many seconds of the device a key may still use; None: as many as it likes."""
        caller = self.drawing.caller(key, "", waited_for=True)
        balances = await self.service.prices.balances(key.owner, caller.asker)
        return min((one.left for one in balances), default=None)
