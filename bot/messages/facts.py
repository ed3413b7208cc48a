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
    liked = len(spec.inputs) - len(named)
    if spec.adapter and named:
        named[-1] += " " + say("(read by the IP-Adapter)")
    if liked:
        pictures = counted(liked, "{n} picture", "{n} pictures")
        named.append(say("{pictures} marked with ❤️", pictures=pictures))
    return ", ".join(named)


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
    # whatever is empty, None or False is left out at the end
    facts: list[tuple[str, object]] = [
        (say("Picture"), cell is not None and say("Image #{cell}", cell=cell + 1)),
        (say("Model"), f"`{spec.model}`"),
        (say("Drawn at") if creative(job) and size is None else say("Size"), _sizes(spec, size)),
    ]
    if spec.kind is Kind.UPSCALE:
        how = "" if spec.strength is None else ", " + say("creative")
        facts.append((say("Upscaled"), f"{spec.scale}×{how}"))
    elif spec.kind not in WORDS:
        facts += [
            (say("Seed"), str(spec.seed if cell is None else spec.seed_of(cell))),
            (say("Steps"), str(spec.steps)),
            (say("Guidance"), f"{spec.guidance_scale:g}"),
            (say("Sampler"), f"`{spec.sampler}`"),
            *((flag.name.capitalize(), getattr(spec, flag.field)) for flag in DIRECT),
            (say("Stylize"), spec.stylize),
            (say("Style"), spec.style),
            (say("Tile"), spec.tile and say("on")),
            (say("Stop"), spec.stop < 100 and f"{spec.stop}%"),
            ("LoRA", ", ".join(f"{lora.name}:{lora.weight:g}" for lora in spec.loras)),
            (say("Pictures"), _inputs(spec)),
            (say("Negative"), shown(spec.negative_prompt, 300)),
            (say("Strength"), spec.strength is not None and f"{spec.strength:g}"),
        ]
    of = "" if job.parent_cell is None else ", " + say("image #{cell}", cell=job.parent_cell + 1)
    took = job.took
    if took is None and job.finished_at is not None and job.started_at is not None:
        took = job.finished_at - job.started_at
    line = line_again(job, cell)
    facts += [
        (say("Chosen by"), origins(dict(job.sources))),
        (say("Made from"), job.parent and f"`{job.parent}`{of}"),
        (say("Asked"), f"<t:{int(job.created_at)}:R>"),
        (say("Drawn in"), took is not None and f"{took:.1f} s"),
        (say(RECIPE), line and to_copy(line, FACT_LIMIT - 8)),
        (say("Job"), f"`{job.id}`"),
    ]
    return [(name, str(value)) for name, value in facts if value]


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
