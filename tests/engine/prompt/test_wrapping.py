"""Text with its wrapping: copied messages, Markdown, code blocks, quotes, invisible characters, links."""

from __future__ import annotations

import pytest

from engine.errors import PromptError
from engine.jobs import Condition
from engine.prompt import parse
from engine.prompt.prompt import ImageLink

PERSON = "1100000000000000011"


def printed(line: str) -> str:
    return str(parse(line).prompt)


# ------------------------------------------------------------------------------------ messages copied whole


@pytest.mark.parametrize(
    ("message", "prompt"),
    [
        (f"**a cat --seed 7** - <@{PERSON}> (fast)", "a cat --seed 7"),
        (f"**a cat** - <@{PERSON}> (fast)", "a cat"),
        (f"**a cat --v 6.1** - <@{PERSON}> (fast)", "a cat --v 6.1"),
        (f"**a cat --style raw** - <@!{PERSON}> (relaxed)", "a cat --raw"),
        (f"**a cat --sref 123** - <@{PERSON}> (turbo, stealth)", "a cat --sref 123"),
        (f"**a cat --model x** - Image #2 <@{PERSON}>", "a cat --model x"),
        (f"**a cat --lora x:0.8** - Upscaled (2x, creative) by <@{PERSON}> (fast)", "a cat --lora x:0.8"),
        (f"**a cat --no trees** - Variations (Strong) by <@{PERSON}> (fast)", "a cat --no trees"),
        (f"**a cat --ar 3:2** - <@{PERSON}> (waiting, 3rd in the queue)", "a cat --ar 3:2"),
        (f"**a cat** - <@{PERSON}> (waiting, 13th in line, about 1 min 30 s left)", "a cat"),
        (f"**a cat** - <@{PERSON}> (waiting, paused by an admin until <t:1764429000:t>)", "a cat"),
        (f"**a cat** - <@{PERSON}> (50%)", "a cat"),
        (f"**a cat** - <@{PERSON}> (50%, about 25 s left)", "a cat"),
        (rf"**a\_cat \*with\* \\(marks\\)** - <@{PERSON}> (fast)", r"a_cat *with* \(marks\)"),
        (f"**a cat** - <@{PERSON}> (fast)\n-# `--hd` was left out. It is 3.5 at most.", "a cat"),
        (f"**a cat** - <@{PERSON}> (fast) -# `--hd` was left out. --ar 3:2", "a cat --ar 3:2"),
        (f"**a cat --seed 7** - <@{PERSON}> (fast) --ar 3:2", "a cat --ar 3:2 --seed 7"),
        ("a cat --seed 7 - @maria (fast)", "a cat --seed 7"),
        (f"**a cat --seed 7** — <@!{PERSON}> (relaxed, stealth)", "a cat --seed 7"),
        (f"**a cat** – Pan Left by <@{PERSON}> (fast)", "a cat"),
        ("a cat --seed 7 — @maria (fast)", "a cat --seed 7"),
        ("a cat --seed 7 - Image #3 @maria", "a cat --seed 7"),
        ("`abcdefghjk` a cat --seed 7 (waiting, 3rd in the queue)", "a cat --seed 7"),
        ("a cat --seed 7 (waiting, 3rd in line, about 25 s left) · `abcdefghjk`", "a cat --seed 7"),
        ("a cat --seed 7 (done) · abcdefghjk", "a cat --seed 7"),
        ("2\ufe0f\u20e3 a\\_cat --ar 3:2", "a_cat --ar 3:2"),
        ("**a cat**\nThis makes 4 jobs with 16 pictures together. Start?", "a cat"),
        # Midjourney's own, while a job waits and while it draws
        (f"**a cat --seed 7** - <@{PERSON}> (93%) (relaxed)", "a cat --seed 7"),
        (f"**a cat --seed 7** <@{PERSON}>", "a cat --seed 7"),
        (f"Rerolling **a cat --seed 7** - <@{PERSON}> (Waiting to start)", "a cat --seed 7"),
        (f"Upscaling image #1 with **a cat** - <@{PERSON}> (Waiting to start)", "a cat"),
        (
            f"Making variations for image #2 with prompt **a cat --v 6.1** - <@{PERSON}> (Waiting to start)",
            "a cat --v 6.1",
        ),
        # copied from Discord's screen, with author and time
        ("Limner APP — Today at 3:14 PM\na cat --seed 7 - @maria (fast)", "a cat --seed 7"),
        (f"Limner\nAPP\n — 14:03\n**a cat** - <@{PERSON}> (fast)", "a cat"),
        ("[14:03] Limner: a cat --seed 7 - @maria (fast)", "a cat --seed 7"),
    ],
)
def test_a_copied_message_is_read_as_the_prompt_in_it(message: str, prompt: str) -> None:
    parsed = parse(message)
    assert str(parsed.prompt) == prompt
    assert parsed.line == parse(parsed.line).line
    assert any("copied message" in note for note in parsed.notes)


