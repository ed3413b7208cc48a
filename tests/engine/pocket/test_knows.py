"""What the shipped models know and do not, by their lists; and the lists against the weights that ship."""

from __future__ import annotations

import json
import tracemalloc

import pytest

from engine.pocket import FOLDER
from engine.pocket.knows import LISTS, completions, instead, near, places, subject, suggest, things, unknown

FLOW = "pocket-flow"


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("a cat and two puppies on the beach", ()),
        ("a capybara on a pink background, highly detailed", ("capybara",)),
        ("photo of the dog's stethoscopist --no zyzzyva --ar 3:2", ("stethoscopist",)),
        ("Capybara, CAPYBARA and a quokka", ("capybara", "quokka")),
        ("wolves in 8k", ()),
        ("", ()),
        ("ein Eichhörnchen", ("ein", "eichhörnchen")),
    ],
)
def test_words_never_taught_are_found_and_words_about_the_manner_are_not(
    prompt: str, words: tuple[str, ...]
) -> None:
    assert unknown(prompt) == words


def test_no_prompt_has_the_list_made_anew() -> None:
    unknown("a quokka")  # the list is read when it is first needed
    tracemalloc.start()
    try:
        unknown("a capybara")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 16 * 1024  # a set of its three thousand words takes over 100 KiB


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("a capybara riding a horse", "capybara"),
        ("a big seismograph --ar 3:2 --no zyzzyva", "seismograph"),
        ("a cat on a seismograph", None),  # the cat is the subject, and is known
        ("a capybara cat", None),  # only a kind of cat
        ("a red apple on a beach", None),
        ("", None),
    ],
)
def test_the_subject_is_told_only_where_it_was_never_taught(prompt: str, words: str | None) -> None:
    assert subject(prompt) == words


def test_a_known_thing_takes_the_place_of_an_unknown_one_article_and_all() -> None:
    assert instead("a Capybara riding --ar 3:2", "capybara", "an owl") == "an owl riding --ar 3:2"
    assert instead("a big capybara", "capybara", "an owl") == "a big owl"
    assert instead("capybara, neon", "capybara", "an owl") == "an owl, neon"
    assert instead("the big  capybara king", "capybara king", "an owl") == "the big  owl"
    assert instead("capybaras", "capybara", "an owl") == "capybaras", "only whole words"


def test_what_is_typed_is_completed_behind_its_last_article() -> None:
    assert completions("a cas")[0] == "a castle"
    assert "a wolf in a forest" in completions("a wolf in a fo")
    assert completions("a wolf in a forest that nobody knows of") == ()
    assert completions("a wolf --ar 3:2") == ()
    assert completions("", 5) == suggest("", 5)


def test_near_things_are_three_and_drawn_well_whatever_the_word() -> None:
    well = {thing.prompt for thing in things() if thing.well}
    for word in ("capybara", "spiderman", "zyzzyva", "eichhörnchen", "penguni"):
        found = near(word)
        assert len(set(found)) == 3
        assert set(found) <= well
        assert found == near(word.upper())


def test_near_goes_by_keywords_and_by_spelling() -> None:
    assert near("penguni")[0] == "a penguin"
    assert near("elefant")[0] == "an elephant"
    # CLDR: the keywords of the wolf face have none of these, the dog's has "pet"; ours name the breeds
    assert near("corgi")[0] == "a dog"
    assert set(near("spiderman")) & {"a superhero", "a ninja", "a robot"}


def test_suggestions_begin_as_typed_and_good_ones_lead() -> None:
    assert suggest("a cas")[0] == "a castle"
    assert suggest("kitt")[0] == "a cat"
    assert suggest("qqq") == ()
    assert len(suggest("", 25)) == 25
    well = {thing.prompt: thing.well for thing in things()}
    told = [well.get(prompt, True) for prompt in suggest("s", 10)]
    assert told == sorted(told, reverse=True)


def test_the_list_is_of_the_words_that_the_shipped_tokenizer_holds_whole() -> None:
    vocabulary = json.loads((FOLDER / "tokenizer" / "tokenizer.json").read_text(encoding="utf-8"))
    whole = vocabulary["model"]["vocab"]
    for listed in LISTS.values():
        told = json.loads(listed.read_text(encoding="utf-8"))
        assert [word for word in told["words"] if f"{word}</w>" not in whole] == []
    # and of all things whose words the training list has and the tokenizer too
    from engine.pocket.train.things import taught

    assert [thing.names[0] for thing in things()] == [one.noun for one in taught(FOLDER / "tokenizer")]
    assert len(places()) >= 11
    assert all(unknown(thing.prompt) == () for thing in things())


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("a red apple on the beach", None),
        ("two kittens in the snow", None),  # SAME: a kitten starts as a cat
        ("a wolf in the forest", "wolf"),
        ("a shark, flat style", "shark"),
        ("an old man", "man"),
        ("a seismograph", "seismograph"),
    ],
)
def test_the_second_model_knows_the_everyday_things_alone(prompt: str, words: str | None) -> None:
    assert subject(prompt, FLOW) == words


def test_the_list_of_the_second_model_is_what_it_was_taught() -> None:
    # the first lesson (train/data.py, plain_plan) shows these, and places behind them only
    from engine.pocket.train.concepts import EVERYDAY

    assert [thing.names[0] for thing in things(FLOW)] == [one.noun for one in EVERYDAY]
    assert all(unknown(thing.prompt, FLOW) == () for thing in things(FLOW))
    assert places(FLOW) == {}


def test_near_things_of_the_second_model_are_its_own_and_of_the_kind_that_was_asked_for() -> None:
    groups = {thing.prompt: thing.group for thing in things(FLOW) if thing.well}
    for word in ("shark", "wolf", "wizard", "seismograph", "zyzzyva"):
        assert len(found := near(word, model=FLOW)) == 3
        assert set(found) <= groups.keys()
    # the first model's list says what kind of thing a shark and a wolf are (CLDR)
    assert {groups[prompt] for prompt in near("shark", model=FLOW)} == {"animal-marine"}
    assert {groups[prompt] for prompt in near("wolves", model=FLOW)} == {"animal-mammal"}
    # people it has none of: faces are nearest
    assert {groups[prompt].partition("-")[0] for prompt in near("man", model=FLOW)} == {"face"}
    assert near("penguni", model=FLOW)[0] == "a penguin"
    assert suggest("a wol", model=FLOW) == ()
    assert completions("a pen", model=FLOW)[0] == "a penguin"
