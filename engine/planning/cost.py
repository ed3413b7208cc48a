"""What a spec costs: the rows it takes in a call of the network, and its work; pure."""

from __future__ import annotations

import math

from engine.jobs import WORDS, JobSpec, Kind, Role

BESIDE = 1024 * 1024
"""Pixels that a picture beside an edit is counted as: models are shown about a megapixel of each."""


def rows(spec: JobSpec) -> int:
    """Return how many UNet rows a job holds at once: one a picture and condition, and a reference."""
    if spec.faithful or spec.kind is Kind.LOCATE or spec.kind in WORDS:
        return 1
    if spec.wordless:
        return spec.count * (1 + references(spec))
    negative = spec.guidance_scale > 1.0
    return spec.count * (min(6, max(1, len(spec.conditions)) + negative) + references(spec))


def references(spec: JobSpec) -> int:
    """Return how many pictures are looked at while each of a job's pictures forms: a row each.

    What an IP-Adapter reads takes none; what drawing starts from is not looked at.
    """
    if spec.adapter:
        return 0
    looked_at = {Role.STYLE, Role.SUBJECT} | ({Role.PROMPT} if spec.kind is not Kind.IMAGINE else set())
    return sum(one.role in looked_at for one in spec.inputs)


def work(spec: JobSpec) -> float:
    """Return a job's work: 1.0 is a UNet row of one step at 512 × 512 pixels; decoding a picture is 2.

    Attention grows faster than the area, convolution with it; 1.1 lies between what SD 1.5 and SDXL show.
    """
    if spec.kind is Kind.LOCATE:
        return 24.0 * math.pow(spec.width * spec.height / 512**2, 1.1)  # twelve noises, two texts
    if spec.kind in WORDS:
        return 4.0  # every picture is seen at one small size
    area = spec.width * spec.height
    if spec.kind is Kind.EDIT:  # its rows hold the tokens of the pictures it looks at, too
        area += BESIDE * len(spec.inputs)
    size = math.pow(area / 512**2, 1.1)
    if spec.faithful:
        return size * 4
    steps = max(1.0, spec.steps * spec.stop / 100)
    if spec.strength is not None and any(one.role is Role.INIT for one in spec.inputs):
        steps = max(1.0, steps * spec.strength)
    decoded = math.pow(spec.width * spec.height / 512**2, 1.1)
    return size * rows(spec) * steps + decoded * 2 * spec.count
