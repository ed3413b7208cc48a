"""What people read: prompts shown as typed, lengths within Discord's limits."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given, strategies

from bot.components.help import HELPFUL
from bot.messages import asking as messages_asking
from bot.messages import facts as messages_facts
from bot.messages import help as messages_help
from bot.messages import jobs as messages_jobs
from bot.messages import rules as messages_rules
from bot.messages import text as messages_text
from bot.messages import things as messages_things
from bot.messages.jobs import Standing
from engine.jobs import Condition, Delivery, DeliveryState, Job, JobSpec, Kind, State
from engine.planning.edits import EDITS
from engine.planning.redraw import line_again
from engine.pocket import knows
from engine.prompt.flags import FLAGS
from engine.rules.allowance import Balance
from engine.rules.rules import Rule, Rules
from engine.words import speaking


def job(prompt: str = "a red apple", **more: object) -> Job:
    spec = JobSpec(
        model="pocket",
        conditions=(Condition(text="a red apple"),),
        width=512,
        height=384,
        steps=20,
        guidance_scale=5.0,
        sampler="ddim",
        seed=4294967295,
    )
    values = {
        "id": "7h2k9q3v0x",
        "owner": "1234",
        "origin": "discord:1/2",
        "state": State.RENDERED,
        "spec": spec,
    }
    return Job(**{**values, "prompt": prompt, "created_at": 1.0, **more})  # type: ignore[arg-type]


def promise(kind: str = "grid", cell: int | None = None, owner: str = "1234") -> Delivery:
    return Delivery(
        id=7, job="7h2k9q3v0x", kind=kind, cell=cell, origin="discord:1/2", owner=owner,  # type: ignore[arg-type]
        state=DeliveryState.PENDING, created_at=1.0,
    )  # fmt: skip


def as_discord_shows(text: str) -> str:
    """Undo backslashes as Discord's markdown does: they vanish before all but letters, digits and blanks."""
    return re.sub(r"\\([^0-9A-Za-z\s])", r"\1", text)


@pytest.mark.parametrize(
    "typed",
    [
        "a *red* **apple** with __lines__ and ~~none~~ ||hidden||",
        "@everyone @here <@1234> <@&55> <#77> </imagine:1>",
        "`code` ```block``` \\ backslash \\* escaped",
        "https://example.org/a_b_c.png :smile: <:a:1> [text](https://example.org)",
        "# heading",
        "> quote",
        "a red apple --ar 3:2 --no cars, people::2",
        "смешная кошка 猫 🐈‍⬛",
    ],
)
def test_a_prompt_shows_as_typed(typed: str) -> None:
    assert as_discord_shows(messages_text.shown(typed)) == typed


def test_nothing_in_a_prompt_is_read_as_markdown_or_mention() -> None:
    said = messages_text.shown("**b** `c` ||s|| @everyone <@1234> https://x.org :smile: [a](b)")
    bare = re.sub(r"\\[^0-9A-Za-z\s]", "", said)
    assert not re.search(r"[*_~`|<@\[\]]|://|:smile:", bare)


def test_ordinary_prompts_stay_plain() -> None:
    assert messages_text.shown("a red apple --ar 3:2, by the sea") == "a red apple --ar 3:2, by the sea"


def test_reading_direction_does_not_leak() -> None:
    said = messages_text.shown("evil \u202e reversed \u2069 end")
    # an isolate opened first and closed last: what is inside cannot reorder what follows (Unicode UAX 9)
    assert said.startswith("\u2068")
    assert said.endswith("\u2069")
    inside = said[1:-1]
    depth = 0
    for character in inside:
        depth += unicodedata.bidirectional(character) in ("LRI", "RLI", "FSI")
        depth -= unicodedata.bidirectional(character) == "PDI"
        assert depth >= 0, "it would close our isolate"
    assert depth == 0
    assert "\u202e reversed" in said


def test_arabic_is_kept_as_typed() -> None:
    assert messages_text.shown("تفاحة حمراء")[1:-1] == "تفاحة حمراء"


