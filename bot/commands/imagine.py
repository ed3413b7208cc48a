"""``/imagine``: words in, a grid of pictures out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from discord import app_commands
from discord.app_commands import Choice, Range

from bot import buttons, desk, messages
from bot.desk import Interaction
from bot.failures import TYPED
from engine.jobs import SEED_MAX
from engine.prompt.flags import FLAGS, STYLE_NAMES

ASPECTS = {
    "1:1": "square",
    "3:2": "landscape, as a photo",
    "2:3": "portrait, as a photo",
    "4:3": "landscape",
    "3:4": "portrait",
    "16:9": "wide, as a screen",
    "9:16": "tall, as a phone",
    "2:1": "very wide",
    "1:2": "very tall",
}
_FLAG = {flag.option: flag.name for flag in FLAGS if flag.option}
MOST_CHOICES = 25
"""Most suggestions Discord shows."""


@app_commands.command(name="imagine", description="Draw pictures from words.")
@app_commands.describe(
    prompt="What to draw. Flags such as --ar 3:2 may follow the words.",
    aspect="Width to height, such as 3:2.",
    model="Which model draws.",
    style="A style preset.",
    seed="The same seed and words give the same pictures.",
    negative="What to keep out of the picture.",
)
async def imagine(
    interaction: Interaction,
    prompt: Range[str, 1, 6000],
    aspect: Range[str, 1, 20] | None = None,
    model: Range[str, 1, 64] | None = None,
    style: Range[str, 1, 32] | None = None,
    seed: Range[int, 0, SEED_MAX] | None = None,
    negative: Range[str, 1, 1000] | None = None,
) -> None:
    """Draw."""
    given = {"aspect": aspect, "model": model, "style": style, "seed": seed, "negative": negative}
    message = await desk.acknowledge(interaction)
    line = interaction.extras[TYPED] = with_flags(prompt, given)
    found = await desk.preview(interaction, line)
    if found.large:
        question = messages.question(line, found.jobs, found.pictures, found.seconds, found.balances)
        await desk.ask(interaction, line, question, buttons.question_view(str(interaction.id)))
    else:
        await desk.submit_line(interaction, message, line, buttons.progress_view)


def with_flags(prompt: str, given: Mapping[str, object]) -> str:
    """Return the line with its slash options as the flags they stand for, to be read and sent again."""
    flags = [f"--{_FLAG[name]} {value}" for name, value in given.items() if value is not None]
    return " ".join([prompt, *flags])


@imagine.autocomplete("aspect")
async def _aspects(interaction: Interaction, typed: str) -> list[Choice[str]]:
    return [
        Choice(name=f"{aspect} ({words})", value=aspect)
        for aspect, words in ASPECTS.items()
        if typed.strip().lower() in f"{aspect} {words}"
    ]


@imagine.autocomplete("model")
async def _models(interaction: Interaction, typed: str) -> list[Choice[str]]:
    names = [model.name for model in interaction.client.service.models]
    fitting = [name for name in names if typed.strip().lower() in name]
    return [Choice(name=name, value=name) for name in fitting[:MOST_CHOICES]]


@imagine.autocomplete("style")
async def _styles(interaction: Interaction, typed: str) -> list[Choice[str]]:
    fitting = [name for name in STYLE_NAMES if typed.strip().lower() in name]
    return [Choice(name=name, value=name) for name in fitting[:MOST_CHOICES]]


COMMANDS: tuple[Any, ...] = (imagine,)
