"""Longer prompts from a language model on this machine; shown before they are drawn, never by itself."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from engine.errors import UserError
from engine.jobs import Condition
from engine.service.requests import Caller
from engine.words import Sentence

if TYPE_CHECKING:
    from engine.service.service import Service

MOST_TOKENS, MOST_CHARACTERS = 200, 800
HOW = (
    "You lengthen prompts for an image model. Keep the subject and everything that was said. "
    "Add what one would see: setting, light, colours, composition, medium. Answer with the "
    "new prompt alone, in the language of the old one: one paragraph of at most 60 words, no "
    "quotes, no headings, no flags."
)
NONE_HERE = Sentence(
    "No language model is set up here, so prompts cannot be lengthened. Describe more of it yourself."
)
ONE_TEXT = Sentence("`/enhance` reads one plain text. Take `::`, `--no` and `{ }` out of the prompt first.")
NOTHING_CAME = Sentence("The language model had nothing to add. Try again, or say a little more yourself.")
_THOUGHT = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL | re.IGNORECASE)
_HEADING = re.compile(r"^[\s*#]*(?:new |longer |enhanced |improved )?prompt[\s*]*:[\s*]*", re.IGNORECASE)


async def lengthen(service: Service, caller: Caller, line: str) -> str:
    """Return a longer line with the flags of ``line``; nothing is kept, and nothing leaves this machine.

    Raises UserError, PromptError.
    """
    model = await service.language.model("enhancer")
    if model is None:
        raise UserError(NONE_HERE)
    prompts = (await service.settings.read(caller, line)).prompts
    if len(prompts) != 1 or len(prompts[0].parts) != 1 or prompts[0].parts[0].weight != 1:
        raise UserError(ONE_TEXT)
    messages = [{"role": "system", "content": HOW}, {"role": "user", "content": prompts[0].parts[0].text}]
    said = clean(await model.chat(messages, most=MOST_TOKENS))
    if not said:
        raise UserError(NOTHING_CAME)
    return replace(prompts[0], parts=(Condition(text=said),)).to_line(("prompt",))


def clean(said: str) -> str:
    """Return what a model said as a prompt's words: no thoughts, headings and quotes, and no flags."""
    text = _HEADING.sub("", " ".join(_THOUGHT.sub(" ", said).split()))
    text = re.sub(r"(?<!\S)(?:--|—)(?=\w)", "", text.strip("\"'`*“”« »")).replace("::", ":")
    if len(text) <= MOST_CHARACTERS:
        return text.strip()
    cut = text[:MOST_CHARACTERS]
    return (cut[: cut.rfind(". ") + 1] or cut[: cut.rfind(" ")]).strip(" ,;")