def test_a_picture_may_stand_before_a_copied_message() -> None:
    line = f"picture:0123456789abcdef **a cat** - <@{PERSON}> (fast) --seed 7"
    assert printed(line) == "picture:0123456789abcdef a cat --seed 7"


def test_a_shortened_message_is_said_to_be_one() -> None:
    assert any("only the beginning" in note for note in parse(f"**a cat and…** - <@{PERSON}> (fast)").notes)


# ------------------------------------------------------------------------------------ marks around a prompt

PAIRS = [
    ("**", "**"),
    ("*", "*"),
    ("***", "***"),
    ("_", "_"),
    ("__", "__"),
    ("~~", "~~"),
    ("||", "||"),
    ("`", "`"),
    ('"', '"'),
    ("“", "”"),
    ("(", ")"),
    ("[", "]"),
    ("<", ">"),
    ("「", "」"),
    ("【", "】"),
    ("（", "）"),
    ("```\n", "\n```"),
    ("```text\n", "\n```"),
    ("> ", ""),
    (">>> ", ""),
    ("# ", ""),
    ("- ", ""),
    ("* ", ""),
    ("**_", "_**"),
    ("Prompt: ", ""),
    ("/imagine prompt: **", "**"),
    ("‹", "›"),
    ("``", "``"),
    ('"""', '"""'),
    ("~~~\n", "\n~~~"),
    ("‣ ", ""),
    ("/dream prompt: ", ""),
    ("!draw ", ""),
    ("dream> ", ""),
    ("**Prompt:** ", ""),
    ('prompt="', '"'),
    ("parameters: ", ""),
    ("<p>", "</p>"),
    ("&quot;", "&quot;"),
    (f"<@{PERSON}> ", ""),
    ("</imagine:1100000000000000012> ", ""),
]
ENDS = [
    "--seed 7",
    "--ar 3:2",
    "--v 6.1",
    "--raw",
    "--tile",
    "--no trees",
    "--negative dull grey",
    "--sref 123",
    "--lora x:0.8",
    "--model x",
    "--style anime",
    "--chaos 5",
    "--q .5",
    "--sampler DPM++ 2M",
    "--niji 6",
    "--profile m7f3abc",
    "--video",
]


@pytest.mark.parametrize(("before", "after"), PAIRS)
@pytest.mark.parametrize("end", ENDS)
def test_marks_around_a_prompt_are_left_out_and_said(before: str, after: str, end: str) -> None:
    parsed = parse(f"{before}a cat {end}{after}")
    assert parsed.prompt == parse(f"a cat {end}").prompt
    assert parsed.notes


@pytest.mark.parametrize(
    ("before", "after"), [pair for pair in PAIRS if pair[0] == pair[1] and pair[0] != "_"]
)
def test_flags_behind_a_wrapped_prompt_leave_no_mark_in_it(before: str, after: str) -> None:
    assert printed(f"{before}a cat --seed 7{after} --ar 3:2") == "a cat --ar 3:2 --seed 7"


