"""What the Info button tells about a job; refuses to know discord.py and the database."""

from __future__ import annotations

from collections.abc import Mapping

from bot.messages.jobs import creative
from bot.messages.text import plural, shown, to_copy
from engine.jobs import WORDS, Job, JobSpec, Kind, Role
from engine.planning.redraw import line_again
from engine.prompt.flags import DIRECT

RECIPE = "Recipe, to copy"
"""The one fact that is as wide as the message."""
FACT_LIMIT = 1024
"""Most characters of an embed field's value (Discord)."""


def _inputs(spec: JobSpec) -> str:
    named = [f"{one.role.value} × {one.weight:.2g}" for one in spec.inputs if one.role is not Role.TASTE]
    liked_ones = len(spec.inputs) - len(named)
    if spec.adapter and named:
        named[-1] += " (read by the IP-Adapter)"
    return ", ".join(named + ([f"{plural(liked_ones, 'picture')} marked with ❤️"] if liked_ones else []))


def _sizes(spec: JobSpec, size: tuple[int, int] | None) -> str:
    """Return the size of a picture's file, and the size it was drawn at where that is another."""
    drawn = spec.width, spec.height
    real = drawn if size is None else size
    shown_size = f"{real[0]} × {real[1]} px"
    if real == drawn or spec.faithful:
        return shown_size
    how = "enlarged" if real[0] * real[1] > drawn[0] * drawn[1] else "brought"
    return f"drawn at {drawn[0]} × {drawn[1]}, {how} to {shown_size}"


def picture_facts(
    job: Job, cell: int | None = None, size: tuple[int, int] | None = None
) -> list[tuple[str, str]]:
    """Return what the Info button tells about a job, as (name, value) pairs ready to show.

    ``size``: width and height of the picture's file, where it is known.
    """
    spec = job.spec
    facts = [
        *([] if cell is None else [("Picture", f"Image #{cell + 1}")]),
        ("Model", f"`{spec.model}`"),
        ("Drawn at" if creative(job) and size is None else "Size", _sizes(spec, size)),
    ]
    if spec.kind is Kind.UPSCALE:
        facts.append(("Upscaled", f"{spec.scale}×" + ("" if spec.strength is None else ", creative")))
    elif spec.kind not in WORDS:
        facts += [
            ("Seed", str(spec.seed if cell is None else spec.seed_of(cell))),
            ("Steps", f"{spec.steps}"),
            ("Guidance", f"{spec.guidance_scale:g}"),
            ("Sampler", f"`{spec.sampler}`"),
        ]
        facts += [
            (name, f"{value}")
            for name, value in (
                *((flag.name.capitalize(), getattr(spec, flag.field)) for flag in DIRECT),
                ("Stylize", spec.stylize),
                ("Style", spec.style),
                ("Tile", "on" if spec.tile else ""),
                ("Stop", f"{spec.stop}%" if spec.stop < 100 else ""),
                ("LoRA", ", ".join(f"{lora.name}:{lora.weight:g}" for lora in spec.loras)),
                ("Pictures", _inputs(spec)),
            )
            if value
        ]
        if spec.negative_prompt:
            facts.append(("Negative", shown(spec.negative_prompt, 300)))
        if spec.strength is not None:
            facts.append(("Strength", f"{spec.strength:g}"))
    if job.sources:
        facts.append(("Chosen by", origins(dict(job.sources))))
    if job.parent is not None:
        of = "" if job.parent_cell is None else f", image #{job.parent_cell + 1}"
        facts.append(("Made from", f"`{job.parent}`{of}"))
    facts.append(("Asked", f"<t:{int(job.created_at)}:R>"))
    if job.took is not None:
        facts.append(("Drawn in", f"{job.took:.1f} s"))
    elif job.finished_at is not None and job.started_at is not None:
        facts.append(("Drawn in", f"{job.finished_at - job.started_at:.1f} s"))
    line = line_again(job, cell)
    block = None if line is None else to_copy(line, FACT_LIMIT - 8)
    recipes = [] if block is None else [(RECIPE, block)]
    return [*facts, *recipes, ("Job", f"`{job.id}`")]


_CHOSEN = {
    "prompt": "The prompt",
    "suffix": "Your suffix",
    "settings": "Your settings",
    "server": "The server",
    "model": "The model",
}


def origins(sources: Mapping[str, str]) -> str:
    """Return who chose which flags, nearest first, a line each."""
    lines = []
    for source, name in _CHOSEN.items():
        flags = [f"`--{flag}`" for flag, who in sources.items() if who == source]
        if flags:
            lines.append(f"{name}: {' '.join(flags)}")
    return "\n".join(lines)
