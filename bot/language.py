"""Which language is spoken with whom: a person's own, as Discord tells it; unasked, the server's."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands
from discord.app_commands import TranslationContextLocation, TranslationContextTypes, locale_str

from engine.service import LANGUAGE, Service
from engine.words import speak, translated

NAMES = frozenset(
    {
        TranslationContextLocation.command_name,
        TranslationContextLocation.group_name,
        TranslationContextLocation.parameter_name,
    }
)
"""What is typed, and so is called the same in every language."""


def hear(interaction: discord.Interaction[Any]) -> None:
    """Speak the language of whoever asks, from here on in this task and in those it starts."""
    speak(str(interaction.locale))


async def spoken_with(client: discord.Client, service: Service, owner: str, guild: int | None) -> str | None:
    """Return the language in which a person is written to, or told of before others in a server."""
    return (await service.preferences(owner)).get(LANGUAGE) or of_server(client, guild)


def of_server(client: discord.Client, guild: int | None) -> str | None:
    """Return the language a server chose; None: there is none, so English."""
    found = None if guild is None else client.get_guild(guild)
    return None if found is None else str(found.preferred_locale)


class Translator(app_commands.Translator):
    """Translates what is registered of the commands: descriptions and choices, no names."""

    async def translate(
        self, string: locale_str, locale: discord.Locale, context: TranslationContextTypes
    ) -> str | None:
        """Return a description in a language, or None where it stays English."""
        return None if context.location in NAMES else translated(string.message, locale.value)
