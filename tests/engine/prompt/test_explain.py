"""``limner parse --json``: one object a line, whatever the line."""

from __future__ import annotations

import json

import pytest

from engine.config import Config, LimitsConfig, ModelConfig
from engine.planning.explain import as_json
from engine.prompt import Given, parse

CONFIG = Config(
    models=(ModelConfig(name="pocket", source="pocket", aliases=("v 7",), steps=20, guidance_scale=5),),
    limits=LimitsConfig(permutations=10),
)


def test_a_plain_line() -> None:
    assert as_json("a red apple --ar 3:2", CONFIG) == {
        "prompt": "a red apple",
        "flags": {
            "ar": {"value": "3:2", "from": "prompt"},
            "model": {"value": "pocket", "from": "model"},
            "steps": {"value": 20, "from": "model"},
            "cfg": {"value": 5.0, "from": "model"},
            "sampler": {"value": "dpmpp_2m", "from": "model"},
        },
        "notes": [],
        "jobs": 1,
        "error": None,
    }


def test_flags_are_keyed_by_their_short_midjourney_names() -> None:
    line = (
        "cat --aspect 3:2 --version 7 --c 5 --s 6 --w 7 --q 1 --r 2 --seed 8 --stop 90 --iw 2 --no a, b "
        "--p --tile"
    )
    flags = as_json(line, CONFIG)["flags"]
    typed = {name: flag["value"] for name, flag in flags.items() if flag["from"] == "prompt"}
    assert typed == {
        "ar": "3:2",
        "v": "7",
        "chaos": 5,
        "stylize": 6,
        "weird": 7,
        "quality": 1,
        "repeat": 2,
        "seed": 8,
        "stop": 90,
        "iw": 2,
        "no": "a, b",
        "profile": True,
        "tile": True,
    }


def test_every_layer_is_named() -> None:
    answer = as_json(
        "cat --ar 3:2",
        CONFIG,
        suffix="--chaos 5",
        layers=(("settings", "--stop 60"), ("server", "--weird 3")),
    )
    assert {name: flag["from"] for name, flag in answer["flags"].items()} == {
        "ar": "prompt",
        "chaos": "suffix",
        "stop": "settings",
        "weird": "server",
        "model": "model",
        "steps": "model",
        "cfg": "model",
        "sampler": "model",
    }


def test_permutations_show_every_value_and_count_the_jobs() -> None:
    answer = as_json("a {red, green} cat --ar {1:1, 3:2} --repeat 2", CONFIG)
    assert answer["jobs"] == 8
    assert answer["flags"]["ar"]["value"] == ["1:1", "3:2"]
    assert answer["prompt"] == "a {red, green} cat --ar {1:1, 3:2} --repeat 2"


def test_too_many_jobs_are_counted_and_refused() -> None:
    answer = as_json("{a,b,c,d,e,f,g,h,i,j,k}", CONFIG)
    assert answer["jobs"] == 11
    assert "at most 10" in answer["error"]


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("", "nothing to draw"),
        ("   ", "nothing to draw"),
        ("cat --ar 16.9", "Try: cat --ar 16:9"),
        ("cat --model x", "Try: cat --model pocket"),
        ("cat --foo", "--foo"),
    ],
)
def test_refusals_are_one_sentence_with_the_corrected_line(line: str, word: str) -> None:
    answer = as_json(line, CONFIG)
    assert word in answer["error"]
    assert "\n" not in answer["error"]
    assert answer["flags"] == {}
    assert answer["jobs"] == 0


def test_links_are_read_without_fetching_them() -> None:
    answer = as_json("https://a.b/x.png::2 a cat", CONFIG)
    assert answer["error"] is None
    assert answer["prompt"] == "https://a.b/x.png::2 a cat"


def test_answers_are_json_and_text_also_for_broken_input() -> None:
    for line in ("\ud800\udfff", "a\x00b", "\u202e cat", "`cat` @everyone", "\x1b[31m"):
        answer = as_json(line, CONFIG)
        json.dumps(answer, ensure_ascii=False).encode()


def test_the_language_alone_needs_no_models() -> None:
    assert parse("cat --ar 3:2").prompt.given == (Given("ar", "3:2", "prompt"),)