@pytest.mark.parametrize(
    "line",
    ["a cat (--seed 7)", "a cat `--seed 7`", 'a cat "--seed 7"', "a cat [--seed 7]", "a cat **--seed 7**"],
)
def test_marks_around_flags_alone_leave_nothing_behind(line: str) -> None:
    assert printed(line) == "a cat --seed 7"
    assert printed(line.replace("a cat", "a cat --no trees")) == "a cat --no trees --seed 7"


@pytest.mark.parametrize(
    ("line", "read"),
    [
        ("a &amp;amp; b", "a & b"),
        ("&lt;lora:ink:0.5&gt; a cat", "a cat --lora ink:0.5"),
        ("<b>a</b> cat<br/>", "a cat"),
        ('<a href="https://a.b/x.png">a cat</a>', "https://a.b/x.png a cat"),
        ("<img src=https://a.b/x.png> a cat", "https://a.b/x.png a cat"),
        ("[url=https://a.b/x.png]a cat[/url]", "https://a.b/x.png a cat"),
        ("a \x1b[31mred\x1b[0m cat", "a red cat"),
        (f"a cat <#{PERSON}> <t:1764429000:R> <:red_hat:{PERSON}>", "a cat red hat"),
        ("a cat --ＡＲ 16:9", "a cat --ar 16:9"),
        ("a cat ﹣﹣ar 16:9", "a cat --ar 16:9"),
        ("> # a cat\n> --ar 3:2", "a cat --ar 3:2"),
    ],
)
def test_what_other_programs_put_among_words_is_no_word(line: str, read: str) -> None:
    parsed = parse(line)
    assert str(parsed.prompt) == read
    assert parse(parsed.line).prompt == parsed.prompt


@pytest.mark.parametrize(
    "line", ["1 < 2 > 0", "a<b", "I <3 u", "x [a] y", "R&D; a cat", "parameters of a cat"]
)
def test_signs_that_are_no_markup_stay(line: str) -> None:
    assert parse(line).prompt.text == line


@pytest.mark.parametrize("mark", ["!", "?", "。", "！", "；"])
@pytest.mark.parametrize("end", [end for end in ENDS if not end.startswith("--negative")])
def test_the_mark_that_ends_a_sentence_is_no_part_of_a_value(end: str, mark: str) -> None:
    assert parse(f"a cat {end}{mark}").prompt == parse(f"a cat {end}").prompt


def test_a_typesetters_minus_is_a_minus() -> None:
    assert parse("a cat --weird \u22125").prompt == parse("a cat --weird -5").prompt
    assert parse("a cat --seed \u22121").prompt == parse("a cat --seed -1").prompt


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize(
    ("before", "after"), [("**", "**"), ("*", "*"), ("(", ")"), ("[", "]"), ('"', '"'), ("||", "||")]
)
def test_marks_that_close_behind_a_value_are_no_part_of_it(before: str, after: str, end: str) -> None:
    said = parse(f"see {before}a cat {end}{after}").prompt
    assert said.given == parse(f"a cat {end}").prompt.given
    assert said.text == f"see {before}a cat"


@pytest.mark.parametrize(
    "line",
    [
        "a * b * cat",
        "*a* cat and a *dog*",
        "a (red) [cat]",
        "(a red cat)",
        "[a cat]",
        "a cat's 'home'",
        "2 * 3 - 1",
    ],
)
def test_marks_among_words_stay(line: str) -> None:
    assert parse(line).prompt.text == line


def test_the_code_block_of_a_message_is_the_prompt() -> None:
    message = "`--ar` takes two whole numbers, not `x`.\nTry this:\n```\na cat --ar 3:2\n```"
    assert printed(message) == "a cat --ar 3:2"
    assert printed("> a cat\n> on a mat") == "a cat on a mat"


# ------------------------------------------------------------------------------------ invisible characters