@given(strategies.text(max_size=6000))
def test_any_text_gives_a_message_discord_takes(text: str) -> None:
    one = job(prompt=text, failure="Because.", notes=("note " * 100,) * 5)
    for said in (
        messages_jobs.result(one, promise()),
        messages_jobs.progress(one, Standing(State.RUNNING, percent=31, seconds=1e9)),
        messages_jobs.failure(one)[0],
        messages_asking.refusal("No. " * 1000, text),
        messages_asking.question(text, 4, 16),
    ):
        assert len(said) <= messages_text.CONTENT_LIMIT
        said.encode()
    assert 0 < len(messages_jobs.alt(one)) <= messages_text.ALT_LIMIT
    assert re.fullmatch(r"[a-z0-9-]{1,80}\.png", messages_jobs.filename(one, "png", 2))
    for name, value in messages_facts.picture_facts(one, 1):
        assert len(name) <= 256
        assert len(value) <= 1024


def test_titles() -> None:
    done = job(pictures=("a", "b", "c", "d"))
    assert messages_jobs.result(done, promise()) == "**a red apple** - <@1234> (fast)"
    assert messages_jobs.result(done, promise("picture", 1, "99")) == "**a red apple** - Image #2 <@99>"
    for standing, said in (
        (Standing(State.RUNNING), "starting"),
        (Standing(State.RUNNING, percent=31), "31%"),
        (Standing(State.RUNNING, percent=31, seconds=12.6), "31%, about 15 s left"),
        (Standing(State.QUEUED, place=1), "waiting to start"),
        (Standing(State.QUEUED, place=1, waking=True), "starting up; the first picture takes longer"),
        (Standing(State.QUEUED, place=3, waking=True), "waiting, 3rd in line"),
        (Standing(State.QUEUED, waking=True, deserted=True), "waiting for a machine to draw on"),
        (Standing(State.QUEUED, place=2), "waiting, 2nd in line"),
        (Standing(State.QUEUED, place=3, seconds=95), "waiting, 3rd in line, about 1 min 30 s left"),
        (Standing(State.QUEUED, held=True), "waiting, paused by an admin"),
        (Standing(State.QUEUED, held=True, until=9.0), "waiting, paused by an admin until <t:9:t>"),
        (Standing(State.CANCELLED, seconds=5), "cancelled"),
    ):
        assert messages_jobs.progress(done, standing) == f"**a red apple** - <@1234> ({said})"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "a moment"),
        (2.9, "a moment"),
        (3, "5 s"),
        (57, "55 s"),
        (58, "1 min"),
        (100, "1 min 30 s"),
        (580, "9 min 30 s"),
        (590, "10 min"),
        (5399, "90 min"),
        (9000, "2 h"),
    ],
)
def test_times_are_guessed_aloud(seconds: float, said: str) -> None:
    assert messages_text.about(seconds) == said


@pytest.mark.parametrize(
    ("number", "word"),
    [
        (1, "1st"),
        (2, "2nd"),
        (3, "3rd"),
        (4, "4th"),
        (11, "11th"),
        (12, "12th"),
        (22, "22nd"),
        (113, "113th"),
    ],
)
def test_ordinals(number: int, word: str) -> None:
    assert messages_text.ordinal(number) == word


def test_a_failure_gives_the_prompt_back_exactly() -> None:
    said, whole = messages_jobs.failure(job(prompt="a *cat* --ar 3:2", failure="The engine stopped."))
    assert whole
    assert said == "<@1234> The engine stopped.\nYour prompt, to copy:\n```\na *cat* --ar 3:2\n```"


def test_a_prompt_that_no_block_can_hold_is_not_broken_into_one() -> None:
    assert messages_text.to_copy("three ``` ticks") is None
    assert messages_text.to_copy("x" * 5000) is None


def test_a_long_repaired_line_is_given_whole() -> None:
    repaired = "a long sentence about a cat " * 60 + "--ar 16:9"
    said = messages_asking.refusal("There is no ratio `16.9`.", repaired)
    assert repaired in said
    assert len(said) <= 2000


