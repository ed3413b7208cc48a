"""The settings panel: what a person draws with where the prompt says nothing; kept as flags."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Self

import discord
from discord import ui

from bot import desk, messages
from bot.desk import REMIX, VARIATION, Interaction
from bot.failures import guarded
from bot.wire import MODEL_SETTING, SETTING
from engine.errors import PromptError
from engine.prompt import Given, flags_of
from engine.service import SETTINGS, Service

STYLIZE = {"50": "Low", "100": "Med", "250": "High", "750": "Very high"}
SPEEDS = ("turbo", "fast", "relax")
MOST_CHOICES = 25
Green = discord.ButtonStyle.success
Grey = discord.ButtonStyle.secondary


async def _flags(service: Service, owner: str) -> dict[str, Given]:
    line = (await service.preferences(owner)).get(SETTINGS, "")
    try:
        return {given.name: given for given in flags_of(line, "settings")} if line else {}
    except PromptError:
        return {}  # kept by another version: the panel must open, or nobody could set them anew


async def _keep(service: Service, owner: str, flags: Mapping[str, Given]) -> None:
    await service.prefer(owner, SETTINGS, " ".join(map(str, flags.values())) or None)


class SettingButton(ui.DynamicItem[ui.Button[ui.View]], template=SETTING):
    """A switch of the panel."""

    def __init__(self, setting: str, value: str, *, label: str = "…", on: bool = False, row: int = 0) -> None:
        self.setting, self.value = setting, value
        style = discord.ButtonStyle.danger if setting == "reset" else Green if on else Grey
        super().__init__(ui.Button(style=style, label=label, custom_id=f"l1s:{setting}:{value}", row=row))

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Make the pressed switch again from its wire format."""
        return cls(match["setting"], match["value"])

    @guarded
    async def callback(self, interaction: Interaction) -> None:
        """Turn it, and show the panel anew."""
        await desk.acknowledge(interaction, thinking=False)
        await turn(interaction.client.service, str(interaction.user.id), self.setting, self.value)
        await interaction.edit_original_response(view=await panel(interaction))


class ModelSelect(ui.DynamicItem[ui.Select[ui.View]], template=MODEL_SETTING):
    """The list of models."""

    def __init__(self, options: list[discord.SelectOption] | None = None) -> None:
        super().__init__(
            ui.Select(
                custom_id="l1s:model:", options=options or [discord.SelectOption(label="…")], row=0,
                placeholder=messages.MODEL_PLACEHOLDER,
            )
        )  # fmt: skip

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Make the list again from its wire format."""
        return cls()

    @guarded
    async def callback(self, interaction: Interaction) -> None:
        """Keep the chosen model, and show the panel anew."""
        await desk.acknowledge(interaction, thinking=False)
        await turn(interaction.client.service, str(interaction.user.id), "model", self.item.values[0])
        await interaction.edit_original_response(view=await panel(interaction))


ITEMS = (SettingButton, ModelSelect)


async def turn(service: Service, owner: str, setting: str, value: str) -> None:
    """Change one setting of a person; pressing what is on turns it off."""
    flags = await _flags(service, owner)
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
    await _keep(service, owner, flags)


async def panel(interaction: Interaction) -> ui.View:
    """Return the panel as a person's settings stand."""
    service, owner = interaction.client.service, str(interaction.user.id)
    flags = await _flags(service, owner)
    preferences = await service.preferences(owner)
    usual = next((model.name for model in service.models if model.default), service.models[0].name)
    chosen = str(flags["model"].value) if "model" in flags else usual
    view = ui.View(timeout=None)
    view.add_item(
        ModelSelect(
            [
                discord.SelectOption(
                    label=model.name, description=model.licence[:100] or None, default=model.name == chosen
                )
                for model in service.models[:MOST_CHOICES]
            ]
        )
    )
    view.add_item(SettingButton("raw", "", label="Raw", on="raw" in flags, row=1))
    stylize = str(flags["stylize"].value) if "stylize" in flags else ""
    for value, word in STYLIZE.items():
        view.add_item(SettingButton("stylize", value, label=f"Stylize {word}", on=value == stylize, row=1))
    view.add_item(SettingButton("remix", "", label="Remix", on=preferences.get(REMIX) == "on", row=2))
    low = preferences.get(VARIATION) == "low"
    view.add_item(SettingButton("variation", "high", label="High variation", on=not low, row=2))
    view.add_item(SettingButton("variation", "low", label="Low variation", on=low, row=2))
    speed = next((name for name in SPEEDS if name in flags), "fast")
    for name in SPEEDS:
        view.add_item(SettingButton("speed", name, label=name.capitalize(), on=name == speed, row=3))
    view.add_item(SettingButton("reset", "", label="Reset settings", row=3))
    return view
