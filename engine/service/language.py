"""The host's language models: prompts made longer, and put into English for models that read no other."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING

from engine.planning.languages import language_of
from engine.prompt import Prompt
from engine.service.settings import HostConfig
from engine.words import Sentence

if TYPE_CHECKING:
    from engine.intake.language_model import LanguageModel

MOST_TOKENS = 200
REMEMBERED = 512
"""Translations kept: a prompt that is varied or drawn again is not read twice."""


class Language:
    """Holds the models that the host names; one is read from the disk when the first needs it."""

    def __init__(self, host: HostConfig) -> None:
        self._host = host
        self._models: dict[str, LanguageModel] = {}
        self._known: OrderedDict[tuple[str, str, str], str] = OrderedDict()

    async def model(self, key: str) -> LanguageModel | None:
        """Return the model under ``[engine] enhancer`` or ``translator``; None where the host names none."""
        engine = self._host.config.engine
        source, name = str(getattr(engine, key)), str(getattr(engine, f"{key}_model"))
        held = self._models.get(key)
        if held is not None and (held.source, held.name) != (source, name):
            await self._models.pop(key).close()
            held = None
        if held is None and source:
            from engine.intake.language_model import LanguageModel

            held = self._models[key] = LanguageModel(source, name, key)
        return held

    async def close(self) -> None:
        """Let the models leave memory."""
        while self._models:
            await self._models.popitem()[1].close()

    async def english(self, prompt: Prompt, spoken: str) -> tuple[Prompt, str]:
        """Return a prompt in English and what to say of that; as it is, and nothing, where it is English.

        ``spoken``: the language of whoever wrote it (``pt-BR``), empty where unknown. Raises UserError.
        """
        parts = [
            part.model_copy(update={"text": await self._in_english(part.text, spoken)})
            for part in prompt.parts
        ]
        read = replace(prompt, parts=tuple(parts))
        if read == prompt:
            return prompt, ""
        return read, Sentence("This model reads English. It read: {text}", text=read.text)

    async def _in_english(self, text: str, spoken: str) -> str:
        of = language_of(text, spoken)
        model = await self.model("translator")
        if of == "en" or model is None:
            return text
        asked = (model.source, of, text)
        if asked not in self._known:
            said = " ".join((await model.english(text, of, most=MOST_TOKENS)).split()).strip(' ."')
            self._known[asked] = said if said.casefold() != text.casefold() else text
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        self._known.move_to_end(asked)
        return self._known[asked] or text
