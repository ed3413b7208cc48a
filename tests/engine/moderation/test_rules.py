"""What may not be drawn, however it is written; harmless stand-in words for the host's list."""

from __future__ import annotations

import itertools

import pytest

from engine.jobs import Condition, JobSpec
from engine.moderation import BlockedError, adult, check, met
from engine.moderation.reading import plain
from engine.moderation.words import CLOTHES, MINORS, SEXUAL
from tests.counting import Calls, events

STAND_INS = ["pineapple", "umbrella", "saxophone", "teapot", "marmalade", "octopus", "lantern", "cathedral"]
LOOKALIKE = str.maketrans("aeopcx", "аеорсх")


def spec(text: str, *, no: str = "", negative: str = "") -> JobSpec:
    conditions = [Condition(text=text)] + ([Condition(text=no, weight=-0.5)] if no else [])
    return JobSpec(
        model="m", conditions=tuple(conditions), negative_prompt=negative, width=64, height=64, steps=1,
        guidance_scale=5, sampler="ddim", seed=0,
    )  # fmt: skip


def evasions(word: str) -> list[str]:
    middle = len(word) // 2
    return [
        word.upper(),
        word.title() + "s",
        f"{word}!",
        f'"{word}",',
        " ".join(word),
        "-".join(word),
        ".".join(word),
        "_".join(word),
        f"{word[:middle]}-{word[middle:]}",
        f"{word[:middle]}*{word[middle:]}",
        "\u200b".join(word),
        f"{word[:2]}\u00ad{word[2:]}",
        f"\u202e{word}\u202c",
        word.replace("a", "á").replace("e", "ê").replace("o", "ó"),
        "".join(f"{char}\u0336" for char in word),
        word.replace("a", "4").replace("e", "3").replace("o", "0"),
        word.replace("a", "@").replace("s", "$"),
        word.replace("i", "1").replace("l", "1"),
        word.translate(LOOKALIKE),
        "".join(chr(ord(char) + 0xFEE0) for char in word),  # full width
        "".join(chr(ord(char) - 97 + 0x1D41A) for char in word),  # mathematical bold
        "".join(chr(ord(char) - 97 + 0x24D0) for char in word),  # circled
        word[0] * 4 + word[1:],
        word[:-1] + word[-1] * 5,
    ]


FRAMES = ["{}", "a {} on a table", "{}, oil painting, 4k", "the big red {} of dreams", "(({}:1.2))"]
TABLE = [
    frame.format(written)
    for word in STAND_INS
    for written, frame in itertools.product(evasions(word), FRAMES)
]
HARMLESS = [
    "a steapotential energy diagram",
    "umbrellalike shapes",
    "the lanternsrus of cathedralesque towns",
    "an octopush of joy",
    "pine apples",
    "saxo phones",
    "a marmal adept",
    "Essex in the rain",
    "a Sussex village with children",
    "a kid goat with a naked mole rat's cousin, a shrew",
    "a kindly gentleman",
    "some kind of nude study of a kind old man",
    "blue tits feeding their babies",
    "bass guitar in A minor",
    "a class of children painting",
    "a woman, nude study, charcoal",
    "young woman in lingerie",
    "a boy with an umbrella and a cake",
    "17 candles on a cake",
    "a baby elephant",
    "18 years old oak tree, naked branches",
    "peacock, cockatoo, titmouse",
    "analysis of a grape",
    "scunthorpe railway station",
    "a sexton beetle and a child of the moon",
]


def test_the_table_is_as_long_as_it_is_said_to_be() -> None:
    assert len(TABLE) == 960


def test_every_evasion_is_read() -> None:
    missed = [line for line in TABLE if not met(line, STAND_INS)]
    assert missed == []


def test_a_word_is_never_found_inside_another() -> None:
    assert [line for line in HARMLESS[:7] if met(line, STAND_INS)] == []


def test_a_phrase_is_found_as_a_whole_and_an_allowed_word_is_let_through() -> None:
    assert met("the Red  Square at night", ["red square"]) == ["red square"]
    assert met("a red and square thing", ["red square"]) == []
    assert met("a teapot", ["teapot", "lantern"], allowed=["teapot"]) == []


def test_the_hosts_list_refuses_in_a_sentence() -> None:
    with pytest.raises(BlockedError, match="does not draw `teapot`") as told:
        check(spec("a T3apot"), blocked=["teapot"])
    assert told.value.why == "list: teapot"
    check(spec("a cup", no="teapot"), blocked=["teapot"])  # not wanted, so not drawn


@pytest.mark.parametrize(
    "words", ["nude {}", "{} in l1ngerie", "n a k e d {}", "e.r.o.t.i.c portrait of a {}"]
)
@pytest.mark.parametrize("who", ["child", "t33nager", "schoolgirl", "12 year old", "Mädchen", "girl aged 9"])
def test_minors_and_sexual_words_never_meet(words: str, who: str) -> None:
    with pytest.raises(BlockedError, match="never drawn") as told:
        check(spec(words.format(who)), allowed=["child", "nude"])
    assert told.value.why.startswith("minors: ")


def test_what_is_excluded_is_not_wanted_but_for_clothes() -> None:
    check(spec("a child on a swing", no="nudity", negative="nsfw, nude"))
    with pytest.raises(BlockedError):
        check(spec("a child on a swing", no="clothes"))
    with pytest.raises(BlockedError):
        check(spec("a child on a swing", negative="clothing"))