def test_the_seed_of_one_picture_wraps_like_the_engine() -> None:
    # cell i starts from (seed + i) mod 2**32
    assert dict(messages_facts.picture_facts(job(), 0))["Seed"] == "4294967295"
    assert dict(messages_facts.picture_facts(job(), 1))["Seed"] == "0"


@pytest.mark.parametrize("line", ["a cat --ar 3:2", "two\nlines", "an `odd` one", "x" * 1500])
def test_the_line_to_copy_is_read_back_as_it_was_written(line: str) -> None:
    assert messages_asking.copied(messages_asking.refusal("There is no such shape.", line)) == line
    assert messages_asking.copied(messages_asking.with_prompt("Too many jobs wait.", line)[0]) == line
    assert messages_asking.copied(messages_asking.refusal(f"`{line}` is wrong")) is None


def test_every_edit_has_a_title_and_jobs_from_before_keep_theirs() -> None:
    assert [name for name, edit in EDITS.items() if not edit.title] == ["reroll"]
    made = job(edit="zoom", factor=1.5, parent_cell=1)
    assert messages_jobs.title(made).startswith("**a red apple** - Zoom Out 1.5x of image #2 by ")
    before = job(parent_cell=1)
    spec = before.spec.model_copy(update={"kind": Kind.INPAINT, "strength": 1.0})
    before = before.model_copy(update={"spec": spec})
    assert messages_jobs.title(before).startswith("**a red apple** - Repaint of image #2 by ")
    # an edit that a later version makes is told by its kind
    later = before.model_copy(update={"edit": "later"})
    assert messages_jobs.title(later) == messages_jobs.title(before)


def test_info_tells_both_sizes_the_time_without_loading_and_a_line_to_copy() -> None:
    one = job("a red apple --seed 3", started_at=10.0, finished_at=20.0, took=2.25, sources=())
    facts = dict(messages_facts.picture_facts(one, 1, (2048, 1536)))
    assert facts["Size"] == "drawn at 512 × 384, enlarged to 2048 × 1536 px"
    assert facts["Drawn in"] == "2.2 s"
    assert dict(messages_facts.picture_facts(one, 1, (512, 384)))["Size"] == "512 × 384 px"
    # the second picture of a grid starts from the next seed: 2**32 - 1 wraps to 0
    assert facts["Recipe, to copy"] == "```\na red apple --seed 3 --model pocket --seed 0\n```"
    # what somebody's settings chose is written out, for those who have others
    one = one.model_copy(update={"sources": (("ar", "settings"), ("steps", "model"), ("seed", "prompt"))})
    assert line_again(one) == "a red apple --seed 3 --ar 512:384 --model pocket --seed 4294967295"
    before = one.model_copy(update={"took": None})
    assert dict(messages_facts.picture_facts(before))["Drawn in"] == "10.0 s"


def test_help_fits_discords_fields() -> None:
    pages = messages_help.flag_pages(FLAGS)
    assert all(len(lines) <= 1024 for _, lines in pages)
    assert len(messages_help.HELP) + sum(len(name) + len(lines) for name, lines in pages) <= 6000
    assert all(f"`--{flag.name}`" in "".join(lines for _, lines in pages) for flag in FLAGS)
    listed = messages_help.flag_pages(HELPFUL)
    assert [heading for heading, _ in listed] == list(messages_help.SECTIONS.values())
    assert "…" not in "".join(lines for _, lines in listed), "no sentence is cut"
    opened = [page for topic in messages_help.SECTIONS for page in messages_help.section(topic, HELPFUL)]
    assert opened == listed, "every flag is in one section"
    assert set(messages_help.FIRST) <= {flag.name for flag in HELPFUL}


def test_the_sheet_of_things_has_every_well_drawn_one_and_fits_discords_fields() -> None:
    sheet = messages_things.sheet(knows.things(), knows.places())
    assert all(len(names) <= 1024 for _, names in sheet)
    assert len(messages_things.INTRODUCTION) + sum(len(a) + len(b) for a, b in sheet) <= 6000
    assert len(sheet) <= 25
    listed = [name for _, names in sheet for name in names.split(", ")]
    assert len(listed) == sum(thing.well for thing in knows.things()) + len(knows.places())
    assert "apple" in dict(sheet)["Food and drink"].split(", ")
    # and the second model's beside it, whole
    flow = knows.things("pocket-flow")
    heading, names = messages_things.of("pocket-flow", flow)
    assert len(names.split(", ")) == sum(thing.well for thing in flow)
    assert len(names) <= 1024
    whole = [*sheet, (heading, names)]
    assert len(messages_things.INTRODUCTION) + sum(len(a) + len(b) for a, b in whole) <= 5900


