"""What ``/help`` shows: one screen, the sections to open from it, and the list of things that are drawn."""

from __future__ import annotations

from collections.abc import Mapping

import discord
from discord import ui

from bot.components import near
from bot.components.component import Component
from bot.components.welcome import StarterButton
from bot.custom_ids import HELP_TOPIC
from bot.failures import LastingView
from bot.interactions import Interaction
from bot.messages import help as messages_help
from bot.messages import things as messages_things
from engine.errors import NotFound
from engine.pocket import knows
from engine.prompt.flags import FLAGS, Action
from engine.service import Service
from engine.words import say

HELPFUL = tuple(flag for flag in FLAGS if flag.action is Action.HONOURED)


class HelpSelect(Component, ui.DynamicItem[ui.Select[ui.View]], template=HELP_TOPIC):
    """The list of sections."""

    def __init__(self, topics: Mapping[str, str] | None = None) -> None:
        options = [
            discord.SelectOption(label=say(heading), value=topic)
            for topic, heading in (topics or messages_help.SECTIONS).items()
        ]
        super().__init__(ui.Select(custom_id="l1h:", placeholder=say(messages_help.OPENED), options=options))

    async def pressed(self, interaction: Interaction) -> None:
        """Open the chosen section in the place of what is shown."""
        service = interaction.client.service
        embed = page(service, self.item.values[0])
        await interaction.response.edit_message(embed=embed, view=view(service))


def topics(service: Service) -> dict[str, str]:
    """Return every section, by its topic; what the shipped model draws only where it is served."""
    things = {messages_help.THINGS: say(messages_things.TITLE)} if near.served(service) else {}
    return {**messages_help.SECTIONS, **things}


def view(service: Service, *, starters: bool = False) -> ui.View:
    """Return the row under every page; ``starters``: with pictures to begin with."""
    lines = service.config.welcome.starters if starters else ()
    return LastingView(HelpSelect(topics(service)), *(StarterButton(line, row=1) for line in lines))


def front() -> discord.Embed:
    """Return the first screen."""
    embed = discord.Embed(title=say(messages_help.HELP_TITLE), description=say(messages_help.HELP))
    embed.add_field(name=say(messages_help.FIRST_HEADING), value=messages_help.first_flags(), inline=False)
    return embed


def page(service: Service, topic: str) -> discord.Embed:
    """Return one section. Raises NotFound."""
    if topic not in topics(service):
        raise NotFound(messages_help.no_topic(topic))
    if topic == messages_help.THINGS:
        embed = discord.Embed(title=say(messages_things.TITLE), description=say(messages_things.INTRODUCTION))
        (source, _), *others = near.served(service).items()
        fields = messages_things.sheet(knows.things(source), knows.places(source))
        fields += [messages_things.of(name, knows.things(other)) for other, name in others]
    else:
        embed = discord.Embed(
            title=say(messages_help.SECTIONS[topic]), description=say(messages_help.ONE_FLAG)
        )
        fields = messages_help.section(topic, HELPFUL)
    for heading, lines in fields:
        embed.add_field(name=heading, value=lines, inline=False)
    return embed
