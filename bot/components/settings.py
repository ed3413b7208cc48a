"""The settings panel: what a person draws with where the prompt says nothing; kept as flags.

Behind it stands a table of every flag a person can settle for good, with its value and who chose it. There
a flag is changed by choosing it: a switch turns, all else opens a dialog.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Self

import discord
from discord import ui

from bot import interactions
from bot.components import modals
from bot.components.component import Component
from bot.custom_ids import FLAG_SETTING, MODEL_SETTING, SETTING, setting_dialog
from bot.failures import TYPED, LastingView
from bot.interactions import MOST_CHOICES, Green, Grey, Interaction
from bot.messages import help as messages_help
from bot.messages import settings as messages_settings
from engine.errors import PromptError
from engine.prompt import BY_NAME, Given, flags_of
from engine.prompt.flags import DIRECT, FlagType
from engine.service import SETTINGS, Service
from engine.words import Sentence, say

STYLIZE = {
    "50": Sentence("Low"),
    "100": Sentence("Med"),
    "250": Sentence("High"),
    "750": Sentence("Very High"),
}
SPEEDS = ("turbo", "fast", "relax")
SETTABLE = (
    "model", "ar", "style", "raw", "stylize", *(flag.name for flag in DIRECT), "tile", "no", "negative",
    "lora", "quality", "draft", "steps", "cfg", "sampler", "seed", "stop", "video", "profile",
)  # fmt: skip
"""What makes sense for every prompt, in the order shown; at most 25, a menu's most."""
SWITCHES = frozenset(name for name in SETTABLE if BY_NAME[name].kind is FlagType.BARE) | {"video", "profile"}
"""What is on or off; choosing it turns it."""
VALUE_LENGTH = 300
REMIX, VARIATION = "remix", "variation"
"""Preferences of ours: whether buttons open a dialog to change the prompt first (``on``), how far V buttons
go (``low``, else high)."""


async def kept_flags(service: Service, owner: str) -> dict[str, Given]:
    """Return what a person settled, by flag."""
    line = (await service.preferences(owner)).get(SETTINGS, "")
    try:
        return {given.name: given for given in flags_of(line, "settings")} if line else {}
    except PromptError:
        return {}  # kept by another version: the panel must open, or nobody could set them anew


async def keep_flags(service: Service, owner: str, flags: Mapping[str, Given]) -> None:
    """Keep what a person settled."""
    await service.prefer(owner, SETTINGS, " ".join(map(str, flags.values())) or None)


class SettingButton(Component, ui.DynamicItem[ui.Button[ui.View]], template=SETTING):
    """A switch of the panel."""

    def __init__(self, setting: str, value: str, *, label: str = "…", on: bool = False, row: int = 0) -> None:
        self.setting, self.value = setting, value
        style = discord.ButtonStyle.danger if setting == "reset" else Green if on else Grey
        super().__init__(ui.Button(style=style, label=label, custom_id=f"l1s:{setting}:{value}", row=row))

    @classmethod
    def remade(cls, match: re.Match[str]) -> Self:
        """Make the pressed switch again from its wire format."""
        return cls(match["setting"], match["value"])

    async def pressed(self, interaction: Interaction) -> None:
        """Turn it, and show the panel (or the table it stands under) anew."""
        await interactions.acknowledge(interaction, thinking=False)
        if self.setting not in ("table", "panel"):
            await turn(interaction.client.service, str(interaction.user.id), self.setting, self.value)
        if "table" in (self.setting, self.value):
            await show_table(interaction)
        else:
            await show_panel(interaction)


class ModelSelect(Component, ui.DynamicItem[ui.Select[ui.View]], template=MODEL_SETTING):
    """The list of models."""

    def __init__(self, options: Sequence[discord.SelectOption] = ()) -> None:
        super().__init__(
            ui.Select(
                custom_id="l1s:model:",
                options=list(options),
                row=0,
                placeholder=say(messages_settings.MODEL_PLACEHOLDER),
            )
        )

    async def pressed(self, interaction: Interaction) -> None:
        """Keep the chosen model, and show the panel anew."""
        await interactions.acknowledge(interaction, thinking=False)
        await turn(interaction.client.service, str(interaction.user.id), "model", self.item.values[0])
        await show_panel(interaction)


class FlagSelect(Component, ui.DynamicItem[ui.Select[ui.View]], template=FLAG_SETTING):
    """The list of flags to change."""

    def __init__(self) -> None:
        options = [
            discord.SelectOption(label=f"--{name}", value=name, description=say(BY_NAME[name].meaning)[:100])
            for name in SETTABLE
        ]
        super().__init__(
            ui.Select(
                custom_id="l1s:flag:", options=options, row=0, placeholder=say(messages_settings.PLACEHOLDER)
            )
        )

    async def pressed(self, interaction: Interaction) -> None:
        """Turn a switch, or ask for a value."""
        name = self.item.values[0]
        if name in SWITCHES:
            await interactions.acknowledge(interaction, thinking=False)
            await switch(interaction, name)
            await show_table(interaction)
            return
        own = (await kept_flags(interaction.client.service, str(interaction.user.id))).get(name)
        default = "" if own is None else str(own).partition(" ")[2]
        await interaction.response.send_modal(
            modals.TextDialog(
                setting_dialog(name, interaction.id),
                messages_settings.title(name),
                say(messages_settings.LABEL),
                default=default,
                example=messages_settings.example(BY_NAME[name]),
                limit=VALUE_LENGTH,
                required=False,
            )
        )


