"""``/imagine`` and ``/blend``: words or pictures in, a grid of pictures out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from discord import Attachment, app_commands
from discord.app_commands import Choice, Range

from bot import interactions
from bot.components import confirm, near, picture
from bot.failures import TYPED
from bot.interactions import MOST_CHOICES, Interaction
from bot.messages import asking as messages_asking
from bot.messages import help as messages_help
from engine.errors import UserError
from engine.jobs import SEED_MAX
from engine.planning.plan import find_model
from engine.planning.references import kept
from engine.pocket import knows
from engine.prompt.flags import FLAGS, STYLE_NAMES
from engine.words import Sentence, say

ASPECTS = {
    "1:1": Sentence("square"),
    "3:2": Sentence("landscape, as a photo"),
    "2:3": Sentence("portrait, as a photo"),
    "4:3": Sentence("landscape"),
    "3:4": Sentence("portrait"),
    "16:9": Sentence("wide, as a screen"),
    "9:16": Sentence("tall, as a phone"),
    "2:1": Sentence("very wide"),
    "1:2": Sentence("very tall"),
}
DIMENSIONS = {"Portrait": "2:3", "Square": "1:1", "Landscape": "3:2"}
BLENDED = (2, 5)
"""How many pictures a blend takes."""
_FLAG = {flag.option: flag.name for flag in FLAGS if flag.option}
CHOICE_LIMIT = 100
"""Most characters of a suggestion (Discord)."""


@app_commands.command(name="imagine", description="Draw pictures from words.")
@app_commands.describe(
    prompt="What to draw. Flags such as --ar 3:2 may follow the words.",
    aspect="Width to height, such as 3:2.",
    model="Which model draws.",
    style="A style preset.",
    seed="The same seed and words give the same pictures.",
    negative="What to keep out of the picture.",
    image="A picture to go by, beside the words.",
    linked="The same by link, a message's link, or job.2; --iw says how much it weighs.",
    lora="A LoRA, with its weight if not 1 (ink:0.8); several with commas between.",
)
@app_commands.rename(linked="picture")
@app_commands.autocomplete(linked=picture.suggestions)
async def imagine(
    interaction: Interaction,
    prompt: Range[str, 1, 6000],
    aspect: Range[str, 1, 20] | None = None,
    model: Range[str, 1, 64] | None = None,
    style: Range[str, 1, 32] | None = None,
    seed: Range[int, -1, SEED_MAX] | None = None,
    negative: Range[str, 1, 1000] | None = None,
    image: Attachment | None = None,
    linked: Range[str, 1, 2000] | None = None,
    lora: Range[str, 1, 400] | None = None,
) -> None:
    """Draw."""
    given = {"aspect": aspect, "model": model, "style": style, "seed": seed, "negative": negative}
    given["lora"] = lora
    line = interaction.extras[TYPED] = with_flags(prompt, given)
    if image is None and linked is None:
        await confirm.preview_in_time(interaction, line)
        return
    message = await interactions.acknowledge(interaction)
    shown = await picture.resolve(interaction, image, linked)
    line = interaction.extras[TYPED] = f"{kept(shown.sha256)} {line}"
    await confirm.submit_line(interaction, message, line)


@app_commands.command(name="blend", description="Mix two to five pictures into new ones.")
@app_commands.describe(
    image1="The first picture.",
    image2="The second.",
    dimensions="The shape of the result; square if you say nothing.",
    image3="One more.",
    image4="One more.",
    image5="One more.",
    pictures="More of them by link, a message's link or job.2, with blanks between.",
)
@app_commands.choices(
    dimensions=[Choice(name=name, value=ratio) for name, ratio in DIMENSIONS.items()],
)
@app_commands.autocomplete(pictures=picture.more_suggestions)
async def blend(
    interaction: Interaction,
    image1: Attachment | None = None,
    image2: Attachment | None = None,
    dimensions: Choice[str] | None = None,
    image3: Attachment | None = None,
    image4: Attachment | None = None,
    image5: Attachment | None = None,
    pictures: Range[str, 1, 2000] | None = None,
) -> None:
    """Blend."""
    given = [one for one in (image1, image2, image3, image4, image5) if one is not None]
    named = (pictures or "").split()
    if not BLENDED[0] <= len(given) + len(named) <= BLENDED[1]:
        raise UserError(messages_asking.blend_count(len(given) + len(named)))
    message = await interactions.acknowledge(interaction)
    found = [await picture.resolve(interaction, one, None) for one in given]
    found += [await picture.resolve(interaction, None, one) for one in named]
    ratio = "1:1" if dimensions is None else dimensions.value
    line = " ".join([*(kept(one.sha256) for one in found), f"--ar {ratio}"])
    interaction.extras[TYPED] = line
    await confirm.submit_line(interaction, message, line)


@imagine.autocomplete("prompt")
async def _prompts(interaction: Interaction, typed: str) -> list[Choice[str]]:
    """Suggest things that a shipped model knows; for other models, and behind flags, nothing."""
    named = getattr(interaction.namespace, "model", None)
    source = near.suggested(interaction.client.service, named)
    if source is None:
        return []
    found = knows.completions(typed, MOST_CHOICES - 1, source)
    # what was typed comes first: a suggestion is taken by choosing it, and by nothing else
    lines = [typed.strip(), *found] if found and typed.strip() else found
    return [Choice(name=line, value=line) for line in dict.fromkeys(lines) if len(line) <= CHOICE_LIMIT]


def with_flags(prompt: str, given: Mapping[str, object]) -> str:
    """Return the line with its slash options as the flags they stand for, to be read and sent again."""
    flags = [f"--{_FLAG[name]} {value}" for name, value in given.items() if value is not None]
    return " ".join([prompt, *flags])


@imagine.autocomplete("aspect")
async def _aspects(interaction: Interaction, typed: str) -> list[Choice[str]]:
    return [
        Choice(name=f"{aspect} ({say(words)})"[:CHOICE_LIMIT], value=aspect)
        for aspect, words in ASPECTS.items()
        if typed.strip().lower() in f"{aspect} {words} {say(words)}".lower()
    ]


@imagine.autocomplete("model")
async def _models(interaction: Interaction, typed: str) -> list[Choice[str]]:
    models = interaction.client.service.models
    shown = {model.name: messages_help.called(model.name, model.trigger_words or ()) for model in models}
    return interactions.choices(typed, shown, shown)


@imagine.autocomplete("lora")
async def _loras(interaction: Interaction, typed: str) -> list[Choice[str]]:
    """Suggest LoRAs of the model by name and trigger words, each beside those named before it."""
    service = interaction.client.service
    model = find_model(getattr(interaction.namespace, "model", None) or "", service.models)
    before, _, last = typed.rpartition(",")
    begun = f"{before.strip()}, " if before.strip() else ""
    fitting = [one for one in service.config.loras if model is None or one.model in ("", model.name)]
    shown = {one.name: messages_help.called(one.name, one.trigger_words or ()) for one in fitting}
    found = [name for name, words in shown.items() if last.strip().lower() in words.lower()]
    return [
        Choice(name=f"{begun}{shown[name]}"[:CHOICE_LIMIT], value=begun + name)
        for name in found[:MOST_CHOICES]
        if len(begun + name) <= CHOICE_LIMIT
    ]


@imagine.autocomplete("style")
async def _styles(interaction: Interaction, typed: str) -> list[Choice[str]]:
    guild = interaction.guild_id
    here = interaction.client.service.admin.rules(None if guild is None else str(guild)).styles
    return interactions.choices(typed, (*here, *STYLE_NAMES))


COMMANDS: tuple[Any, ...] = (imagine, blend)
