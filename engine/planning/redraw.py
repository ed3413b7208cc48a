"""The line that draws a stored picture again, whoever sends it. Pure."""

from __future__ import annotations

from engine.jobs import Job, Kind
from engine.prompt.flags import DIRECT

_ELSEWHERE = frozenset({"suffix", "settings", "server"})
"""Who chose a flag that does not stand in the prompt, and that another person's line would lack."""


def line_again(job: Job, cell: int | None = None) -> str | None:
    """Return the line that draws a picture again, whoever sends it; None where no line does."""
    spec = job.spec
    if spec.kind is not Kind.IMAGINE:
        return None
    values = {
        "ar": f"{spec.width}:{spec.height}",
        "style": spec.style,
        "stylize": spec.stylize,
        **{flag.name: getattr(spec, flag.field) for flag in DIRECT},
        "stop": spec.stop,
        "steps": spec.steps,
        "cfg": f"{spec.guidance_scale:g}",
        "sampler": spec.sampler,
        "negative": spec.negative_prompt,
    }
    chosen = {flag for flag, who in job.sources if who in _ELSEWHERE}
    flags = [f"--{flag} {value}" for flag, value in values.items() if flag in chosen and value != ""]
    # the later of two flags counts, so that what stands in the prompt may stay
    seed = spec.seed if cell is None else spec.seed_of(cell)
    return " ".join([job.prompt, *flags, f"--model {spec.model}", f"--seed {seed}"])
