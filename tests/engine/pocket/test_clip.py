"""What the encoder's training takes for true and false, by hand."""

from __future__ import annotations

import random

import pytest

from engine.pocket.train.clip_claims import CONCEPT, facts, is_false, part, say, spoil, whole
from engine.pocket.train.concepts import CONCEPTS
from engine.pocket.train.data import Picture

NUMBER = {concept.noun: number for number, concept in enumerate(CONCEPTS)}
BLUE_CAT = facts(Picture(NUMBER["cat"], "noto", "blue", "red"))
CAT_AND_PIZZA = facts(Picture(NUMBER["cat"], "noto", second=NUMBER["pizza"], second_colour="green"))
TWO_DOGS_ON_A_BEACH = facts(Picture(NUMBER["dog"], "noto", place="beach", count=2))


@pytest.mark.parametrize(
    ("known", "claims", "false"),
    [
        (BLUE_CAT, {"object": "cat"}, False),
        (BLUE_CAT, {"object": "cat", "colour": "blue", "ground": "red"}, False),
        (BLUE_CAT, {"object": "cat", "colour": "red"}, True),
        (BLUE_CAT, {"object": "dog", "colour": "blue"}, True),
        (BLUE_CAT, {"ground": "white"}, True),
        (BLUE_CAT, {"place": "beach"}, True),
        (BLUE_CAT, {"object": "cat", "count": "2"}, True),
        (BLUE_CAT, {"colour": "green"}, True),
        (CAT_AND_PIZZA, {"object": "pizza"}, False),
        (CAT_AND_PIZZA, {"object": "pizza", "second": "cat"}, False),
        (CAT_AND_PIZZA, {"object": "pizza", "colour": "red"}, True),
        # nobody painted this cat, so nothing says what colour it is
        (CAT_AND_PIZZA, {"object": "cat", "colour": "red"}, False),
        (TWO_DOGS_ON_A_BEACH, {"object": "dog", "count": "2", "place": "beach"}, False),
        (TWO_DOGS_ON_A_BEACH, {"object": "dog", "count": "1"}, True),
        (TWO_DOGS_ON_A_BEACH, {"object": "dog", "ground": "white"}, True),
    ],
)
def test_a_text_is_false_where_a_claim_contradicts_a_fact(
    known: dict[str, str], claims: dict[str, str], false: bool
) -> None:
    assert is_false(claims, known) is false


def test_what_captions_say_of_their_own_picture_is_never_false() -> None:
    rng = random.Random(0)
    for _ in range(300):
        shown = Picture(
            rng.randrange(len(CONCEPTS)), "noto", rng.choice((None, "blue")), count=rng.choice((1, 2))
        )
        known = facts(shown)
        said = whole(shown, known, rng)
        assert not is_false(said, known)
        assert not is_false(part(known, rng), known)
        assert spoil(said, rng) != said
        noun = CONCEPT[said["object"]].noun
        words = say({"object": noun}, rng)
        assert words.endswith((noun, *CONCEPT[noun].other_nouns))
