"""Words left to chance: ``{a|b}``, ``__name__`` from the host's files. What was chosen is what is kept."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.config import Config, ModelConfig, load
from engine.config.sections import WildcardsConfig
from engine.errors import ConfigError
from engine.planning import wildcards
from engine.planning.explain import as_json
from engine.prompt import parse


def dice(*throws: int) -> Callable[[int], int]:
    """Return dice that fall as told, then on nothing."""
    left = list(throws)
    return lambda most: min(left.pop(0) if left else 0, most - 1)


def text(line: str, *throws: int, **more: object) -> str:
    return parse(line, dice=dice(*throws), **more).prompt.text  # type: ignore[arg-type]


def texts(line: str) -> set[str]:
    """Every text that a line may become: a hundred throws of dice that fall alike in each run."""
    thrown = random.Random(7)
    return {parse(line, dice=thrown.randrange).prompt.text for _ in range(100)}


@pytest.mark.parametrize(
    ("line", "possible"),
    [
        ("a {red|green} cat", {"a red cat", "a green cat"}),
        ("a {red, dotted|green} cat", {"a red, dotted cat", "a green cat"}),
        ("a {red|} cat", {"a red cat", "a cat"}),
        ("a {big {red|blue}|small} cat", {"a big red cat", "a big blue cat", "a small cat"}),
        ("a {{x, y} z|w}", {"a x z", "a y z", "a w"}),
        (r"a {red\|green|blue}", {"a red|green", "a blue"}),
        ("{0::a|b}", {"b"}),
        ("a | b {c}", {"a | b c"}),
        (r"a \{b|c\}", {"a {b|c}"}),
    ],
)
def test_one_choice_is_taken(line: str, possible: set[str]) -> None:
    assert texts(line) == possible
    assert parse(line).jobs == 1


def test_choices_fall_as_their_weights_say() -> None:
    throws = iter(range(40_000))
    fell = Counter(
        parse("{3::red|blue}", dice=lambda most: next(throws) * 10 % most).prompt.text for _ in range(4_000)
    )
    assert fell == {"red": 3_000, "blue": 1_000}


def test_several_may_be_taken_each_once() -> None:
    assert text("{2$$a|b|c} x", 0, 0) == "a, b x"
    assert text("{2$$ and $$a|b|c}", 20_000, 0) == "c and a"
    assert text("{1-2$$a|b}", 1, 0, 0) == "a, b"
    assert text("{9$$a|b}") == "a, b"


def test_each_job_chooses_anew() -> None:
    throws = iter([0, 10_000, 0, 10_000])
    prompts = parse("{x, y} {a|b} --repeat 2", dice=lambda most: next(throws)).prompts
    assert [(prompt.text, prompt.turn) for prompt in prompts] == [
        ("x a", 0),
        ("x b", 1),
        ("y a", 0),
        ("y b", 1),
    ]


def test_what_was_chosen_is_what_is_printed() -> None:
    parsed = parse("a {red|green} cat --ar {1:1|3:2}")
    assert parsed.random
    assert "{" not in str(parsed.prompt)
    again = parse(str(parsed.prompt))
    assert again.prompt == parsed.prompt
    assert not again.random
    assert any("at random" in note for note in parsed.notes)
    assert not parse("a {red, green} cat").random


@pytest.mark.parametrize(
    "line", ["{|}" * 300, "{a|" * 300 + "}" * 300, "{" * 300 + "|}" * 300, "{99$$|}", "{a|b" * 99]
)
def test_hostile_choices_end(line: str) -> None:
    text(f"x {line}")


# ------------------------------------------------------------------------------------ the host's files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    kept = tmp_path / "wildcards"
    (kept / "nature").mkdir(parents=True)
    (kept / "animal.txt").write_text("\ufeff# what there is\ncat\n\ndog, wet\n", encoding="utf-8")
    (kept / "nature" / "tree.txt").write_text("{big, small} oak\n", encoding="utf-8")
    (kept / "scene.txt").write_text("__animal__ under a __nature/tree__\n", encoding="utf-8")
    (kept / "loop.txt").write_text("x __loop__\n", encoding="utf-8")
    (kept / "grow.txt").write_text("__grow____grow__ __grow__ __grow__\n", encoding="utf-8")
    (tmp_path / "secret.txt").write_text("secret\n", encoding="utf-8")
    return kept


def test_wildcards_are_lines_of_the_hosts_files(folder: Path) -> None:
    keeper = wildcards.keeper(str(folder))
    assert keeper("animal") == ("cat", "dog, wet")
    assert text("a __animal__", 1, wildcards=keeper) == "a dog, wet"
    assert text("__animal__", 0, wildcards=keeper) == "cat"
    assert text("__scene__", 0, 0, 0, 0, wildcards=keeper) == "cat under a big oak"
    assert parse("__Animal__ --tile", wildcards=keeper).random
    assert {prompt.text for prompt in parse("{__animal__, bird}", wildcards=keeper, dice=dice()).prompts} == {
        "cat",
        "bird",
    }


def test_a_star_stands_for_every_file_of_a_folder(folder: Path) -> None:
    (folder / "nature" / "sky.txt").write_text("rain\n", encoding="utf-8")
    keeper = wildcards.keeper(str(folder))
    assert keeper("nature/*") == ("rain", "{big, small} oak")
    assert keeper("*imal") == ("cat", "dog, wet")
    assert "rain" in keeper("**/*")
    assert keeper("../*") == keeper("*/../../*") == ()
    assert text("a __nature/*__", 0, wildcards=keeper) == "a rain"


def test_a_changed_file_is_read_anew(folder: Path) -> None:
    keeper = wildcards.keeper(str(folder))
    assert keeper("animal")
    (folder / "animal.txt").write_text("a whale in the sea", encoding="utf-8")
    assert keeper("animal") == ("a whale in the sea",)


@pytest.mark.parametrize("name", ["../secret", "nature/../../secret", "/etc/hosts", "..", "none", "nature"])
def test_nothing_outside_the_folder_is_read(folder: Path, name: str) -> None:
    assert wildcards.keeper(str(folder))(name) == ()
    assert text(f"a __{name}__", wildcards=wildcards.keeper(str(folder))) == f"a __{name}__"


def test_wildcards_in_circles_end(folder: Path) -> None:
    keeper = wildcards.keeper(str(folder))
    assert text("__loop__", wildcards=keeper).startswith("x x x")
    assert as_json("__grow__", CONFIG.model_copy(update={"wildcards": WildcardsConfig(folder=str(folder))}))[
        "error"
    ]


def test_an_unknown_wildcard_is_said_and_read_as_words() -> None:
    parsed = parse("a __dragon__ here")
    assert parsed.prompt.text == "a __dragon__ here"
    assert any("no wildcard `__dragon__`" in note for note in parsed.notes)


CONFIG = Config(models=(ModelConfig(name="tiny", source="x"),))


def test_the_folder_is_the_configurations(folder: Path) -> None:
    file = folder.parent / "config.toml"
    file.write_text('[wildcards]\nfolder = "wildcards"\n', encoding="utf-8")
    answer = as_json("a __animal__", load(file, {}))
    assert answer["prompt"] in ("a cat", "a dog, wet")
    file.write_text('[wildcards]\nfolder = "nowhere"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match=r"no folder .*nowhere.*wildcards"):
        load(file, {})


# ------------------------------------------------------------------------------------ other programs' syntax


@pytest.mark.parametrize(
    ("line", "said", "words"),
    [
        ("a [red|blue] cat", "`[a|b]`", "a [red|blue] cat"),
        ("a [red:blue:0.5] cat", "`[a:b:0.5]`", "a [red:blue:0.5] cat"),
        ("a [red:0.5] cat", "`[a:b:0.5]`", "a [red:0.5] cat"),
        ("a cat AND a dog", "`AND`", "a cat AND a dog"),
        ('("a cat", "a dog").blend(0.5, 0.5)', "`.blend()`", '("a cat", "a dog").blend(0.5, 0.5)'),
        ("a cat embedding:easy", "Embeddings", "a cat"),
        ("a <cat-toy> on a mat", "Embeddings", "a on a mat"),
        ("<easynegative>, a cat", "Embeddings", "a cat"),
        ("a cat, (embedding:easy:1.2), red", "Embeddings", "a cat, red"),
        ("a [:red:0.5] cat", "`[a:b:0.5]`", "a [:red:0.5] cat"),
        ("a [red::0.5] cat", "`[a::0.5]`", "a red cat"),
        ("a cat.swap(dog)", "`.swap()`", "a cat.swap(dog)"),
        ("a red++ cat", "`word++`", "a red++ cat"),
        ("a (red hat)1.3 cat", "`(words)1.2`", "a (red hat)1.3 cat"),
        ("a cat ADDCOL a dog", "`ADDCOL`", "a cat ADDCOL a dog"),
        ("a <random:red,blue> cat", "`<random:…>`", "a <random:red,blue> cat"),
        ("${hue=red} a ${hue} cat", "`${x=…}`", "$hue=red a $hue cat"),
        ("{masterpiece}, a {{red}} cat", "Braces around one choice", "masterpiece, a red cat"),
        ("a __nature/*__ here", "no wildcard `__nature/*__`", "a __nature/*__ here"),
    ],
)
def test_what_is_not_done_here_is_said(line: str, said: str, words: str) -> None:
    parsed = parse(line)
    assert any(said in note for note in parsed.notes)
    assert parsed.prompt.text == words


@pytest.mark.parametrize(
    "line",
    [
        "a [red] cat",
        "a (red:1.2) cat",
        "a [16:9] frame",
        "salt and pepper",
        "SAND AND",
        "[a], b | [c]",
        "C++ code",
        "$5 a cat",
        "a couple",
        "1 + 1",
        "i <3 u",
    ],
)
def test_what_is_plain_is_not_spoken_of(line: str) -> None:
    assert not parse(line).notes


def test_embeddings_are_no_words_of_the_negative_prompt() -> None:
    parsed = parse("a cat --negative embedding:bad, dull, <easynegative>")
    assert parsed.prompt.get("negative") == "dull"
    assert any("Embeddings" in note for note in parsed.notes)
    assert parse("a cat --negative embedding:bad").prompt.get("negative") is None
