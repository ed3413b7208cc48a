"""What holds for every line: printing reads back, only refusals are raised, work grows with length."""

from __future__ import annotations

import contextlib
import random
import sys
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bench.reading import HOSTILE_SHAPES
from engine.config import Config, ModelConfig
from engine.errors import PromptError
from engine.planning.explain import as_json
from engine.planning.plan import plan
from engine.prompt import parse
from engine.prompt.attention import parse_attention
from engine.prompt.flags import BY_NAME, FLAGS

CONFIG = Config(models=(ModelConfig(name="pocket", source="pocket", aliases=("v 7", "niji")),))

WORDS = "a|cat|red apple|7|0.5|random|square|16:9|16x9|3/2|16.9|raw|anime|euler|DPM++ 2M|foo|no|ar|style|tile"
MARKS = (
    "-- --- — – - − :: : ::2 ::-0.5 ::.5 { } , {a,b} {{a,b},c} \\ \\{ \\} \\, \\- \\-- ( ) [ ] :1.2) BREAK "
    "<lora:ink:0.8> <lora: > < <hypernet:x:1> ' \" “ = . % ` | + @everyone \u202e 日本 é 👩‍🎨 \x00 \ud800 "
    "### [a](link.png) [a](https://x.com/a.png) ** __animal__ || ``` > # (red:1.2) [a|b] [a:b:0.5] AND "
    "-s -S -W -C 7.5 50 512 -A k_lms <@1100000000000000011> (fast) -# embedding:x "
    "https://x.com/a.png <https://x.com/a.png> https://x.com/b.webp?x=1::2 https://x.com/page blob:x /imagine"
)
PASTED = [
    "&amp;",
    "<b>",
    "</b>",
    "[b]",
    '<a href="https://x.com/a.png">',
    "‹",
    "›",
    "「",
    "」",
    "~~~",
    "``",
    '"""',
    "Prompt:",
    "**Prompt:**",
    "dream>",
    "Steps: 20",
    "Seed: 5",
    "CFG scale: 7",
    "Sampler: Euler a",
    "Negative:",
    "neg:",
    '{"prompt": "a", ',
    '"seed": 5}',
    "(--seed 7)",
    "`--seed 7`",
    "example.org/x.png",
    "//x.com/a.png",
    "https://x.com/a.pnghttps://x.com/b.png",
    " ::2",
    "file:///x.png",
    "<:cat:1100000000000000011>",
    "</imagine:1100000000000000011>",
    "[14:03] Limner: ",
    "- @maria (fast)",
    "Rerolling ",
    "١:٢",
    "שלום",
    "قطة",
    "می\u200cخواهم",
    "❤\ufe0f",
    "--ＡＲ",
    "﹣﹣ar",
    "__a/*__",
    "{1-2$$a|b}",
    "parameters\n",
    "‣ ",
    "<x_y>",
    "[cat::0.5]",
    "[:a:0.5]",
    "a++",
    "½",
    "1/2",
    "７",
    "--lora ink=0.5",
    "--lora a:1,b:2",
    "--ar 16 by 9",
    "--ar 1.5",
    "--sampler DPM++ 2M EDM",
    "--seed none",
    "--negative embedding:x",
    '--no "a"',
]
PIECES = st.sampled_from(
    [
        *WORDS.split("|"),
        *PASTED,
        *MARKS.split(" "),
        *(" ", "  ", "\n", "\t", "{a, b}", "/imagine prompt:", "-S 7", "Negative prompt: dull"),
        *("Steps: 10, Seed: 5", "**a cat --seed 7** - <@1100000000000000011> (fast)"),
        *(f"--{name}" for name in BY_NAME),
        *(f"{dash}{name}" for name in ("ar", "v", "no", "tile") for dash in ("—", "-- ")),
        *(f"--{flag.name} {flag.example}" for flag in FLAGS if flag.example),
    ]
)
LINES = st.one_of(
    st.text(max_size=60),
    st.lists(PIECES, max_size=14).map(" ".join),
    st.lists(PIECES, max_size=14).map("".join),
)


@settings(max_examples=400, deadline=None)
@given(LINES)
@example("foo -- --tile ar 3:2")
@example("x \\-- y")
@example("a: ::2 b::")
@example("--tile /imagine prompt: cat")
@example("cat --no --ar")
@example("-- ar1:2 cat")
@example("cat::https://x.com/a.png")
@example("::/imagine prompt: cat")
@example("<LORA:0>>")
@example("--TEST-")
@example("0::1<HTTP://.PNG")
@example("- -- — ")
@example("[a](link.png)###{a, b}")
@example("[> ###[a](https://x.com/a.png)")
@example("[a|b]  ###  —ar 3:2 -S 7*-s 50")
@example("::2(--no x% ()—ar 3:2 ")
@example("/--NO0.AA/0.PNG")
@example("--NIJI//0.AA/0.PNG")
@example('--LORA"lora"0')
@example("a --neg Prompt:")
@example("0.AA/0.PNGHTTP://.PNG$")
@example("\\- 0::2")
@example('--lora ink=0.5 {"prompt": "a",  "seed": 5}')
@example("</imagine:1100000000000000011> </imagine:1100000000000000011>")
def test_what_is_printed_reads_as_the_same(line: str) -> None:
    try:
        parsed = parse(line, limit=100)
    except PromptError:
        return
    for prompt in parsed.prompts:
        printed = str(prompt)
        again = parse(printed, limit=100)
        assert again.prompt.parts == prompt.parts, printed
        assert again.prompt.images == prompt.images, printed
        assert again.prompt.given == prompt.given, printed
        assert str(again.prompt) == printed
    if not parsed.random:
        assert parse(parsed.line, limit=100).prompts == parsed.prompts, parsed.line


