"""What references do to real pictures of the shipped model, by its text-image encoder and by their colours.

Small counts in every run; ``full`` has twenty pictures. A likeness is the cosine of two pictures' vectors.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from engine.images.swatch import swatch
from engine.jobs import Kind
from engine.render.tools.encoder import Encoder
from tests.acting.edits import MANY, Editor, values

COUNTS = pytest.mark.parametrize(
    "count", [2, pytest.param(20, marks=[pytest.mark.full, pytest.mark.timeout(3600)])]
)
Record = Callable[[str, object], None]
LINK = "https://a.b/{}.png"

THINGS = ("car", "house", "cat", "balloon", "book", "robot", "guitar", "umbrella", "flower", "fish")
COLOURED = tuple((thing, colour) for colour in ("green", "purple") for thing in THINGS)
"""Things, and a colour that the reference shows them in."""


def steps(count: int) -> int:
    return 20 if count == 20 else 8


def likeness(encoder: Encoder, some: list[Image.Image], others: list[Image.Image]) -> list[float]:
    return [float(value) for value in (encoder.images(some) * encoder.images(others)).sum(1)]


@COUNTS
def test_a_subject_reference_raises_the_likeness(
    editor: Editor, encoder: Encoder, count: int, record_property: Record
) -> None:
    cases = COLOURED[:count]
    shown = list(editor.parents([f"a {colour} {thing}" for thing, colour in cases], steps(count)).values())
    nouns = [f"a {thing}" for thing, _ in cases]
    alone = editor.parents(list(dict.fromkeys(nouns)), steps(count))  # each thing comes in two colours
    plain = [alone[noun] for noun in nouns]
    links = {LINK.format(index): str(index) for index in range(len(cases))}
    flags = ("cref", "oref")
    lines = [f"a {thing} --{flags[index % 2]} {LINK.format(index)}" for index, (thing, _) in enumerate(cases)]
    inputs = {str(index): picture for index, picture in enumerate(shown)}
    drawn = [cells[0] for cells in editor.run(editor.specs(lines, steps(count), links), inputs)]
    without, with_it = likeness(encoder, plain, shown), likeness(encoder, drawn, shown)
    risen = sum(after > before for before, after in zip(without, with_it, strict=True))
    record_property("likeness without and with", f"{np.mean(without):.3f} {np.mean(with_it):.3f}")
    record_property("risen", f"{risen} of {len(cases)}")
    assert np.mean(with_it) > np.mean(without)
    assert risen >= (0.7 if count == 20 else 0.5) * len(cases)


@COUNTS
def test_a_blend_lies_between_its_parents(
    editor: Editor, encoder: Encoder, count: int, record_property: Record
) -> None:
    prompts = MANY[:count] if count == 20 else ("a red apple", "a blue car")
    parents = list(editor.parents(prompts, steps(count)).values())
    pairs = [(index, (index + 1) % len(parents)) for index in range(len(parents) if count == 20 else 1)]
    links = {LINK.format(index): str(index) for index in range(len(parents))}
    lines = [" ".join(LINK.format(index) for index in pair) for pair in pairs]
    specs = editor.specs(lines, steps(count), links)
    assert {spec.kind for spec in specs} == {Kind.BLEND}
    inputs = {str(index): picture for index, picture in enumerate(parents)}
    blends = [cells[0] for cells in editor.run(specs, inputs)]
    ones, others = ([parents[pair[side]] for pair in pairs] for side in (0, 1))
    apart = likeness(encoder, ones, others)
    sides = [likeness(encoder, blends, side) for side in (ones, others)]
    # nearer to each of them than they are to each other
    between = [min(near) > far for *near, far in zip(*sides, apart, strict=True)]
    record_property("likeness of the parents", f"{np.mean(apart):.3f}")
    record_property("of the blend to them", f"{np.mean(sides):.3f}")
    record_property("between", f"{sum(between)} of {len(between)}")
    assert np.mean(sides) > np.mean(apart)
    assert np.mean(between) >= 0.8


@COUNTS
def test_a_style_reference_brings_its_colours_and_at_no_weight_none(
    editor: Editor, count: int, record_property: Record
) -> None:
    prompts, codes = MANY[:count], ("12345", "77")
    plain = editor.parents(prompts, steps(count))
    links = {f"code:{code}": code for code in codes}
    pictures = {code: swatch(code) for code in codes}
    lines = [f"{prompt} --sref {codes[index % 2]}" for index, prompt in enumerate(prompts)]
    styled = [cells[0] for cells in editor.run(editor.specs(lines, steps(count), links), pictures)]
    unweighed = editor.specs([f"{lines[0]} --sw 0"], steps(count), links)
    assert unweighed == editor.specs(prompts[:1], steps(count)), "at no weight it is not there"
    nearer = []
    for index, (before, after) in enumerate(zip(plain.values(), styled, strict=True)):
        wanted = values(pictures[codes[index % 2]]).reshape(-1, 3)
        off = [
            np.linalg.norm(found.reshape(-1, 3).mean(0) - wanted.mean(0))
            + np.linalg.norm(found.reshape(-1, 3).std(0) - wanted.std(0))
            for found in (values(before), values(after))
        ]
        nearer.append(off[1] < off[0])
    record_property("mean and spread of colours nearer to the style's", f"{sum(nearer)} of {len(nearer)}")
    assert np.mean(nearer) >= 0.9