def test_harmless_prompts_pass() -> None:
    refused = []
    for line in HARMLESS:
        try:
            check(spec(line))
        except BlockedError as error:
            refused.append((line, error.why))
    # one of a kind is known and accepted: a kid goat beside a naked mole rat
    assert [line for line, _ in refused] == ["a kid goat with a naked mole rat's cousin, a shrew"]


def test_the_lists_do_not_overlap() -> None:
    assert not MINORS & SEXUAL
    assert not MINORS & CLOTHES


@pytest.mark.parametrize("piece", ["a-b.", "n u d e ", "(((1.1", "🏳️‍🌈4", "ａ"])
def test_work_grows_with_the_length_of_a_prompt(piece: str) -> None:
    def look(length: int) -> int:
        asked = spec((piece * length)[:length])
        return events(lambda: check(asked, blocked=STAND_INS))

    look(100)  # what is made once
    assert look(6000) < 12 * look(600)


NEUTRAL = {
    "en": ("child", "nude"), "de": ("Mädchen", "nackt"), "fr": ("fillette", "nue"), "es": ("niña", "desnuda"),
    "pt": ("criança", "sem roupa"), "it": ("bambina", "nuda"), "nl": ("meisje", "naakt"),
    "pl": ("dziewczynka", "naga"), "ru": ("девочка", "голая"), "ja": ("少女", "全裸"), "ko": ("소녀", "나체"),
    "zh": ("儿童", "裸体"),
}  # fmt: skip


@pytest.mark.parametrize("language", NEUTRAL)
def test_the_two_lists_meet_in_no_language_and_not_across_two(language: str) -> None:
    young, bare = NEUTRAL[language]
    for line in (f"{young}, {bare}", f"{bare} / {young}", f"{young} ... nude", f"12 yo, {bare}"):
        with pytest.raises(BlockedError, match="never drawn") as told:
            check(spec(line), allowed=[young, bare])
        assert told.value.absolute
    check(spec(young))
    check(spec(f"{bare}, marble statue"))


@pytest.mark.parametrize(
    "age", ["12 years old", "aged 9", "12yo", "12 y.o.", "twelve-year-old", "12 Jahre", "12 ans", "12 años",
            "12 anos", "12 anni", "12 lat", "12 лет", "12歳", "12岁", "12살", "1girl", "2boys"],
)  # fmt: skip
def test_an_age_is_as_good_as_a_word(age: str) -> None:
    with pytest.raises(BlockedError, match="never drawn"):
        check(spec(f"{age}, nude"))


def test_grown_ups_are_not_meant() -> None:
    for age in ("18 years old", "30 ans", "45 лет", "二十五歳", "21歳", "117 years old", "nineteen-year-old"):
        check(spec(f"{age}, nude study"))


def test_words_written_in_pieces_and_weights_are_read() -> None:
    for line in ("n(ude:1.2) c(hil)d", "(n)(u)(d)(e) child", "{nu}de [chi]ld", "nu\u200bde chi\u200bld"):
        with pytest.raises(BlockedError, match="never drawn"):
            check(spec(line))


def test_what_is_excluded_can_be_a_plea_or_a_request() -> None:
    check(spec("a child on a swing", no="nude, sexual, nsfw"))
    check(spec("a nude study in charcoal", no="child, teenager"))
    check(spec("a portrait", no="adult"))
    with pytest.raises(BlockedError, match="never drawn"):
        check(spec("a nude study", no="adults, mature"))
    with pytest.raises(BlockedError, match="never drawn"):
        check(spec("子供", no="服"))


def test_every_part_of_a_prompt_and_every_picture_before_it_counts() -> None:
    parts = JobSpec(
        model="m", conditions=(Condition(text="a child"), Condition(text="a beach"), Condition(text="nude")),
        width=64, height=64, steps=1, guidance_scale=5, sampler="ddim", seed=0,
    )  # fmt: skip
    with pytest.raises(BlockedError):
        check(parts)
    check(spec("a nude study"), beside=["a vase"])
    with pytest.raises(BlockedError):
        check(spec("a nude study"), beside=["a beach", "a child"])
    # words are not read across two texts
    check(spec("chi", no=""), beside=["ld nude"])


def test_an_allowed_phrase_lets_its_own_words_through_and_no_others() -> None:
    assert met("a red square, a square hat", ["square"], ["red square"]) == ["square"]
    assert met("a red square hat", ["square"], ["red square"]) == []
    assert adult("a nude descending a staircase", ["nude descending a staircase"]) == []
    assert adult("a naked mole rat") == []
    assert adult("a naked man") == ["naked"]


def test_words_of_scripts_without_spaces_keep_their_ends() -> None:
    assert met("ヌードル", ["ヌード"]) == []
    assert met("ヌード写真", ["ヌード"]) == ["ヌード"]
    assert met("아이스크림", ["아이"]) == []
    assert met("아이가 웃는다", ["아이"]) == ["아이"]
    assert met("红 苹-果", ["苹果"]) == ["苹果"]


def test_work_grows_with_the_length_alone() -> None:
    def look(length: int) -> int:
        return events(lambda: met("a-b. n u d e (c:1.1) аb " * length, STAND_INS))

    look(10)
    assert look(1000) < 12 * look(100)


def test_a_prompt_is_taken_apart_once_however_many_lists_it_is_held_against() -> None:
    def held(text: str) -> None:
        check(spec(text), STAND_INS, ["teapot"])
        assert not adult(text, ["teapot"])

    held("a brass hat stand")  # the lists are read when first used
    with Calls(plain) as calls:
        held("a green apple")
    assert calls[plain] == 1
