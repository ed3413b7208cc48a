"""What flags do to real pictures, by the text-image encoder that ships: words, distances, and no mere noise.

A distance is 1 − cosine of two pictures' vectors; the score of a text is the mean cosine with it. Wherever a
flag moves a picture away, the prompt's own score stays at least four fifths of the plain picture's.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from PIL import Image
from torch import Tensor

from engine.render.encoder import Encoder
from tests.acting.conftest import HOUSE, Draw, Pictures
from tests.acting.test_flags_act import spearman

pytestmark = pytest.mark.timeout(300)

KEPT = 0.8
"""Least share of the plain picture's score that is left to the prompt."""
CHAOS = (0, 25, 50, 75, 100)
WEIRD = (250, 1000, 3000)
STYLIZE = (0, 100, 400, 1000)
EVERYDAY = ("a blue car", "a cat", "a yellow star", "a lighthouse", "a red apple", "a penguin")
COLOURED = tuple(
    (f"a {colour} {thing}", colour)
    for thing in ("car", "house", "cat", "balloon", "book", "robot", "guitar", "umbrella")
    for colour in ("red", "blue", "green", "purple", "yellow")
)


def vectors(encoder: Encoder, cells: Pictures) -> Tensor:
    return encoder.images([Image.fromarray((cell * 255).astype(np.uint8)) for cell in cells])


def spread(seen: Tensor) -> float:
    """Return how far the cells of one grid lie apart."""
    return float(np.mean([1 - float(a @ b) for a, b in itertools.combinations(seen, 2)]))


def away(seen: Tensor, usual: Tensor) -> float:
    """Return how far cells lie from the usual ones' middle."""
    middle = usual.mean(0)
    return 1 - float((seen @ (middle / middle.norm())).mean())


def score(encoder: Encoder, seen: Tensor, text: str) -> float:
    return float((seen @ encoder.texts([text])[0]).mean())


def test_chaos_parts_the_four_and_keeps_the_prompt(draw: Draw, encoder: Encoder) -> None:
    text = "a blue car"
    none, much = (vectors(encoder, cells) for cells in draw([f"{text} --chaos {c}" for c in (0, 100)], 8))
    assert spread(none) < spread(much)
    assert score(encoder, much, text) >= KEPT * score(encoder, none, text)


def test_weird_leads_away_and_keeps_the_prompt(draw: Draw, encoder: Encoder) -> None:
    text = "a blue car"
    usual, much = (vectors(encoder, cells) for cells in draw([text, f"{text} --weird 3000"], 8))
    assert away(usual, usual) < away(much, usual)
    assert score(encoder, much, text) >= KEPT * score(encoder, usual, text)


def test_stylize_moves_toward_the_house_style(draw: Draw, encoder: Encoder) -> None:
    lines = [f"a cat --model housed --stylize {s}" for s in (0, 1000)]
    none, much = (vectors(encoder, cells) for cells in draw(lines, 8))
    assert score(encoder, none, f"a cat, {HOUSE}") < score(encoder, much, f"a cat, {HOUSE}")


def test_no_lowers_the_unwanted_words_score(draw: Draw, encoder: Encoder) -> None:
    [fell] = unwanted(draw, encoder, COLOURED[6:7])
    assert fell


def unwanted(draw: Draw, encoder: Encoder, cases: tuple[tuple[str, str], ...], steps: int = 8) -> list[bool]:
    """Say for each prompt whether the picture scores lower for the colour once that is unwanted."""
    lines = [line for text, colour in cases for line in (text, f"{text} --no {colour}")]
    seen = [vectors(encoder, cells) for cells in draw(lines, steps, count=1)]
    return [
        score(encoder, without, f"something {colour}") < score(encoder, plain, f"something {colour}")
        for (_, colour), plain, without in zip(cases, seen[::2], seen[1::2], strict=True)
    ]


@pytest.mark.full
@pytest.mark.timeout(3600)
def test_no_on_forty_prompts(draw: Draw, encoder: Encoder) -> None:
    fell = unwanted(draw, encoder, COLOURED, 20)
    assert len(fell) == 40
    assert np.mean(fell) >= 0.8


@pytest.mark.full
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("flag", "scale"), [("chaos", CHAOS), ("weird", WEIRD), ("stylize", STYLIZE)])
def test_the_whole_scale_by_embedding(
    draw: Draw, encoder: Encoder, flag: str, scale: tuple[int, ...]
) -> None:
    risen, kept = [], []
    model = " --model housed" if flag == "stylize" else ""
    for text in EVERYDAY:
        usual, *grids = (
            vectors(encoder, cells)
            for cells in draw([text, *(f"{text}{model} --{flag} {value}" for value in scale)], 20)
        )
        if flag == "chaos":
            risen.append([spread(seen) for seen in grids])
        elif flag == "weird":
            risen.append([away(seen, usual) for seen in grids])
        else:
            risen.append([score(encoder, seen, f"{text}, {HOUSE}") for seen in grids])
        plain = score(encoder, usual, text)
        kept += [score(encoder, seen, text) / plain for seen in grids]
    assert spearman(list(np.mean(risen, axis=0))) >= 0.8
    assert min(kept) >= KEPT


@pytest.mark.full
@pytest.mark.timeout(1800)
def test_a_style_moves_toward_its_words(draw: Draw, encoder: Encoder) -> None:
    plain, pixels = (vectors(encoder, c) for c in draw(["a cat", "a cat --style pixel-art"], 8, count=2))
    assert score(encoder, plain, "a cat, pixel art") < score(encoder, pixels, "a cat, pixel art")
