"""``docs/prompting.md`` says what the program does: the table is its own, examples are read as it says."""

from __future__ import annotations

import re

import pytest

from engine.errors import PromptError
from engine.prompt import parse
from engine.prompt.flags import FLAGS, table
from tests import ROOT

PAGE = ROOT / "docs" / "prompting.md"
TEXT = PAGE.read_text(encoding="utf-8")


def test_the_flags_table_is_the_programs() -> None:
    shown = re.search(r"<!-- flags: begin[^\n]*-->\n(.*?)\n<!-- flags: end -->", TEXT, re.DOTALL)
    assert shown is not None
    assert shown[1] == table(), "run: python docs/strips.py --table"


def test_every_honoured_flag_is_described_in_figures() -> None:
    figures = TEXT.split("### What each flag does, in figures")[1].split("## Words")[0]
    for flag in FLAGS:
        if flag.action.value == "honoured":
            assert f"`--{flag.name}" in figures, flag.name


def section(title: str) -> str:
    return TEXT.split(f"\n{title}")[1].split("\nLeft alone")[0]


def pairs() -> list[tuple[str, str]]:
    found = []
    for line in section("Repaired, and said").splitlines():
        if not line.startswith("| `"):
            continue
        typed, read = (re.findall(r"`([^`]+)`", cell) for cell in line.strip("| ").split(" | "))
        found += zip(typed, read * len(typed) if len(read) == 1 else read, strict=True)
    return found


def test_the_table_of_slips_was_found() -> None:
    assert len(pairs()) > 25


@pytest.mark.parametrize(("typed", "read"), pairs())
def test_slips_are_repaired_as_the_page_says(typed: str, read: str) -> None:
    parsed = parse(typed)
    assert parsed.prompt == parse(read).prompt
    assert parsed.notes


@pytest.mark.parametrize("prose", re.findall(r"`([^`]+)`", TEXT.split("\nLeft alone: ")[1].split("\n")[0]))
def test_prose_is_left_alone_as_the_page_says(prose: str) -> None:
    assert parse(prose).prompt.text == prose


@pytest.mark.parametrize("line", ["a cat --ar 16.9", "a cat --chaos 10.4", "say yes -- no regrets"])
def test_two_readings_are_refused_as_the_page_says(line: str) -> None:
    with pytest.raises(PromptError) as caught:
        parse(line)
    assert caught.value.repaired is not None


def test_the_first_example_is_read() -> None:
    parsed = parse(
        "https://example.com/ref.png a lighthouse in a storm::2 oil painting --ar 3:2 --no people --chaos 20"
    )
    assert [(part.text, part.weight) for part in parsed.prompt.parts] == [
        ("a lighthouse in a storm", 2),
        ("oil painting", 1),
    ]
    assert not parsed.notes


def test_every_picture_of_the_page_is_there_and_small() -> None:
    linked = set(re.findall(r"\]\((strips/[^)]+)\)", TEXT))
    assert linked == {f"strips/{file.name}" for file in (PAGE.parent / "strips").iterdir()}
    assert sum((PAGE.parent / name).stat().st_size for name in linked) < 2_000_000