async def turn(service: Service, owner: str, setting: str, value: str) -> None:
    """Change one setting of a person; pressing what is on turns it off."""
    flags = await kept_flags(service, owner)
    match setting:
        case "model":
            flags["model"] = Given("model", value, "settings")
        case "raw":
            if flags.pop("raw", None) is None:
                flags["raw"] = Given("raw", True, "settings")
        case "stylize":
            before = flags.pop("stylize", None)
            if before is None or str(before.value) != value:
                flags["stylize"] = Given("stylize", int(value), "settings")
        case "speed":
            for speed in SPEEDS:
                flags.pop(speed, None)
            flags[value] = Given(value, True, "settings")
        case "remix":
            preferences = await service.preferences(owner)
            await service.prefer(owner, REMIX, None if preferences.get(REMIX) == "on" else "on")
        case "variation":
            await service.prefer(owner, VARIATION, value if value == "low" else None)
        case "reset":
            # the speed stays, as in Midjourney
            flags = {name: given for name, given in flags.items() if name in SPEEDS}
            await service.prefer(owner, REMIX, None)
            await service.prefer(owner, VARIATION, None)
    await keep_flags(service, owner, flags)


async def show_panel(interaction: Interaction) -> None:
    """Show the panel as a person's settings stand."""
    service, owner = interaction.client.service, str(interaction.user.id)
    flags = await kept_flags(service, owner)
    preferences = await service.preferences(owner)
    usual = next((model.name for model in service.models if model.default), service.models[0].name)
    chosen = str(flags["model"].value) if "model" in flags else usual
    models = [
        discord.SelectOption(
            label=messages_help.called(model.name, model.trigger_words or ())[:100],
            value=model.name,
            description=model.licence[:100] or None,
            default=model.name == chosen,
        )
        for model in service.models[:MOST_CHOICES]
    ]
    stylize = str(flags["stylize"].value) if "stylize" in flags else ""
    low = preferences.get(VARIATION) == "low"
    speed = next((name for name in SPEEDS if name in flags), "fast")
    view = LastingView(
        ModelSelect(models),
        SettingButton("raw", "", label="Raw", on="raw" in flags, row=1),
        *(
            SettingButton("stylize", value, label=f"Stylize {say(word)}", on=value == stylize, row=1)
            for value, word in STYLIZE.items()
        ),
        SettingButton("remix", "", label="Remix", on=preferences.get(REMIX) == "on", row=2),
        SettingButton("variation", "high", label=say("High variation"), on=not low, row=2),
        SettingButton("variation", "low", label=say("Low variation"), on=low, row=2),
        *(
            SettingButton("speed", name, label=say(name.capitalize()), on=name == speed, row=3)
            for name in SPEEDS
        ),
        SettingButton("reset", "", label=say("Reset settings"), row=3),
        SettingButton("table", "", label=say(messages_settings.ALL), row=4),
    )
    await interaction.edit_original_response(content=say(messages_settings.SETTINGS), view=view)


# the table behind it


async def submitted(match: re.Match[str], interaction: Interaction) -> None:
    """Take the value that was typed into one of our dialogs."""
    name = match["flag"]
    if name not in SETTABLE:
        return
    await interactions.acknowledge(interaction, thinking=False)
    value = interaction.extras[TYPED] = modals.typed(interaction).get(modals.PROMPT, "").strip()
    given = flags_of(f"--{name} {value}", "settings") if value else ()
    if given:
        # what no prompt could be drawn with is refused now, not at every prompt from now on
        caller = interactions.caller(interaction)
        await interaction.client.service.planner.check_setting(caller, *given)
    await change(interaction, name, given)
    await show_table(interaction)


async def change(interaction: Interaction, name: str, given: tuple[Given, ...]) -> None:
    """Put what was given in the place of a flag, and of those it excludes."""
    service, owner = interaction.client.service, str(interaction.user.id)
    flags = await kept_flags(service, owner)
    flags.pop(name, None)
    for one in given:
        group = BY_NAME[one.name].group
        flags = {old: kept for old, kept in flags.items() if not group or BY_NAME[old].group != group}
        flags[one.name] = one
    await keep_flags(service, owner, flags)


async def switch(interaction: Interaction, name: str) -> None:
    """Turn a switch; one that a suffix or the server turned on is turned off by saying so."""
    on = bool((await settled(interaction)).get(name))
    if on:
        await change(interaction, name, ())
        if name in BY_NAME and (await settled(interaction)).get(name):
            try:
                await change(interaction, name, flags_of(f"--{name} off", "settings"))
            except PromptError:  # this one cannot be said to be off
                return
    else:
        await change(interaction, name, (Given(name, True, "settings"),))


async def settled(interaction: Interaction) -> dict[str, Given]:
    """Return what holds here for a prompt that names no flags."""
    settings = interaction.client.service.settings
    return dict((await settings.settled(interactions.caller(interaction))).flags)


async def show_table(interaction: Interaction) -> None:
    """Show the table in the message of the panel."""
    found = await settled(interaction)
    view = LastingView(
        FlagSelect(),
        SettingButton("panel", "", label=say(messages_settings.BACK), row=1),
        SettingButton("reset", "table", label=say(messages_settings.RESET), row=1),
    )
    await interaction.edit_original_response(
        content=messages_settings.table([(BY_NAME[name], found.get(name)) for name in SETTABLE]), view=view
    )
