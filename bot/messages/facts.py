"""What the Info button tells about a job; refuses to know discord.py and the database."""

from __future__ import annotations

from collections.abc import Mapping

from bot.messages.jobs import creative
from bot.messages.text import shown, to_copy
from engine.jobs import WORDS, Job, JobSpec, Kind, Role
from engine.planning.redraw import line_again
from engine.prompt.flags import DIRECT
from engine.words import Sentence, counted, say

RECIPE = Sentence("Recipe, to copy")
"""The one fact that is as wide as the message."""
FACT_LIMIT = 1024
"""Most characters of an embed field's value (Discord)."""


def _inputs(spec: JobSpec) -> str:
    named = [f"{one.role.value} × {one.weight:.2g}" for one in spec.inputs if one.role is not Role.TASTE]
    liked_ones = len(spec.inputs) - len(named)
    if spec.adapter and named:
        named[-1] += " " + say("(read by the IP-Adapter)")
    return ", ".join(
        named
        + (
            [say("{pictures} marked with ❤️", pictures=counted(liked_ones, "{n} picture", "{n} pictures"))]
            if liked_ones
            else []
        )
    )


def _sizes(spec: JobSpec, size: tuple[int, int] | None) -> str:
    """Return the size of a picture's file, and the size it was drawn at where that is another."""
    drawn = spec.width, spec.height
    real = drawn if size is None else size
    shown_size = f"{real[0]} × {real[1]} px"
    if real == drawn or spec.faithful:
        return shown_size
    fields = {"width": drawn[0], "height": drawn[1], "size": shown_size}
    if real[0] * real[1] > drawn[0] * drawn[1]:
        return say("drawn at {width} × {height}, enlarged to {size}", **fields)
    return say("drawn at {width} × {height}, brought to {size}", **fields)


def picture_facts(
    job: Job, cell: int | None = None, size: tuple[int, int] | None = None
) -> list[tuple[str, str]]:
    """Return what the Info button tells about a job, as (name, value) pairs ready to show.

    ``size``: width and height of the picture's file, where it is known.
    """
    spec = job.spec
    facts = [
        *([] if cell is None else [(say("Picture"), say("Image #{cell}", cell=cell + 1))]),
        (say("Model"), f"`{spec.model}`"),
        (say("Drawn at") if creative(job) and size is None else say("Size"), _sizes(spec, size)),
    ]
    if spec.kind is Kind.UPSCALE:
        facts.append(
            (say("Upscaled"), f"{spec.scale}×" + ("" if spec.strength is None else ", " + say("creative")))
        )
    elif spec.kind not in WORDS:
        facts += [
            (say("Seed"), str(spec.seed if cell is None else spec.seed_of(cell))),
            (say("Steps"), f"{spec.steps}"),
            (say("Guidance"), f"{spec.guidance_scale:g}"),
            (say("Sampler"), f"`{spec.sampler}`"),
        ]
        facts += [
            (name, f"{value}")
            for name, value in (
                *((flag.name.capitalize(), getattr(spec, flag.field)) for flag in DIRECT),
                (say("Stylize"), spec.stylize),
                (say("Style"), spec.style),
                (say("Tile"), say("on") if spec.tile else ""),
                (say("Stop"), f"{spec.stop}%" if spec.stop < 100 else ""),
                ("LoRA", ", ".join(f"{lora.name}:{lora.weight:g}" for lora in spec.loras)),
                (say("Pictures"), _inputs(spec)),
            )
            if value
        ]
        if spec.negative_prompt:
            facts.append((say("Negative"), shown(spec.negative_prompt, 300)))
        if spec.strength is not None:
            facts.append((say("Strength"), f"{spec.strength:g}"))
    if job.sources:
        facts.append((say("Chosen by"), origins(dict(job.sources))))
    if job.parent is not None:
        of = "" if job.parent_cell is None else ", " + say("image #{cell}", cell=job.parent_cell + 1)
        facts.append((say("Made from"), f"`{job.parent}`{of}"))
    facts.append((say("Asked"), f"<t:{int(job.created_at)}:R>"))
    if job.took is not None:
        facts.append((say("Drawn in"), f"{job.took:.1f} s"))
    elif job.finished_at is not None and job.started_at is not None:
        facts.append((say("Drawn in"), f"{job.finished_at - job.started_at:.1f} s"))
    line = line_again(job, cell)
    block = None if line is None else to_copy(line, FACT_LIMIT - 8)
    recipes = [] if block is None else [(say(RECIPE), block)]
    return [*facts, *recipes, (say("Job"), f"`{job.id}`")]


_CHOSEN = {
    "prompt": Sentence("The prompt"),
    "suffix": Sentence("Your suffix"),
    "settings": Sentence("Your settings"),
    "server": Sentence("The server"),
    "model": Sentence("The model"),
}


def origins(sources: Mapping[str, str]) -> str:
    """Return who chose which flags, nearest first, a line each."""
    lines = []
    for source, name in _CHOSEN.items():
        flags = [f"`--{flag}`" for flag, who in sources.items() if who == source]
        if flags:
            lines.append(f"{say(name)}: {' '.join(flags)}")
    return "\n".join(lines)
