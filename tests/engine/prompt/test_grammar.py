"""The grammar by hand: every rule of Midjourney's prompt language, and every slip of the finger."""

from __future__ import annotations

import pytest

from engine.config import pocket
from engine.errors import PromptError
from engine.jobs import Condition
from engine.planning.plan import plan
from engine.prompt import parse
from engine.prompt.parse import TooManyJobsError
from engine.prompt.prompt import ImageLink
from engine.prompt.texts import MAX_CONDITIONS


def flags(line: str, **more: object) -> dict[str, object]:
    return {given.name: given.plain() for given in parse(line, **more).prompt.given}  # type: ignore[arg-type]


def text(line: str) -> str:
    return parse(line).prompt.text


def refused(line: str, **more: object) -> PromptError:
    with pytest.raises(PromptError) as caught:
        parse(line, **more)  # type: ignore[arg-type]
    return caught.value


# ------------------------------------------------------------------------------------ order and links


def test_links_come_first_then_text_then_flags() -> None:
    prompt = parse("https://a.b/x.png https://a.b/y.jpg a cat --ar 3:2").prompt
    assert prompt.images == (ImageLink("https://a.b/x.png"), ImageLink("https://a.b/y.jpg"))
    assert prompt.text == "a cat"
    assert prompt.get("ar") == "3:2"


def test_links_may_stand_anywhere() -> None:
    prompt = parse("a cat https://a.b/x.png on a mat <https://a.b/y.webp>").prompt
    assert [image.url for image in prompt.images] == ["https://a.b/x.png", "https://a.b/y.webp"]
    assert prompt.text == "a cat on a mat"


@pytest.mark.parametrize("ending", ["png", "PNG", "gif", "jpg", "jpeg", "webp", "png?ex=1&is=2"])
def test_direct_links_to_pictures_are_taken(ending: str) -> None:
    assert parse(f"https://a.b/x.{ending} cat").prompt.images


@pytest.mark.parametrize(
    "link",
    [
        "https://cdn.discordapp.com/attachments/1/2/x",
        "https://s.mj.run/abc",
        "https://cdn.midjourney.com/u/0_0",
    ],
)
def test_discord_and_midjourney_links_need_no_ending(link: str) -> None:
    assert parse(f"{link} cat").prompt.images == (ImageLink(link),)


def test_a_page_is_no_picture() -> None:
    error = refused("https://example.com/gallery a cat")
    assert "not a direct link" in str(error)
    assert error.repaired == "a cat"


def test_a_blob_link_was_never_sent() -> None:
    assert "never sent" in str(refused("blob:https://discord.com/1234 a cat"))


def test_one_picture_needs_words_and_two_do_not() -> None:
    assert "One picture alone" in str(refused("https://a.b/x.png"))
    assert len(parse("https://a.b/x.png https://a.b/y.png").prompt.images) == 2


def test_pictures_may_weigh_differently() -> None:
    prompt = parse("https://a.b/x.png::2 https://a.b/y.png::0.5 cat --iw 1.5").prompt
    assert [image.weight for image in prompt.images] == [2, 0.5]
    assert prompt.get("iw") == 1.5


def test_a_picture_cannot_weigh_less_than_nothing() -> None:
    error = refused("https://a.b/x.png::-1 cat")
    assert error.repaired == "https://a.b/x.png::1 cat"


# ------------------------------------------------------------------------------------ multi-prompts


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("space ship", [("space ship", 1)]),
        ("space:: ship", [("space", 1), ("ship", 1)]),
        ("space::2 ship", [("space", 2), ("ship", 1)]),
        ("space::100 ship::50", [("space", 100), ("ship", 50)]),
        ("tulips:: red::-.5", [("tulips", 1), ("red", -0.5)]),
        ("a::1.5 b::.25 c", [("a", 1.5), ("b", 0.25), ("c", 1)]),
        ("hot ::2 dog", [("hot", 2), ("dog", 1)]),
        ("ship:: 2 masts", [("ship", 1), ("2 masts", 1)]),
        ("a:: 0.5", [("a", 1), ("0.5", 1)]),
        ("a::2, b::3", [("a", 2), ("b", 3)]),
        ("a::3d render", [("a", 1), ("3d render", 1)]),
        ("cup::cake", [("cup", 1), ("cake", 1)]),
        ("::2 a", [("a", 1)]),
        ("a::2", [("a", 2)]),
    ],
)
def test_parts_and_their_weights(line: str, parts: list[tuple[str, float]]) -> None:
    assert parse(line).prompt.parts == tuple(Condition(text=words, weight=weight) for words, weight in parts)


