"""``/edit``, ``/inpaint``, ``/vary``, ``/upscale``: what is made of a picture, whichever picture it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import discord
from discord import app_commands
from discord.app_commands import Choice, Range

from bot import interactions
from bot.components import buttons, confirm, picture
from bot.components.mask_editor import begin, brought, found, show
from bot.components.picture import ChosenPicture
from bot.custom_ids import Press, Verb, redo_id
from bot.failures import REDO, TYPED
from bot.interactions import Interaction
from engine.service import Edit

IMAGE = "The picture: attach it."
LINK = "Or one of yours, `job.2`, a message's link, or a link to a picture."


@app_commands.command(name="edit", description="Change a picture by saying what to change.")
@app_commands.describe(
    instruction="What to change, such as: make it night. Flags may follow.",
    image=IMAGE,
    link=LINK,
    image2="A picture the instruction speaks of.",
    image3="One more.",
    image4="One more.",
    pictures="More of them by link, a message's link or job.2, with blanks between.",
)
@app_commands.rename(link="picture")
@app_commands.autocomplete(link=picture.suggestions, pictures=picture.more_suggestions)
async def edit(
    interaction: Interaction,
    instruction: Range[str, 1, 6000],
    image: discord.Attachment | None = None,
    link: Range[str, 1, 1000] | None = None,
    image2: discord.Attachment | None = None,
    image3: discord.Attachment | None = None,
    image4: discord.Attachment | None = None,
    pictures: Range[str, 1, 2000] | None = None,
) -> None:
    """Change what an instruction says."""
    interaction.extras[TYPED] = instruction
    interaction.client.service.planner.editors(needed=True)
    message, chosen = await picture.asked(interaction, image, link)
    more = [await picture.resolve(interaction, one, None) for one in (image2, image3, image4) if one]
    more += [await picture.resolve(interaction, None, one) for one in (pictures or "").split()]
    await _do(interaction, message, chosen, "edit", instruction, beside=[one.sha256 for one in more])


@app_commands.context_menu(name="Edit")
async def edit_menu(interaction: Interaction, message: discord.Message) -> None:
    """Ask what to change in the picture of a message; of a grid, in which."""
    job = picture.pressed(message).job
    await buttons.press(interaction, Press(Verb.EDIT, job, picture.single(message)))


@app_commands.command(name="inpaint", description="Repaint a part of a picture.")
@app_commands.describe(
    image=IMAGE,
    link=LINK,
    prompt="What should be there. Without it you are asked before it starts.",
    region="What to mark, in words: the hat.",
    mask="A mask in the picture's size: what is white, black or transparent changes.",
)
@app_commands.autocomplete(link=picture.suggestions)
async def inpaint(
    interaction: Interaction,
    image: discord.Attachment | None = None,
    link: Range[str, 1, 1000] | None = None,
    prompt: Range[str, 1, 6000] | None = None,
    region: Range[str, 1, 100] | None = None,
    mask: discord.Attachment | None = None,
) -> None:
    """Open the mask over a picture."""
    await interactions.acknowledge(interaction, ephemeral=True)
    interaction.extras[TYPED] = prompt
    sketch = await begin(interaction, await picture.resolve(interaction, image, link), prompt)
    if mask is not None:
        sketch = await brought(interaction, sketch.key, mask)
    elif region is not None:
        await found(interaction, sketch.key, region)
        return
    await show(interaction, sketch)


@app_commands.command(name="vary", description="Four variations of a picture.")
@app_commands.describe(
    image=IMAGE, link=LINK, strength="How far they may go.", prompt="Another prompt for them."
)
@app_commands.choices(
    strength=[
        Choice(name="Subtle: the same picture, other details", value="vary_subtle"),
        Choice(name="Strong: the same idea, another picture", value="vary_strong"),
    ]
)
@app_commands.autocomplete(link=picture.suggestions)
async def vary(
    interaction: Interaction,
    image: discord.Attachment | None = None,
    link: Range[str, 1, 1000] | None = None,
    strength: Choice[str] | None = None,
    prompt: Range[str, 1, 6000] | None = None,
) -> None:
    """Vary a picture."""
    interaction.extras[TYPED] = prompt
    message, chosen = await picture.asked(interaction, image, link)
    name = await buttons.as_strong_as_preferred(interaction) if strength is None else strength.value
    await _do(interaction, message, chosen, name, prompt)


@app_commands.command(name="upscale", description="Enlarge a picture.")
@app_commands.describe(
    image=IMAGE,
    link=LINK,
    factor="How many times as wide and high; 2 unless you say.",
    kind="Subtle keeps it as it is; creative adds details.",
    prompt="Creative: what to bring out.",
)
@app_commands.choices(factor=[Choice(name="2x", value=2), Choice(name="4x", value=4)])
@app_commands.choices(
    kind=[
        Choice(name="Subtle: the same picture, larger", value="subtle"),
        Choice(name="Creative: larger, with new details", value="creative"),
    ]
)
@app_commands.autocomplete(link=picture.suggestions)
async def upscale(
    interaction: Interaction,
    image: discord.Attachment | None = None,
    link: Range[str, 1, 1000] | None = None,
    factor: Choice[int] | None = None,
    kind: Choice[str] | None = None,
    prompt: Range[str, 1, 6000] | None = None,
) -> None:
    """Enlarge a picture."""
    interaction.extras[TYPED] = prompt
    message, chosen = await picture.asked(interaction, image, link)
    times = 2 if factor is None else factor.value
    creative = kind is not None and kind.value == "creative"
    name = "upscale_creative" if creative else f"upscale_{times}x"
    # enlarged as it is, no words are drawn
    await _do(interaction, message, chosen, name, prompt if creative else None, factor=float(times))


async def _do(
    interaction: Interaction,
    message: str | None,
    found: ChosenPicture,
    name: str,
    line: str | None,
    factor: float = 2.0,
    beside: Sequence[str] = (),
) -> None:
    verb = next((one for one in Verb if one.edit == name), None)
    if line is not None and found.job is not None and verb is not None and not beside:
        interaction.extras[REDO] = redo_id(Press(verb, found.job, found.cell))
    asked = Edit(
        interactions.caller(interaction),
        name,
        job=found.job,
        cell=found.cell,
        line=line,
        picture=found.sha256,
        factor=factor,
        beside=tuple(beside),
    )
    await confirm.submit(interaction, message, asked)


COMMANDS: tuple[Any, ...] = (edit, edit_menu, inpaint, vary, upscale)
