"""``/admin defaults …``, ``styles …``, ``words …``: what a server draws with, and what it does not draw."""

from __future__ import annotations

import re
from typing import Literal

from discord import app_commands
from discord.app_commands import Choice, Range

from bot import interactions
from bot.commands.admin import helpers
from bot.interactions import Interaction
from bot.messages import rules as rules_words
from engine.prompt import Given, flags_of
from engine.rules import changes
from engine.service import LABEL, SETTINGS, SUFFIX, server

defaults = helpers.group("defaults", "What pictures are drawn with where nobody says otherwise.")
styles = helpers.group("styles", "This server's own names for --style.")
lists = helpers.group("words", "Words this server does not draw.")
ALL_SERVERS = "In all servers (the bot's owner only)."


async def _default(interaction: Interaction, key: str, flags: str | None, action: str, said: str) -> None:
    """Keep flags of the server, on the record; None forgets them."""
    guild, service = helpers.scope(interaction), interaction.client.service
    assert guild is not None
    await service.prefer(server(guild), key, flags)
    await service.admin.audit(str(interaction.user.id), action, guild=guild, detail={"flags": flags})
    await helpers.reply(interaction, said)


@defaults.command(name="settings", description="Flags for whoever has not set them; without any, none.")
@app_commands.describe(flags="Such as --ar 3:2 --stylize 50.")
async def settings(interaction: Interaction, flags: Range[str, 1, 1000] | None = None) -> None:
    """Set the server's default flags."""
    kept = read(flags)
    await _default(interaction, SETTINGS, kept, "defaults settings", rules_words.settings_kept(kept))


@defaults.command(name="suffix", description="Flags before the default settings; without any, none.")
@app_commands.describe(flags="Such as --no text --style pixel-art.")
async def suffix(interaction: Interaction, flags: Range[str, 1, 1000] | None = None) -> None:
    """Set the server's suffix."""
    kept = read(flags)
    await _default(interaction, SUFFIX, kept, "defaults suffix", rules_words.suffix_kept(kept))


def read(flags: str | None) -> str | None:
    """Return default flags as they are kept. Raises PromptError where something else stands there."""
    return " ".join(map(str, flags_of(flags, "server"))) if flags else None


def with_model(line: str, name: str | None) -> str | None:
    """Return default flags with this model in place of another; None: with none."""
    flags = {given.name: given for given in (flags_of(line, "server") if line else ())}
    flags.pop("model", None)
    if name is not None:
        flags["model"] = Given("model", name, "server")
    return " ".join(map(str, flags.values())) or None


@defaults.command(name="model", description="The model for whoever chooses none; without one, the bot's own.")
@app_commands.describe(model="Which.")
@app_commands.autocomplete(model=interactions.models)
async def model(interaction: Interaction, model: Range[str, 1, 64] | None = None) -> None:
    """Set the server's model."""
    name = None if model is None else helpers.model(interaction, model)
    guild = helpers.scope(interaction)
    assert guild is not None
    line = (await interaction.client.service.preferences(server(guild))).get(SETTINGS, "")
    await _default(
        interaction, SETTINGS, with_model(line, name), "defaults model", rules_words.model_kept(name)
    )


@defaults.command(name="label", description="A visible word for people that pictures here are AI-generated.")
@app_commands.describe(where="In the message, or in the picture's corner; without it, nowhere.")
async def label(interaction: Interaction, where: Literal["message", "corner"] | None = None) -> None:
    """Set where the server's pictures say what they are."""
    await _default(interaction, LABEL, where, "defaults label", rules_words.label_kept(where))


@defaults.command(name="show", description="The server's defaults as they stand.")
async def show(interaction: Interaction) -> None:
    """Show the defaults."""
    guild = helpers.scope(interaction)
    assert guild is not None
    kept = await interaction.client.service.preferences(server(guild))
    await helpers.reply(interaction, rules_words.defaults(kept.get(SETTINGS), kept.get(SUFFIX)))