def test_a_weight_after_a_blank_is_text_and_said() -> None:
    assert any("`::0.5` without the blank" in note for note in parse("a:: 0.5 --ar 1:1").notes)


@pytest.mark.parametrize("line", ["a::1 b::-1", "a::-1", "a:: b::-0.5 --no c", "a::0"])
def test_weights_must_add_up_to_more_than_nothing(line: str) -> None:
    assert "add up to" in str(refused(line))


def test_no_counts_one_half_against() -> None:
    assert parse("a::0.6 --no b, c").prompt.no == ("b", "c")
    refused("a::0.5 --no b")


def test_a_picture_is_steered_by_six_texts_at_most() -> None:
    many = " ".join(f"part{i}::1" for i in range(MAX_CONDITIONS))
    assert len(parse(many).prompt.parts) == MAX_CONDITIONS == 6
    assert "6 texts" in str(refused(f"{many} seventh::1"))
    assert "6 texts" in str(refused(f"{many} --no cars"))


# ------------------------------------------------------------------------------------ permutations


@pytest.mark.parametrize(
    ("line", "prompts"),
    [
        ("a {red, green} apple", ["a red apple", "a green apple"]),
        ("{a, b} {c, d}", ["a c", "a d", "b c", "b d"]),
        ("x {a, b {c, d}}", ["x a", "x b c", "x b d"]),
        ("cat {, --tile}", ["cat", "cat --tile"]),
        ("cat --ar {1:1, 3:2}", ["cat --ar 1:1", "cat --ar 3:2"]),
        ("cat --{chaos, weird} 50", ["cat --chaos 50", "cat --weird 50"]),
        ("cat {--ar 3:2, --chaos 5}", ["cat --ar 3:2", "cat --chaos 5"]),
        (r"{red\, ripe, green} apple", ["red, ripe apple", "green apple"]),
        (r"a \{curly\} brace", [r"a \{curly\} brace"]),
        (r"{\{, \}} x", [r"\{ x", r"\} x"]),
        ("a {single} choice", ["a single choice"]),
        ("a {", [r"a \{"]),
        ("a } b", [r"a \} b"]),
        ("naturally {colourful , bright } bird", ["naturally colourful bird", "naturally bright bird"]),
    ],
)
def test_permutations(line: str, prompts: list[str]) -> None:
    assert [str(prompt) for prompt in parse(line).prompts] == prompts


def test_permutations_are_counted_before_they_are_expanded() -> None:
    with pytest.raises(TooManyJobsError) as caught:
        parse("{a,b,c}" * 40)
    assert caught.value.jobs == 10**9  # counting stops there: 3 ** 40 would be 1.2e19
    with pytest.raises(TooManyJobsError) as caught:
        parse("{1,2,3,4,5,6,7,8,9,10,11}")
    assert caught.value.jobs == 11
    assert "11 jobs" in str(caught.value)
    assert "at most 10" in str(caught.value)


def test_the_cap_is_the_callers() -> None:
    assert parse("{a, b, c}", limit=3).jobs == 3
    refused("{a, b, c}", limit=2)


def test_repeat_multiplies() -> None:
    parsed = parse("{a, b} cat --repeat 3")
    assert parsed.jobs == 6
    assert [(prompt.text, prompt.turn) for prompt in parsed.prompts] == [
        ("a cat", 0),
        ("a cat", 1),
        ("a cat", 2),
        ("b cat", 0),
        ("b cat", 1),
        ("b cat", 2),
    ]
    with pytest.raises(TooManyJobsError) as caught:
        parse("{a, b} cat --repeat 6")
    assert caught.value.jobs == 12
    assert parse("cat --repeat {2, 3}").jobs == 5


# ------------------------------------------------------------------------------------ plain text


def test_quotes_protect_neither_dashes_nor_braces() -> None:
    assert flags('a sign "--ar 3:2"')["ar"] == "3:2"
    assert parse('a sign "{a, b}"').jobs == 2


