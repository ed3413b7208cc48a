"""Prompts read off pictures and made shorter, by hand arithmetic."""

from __future__ import annotations

import re

import pytest

from engine.errors import UserError
from engine.jobs import Condition, Job, JobSpec, Kind, State
from engine.planning import answers
from engine.planning.answers import Shortened
from engine.prompt import parse

PLAIN = JobSpec(
    model="pocket", width=64, height=64, steps=20, guidance_scale=5.0, sampler="ddim", seed=1,
    conditions=(Condition(text="a red, very old castle"),),
)  # fmt: skip


@pytest.mark.parametrize(
    ("width", "height", "name"),
    [(64, 64, "1:1"), (160, 104, "3:2"), (104, 160, "2:3"), (168, 96, "16:9"), (10, 9, "1:1")],
)  # fmt: skip
def test_the_nearest_usual_ratio(width: int, height: int, name: str) -> None:
    assert answers.ratio(width, height) == name


def test_the_word_that_matters_least_goes_first() -> None:
    found = Shortened.of(["a", "red,", "very", "old", "castle"], [0.0, 0.2, 0.1, 0.2, 0.5])
    assert [round(share, 3) for _, share in found.words] == [0.0, 0.2, 0.1, 0.2, 0.5]
    # of equal words the later one goes
    assert found.prompts == ("red, very old castle", "red, old castle", "red, castle", "castle")


def test_no_shorter_prompt_ends_in_a_word_that_leads_to_nothing() -> None:
    pieces = ["a", "red", "apple", "on", "the", "beach,", "highly", "detailed"]
    # detailed, a, beach, the, on, highly, red go in this order, 1, 3, 4, 6 and 7 of them; the subject stays
    found = Shortened.of(pieces, [0.1, 0.5, 0.9, 0.3, 0.25, 0.2, 0.4, 0.05])
    assert found.prompts == ("a red apple on the beach", "red apple", "apple")


def test_a_text_of_words_that_change_nothing_is_still_shortened() -> None:
    # the noun comes last
    assert Shortened.of(["x", "y"], [0.0, 0.0]).prompts == ("y",)


@pytest.mark.parametrize(
    ("prompt", "kept"),
    [
        ("a red, very old castle", "castle"),
        ("a fluffy cat sleeping on a sofa, watercolor, soft light", "cat"),
        ("cinematic lighting, a lonely lighthouse in a storm, 8k", "lighthouse"),
        ("a picture of a wizard with a long beard", "wizard"),
        ("photo of an old man, black and white", "man"),
        ("portrait of a mermaid under water", "mermaid"),
        ("a knight riding a horse", "knight"),
        ("a robot playing guitar", "robot"),
        ("two small dogs and a ball", "dogs"),
        ("a herd of zebras by a river", "zebras"),
        ("a flying fox over the sea", "fox"),
        ("a bowl of fruit", "fruit"),
        ("a garden full of flowers", "garden"),
        ("sunset over a village, oil painting", "sunset"),
        ("the man who sold the world", "man"),
        ("neon city at night", "city"),
        ("Pikachu", "Pikachu"),
    ],
)
def test_the_subject_is_never_lost(prompt: str, kept: str) -> None:
    pieces = prompt.split()
    named = [re.sub(r"\W", "", pieces[index]) for index in sorted(answers.subject(pieces))]
    assert kept in named
    # whatever an encoder makes of it: here it says that the subject matters not at all
    worst = [0.0 if index in answers.subject(pieces) else 1.0 for index in range(len(pieces))]
    for changes in (worst, [1.0] * len(pieces)):
        shorter = Shortened.of(pieces, changes).prompts
        assert all(kept in text for text in shorter)
        assert len(pieces) == 1 or shorter, "it is shortened all the same"


def test_what_is_kept_is_read_again() -> None:
    found = Shortened.of(["a", "1.0", "castle"], [0.25, 0.25, 0.5])
    assert Shortened.read(found.texts()) == found


def test_several_texts_or_one_word_are_refused() -> None:
    assert answers.shortened(PLAIN).kind is Kind.SHORTEN
    two = PLAIN.model_copy(update={"conditions": (*PLAIN.conditions, Condition(text="cars", weight=-0.5))})
    with pytest.raises(UserError, match="one plain text"):
        answers.shortened(two)
    with pytest.raises(UserError, match="longer prompt"):
        answers.shortened(PLAIN.model_copy(update={"conditions": (Condition(text="castle"),)}))


def test_a_described_picture_counts_by_its_shape() -> None:
    spec = answers.described(PLAIN, "ab" * 32, (4000, 3000))
    assert (spec.width, spec.height) == (1024, 768)
    assert [one.sha256 for one in spec.inputs] == ["ab" * 32]


def test_shorter_prompts_keep_the_flags_of_the_line() -> None:
    texts = Shortened.of(["a", "castle"], [0.1, 0.9]).texts()
    job = Job(
        id="0123456789", owner="1", origin="cli:", state=State.RENDERED, created_at=0.0, texts=texts,
        spec=answers.shortened(PLAIN), prompt="a castle --ar 3:2 --seed 7",
    )  # fmt: skip
    assert answers.prompts(job) == ("castle --ar 3:2 --seed 7",)
    assert answers.prompts(job.model_copy(update={"prompt": "a castle --mine"})) == ("castle",)


def test_together_is_a_choice_between_the_lines() -> None:
    lines = ["a cat, 3d style --ar 3:2", "a {dog}", "two cats"]
    assert [str(prompt) for prompt in parse(answers.together(lines)).prompts] == [
        "a cat, 3d style --ar 3:2", "a \\{dog\\}", "two cats",
    ]  # fmt: skip
