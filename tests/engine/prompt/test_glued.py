"""What stands too close together, or between marks of another keyboard, is read as it was meant."""

from __future__ import annotations

import pytest

from engine.errors import PromptError
from engine.prompt import parse


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        # what other programs write between a flag and its value
        ("a cat --chaos : 5", "a cat --chaos 5"),
        ("a cat --chaos = 5", "a cat --chaos 5"),
        ("a cat --no = dogs, birds", "a cat --no dogs, birds"),
        ("a cat --seed <7>", "a cat --seed 7"),
        ("a cat --seed (7) on a mat", "a cat on a mat --seed 7"),
        ("a cat --size 512x768", "a cat --width 512 --height 768"),
        ("a cat --size=1024×640 on a mat", "a cat on a mat --width 1024 --height 640"),
        # a flag close behind another, or behind its one word
        ("a cat --tile--raw", "a cat --raw --tile"),
        ("a cat --v 5--tile--ar 3:2", "a cat --ar 3:2 --v 5 --tile"),
        ("a cat --lora ink--tile", "a cat --tile --lora ink:1"),
        # whole numbers with points as much of Europe writes them; elsewhere a point is a point
        ("a cat --stylize 1.000", "a cat --stylize 1000"),
        ("a cat --seed 1.234.567", "a cat --seed 1234567"),
        ("a cat --quality 1.000", "a cat --quality 1"),
        # where a number ends, words go on, and a weight is theirs
        ("a cat --cfg ½,red", "a cat red --cfg 0.5"),
        ("a cat --cfg 7，red", "a cat red --cfg 7"),
        ("a cat --zoom 1.5７::3 a dog", "a cat::3 a dog::1 --zoom 1.57"),
        ("a cat --niji::2 a dog", "a cat::2 a dog::1 --niji"),
    ],
)
def test_flags_and_their_values_stand_close_or_apart(typed: str, meant: str) -> None:
    assert str(parse(typed).prompt) == meant


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("a cat::2; a dog", "a cat::2 a dog::1"),
        ("a cat::2!", "a cat::2"),
        ("a cat::50% a dog::50%", "a cat::50 a dog::50"),
        ("a cat:::2 a dog", "a cat::2 a dog::1"),
        ("(a cat::2 a dog)", "a cat::2 a dog::1"),
        ("a cat::2 .hack", "a cat::2 .hack::1"),
        ("a 猫：：2 a dog", "a 猫::2 a dog::1"),
        ("a （cat：1.2） on a mat", "a (cat:1.2) on a mat"),
        ("「猫」：かわいい", "「猫」：かわいい"),
        ("<lora:ink:1>, <lora:wash:1>, a cat, red", "a cat, red --lora ink:1, wash:1"),
        ("a cat, <lora:ink:1>", "a cat --lora ink:1"),
    ],
)
def test_marks_around_weights_are_no_texts(typed: str, meant: str) -> None:
    assert str(parse(typed).prompt) == meant


@pytest.mark.parametrize(
    "line",
    [
        '</e:000000000000011> {"prompt":"a',  # what is taken out stood in front of something else
        "#Negative prompt:l<x_y>embedding:x|o",
        "embedding:ی\u200cم cat",
        "*::0.rg/x.png",  # a link as soon as its text stands alone
        "::「a --negative b」",  # marks that would wrap the whole once it is printed
        "::'a --no b'",
        "::<a --no b>",
        "+--lora0--w 5",
        "a“--zoom 1.5７::.5--nijistyle--sampler euler",
    ],
)
def test_odd_lines_read_the_same_when_shown(line: str) -> None:
    parsed = parse(line)
    again = parse(str(parsed.prompt)).prompt
    assert (again.parts, again.images, again.given) == (
        parsed.prompt.parts,
        parsed.prompt.images,
        parsed.prompt.given,
    )
    assert parse(parsed.line).prompts == parsed.prompts


@pytest.mark.parametrize(
    ("typed", "better"),
    [
        ("a cat --aspect-ratio 16:9", "a cat --aspect 16:9"),
        ("a cat --aspect-ratio=16:9", "a cat --aspect 16:9"),
        ("a cat --stpes=20", "a cat --steps 20"),
        ("a cat --style-anime", "a cat --style anime"),
        ("a cat --no-dogs", "a cat --no dogs"),
        ("a cat --stylze 512x768", "a cat"),  # a size is no strength
    ],
)
def test_a_corrected_line_keeps_the_value(typed: str, better: str) -> None:
    with pytest.raises(PromptError) as refused:
        parse(typed)
    assert refused.value.repaired == better