@pytest.mark.parametrize(
    "line", ["a | b + c", "A CAT! (really)", "größe 猫 кот قطة", "a 50% grey #1 & co. @ home"]
)
def test_other_marks_and_scripts_are_plain_text(line: str) -> None:
    assert text(line) == line


def test_line_breaks_are_blanks() -> None:
    assert text("a cat\non a\r\nmat") == "a cat on a mat"


def test_attention_and_break_stay_in_the_text() -> None:
    line = r"a (red:1.2) [small] ((cat)) BREAK \(literal\)"
    assert text(line) == line


def test_six_thousand_characters_are_taken_and_no_more() -> None:
    assert parse("x" * 6000).jobs == 1
    error = refused("x" * 6001)
    assert "6000" in str(error)
    assert "6001" in str(error)


def test_a_pasted_imagine_is_left_out_at_the_start_only() -> None:
    assert text("/imagine prompt: a cat") == "a cat"
    assert text("/imagine prompt:a cat") == "a cat"
    assert text("/imagine a cat") == "a cat"
    assert text("/IMAGINE PROMPT: a cat") == "a cat"
    assert text('a sign "/imagine prompt: x"') == 'a sign "/imagine prompt: x"'
    assert text("/imaginerium") == "/imaginerium"
    assert text("imagine prompt: a cat") == "a cat"
    assert text("imagine a prompt: a cat") == "imagine a prompt: a cat"


@pytest.mark.parametrize(
    "line",
    [
        "",
        "   ",
        "\n",
        "--ar 3:2",
        "/imagine prompt:",
        ",",
        "::",
        "\u200b\u2060 \u3164",
        "\u00ad::2 \u2800::1",
        "\ufe0f",
    ],
)
def test_nothing_to_draw_is_said(line: str) -> None:
    if line == ",":
        assert text(line) == ","  # odd, but words are the person's own
    else:
        assert "nothing to draw" in str(refused(line))


# ------------------------------------------------------------------------------------ slips of the finger


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("cat —ar 16:9", "ar", "16:9"),
        ("cat –ar 16:9", "ar", "16:9"),
        ("cat ––ar 16:9", "ar", "16:9"),
        ("cat –v 5", "v", "5"),
        ("cat −−ar 16:9", "ar", "16:9"),
        ("cat -- v 5", "v", "5"),
        ("cat -- ar 16:9", "ar", "16:9"),
        ("cat — ar 16:9", "ar", "16:9"),
        ("cat --ar16:9", "ar", "16:9"),
        ("cat --ar 16x9", "ar", "16:9"),
        ("cat --ar 16X9", "ar", "16:9"),
        ("cat --ar 16/9", "ar", "16:9"),
        ("cat --ar 16×9", "ar", "16:9"),
        ("cat --ar 16 : 9", "ar", "16:9"),
        ("cat --ar 16: 9", "ar", "16:9"),
        ("cat --ar 16 9", "ar", "16:9"),
        ("cat --ar 16-9", "ar", "16:9"),
        ("cat --ar=16:9", "ar", "16:9"),
        ("cat --ar:16:9", "ar", "16:9"),
        ('cat --ar "16:9"', "ar", "16:9"),
        ("cat --ar 16:9,", "ar", "16:9"),
        ("cat --ar 16:9.", "ar", "16:9"),
        ("cat --ar 1.85:1", "ar", "37:20"),
        ("cat --ar landscape", "ar", "3:2"),
        ("cat --AR 16:9", "ar", "16:9"),
        ("cat --Aspect 16:9", "ar", "16:9"),
        ("cat ---ar 16:9", "ar", "16:9"),
        ("cat -ar 16:9", "ar", "16:9"),
        ("cat--ar 16:9", "ar", "16:9"),
        ("cat, --ar  16:9", "ar", "16:9"),
        ("cat --v5", "v", "5"),
        ("cat --v5.2", "v", "5.2"),
        ("cat --v 5.", "v", "5"),
        ("cat --V 5", "v", "5"),
        ("cat --s250,", "stylize", 250),
        ("cat --chaos 50%", "chaos", 50),
        ("cat --seed123", "seed", 123),
        ("cat --q.5", "quality", 0.5),
        ("cat --cfg 7,5", "cfg", 7.5),
        ("cat --cfg-scale 7.5", "cfg", 7.5),
        ("cat --style digital art", "style", "digital-art"),
        ("cat --style Pixel_Art", "style", "pixel-art"),
        ("cat --sampler DPM++ 2M Karras", "sampler", "dpmpp_2m_karras"),
        ("cat --no cars, trees.", "no", "cars, trees"),
        ("猫 --no 狗，猫。", "no", "狗, 猫"),
        ("cat ——ar 16：9", "ar", "16:9"),
        ("cat －－ar 16:9", "ar", "16:9"),
        ("cat –-ar 16:9", "ar", "16:9"),
        ("cat --stylize 1,000", "stylize", 1000),
        ("cat --ar 16:9!", "ar", "16:9"),
        ("cat --tile--ar 16:9", "ar", "16:9"),
        ("cat --chaos 20--ar 16:9", "ar", "16:9"),
        ("cat --v 5--tile", "tile", True),
        ("cat --tile - v 5", "v", "5"),
        ("cat --tile true", "tile", True),
        ("cat --raw 1 --ar 3:2", "raw", True),
        ("cat --draft yes.", "draft", True),
        ("cat --sampler DPM++ SDE Karras", "sampler", "dpmpp_2s_karras"),
        ("cat --sampler LMS Karras", "sampler", "lms_karras"),
        ("cat --chaos 500", "chaos", 100),
        ("cat --chaos -5", "chaos", 0),
        ("cat --stylize 60000", "stylize", 1000),
        ("cat --stop 5", "stop", 10),
        ("cat --iw 9", "iw", 3),
    ],
)
def test_what_has_one_reading_is_repaired_and_said(line: str, name: str, value: object) -> None:
    parsed = parse(line)
    assert parsed.prompt.text.rstrip(",") in ("cat", "猫")
    assert parsed.prompt.flags[name].plain() == value
    assert parsed.notes, "a repair must be said"