@pytest.mark.parametrize(
    ("typed", "seen"),
    [
        ("a cat --ar\u200b 16:9", "a cat --ar 16:9"),
        ("a cat --\u200bar 16:9", "a cat --ar 16:9"),
        ("a cat --ar 16:9\u200b", "a cat --ar 16:9"),
        ("a cat --s\u2060 250", "a cat --s 250"),
        ("a cat --ar 16\u200b:9", "a cat --ar 16:9"),
        ("a cat --ar\u200d 16:9", "a cat --ar 16:9"),
        ("\u200ea cat\u200f --seed\u2069 7", "a cat --seed 7"),
        ("a cat --ar\ufe0f 16:9", "a cat --ar 16:9"),
        ("a cat --ar\u3164 16:9", "a cat --ar 16:9"),
        ("a cat\u2800--ar 16:9", "a cat --ar 16:9"),
        ("so\u00adft cat", "soft cat"),
        ("https://a.b/x.png\u200b a cat", "https://a.b/x.png a cat"),
        ("\ufeffa cat", "a cat"),
        ("a {red,\u2062 green} cat", "a {red, green} cat"),
    ],
)
def test_a_line_reads_as_its_visible_twin(typed: str, seen: str) -> None:
    parsed = parse(typed)
    assert parsed.prompts == parse(seen).prompts
    assert sum("Invisible" in note for note in parsed.notes) == 1


@pytest.mark.parametrize(
    "text",
    [
        "👩\u200d🎨 👩🏽\u200d🚀 ❤\ufe0f\u200d🔥",  # emoji made of several
        "1\ufe0f\u20e3",  # a keycap
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",  # England's flag
        "می\u200cخواهم",  # Persian: two parts of a word, not joined
        "ക്\u200d",  # Malayalam: a joiner at a word's end
        "葛\U000e0100",  # an ideograph's variant
    ],
)
def test_joiners_and_selectors_that_mean_something_stay(text: str) -> None:
    parsed = parse(text)
    assert parsed.prompt.text == text
    assert not parsed.notes


def test_halves_of_a_character_are_joined() -> None:
    assert parse("a \ud83d\ude00").prompt.text == "a \U0001f600"
    assert parse("caf\udce9").prompt.text == "caf\ufffd"


# ------------------------------------------------------------------------------------ links that touch marks

X, Y = "https://a.b/x.png", "https://a.b/y.png"


@pytest.mark.parametrize(
    ("line", "links", "text"),
    [
        (f"[a cat]({X})", [X], "a cat"),
        (f"![a cat]({X}) on a mat", [X], "a cat on a mat"),
        (f'[a cat](<{X}> "hover")', [X], "a cat"),
        (f'"{X}" a cat', [X], "a cat"),
        (f"**{X}** a cat", [X], "a cat"),
        (f"||{X}|| a cat", [X], "a cat"),
        (f"`{X}` a cat", [X], "a cat"),
        (f"a cat ({X})", [X], "a cat"),
        (f"a cat [{X}]", [X], "a cat"),
        (f"{X},{Y} a cat", [X, Y], "a cat"),
        (f"{X}, {Y}; a cat", [X, Y], "a cat"),
        (f"{X}! a cat", [X], "a cat"),
        (f"{X}: a cat", [X], "a cat"),
        (f"{X}。a cat", [X], "a cat"),
        (f"{X}猫", [X], "猫"),
        (f"a cat like {X}.", [X], "a cat like"),
        ("a cat (https://a.b/x_(1).png)", ["https://a.b/x_(1).png"], "a cat"),
        (f"{X}?a=1,2&b=3 a cat", [f"{X}?a=1,2&b=3"], "a cat"),
        (
            "https://cdn.discordapp.com/a/1/x.png?ex=1&hm=2&, a cat",
            ["https://cdn.discordapp.com/a/1/x.png?ex=1&hm=2&"],
            "a cat",
        ),
        (f"see:{X} a cat", [X], "see: a cat"),
        ("**picture:0123456789abcdef** a cat", ["picture:0123456789abcdef"], "a cat"),
        (f"[{X}]({X}) a cat", [X], "a cat"),
        (f"「{X}」 a cat", [X], "a cat"),
        (f"【{X}?a=1】a cat", [f"{X}?a=1"], "a cat"),
        (f"‹{X}› a cat", [X], "a cat"),
        (f"{X}{Y} a cat", [X, Y], "a cat"),
        (f"{X}--tile a cat", [X], "a cat"),
        ("www.example.org/x.png a cat", ["https://www.example.org/x.png"], "a cat"),
        ("(//example.org/x.png) a cat", ["https://example.org/x.png"], "a cat"),
        ("https:/example.org/x.png a cat", ["https://example.org/x.png"], "a cat"),
        ("[a cat](example.org/x.png?a=1)", ["https://example.org/x.png?a=1"], "a cat"),
        (f"https://example.org/?u={X} a cat", [f"https://example.org/?u={X}"], "a cat"),
    ],
)
def test_a_link_that_touches_marks_is_a_picture(line: str, links: list[str], text: str) -> None:
    prompt = parse(line).prompt
    assert [image.url for image in prompt.images] == links
    assert prompt.text == text