def test_whoever_asks_in_another_language_reads_that_the_model_understands_english() -> None:
    assert "English" not in messages_things.unknown("seismograph")
    with speaking("de"):
        assert "es versteht nur Englisch" in messages_things.unknown("eichhörnchen")
        assert "Englisch" not in messages_things.unknown("eichhörnchen", "pocket")


def test_the_list_of_channels_says_what_becomes_of_adult_pictures_in_sentences() -> None:
    told = [Rule("content", "", value="strict refuse"), Rule("content", "7", value="restricted spoiler")]
    said = messages_rules.channels(Rules.of(told)).split("\n")
    assert "- No adult pictures in this server; one that slips through is refused." in said
    [allowed] = [line for line in said if line.startswith("- Adult pictures are allowed in <#7>")]
    assert "behind a spoiler" in allowed
    assert "- everywhere: none" in messages_rules.channels(Rules()).split("\n")


def test_many_jobs_of_one_message_are_told_apart_and_fit() -> None:
    jobs = [job(prompt=f"{number} " + "*" * 700) for number in range(40)]
    ends = [Standing(State.RENDERED)] * 3
    said = messages_jobs.several(jobs, [*ends, Standing(State.RUNNING), *[Standing(State.QUEUED)] * 36])
    assert len(said) <= 2000
    first, second, *_ = said.split("\n")
    assert first.startswith("**40 jobs** - ")
    assert first.endswith("(3 done)")
    assert second.startswith("1. 0 ")
    assert second.endswith("(done)")
    assert said.endswith("\n…")
    half = Standing(State.RUNNING, percent=50, seconds=9)
    two = messages_jobs.several(jobs[:3], [ends[0], half, Standing(State.QUEUED, 1, seconds=31)])
    assert two.split("\n")[0].endswith("(1 done, about 30 s left)")
    assert "(50%, about 10 s left)" in two


@pytest.mark.parametrize(
    ("running", "waiting", "paused", "said"),
    [
        (0, 0, False, "Nothing is waiting. `/imagine` starts at once."),
        (1, 0, False, "1 job being drawn, 0 waiting."),
        (2, 5, False, "2 jobs being drawn, 5 waiting."),
        (0, 0, True, "Nothing is waiting. The queue is paused by an admin: nothing new starts."),
    ],
)
def test_the_queue_in_one_line(running: int, waiting: int, paused: bool, said: str) -> None:
    assert messages_jobs.queue(running, waiting, held=paused) == said


def test_info_says_who_chose_what_nearest_first() -> None:
    said = messages_facts.origins({"steps": "model", "ar": "prompt", "chaos": "suffix", "seed": "prompt"})
    assert said == "The prompt: `--ar` `--seed`\nYour suffix: `--chaos`\nThe model: `--steps`"


def test_a_price_is_told_with_what_is_left_of_the_allowance() -> None:
    mine = Balance("you", 600.0, 590.0, "day", 1_772_323_200.0)
    ours = Balance("server", 36_000.0, 400.5, "month", 1_772_323_200.0)
    assert messages_asking.question("a cat", 4, 16, 42.4, [mine, ours]) == (
        "**a cat**\nThis makes 4 jobs with 16 pictures together. It takes about 42 s to draw. "
        "You have 10 s left today. This server has 35,600 s left this month. Start?"
    )
    assert messages_asking.question("a cat", 4, 16).endswith(
        "This makes 4 jobs with 16 pictures together. Start?"
    )
    assert messages_asking.allowance([mine]) == (
        "You: 590 s of 600 s used today, 10 s left; it resets <t:1772323200:R>. "
        "`--relax` costs nothing."
    )