@pytest.mark.parametrize(
    ("line", "words", "more"),
    [
        ("a cat --ar 3:2 on a mat", "a cat on a mat", {"ar": "3:2"}),
        ("--tile a cat", "a cat", {"tile": True}),
        ("a cat --tile, on a mat", "a cat on a mat", {"tile": True}),
        ("a cat --seed 7, masterpiece", "a cat masterpiece", {"seed": 7}),
        ("a --chaos 5 cat --v 7 sits", "a cat sits", {"chaos": 5, "v": "7"}),
        ("a cat --niji on a mat", "a cat on a mat", {"niji": True}),
    ],
)
def test_words_after_a_flag_are_moved_to_the_text(line: str, words: str, more: dict[str, object]) -> None:
    parsed = parse(line)
    assert parsed.prompt.text == words
    assert flags(line) == more
    assert any("moved" in note for note in parsed.notes)


@pytest.mark.parametrize(
    "line",
    [
        "silence--an echo",
        "silence—an echo",
        "well-known man",
        "a cat – and a dog",
        "a cat — style of Rembrandt",
        "rock -n- roll",
        "1990-2000",
        "a -5 degree day",
        "stop--no way",
        "a car -- fast and furious",
        "x -- y",
        "half--tiled wall",
    ],
)
def test_dashes_in_prose_stay_prose(line: str) -> None:
    parsed = parse(line)
    assert parsed.prompt.text == line
    assert not parsed.prompt.given


@pytest.mark.parametrize(
    ("line", "words"),
    [("a cat ---", "a cat"), ("a --- cat", "a cat"), ("a cat --", "a cat"), ("a cat -- --ar 3:2", "a cat")],
)
def test_stray_dashes_are_left_out_and_said(line: str, words: str) -> None:
    parsed = parse(line)
    assert parsed.prompt.text == words
    assert any("is not a flag" in note for note in parsed.notes)


