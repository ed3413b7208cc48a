"""What holds where a prompt says nothing: the host's choices, and the settings of people and places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from engine.config import Config, ModelConfig
from engine.planning import wildcards
from engine.prompt import Given, Parsed, Prompt, Source, layered, parse
from engine.service.requests import Caller
from engine.store import preferences as store_preferences
from engine.store.connection import Store

SUFFIX, SETTINGS, OPTION = "suffix", "settings", "option:"
"""Preferences that the prompt is read with: flags after every prompt, default flags, one's own options.

``settings`` is also kept for a place (``Caller.place``): the defaults of a server.
"""
LABEL = "label"
"""Under which a server keeps where its pictures say that a machine made them: ``message`` or ``corner``."""
LANGUAGE = "language"
"""The preference that holds the language a person last asked for pictures in, as Discord names it."""

Layers = list[tuple[Source, str]]


@dataclass
class HostConfig:
    """The host's choices as they stand: a reload puts others in their place, for all who hold this."""

    config: Config


class Settings:
    """Reads prompts with the settings of whoever asks, and of the place they ask in."""

    def __init__(self, host: HostConfig, models: Sequence[ModelConfig], store: Store) -> None:
        self._host = host
        self._names = tuple(name for model in models for name in (model.name, *model.aliases))
        self._store = store

    async def _kept(self, caller: Caller) -> tuple[dict[str, str], str, Layers]:
        """Return somebody's own options, their suffix, and the settings that lie under every prompt."""
        own, here = await self._store.read(store_preferences.of_each, (caller.owner, caller.place))
        options = {key.removeprefix(OPTION): text for key, text in own.items() if key.startswith(OPTION)}
        layers: Layers = [
            ("settings", own.get(SETTINGS, "")),
            ("server", here.get(SUFFIX, "")),
            ("server", here.get(SETTINGS, "")),
        ]
        return options, own.get(SUFFIX, ""), [(source, kept) for source, kept in layers if kept]

    async def read(
        self, caller: Caller, line: str, options: Mapping[str, str] = MappingProxyType({})
    ) -> Parsed:
        """Read a line. ``options`` go before the owner's own. Raises PromptError."""
        own, suffix, layers = await self._kept(caller)
        limits = self._host.config.limits
        return parse(
            line,
            options={**own, **options},
            suffix=suffix,
            layers=layers,
            limit=limits.permutations,
            length=limits.prompt_length,
            models=self._names,
            wildcards=wildcards.keeper(self._host.config.wildcards.folder),
        )

    async def settled(self, caller: Caller, *nearest: Given) -> Prompt:
        """Return what holds for a prompt that names no flags, as one without words; each says who gave it.

        ``nearest`` goes before all that was settled.
        """
        _, suffix, layers = await self._kept(caller)
        if nearest:
            layers = [("settings", " ".join(map(str, nearest))), *layers]
        return layered(suffix, layers)
