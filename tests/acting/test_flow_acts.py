"""What can be done to pictures of the small flow model that ships, judged on the pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
import torch
from PIL import Image

from engine import images
from engine.config.shipped import pocket_flow
from engine.images.canvas import rim
from engine.planning import edit_specs as edits
from engine.pocket import JUDGE
from engine.pocket.train.clip import load_encoder, picture_vectors, text_vectors
from engine.weights import find
from tests.acting.edits import Editor, one, values
from tests.acting.test_edits_act import grounds, old
from tests.acting.test_flags_act import coarse

pytestmark = pytest.mark.timeout(580)

STEPS = 10
PROMPTS = ("a red apple", "a blue car on a yellow background")
OTHERS = ("a green apple", "a cactus on a yellow background")


@pytest.fixture(scope="module")
def editor() -> Iterator[Editor]:
    if find(pocket_flow()) is None:
        pytest.skip("the shipped model's weights are not on this machine")
    editor = Editor(pocket_flow())
    yield editor
    editor.close()


@torch.no_grad()
def told(pictures: Sequence[Image.Image], lines: Sequence[str]) -> list[str]:
    """Return which of some lines the judge finds each picture to be of."""
    model, tokenizer = load_encoder(JUDGE)
    table = picture_vectors(model, pictures) @ text_vectors(model, tokenizer, lines).T
    return [lines[int(row.argmax())] for row in table]


def distance(picture: Image.Image, other: Image.Image) -> float:
    return float(np.linalg.norm(coarse(values(picture)[None]) - coarse(values(other)[None])))


def test_a_repainted_part_shows_the_new_words_and_the_rest_stays_to_the_bit(editor: Editor) -> None:
    parents = editor.parents(PROMPTS, STEPS)
    size = next(iter(parents.values())).size
    mask = Image.new("L", size)
    mask.paste(255, (size[0] // 16, size[1] // 16, size[0] * 15 // 16, size[1] * 15 // 16))
    at = (editor.model.width, editor.model.height)
    specs = editor.specs(OTHERS, STEPS)
    made = [
        one(edits.repainted(spec, prompt, "mask", at, edits.REPAINT))
        for spec, prompt in zip(specs, PROMPTS, strict=True)
    ]
    results = [cells[0] for cells in editor.run(made, {**parents, "mask": mask})]
    outside = np.asarray(images.feathered(mask, rim(*size))) == 0
    for parent, result in zip(parents.values(), results, strict=True):
        assert np.array_equal(np.asarray(result)[outside], np.asarray(parent)[outside])
    lines = (*PROMPTS, *OTHERS)
    assert told(list(parents.values()), lines) == list(PROMPTS)
    assert told(results, lines) == list(OTHERS)


def test_a_subtle_variation_stays_nearer_than_a_strong_one_and_none_is_a_copy(editor: Editor) -> None:
    parents, specs = editor.parents(PROMPTS, STEPS), editor.specs(PROMPTS, STEPS)
    near, far = (
        [
            distance(cells[0], parent)
            for cells, parent in zip(
                editor.run(
                    [
                        editor.varied(spec, *named, verb)
                        for spec, named in zip(specs, parents.items(), strict=True)
                    ],
                    parents,
                ),
                parents.values(),
                strict=True,
            )
        ]
        for verb in ("vary_subtle", "vary_strong")
    )
    assert min(near) > 0
    assert all(one < other for one, other in zip(near, far, strict=True)), (near, far)


@pytest.mark.parametrize("verb", ["zoom", "pan_right", "pan_up"])
def test_outward_the_old_part_stays_and_the_plain_ground_goes_on(editor: Editor, verb: str) -> None:
    parents, specs = editor.parents(PROMPTS, STEPS), editor.specs(PROMPTS, STEPS)
    made = [editor.outward(spec, *named, verb) for spec, named in zip(specs, parents.items(), strict=True)]
    inputs = {name: picture for _, given in made for name, picture in given.items()}
    results = editor.run([spec for spec, _ in made], inputs)
    for (prompt, parent), [result] in zip(parents.items(), results, strict=True):
        canvas = inputs[f"{prompt} {verb}"]
        kept = old(parent, canvas, verb)
        assert np.array_equal(np.asarray(result)[kept], np.asarray(canvas)[kept]), prompt
        off = np.abs(values(result)[~kept] - grounds(parent)).max(1)
        assert (off < 0.15).mean() > 0.9, prompt


def test_a_picture_in_the_prompt_is_drawn_from_and_the_words_still_count(editor: Editor) -> None:
    parents = editor.parents(PROMPTS, STEPS)
    links = {f"https://a.b/{index}.png": prompt for index, prompt in enumerate(PROMPTS)}
    lines = [f"{link} {words}" for link, words in zip(links, OTHERS, strict=True)]
    plain = editor.parents(OTHERS, STEPS)
    drawn = [cells[0] for cells in editor.run(editor.specs(lines, STEPS, links), parents)]
    for before, after, parent in zip(plain.values(), drawn, parents.values(), strict=True):
        assert distance(after, parent) < distance(before, parent)
    assert told(drawn, (*PROMPTS, *OTHERS)) == list(OTHERS)


def test_pictures_that_are_not_square_show_what_was_asked(editor: Editor) -> None:
    things = ("a red apple", "a blue car", "a mushroom", "a penguin", "a yellow star", "a tree")
    ratios = ("3:2", "2:3", "16:9", "4:3", "3:4", "2:1")
    lines = [f"{thing} --ar {ratio}" for thing, ratio in zip(things, ratios, strict=True)]
    pictures = [cells[0] for cells in editor.run(editor.specs(lines, STEPS), {})]
    assert all(
        (picture.width > picture.height) == (int(ratio.split(":")[0]) > int(ratio.split(":")[1]))
        for picture, ratio in zip(pictures, ratios, strict=True)
    )
    assert sum(a == b for a, b in zip(told(pictures, things), things, strict=True)) >= 5