@pytest.mark.parametrize(
    ("line", "read"),
    [
        ("cat --ar 16by9", "cat --ar 16:9"),
        ("cat --ar 16 to 9", "cat --ar 16:9"),
        ("cat --ar (16:9)", "cat --ar 16:9"),
        ("cat --ar wide", "cat --ar 16:9"),
        ("cat --cfg ７．５", "cat --cfg 7.5"),
        ("cat --cfg 7·5", "cat --cfg 7.5"),
        ("cat --q ½", "cat --quality 0.5"),
        ("cat --q 1/4", "cat --quality 0.25"),
        ("cat --steps ①②", "cat --steps 12"),
        ("cat --seed 7_000", "cat --seed 7000"),
        ("cat --seed #7", "cat --seed 7"),
        ("cat --seed 1e5", "cat --seed 100000"),
        ("cat --seed none", "cat"),
        ("cat --seed auto, at night", "cat at night"),
        ("cat --sampler automatic", "cat"),
        ("cat --lora ink=0.5", "cat --lora ink:0.5"),
        ("cat --lora ink .5", "cat --lora ink:0.5"),
        ("cat --lora ink:50%", "cat --lora ink:0.5"),
        ("cat --lora lora:0.5", "cat --lora lora:0.5"),
        ("cat --lora lora:ink:0.5", "cat --lora ink:0.5"),
        ("cat --lora ink:", "cat --lora ink:1"),
        ("cat --lora ink:.5,fur:.3", "cat --lora ink:0.5, fur:0.3"),
        ("cat --lora v1.5-x:99", "cat --lora v1.5-x:10"),
        ("cat <lora:ink:-99>", "cat --lora ink:-10"),
    ],
)
def test_a_value_that_can_mean_one_thing_only_is_taken_and_said(line: str, read: str) -> None:
    parsed = parse(line)
    assert str(parsed.prompt) == read
    assert parsed.notes or "--lora " in line  # a LoRA's own spelling is not worth a note


# SD.Next's list (modules/sd_samplers_diffusers.py) and Forge's, where A1111 and ComfyUI have no such name
@pytest.mark.parametrize(
    "name",
    [
        "DPM++ 2M EDM", "DPM++ 1S", "DPM SDE", "Euler EDM", "Euler SGM", "DC Solver", "VDM Solver",
        "BDIA DDIM", "Euler Max", "Flux Realistic", "DPM++ 2M Align Your Steps GITS", "DPM++ 2M SDE AYS 32",
    ],
)  # fmt: skip
def test_no_word_of_a_samplers_name_is_drawn(name: str) -> None:
    line = f"cat --sampler {name} --seed 7"
    try:
        read = parse(line).prompt
    except PromptError as error:
        read = parse(str(error.repaired)).prompt
    assert read.text == "cat"
    assert read.get("seed") == 7


@pytest.mark.parametrize(
    ("line", "repaired"),
    [
        ("cat --ar 16.9", "cat --ar 16:9"),
        ("cat --ar 1.5", "cat --ar 3:2"),
        ("cat --ar 2.39", "cat --ar 239:100"),
        ("cat --ar 10.3", "cat --ar 10:3"),
        ("cat --ar 16:9:", "cat --ar 16:9"),
        ("cat --ar 16:9:1", "cat --ar 16:9"),
        ("cat --ar -1:2", "cat --ar 1:2"),
        ("cat --v 6.1.2", "cat --v 6.1"),
        ("cat --sampler karras", "cat"),
        ('cat --lora "my lora:0.5"', "cat"),
        ("cat --ar 169", "cat --ar 16:9"),
        ("cat --ar 2", "cat --ar 2:1"),
        ("cat --ar 0:1", "cat --ar 1:1"),
        ("cat --ar banana", "cat --ar 3:2"),
        ("cat --ar", "cat --ar 3:2"),
        ("cat --chaos 10.4", "cat --chaos 10"),
        ("cat --stlye anime", "cat --style anime"),
        ("cat --aspct 3:2", "cat --aspect 3:2"),
        ("cat --no-people", "cat --no people"),
        ("cat -- no people", "cat --no people"),
        ("cat --sampler eulr", "cat --sampler euler"),
        ("cat --zzz", "cat"),
        ("cat --zzz 3 --tile", "cat --tile"),
        ("cat --zzz=3:2", "cat"),
        ("cat --zzz in the rain", "cat in the rain"),
        ("cat --motion medium", "cat --motion low"),
        ("cat --ar 16.9 --repeat 500", "cat --ar 16:9 --repeat 10"),
        ("cat --outt here", "cat"),
        ("cat --outt here --tile", "cat --tile"),
    ],
)
def test_what_has_two_readings_is_refused_with_a_line_to_copy(line: str, repaired: str) -> None:
    error = refused(line)
    assert error.repaired == repaired
    assert "`" in str(error)  # their own word is quoted
    parse(repaired)


