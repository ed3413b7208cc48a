"""Keys of the HTTP API: their form, and what tells a typing error from a key."""

from __future__ import annotations

import hashlib
import math

from hypothesis import given
from hypothesis import strategies as st

from engine.rules import keys


def test_a_key_has_256_random_bits_and_says_whose_it_is() -> None:
    made = {keys.make() for _ in range(1000)}
    assert len(made) == 1000
    assert all(one.startswith("limner_") and keys.well_formed(one) for one in made)
    assert all(len(one) == 7 + 43 + 6 for one in made)
    assert 43 * math.log2(62) >= 256
    assert len({one[7] for one in made}) > 5  # the first digit of base 62 is below 2^256 / 62^42
    assert len({one[20] for one in made}) > 50


@given(st.text(max_size=80))
def test_no_text_is_taken_for_a_key(text: str) -> None:
    assert not keys.well_formed(text)


def test_one_wrong_character_is_no_key() -> None:
    key = keys.make()
    for place in range(len(key)):
        other = "0" if key[place] != "0" else "1"
        assert not keys.well_formed(key[:place] + other + key[place + 1 :])
    assert not keys.well_formed(key + "\n")


def test_its_hash_is_sha256() -> None:
    assert keys.digest("limner_x") == hashlib.sha256(b"limner_x").digest()