@styles.command(name="set", description="Make a style, used as --style NAME.")
@app_commands.describe(name="Letters, digits, - and _.", adds="The words it adds to a prompt.")
async def style_set(interaction: Interaction, name: Range[str, 1, 32], adds: Range[str, 1, 500]) -> None:
    """Keep a style."""
    change = changes.set_style(helpers.rules(interaction), name, adds)
    await helpers.change(
        interaction, change, rules_words.style_kept(change.target or name, change.detail["adds"])
    )


@styles.command(name="remove", description="Take a style away.")
@app_commands.describe(name="Which.")
async def style_remove(interaction: Interaction, name: Range[str, 1, 32]) -> None:
    """Forget a style."""
    change = changes.remove_style(helpers.rules(interaction), name)
    await helpers.change(interaction, change, rules_words.style_gone(change.target or name))


@style_remove.autocomplete("name")
async def _kept_styles(interaction: Interaction, typed: str) -> list[Choice[str]]:
    return interactions.choices(typed, helpers.rules(interaction).styles)


@styles.command(name="list", description="This server's styles.")
async def style_list(interaction: Interaction) -> None:
    """List the styles."""
    await helpers.reply(interaction, rules_words.styles(helpers.rules(interaction).styles))


def _split(text: str) -> list[str]:
    """Return the words or phrases of a list, separated by commas or lines."""
    return list(dict.fromkeys(part for one in re.split(r"[,;\n]", text) if (part := " ".join(one.split()))))


async def _list(interaction: Interaction, which: changes.Listed, text: str, everywhere: bool) -> None:
    named = _split(text)
    change = changes.list_words(helpers.rules(interaction, everywhere), which, named)
    await helpers.change(interaction, change, rules_words.words_kept(which, named), everywhere=everywhere)


@lists.command(name="block", description="Do not draw these words, however they are spelled.")
@app_commands.describe(words="Words or phrases, separated by commas.", everywhere=ALL_SERVERS)
async def block(interaction: Interaction, words: Range[str, 1, 1000], everywhere: bool = False) -> None:
    """Block words."""
    await _list(interaction, "block", words, everywhere)


@lists.command(name="allow", description="Let blocked words through after all.")
@app_commands.describe(words="Words, separated by commas.", everywhere=ALL_SERVERS)
async def allow(interaction: Interaction, words: Range[str, 1, 1000], everywhere: bool = False) -> None:
    """Allow words."""
    await _list(interaction, "allow", words, everywhere)


@lists.command(name="remove", description="Take words off both lists.")
@app_commands.describe(terms="Words or phrases, separated by commas.", everywhere=ALL_SERVERS)
@app_commands.rename(terms="words")
async def remove(interaction: Interaction, terms: Range[str, 1, 1000], everywhere: bool = False) -> None:
    """Take words off."""
    change = changes.remove_words(helpers.rules(interaction, everywhere), _split(terms))
    said = rules_words.words_gone(change.detail["words"])
    await helpers.change(interaction, change, said, everywhere=everywhere)


@lists.command(name="list", description="The words that are blocked and allowed.")
@app_commands.describe(everywhere=ALL_SERVERS)
async def word_list(interaction: Interaction, everywhere: bool = False) -> None:
    """List the words."""
    held = helpers.rules(interaction, everywhere)
    host = interaction.client.config.moderation.blocked
    await helpers.reply(interaction, rules_words.lists(held.blocked, held.allowed, len(host)))


@lists.command(name="try", description="See whether a prompt would be let through. Nothing is drawn.")
@app_commands.describe(prompt="What to try.")
async def word_try(interaction: Interaction, prompt: Range[str, 1, 2000]) -> None:
    """Try a prompt against the lists."""
    why = await interaction.client.service.verdict(interactions.requester(interaction), prompt)
    await helpers.reply(interaction, rules_words.verdict(prompt, why))
