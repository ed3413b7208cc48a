"""The buttons under a grid whose subject a shipped model was never taught: near things to draw."""

from __future__ import annotations

import re
from typing import Self

from discord import ui

from bot import interactions
from bot.components import confirm
from bot.components.component import Component
from bot.custom_ids import NEAR, near_id
from bot.failures import TYPED
from bot.interactions import Interaction
from engine.jobs import Job, Kind
from engine.planning.plan import default_model, find_model
from engine.pocket import knows
from engine.service import Service


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

    async def pressed(self, interaction: Interaction) -> None:
        """Draw the line with the thing in it, for the person who pressed."""
        interaction.client.admit(interaction, "imagine")
        message = await interactions.acknowledge(interaction)
        job = await interaction.client.service.find(self.job)
        line = interaction.extras[TYPED] = knows.instead(job.prompt, self.words, self.thing)
        await confirm.submit_line(interaction, message, line)


def served(service: Service) -> dict[str, str]:
    """Return the models that draw here whose things are known, source to name, in the order of the lists."""
    names = {model.source: model.name for model in reversed(service.models)}
    return {source: names[source] for source in knows.LISTS if source in names}


def suggested(service: Service, named: str | None = None) -> str | None:
    """Return the source of the model with that name, else of the usual one; None where it has no list."""
    model = find_model(named or "", service.models) or default_model(service.models)
    return model.source if model.source in knows.LISTS else None


def taught(service: Service, model: str) -> str | None:
    """Return the source of the model with a name where its things are known, or None."""
    found = (one.source for one in service.models if one.name == model and one.source in knows.LISTS)
    return next(found, None)


def unknown(service: Service, job: Job) -> str | None:
    """Return which words of a job name a thing that the model drawing it was never taught, or None."""
    source = taught(service, job.spec.model)
    if job.spec.kind is not Kind.IMAGINE or source is None:
        return None
    # what was read from the line, without links and flags; a style's own words are not the person's
    words = knows.subject(", ".join(one.text for one in job.spec.conditions if one.weight > 0), source)
    return words if words is not None and knows.instead(job.prompt, words, "") != job.prompt else None


def able(service: Service, job: Job, words: str) -> str | None:
    """Return the name of another model here that was taught words which a job's model was not, or None."""
    others = {source: name for source, name in served(service).items() if name != job.spec.model}
    return next((name for source, name in others.items() if knows.subject(words, source) is None), None)


def offered(service: Service, job: Job, words: str) -> list[NearButton]:
    """Return up to three buttons with near things."""
    return [
        NearButton(job.id, words, thing)
        for thing in knows.near(words, model=taught(service, job.spec.model) or knows.FIRST)
        if near_id(job.id, words, thing) is not None
    ]
