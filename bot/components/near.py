"""The buttons under a grid whose subject the shipped model was never taught: near things to draw."""

from __future__ import annotations

import re
from typing import Self

from discord import ui

from bot import interactions
from bot.components import confirm
from bot.components.component import Component
from bot.custom_ids import NEAR, near_id
from bot.failures import TYPED, guarded
from bot.interactions import Interaction
from engine.jobs import Job, Kind
from engine.planning.plan import default_model
from engine.pocket import knows
from engine.service import Service

SHIPPED = "pocket"
"""The source of the model whose list of things is known (``engine.config.ModelConfig``)."""


class NearButton(Component, ui.DynamicItem[ui.Button[ui.View]], template=NEAR):
    """A button that draws a job's line with a thing in the place of words the model does not know."""

    def __init__(self, job: str, words: str, thing: str, *, row: int | None = None) -> None:
        self.job, self.words, self.thing = job, words, thing
        custom_id = near_id(job, words, thing)
        assert custom_id is not None  # whoever makes one has looked
        super().__init__(ui.Button(label=thing, custom_id=custom_id, row=row))

    @classmethod
    def remade(cls, match: re.Match[str], row: int | None = None) -> Self:
        """Make the button again from its wire format."""
        return cls(match["job"], match["words"], match["thing"], row=row)

    @guarded
    async def callback(self, interaction: Interaction) -> None:
        """Draw the line with the thing in it, for the person who pressed."""
        interaction.client.admit(interaction, "imagine")
        message = await interactions.acknowledge(interaction)
        job = await interaction.client.service.find(self.job)
        line = interaction.extras[TYPED] = knows.instead(job.prompt, self.words, self.thing)
        await confirm.submit_line(interaction, message, line)


def served(service: Service) -> bool:
    """Say whether the model that ships is among those that draw here."""
    return any(model.source == SHIPPED for model in service.models)


def suggested(service: Service) -> bool:
    """Say whether the model that ships draws where nobody names one."""
    return default_model(service.models).source == SHIPPED


def unknown(service: Service, job: Job) -> str | None:
    """Return which words of a job name a thing that the model drawing it was never taught, or None."""
    taught = [model.name for model in service.models if model.source == SHIPPED]
    if job.spec.kind is not Kind.IMAGINE or job.spec.model not in taught:
        return None
    # what was read from the line, without links and flags; a style's own words are not the person's
    words = knows.subject(", ".join(one.text for one in job.spec.conditions if one.weight > 0))
    return words if words is not None and knows.instead(job.prompt, words, "") != job.prompt else None


def offered(job: Job, words: str) -> list[NearButton]:
    """Return up to three buttons with near things."""
    return [
        NearButton(job.id, words, thing)
        for thing in knows.near(words)
        if near_id(job.id, words, thing) is not None
    ]