@settings(max_examples=250, deadline=None)
@given(LINES)
def test_a_corrected_line_can_be_read(line: str) -> None:
    repaired = None
    try:
        parse(line)
    except PromptError as error:
        repaired = error.repaired
    if repaired is not None:
        parse(repaired)


@settings(max_examples=250, deadline=None)
@given(LINES, st.integers(0, 2**32 - 1))
def test_every_prompt_that_can_be_read_gets_a_plan_or_a_refusal(line: str, seed: int) -> None:
    answer = as_json(line, CONFIG)
    assert set(answer) == {"prompt", "flags", "notes", "jobs", "error"}
    assert (answer["error"] is None) or not answer["flags"]
    try:
        parsed = parse(line)
        spec = plan(parsed.prompt, CONFIG.models, CONFIG.limits, seed).spec
    except PromptError as error:
        if error.repaired is not None:
            parse(error.repaired)
        return
    assert spec.width % 8 == 0
    assert spec.height % 8 == 0
    assert spec == plan(parsed.prompt, CONFIG.models, CONFIG.limits, seed).spec


@settings(max_examples=250, deadline=None)
@given(st.lists(PIECES, max_size=20).map("".join))
def test_weights_lose_no_words(text: str) -> None:
    pieces = parse_attention(text)
    assert pieces
    assert all(-100 <= weight <= 100 for _, weight in pieces)
    if not set(text) & set("()[]\\:") and "BREAK" not in text:
        assert pieces == [(text, 1.0)]


def hostile(rng: random.Random) -> str:
    """One line that means harm: control characters, surrogates, nesting, half flags, long runs."""
    kind = rng.randrange(8)
    n = rng.randrange(1, 60)
    if kind == 0:
        return "".join(chr(rng.randrange(0x110000)) for _ in range(n))
    if kind == 1:
        return "".join(chr(rng.randrange(0x20)) for _ in range(n)) + "\x7f\x9f\ud800\udfff"
    if kind == 2:
        return "{" * n + "a," * rng.randrange(5) + "}" * rng.randrange(60)
    if kind == 3:
        return "".join(
            rng.choice(["--", "—", "–", "-", " ", "ar", "no", "16:9", "=", ":", "\\"]) for _ in range(n)
        )
    if kind == 4:
        flag = rng.choice(FLAGS)
        return f"x --{flag.name} " + "".join(chr(rng.randrange(32, 0x250)) for _ in range(n))
    if kind == 5:
        return "".join(
            rng.choice(["(", ")", "[", "]", ":", "1.2", "<lora:", ">", "::", "BREAK"]) for _ in range(n)
        )
    if kind == 6:
        return (
            rng.choice(["--", "::", "{,", "}", "(", "\\", "“", " ", "https://", "<", "\n", "-- ar", ":: 0.5"])
            * n
        )
    return " ".join(
        rng.choice(["@here", "`" * 3, "\u202e", "--no", "--ar", "::-9", "{a,b}", "💥"]) for _ in range(n)
    )


def test_three_thousand_hostile_lines_get_an_answer_each() -> None:
    rng = random.Random(4)
    refused = 0
    for _ in range(3_000):  # ten thousand go through the command line in tests/bot/cli/test_cli.py
        answer = as_json(hostile(rng), CONFIG)
        assert isinstance(answer["jobs"], int)
        refused += answer["error"] is not None
        if answer["error"] is not None:
            assert answer["error"].strip()
    assert 150 < refused < 2_850  # both ways out were taken


def _steps(work: Callable[[str], object], text: str) -> int:
    """Return how many calls of Python and of C ``work`` makes: a count, the same on any machine."""
    made = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal made
        made += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work(text)
    finally:
        sys.setprofile(before)
    return made


def _read(text: str) -> None:
    with contextlib.suppress(PromptError):
        parse(text, length=10**9, limit=10)


@pytest.mark.parametrize("name", HOSTILE_SHAPES)
def test_ten_times_the_length_makes_at_most_twelve_times_the_calls(name: str) -> None:
    # what patterns cost inside one call is measured by `make bench`: time says nothing on a busy machine
    unit = HOSTILE_SHAPES[name]
    for work in (_read, parse_attention):
        short = unit * (400 // len(unit))
        _steps(work, short)  # caches fill
        assert _steps(work, short * 10) <= 12 * _steps(work, short), work


def test_a_megabyte_is_refused() -> None:
    for unit in HOSTILE_SHAPES.values():
        answer = as_json(unit * (1_000_000 // len(unit)), CONFIG)
        assert "6000" in answer["error"]