@pytest.mark.parametrize(
    ("line", "weight"),
    [
        (f"{X} ::2 a cat", 2),
        (f"**{X}::2** a cat", 2),
        (f"<{X}>::.5 a cat", 0.5),
        (f'"{X}::2", a cat', 2),
        (f"{X}:: a cat", None),
    ],
)
def test_a_marked_link_keeps_its_weight(line: str, weight: float | None) -> None:
    assert parse(line).prompt.images == (ImageLink(X, weight),)
    assert parse(line).prompt.text == "a cat"


@pytest.mark.parametrize("line", [f"a cat::2<{X}>", f"a cat::2{X}", f"a cat::2 {X}", f"{X} a cat::2"])
def test_a_link_behind_a_weight_is_a_picture_and_no_text(line: str) -> None:
    prompt = parse(line).prompt
    assert prompt.images == (ImageLink(X),)
    assert prompt.parts == (Condition(text="a cat", weight=2),)
    assert parse(str(prompt)).prompt == prompt


@pytest.mark.parametrize(
    "line",
    [
        f'a cat --sref "{X}"',
        f"a cat --sref <{X}>",
        f"a cat --sref [x]({X})",
        f"a cat --sref **{X}**",
        f"a cat --sref {X},",
    ],
)
def test_references_are_found_among_marks_too(line: str) -> None:
    assert parse(line).prompt.get("sref") == (X,)


def test_references_with_a_comma_between_are_two() -> None:
    assert parse(f"a cat --sref {X},{Y}::2 --tile").prompt.get("sref") == (X, f"{Y}::2")


@pytest.mark.parametrize(
    ("line", "repaired"),
    [
        (f"{X}/a cat", f"{X} a cat"),
        (f"{X}&a cat", f"{X} a cat"),
        (f"{X}a cat", f"{X} a cat"),
        (f"{X}::2a cat", f"{X}::2 a cat"),
        (f"{X}/ a cat", f"{X} a cat"),
        ("a cat ftp://example.org/x.png", "a cat"),
        ("a cat file:///home/me/x.png", "a cat"),
        ("data:image/png;base64,iVBORw0KGgo= a cat", "a cat"),
        ("attachment://x.png a cat", "a cat"),
        (f"a cat --no {X} trees", "a cat --no trees"),
        (f"a cat --negative {X}", "a cat"),
        (f"a cat --sref {X} blob:https://discord.com/1", f"a cat --sref {X}"),
        ("a cat --cref file:///x.png", "a cat"),
    ],
)
def test_a_link_that_cannot_be_taken_is_refused_with_the_words_kept(line: str, repaired: str) -> None:
    with pytest.raises(PromptError) as caught:
        parse(line)
    assert caught.value.repaired == repaired


@pytest.mark.parametrize("line", ["and/or.gif x", "1/2.png", "~/x.png cat", "./x.png cat", "a cat, 16/9.jpg"])
def test_what_has_no_host_is_no_link(line: str) -> None:
    assert parse(line).prompt.text == line
    assert not parse(line).prompt.images


def test_a_page_among_marks_is_refused_with_all_the_words_kept() -> None:
    with pytest.raises(PromptError, match="not a direct link") as caught:
        parse('"https://example.com/gallery", a cat --ar 3:2')
    assert caught.value.repaired == "a cat --ar 3:2"
