"""Weights in the text against AUTOMATIC1111's own documented examples, and ``<lora:…>`` tags."""

from __future__ import annotations

import pytest

from engine.jobs import Lora
from engine.prompt import take_networks
from engine.prompt.attention import parse_attention


# the docstring of prompt_parser.parse_prompt_attention in stable-diffusion-webui
@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("normal text", [("normal text", 1.0)]),
        ("an (important) word", [("an ", 1.0), ("important", 1.1), (" word", 1.0)]),
        ("(unbalanced", [("unbalanced", 1.1)]),
        (r"\(literal\]", [("(literal]", 1.0)]),
        ("(unnecessary)(parens)", [("unnecessaryparens", 1.1)]),
        (
            "a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).",
            [
                ("a ", 1.0),
                ("house", 1.5730000000000004),
                (" ", 1.1),
                ("on", 1.0),
                (" a ", 1.1),
                ("hill", 0.55),
                (", sun, ", 1.1),
                ("sky", 1.4641000000000006),
                (".", 1.1),
            ],
        ),
    ],
)
def test_documented_examples(text: str, pieces: list[tuple[str, float]]) -> None:
    found = parse_attention(text)
    assert [words for words, _ in found] == [words for words, _ in pieces]
    assert [weight for _, weight in found] == pytest.approx([weight for _, weight in pieces])


# the wiki page "Features", section "Attention/emphasis": the same word three ways, and escaping
@pytest.mark.parametrize(
    ("text", "weight"),
    [
        ("(word)", 1.1),
        ("((word))", 1.21),
        ("[word]", 1 / 1.1),
        ("[[word]]", 1 / 1.21),
        ("(word:1.5)", 1.5),
        ("(word:0.25)", 0.25),
        ("( word : .5 )", 0.5),
        ("(word:-1)", -1),
        ("([word])", 1.0),
    ],
)
def test_emphasis(text: str, weight: float) -> None:
    [(word, found)] = parse_attention(text)
    assert word.strip() == "word"
    assert found == pytest.approx(weight)


def test_escaped_brackets_are_letters() -> None:
    assert parse_attention(r"\(word\) \[x\]") == [("(word) [x]", 1.0)]


def test_break_parts_the_text_and_swallows_the_blanks_around_it() -> None:
    assert parse_attention("a cat BREAK a dog") == [("a cat", 1.0), ("BREAK", -1.0), ("a dog", 1.0)]
    assert parse_attention("BREAKFAST") == [("BREAKFAST", 1.0)]
    assert parse_attention("(a BREAK b:1.2)") == [("a", 1.2), ("BREAK", -1.0), ("b", 1.2)]


def test_brackets_of_two_kinds_may_cross() -> None:
    found = parse_attention("(a [b) c]")
    assert [words for words, _ in found] == ["a ", "b", " c"]
    assert [weight for _, weight in found] == pytest.approx([1.1, 1.0, 1 / 1.1])


def test_a_colon_without_brackets_is_a_colon() -> None:
    assert parse_attention("time: 12:30") == [("time: 12:30", 1.0)]
    assert parse_attention("a:1.2) b") == [("a:1.2) b", 1.0)]


def test_nothing_is_one_empty_piece() -> None:
    assert parse_attention("") == [("", 1.0)]


def test_deep_nesting_stays_a_number() -> None:
    [(word, weight)] = parse_attention("(" * 5000 + "x")
    assert (word, weight) == ("x", 100.0)


@pytest.mark.parametrize(
    ("text", "left", "loras", "others"),
    [
        ("a <lora:ink:0.8> b", "a  b", [Lora(name="ink", weight=0.8)], []),
        ("<lora:ink>", "", [Lora(name="ink", weight=1)], []),
        ("<LORA:Ink v2:-1>", "", [Lora(name="Ink v2", weight=-1)], []),
        ("<lora:ink:0.8:0.5>", "", [Lora(name="ink", weight=0.8)], []),
        ("<lyco:x:1>", "", [Lora(name="x", weight=1)], []),
        ("<hypernet:x:1>", "", [], ["<hypernet:x:1>"]),
        ("<lora:ink:much>", "", [], ["<lora:ink:much>"]),
        ("a < b > c <3", "a < b > c <3", [], []),
    ],
)
def test_networks(text: str, left: str, loras: list[Lora], others: list[str]) -> None:
    assert take_networks(text) == (left, loras, others)
