"""Sentences that readers stumbled over do not come back; what replaced them stands where they read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import ROOT

PLACES = ("bot", "engine", "docs", "deploy")
READ = {".py", ".md", ".toml", ".html", ".js"}


def texts() -> list[tuple[Path, str]]:
    files = [file for place in PLACES for file in (ROOT / place).rglob("*") if file.suffix in READ]
    files += [ROOT / "README.md", ROOT / "config.example.toml"]
    return [(file, " ".join(file.read_text(encoding="utf-8").split())) for file in files]


@pytest.mark.parametrize(
    "riddle",
    [
        "Mend `source`",
        "words and reports are all there is",
        "The nearer wins",
        "equal line, equal model, alone: equal bytes",
        "know the way from noise, not parts of it",
        "a version nobody stands for",
        "Off the beaten track, along a direction",
        "Steers away from these things: a condition of weight",
        "How far out, above 1 and at most 2",
        "As they came.",
    ],
)
def test_a_riddle_does_not_come_back(riddle: str) -> None:
    found = [str(file.relative_to(ROOT)) for file, text in texts() if riddle.lower() in text.lower()]
    assert not found


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        ("docs/prompting.md", "More specific settings override general ones"),
        ("docs/prompting.md", "no model is set for that version"),
        ("engine/weights.py", "Correct the path in `source`."),
        ("engine/prompt/flags.py", "Makes the picture stranger."),
    ],
)
def test_the_plain_sentence_stands_where_people_read(file: str, sentence: str) -> None:
    assert sentence in " ".join((ROOT / file).read_text(encoding="utf-8").split())
