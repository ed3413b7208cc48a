"""Which words are looked for in a picture, and when a part's words marked the whole."""

from __future__ import annotations

import pytest

from engine.planning.parts import looked_for, part


def test_small_words_are_not_looked_for() -> None:
    assert looked_for("the red hat of the man") == ["red", "hat", "man"]
    assert looked_for("the") == ["the"]


@pytest.mark.parametrize(
    ("words", "share", "named"),
    [
        ("the eyes", 0.45, "eyes"),
        ("her left eye", 0.21, "eye"),
        ("the eyes of the cat", 0.3, "eyes"),
        ("the *hat*", 0.25, "hat"),
        ("the eyes", 0.05, None),
        ("the cat", 0.6, None),
        ("the cat with the eyes", 0.6, "eyes"),
        ("", 0.6, None),
    ],
)
def test_a_part_that_marked_the_whole_is_told(words: str, share: float, named: str | None) -> None:
    assert part(words, share) == named