def test_a_switch_that_is_turned_off_wins_over_who_turned_it_on() -> None:
    layers = (("settings", "--raw"), ("server", "--tile --stylize 50"))
    prompt = parse("a cat --raw off", suffix="--tile false", layers=layers).prompt  # type: ignore[arg-type]
    assert flags("a cat --raw off --tile no") == {"raw": False, "tile": False}
    assert (prompt.get("raw"), prompt.source("raw")) == (False, "prompt")
    assert (prompt.get("tile"), prompt.source("tile")) == (False, "suffix")
    assert plan(prompt, [pocket()]).spec == plan(parse("a cat --stylize 50").prompt, [pocket()]).spec
    assert parse(str(prompt)).prompt.text == "a cat"


def test_other_flags_that_are_turned_off_say_nothing() -> None:
    parsed = parse("a cat --relax off --ar 3:2")
    assert flags("a cat --relax off --ar 3:2") == {"ar": "3:2"}
    assert any("left out" in note for note in parsed.notes)
    assert text("a cat --tile on a mat") == "a cat on a mat"


def test_too_many_copies_are_refused_with_as_many_as_fit() -> None:
    assert refused("cat --repeat 12").repaired == "cat --repeat 10"
    assert refused("{a, b} cat --r 50").repaired == "{a, b} cat --repeat 5"
    assert refused("{a, b, c} cat --repeat 2", limit=2).repaired is None


def test_a_reference_cannot_weigh_less_than_nothing() -> None:
    error = refused("cat --sref 12 https://a.b/x.png::-2 34 --tile")
    assert error.repaired == "cat --sref 12 https://a.b/x.png::2 34 --tile"


def test_further_codes_and_loras_belong_to_their_flag() -> None:
    assert flags("cat --p m7f3abc k2x9qq1 in the rain")["profile"] == "m7f3abc k2x9qq1"
    assert flags("cat --personalize") == {"profile": True}
    assert flags("cat --lora ink:0.8 fur:.5 at night")["lora"] == "ink:0.8, fur:0.5"
    assert text("cat --lora ink at night") == "cat at night"


def test_curly_quotes_become_straight_and_that_is_said() -> None:
    parsed = parse("a sign “open” it’s")
    assert parsed.prompt.text == 'a sign "open" it\'s'
    assert any("Curly" in note for note in parsed.notes)


def test_angle_brackets_around_links_are_taken_off_and_that_is_said() -> None:
    parsed = parse("<https://a.b/x.png> cat")
    assert parsed.prompt.images == (ImageLink("https://a.b/x.png"),)
    assert any("Angle brackets" in note for note in parsed.notes)


def test_a_backslash_keeps_dashes_as_text() -> None:
    parsed = parse(r"a sign \--ar 3:2")
    assert parsed.prompt.text == "a sign --ar 3:2"
    assert not parsed.prompt.given


def test_control_characters_and_broken_halves_do_no_harm() -> None:
    parsed = parse("a\x00 c\x07at \ud800")
    assert parsed.prompt.text == "a cat \ufffd"
    parsed.prompt.text.encode()


# ------------------------------------------------------------------------------------ repeated flags, layers


def test_of_equal_flags_the_last_wins() -> None:
    parsed = parse("cat --ar 1:1 --seed 1 --ar 3:2 --seed 2")
    assert flags("cat --ar 1:1 --seed 1 --ar 3:2 --seed 2") == {"ar": "3:2", "seed": 2}
    assert sum("more than once" in note for note in parsed.notes) == 2


def test_no_style_and_character_references_and_loras_are_all_kept() -> None:
    line = "cat --no boy --no car , dog --sref 12 --sref https://a.b/x.png --lora a:1 --lora b:.5"
    given = flags(line)
    assert given["no"] == "boy, car, dog"
    assert given["sref"] == "12 https://a.b/x.png"
    assert given["lora"] == "a:1, b:0.5"


