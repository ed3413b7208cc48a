"""The text-image encoder that ships, and describing with it pictures the shipped model drew."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Sequence

import pytest
from PIL import Image

from engine.pocket import ENCODER
from engine.pocket.train.concepts import CONCEPTS, with_article
from engine.render.tools.describe import Describer
from engine.render.tools.encoder import Encoder


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder()


def test_it_takes_at_most_12_mib_and_holds_no_pickle() -> None:
    files = [path for path in ENCODER.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 12 * 2**20
    assert {path.suffix for path in files} <= {".json", ".safetensors"}


def test_plain_colours_are_told_apart(encoder: Encoder) -> None:
    for colour, paint in (("red", (222, 40, 44)), ("blue", (44, 108, 230)), ("green", (62, 164, 66))):
        picture = Image.new("RGB", (128, 128), paint)
        texts = [f"{name} background" for name in ("red", "blue", "green")]
        scores = (encoder.images([picture]) @ encoder.texts(texts).T)[0]
        assert texts[int(scores.argmax())] == f"{colour} background"


def named(pictures: Sequence[Image.Image], nouns: Sequence[str], encoder: Encoder) -> float:
    """Return the share of pictures whose four prompts name the thing that was asked for."""
    describer = Describer(encoder)
    found = [
        any(noun in prompt for prompt in describer.describe(picture))
        for picture, noun in zip(pictures, nouns, strict=True)
    ]
    return sum(found) / len(found)


Shown = Callable[[Sequence[str], int], list[Image.Image]]


@pytest.fixture(scope="module")
def shown() -> Shown:
    from engine.config import EngineConfig, pocket
    from engine.planning.plan import plan
    from engine.prompt import parse
    from engine.render import Renderer
    from engine.workers.protocol import Done

    def drawn(lines: Sequence[str], steps: int) -> list[Image.Image]:
        renderer = Renderer([pocket()], EngineConfig(device="cpu", preview_every=0, threads=1))
        for number, line in enumerate(lines):
            spec = plan(parse(f"{line} --steps {steps} --seed 5").prompt, [pocket()]).spec
            renderer.start(str(number), spec.model_copy(update={"count": 1}))
        found = {}
        while renderer.busy():
            for event in renderer.tick():
                if isinstance(event, Done):
                    [data] = event.outcome.pictures
                    found[int(event.job)] = Image.open(io.BytesIO(data))
        renderer.close()
        return [found[number] for number in range(len(lines))]

    return drawn


def test_a_few_drawn_things_are_named(shown: Shown, encoder: Encoder) -> None:
    nouns = ("apple", "pizza", "heart", "guitar")
    assert named(shown([with_article(noun, "a") for noun in nouns], 8), nouns, encoder) >= 0.5


@pytest.mark.full
@pytest.mark.timeout(3600)
def test_fifty_drawn_things_are_named(
    shown: Shown, encoder: Encoder, record_property: Callable[[str, object], None]
) -> None:
    concepts = random.Random(0).sample(CONCEPTS[:113], 50)
    nouns = [concept.noun for concept in concepts]
    lines = [with_article(concept.noun, concept.article) for concept in concepts]
    share = named(shown(lines, 20), nouns, encoder)
    record_property("named among the four", f"{share:.0%}")
    assert share >= 0.7
