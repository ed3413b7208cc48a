"""Whatever text comes through a door, it can be stored: half a character stops no change."""

from __future__ import annotations

import contextlib
import sqlite3

import pytest

from engine.store.texts import TextConnection


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("caf\udce9", "caf\ufffd"),
        ("\ud83d\ude00", "\U0001f600"),
        ("\ud800\ud800x", "\ufffd\ufffdx"),
        ("plain é", "plain é"),
    ],
)
def test_halves_of_characters_are_joined_or_replaced(given: str, kept: str) -> None:
    with contextlib.closing(sqlite3.connect(":memory:", factory=TextConnection)) as db:
        db.execute("CREATE TABLE word (text TEXT, number INTEGER) STRICT")
        db.execute("INSERT INTO word VALUES (?, ?)", (given, 1))
        db.execute("INSERT INTO word VALUES (:text, :number)", {"text": given, "number": 2})
        db.executemany("INSERT INTO word VALUES (?, ?)", iter([("good", 3), (given, 4), [given, 5]]))
        rows = db.execute("SELECT text, number FROM word WHERE text = ? ORDER BY number", (given,)).fetchall()
    assert rows == [(kept, 1), (kept, 2), (kept, 4), (kept, 5)]