@pytest.mark.parametrize(
    ("line", "left"),
    [
        ("cat --v 5 --niji 6", {"niji": "6"}),
        ("cat --niji 6 --v 5", {"v": "5"}),
        ("cat --fast --relax", {"relax": True}),
        ("cat --draft --quality 2", {"quality": 2}),
        ("cat --quality 2 --steps 9", {"steps": 9}),
        ("cat --hd --sd", {"sd": True}),
    ],
)
def test_flags_that_exclude_one_another(line: str, left: dict[str, object]) -> None:
    assert flags(line) == left
    assert any("gives way" in note for note in parse(line).notes)


LAYERS = (("settings", "--ar 3:2 --stylize 250 --chaos 9"), ("server", "--ar 1:2 --weird 5 --v 6 --no gore"))


def test_nearer_layers_win_and_say_who_they_are() -> None:
    prompt = parse("cat --ar 16:9", suffix="--stylize 50 --tile", layers=LAYERS).prompt  # type: ignore[arg-type]
    assert {name: (given.plain(), given.source) for name, given in prompt.flags.items()} == {
        "ar": ("16:9", "prompt"),
        "stylize": (50, "suffix"),
        "tile": (True, "suffix"),
        "chaos": (9, "settings"),
        "weird": (5, "server"),
        "v": ("6", "server"),
        "no": ("gore", "server"),
    }


def test_a_nearer_model_or_shape_takes_the_place_of_another_kind() -> None:
    prompt = parse("cat --niji", layers=(("server", "--v 6 --ar 3:2"),)).prompt
    assert prompt.get("v") is None
    prompt = parse("cat --width 64 --height 64", layers=(("server", "--ar 3:2"),)).prompt
    assert prompt.get("ar") is None


def test_the_suffix_adds_to_lists() -> None:
    prompt = parse("cat --no dogs", suffix="--no cars", layers=(("settings", "--no trees"),)).prompt
    assert prompt.no == ("dogs", "cars")


def test_a_broken_layer_is_left_out_and_said() -> None:
    parsed = parse("cat", suffix="--ar banana")
    assert not parsed.prompt.given
    assert any("Your suffix could not be read" in note for note in parsed.notes)


# ------------------------------------------------------------------------------------ one's own flags


def test_own_flags_expand_in_place() -> None:
    options = {"pablo": "a mural by", "pic": "--ar 16:9 --chaos 5", "nested": "big --pic"}
    prompt = parse("--pablo a footballer --nested", options=options).prompt
    assert prompt.text == "a mural by a footballer big"
    assert flags("--pablo a footballer --nested", options=options) == {"ar": "16:9", "chaos": 5}


def test_own_flags_are_found_behind_other_dashes_and_in_capitals() -> None:
    assert parse("cat —Mine", options={"mine": "in a hat"}).prompt.text == "cat in a hat"


def test_own_flags_may_hold_choices() -> None:
    assert parse("cat --two", options={"two": "{a, b}"}).jobs == 2


def test_flags_of_the_table_cannot_be_overruled() -> None:
    assert flags("cat --ar 3:2", options={"ar": "a trap"}) == {"ar": "3:2"}


@pytest.mark.parametrize("options", [{"a": "x --a"}, {"a": "--b2", "b2": "--c2", "c2": "y --a"}])
def test_a_flag_that_stands_for_itself_is_refused(options: dict[str, str]) -> None:
    assert "stands for itself" in str(refused("cat --a", options=options))


def test_own_flags_cannot_blow_up() -> None:
    options = {f"o{i}": f"xx --o{i + 1} --o{i + 1}" for i in range(40)} | {"o40": "x"}
    assert "6000" in str(refused("cat --o0", options=options))


# ------------------------------------------------------------------------------------ LoRAs in the text


def test_lora_tags_become_flags() -> None:
    parsed = parse("a fox <lora:ink:0.8> runs <lora:fur>")
    assert parsed.prompt.text == "a fox runs"
    assert parsed.prompt.get("lora") == ("ink:0.8", "fur:1")
    assert [(lora.name, lora.weight) for lora in parsed.prompt.loras] == [("ink", 0.8), ("fur", 1)]


def test_other_networks_are_left_out_and_said() -> None:
    parsed = parse("a fox <hypernet:x:1>")
    assert parsed.prompt.text == "a fox"
    assert any("<hypernet:x:1>" in note for note in parsed.notes)
