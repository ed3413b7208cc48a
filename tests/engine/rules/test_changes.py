"""What those in charge change, as lines of the rules: expected values are the table of ``Rule``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest

from engine.errors import LimitError, NotFound, PromptError
from engine.rules import changes
from engine.rules.changes import Change
from engine.rules.rules import Allowance, Rule, Rules

CHANGES = [
    changes.allow_channel("1", ("2", "3")),
    changes.deny_channel("1"),
    changes.set_content("restricted", "spoiler", None),
    changes.report_in("1"),
    changes.permit("model", "big", "501"),
    changes.limit_size("501", 512),
    changes.weigh_role("501", 2.5),
    changes.allow_role("501", Allowance(600, "day")),
    changes.weigh_server(0.5),
    changes.allow_server(Allowance(6000, "month")),
    changes.set_style(Rules(), " House ", "in  blue ink"),
    changes.list_words(Rules(), "block", ["apple"]),
    changes.set_state("paused"),
    changes.switch_model("big", on=False),
]


def after(rules: Iterable[Rule], change: Change) -> list[Rule]:
    gone = {rule[:3] for rule in (*change.keep, *change.drop)}
    return [rule for rule in rules if rule[:3] not in gone] + list(change.keep)


def test_every_operation_writes_the_line_that_is_read_as_what_it_says() -> None:
    lines: Sequence[Rule] = ()
    for change in CHANGES:
        lines = after(lines, change)
    rules = Rules.of(lines)
    assert rules.channels == {"1": False}
    assert (rules.content[""].level, rules.content[""].showing) == ("restricted", "spoiler")
    assert rules.log == "1"
    assert rules.permits == {("model", "big"): {"501"}}
    role = rules.roles["501"]
    assert (role.pixels, role.weight, role.allowance) == (512 * 512, 2.5, Allowance(600, "day"))
    assert (rules.weight, rules.allowance) == (0.5, Allowance(6000, "month"))
    assert rules.styles == {"house": "in blue ink"}
    assert rules.blocked == ("apple",)
    assert rules.state == "paused"
    assert rules.off == {"big"}


@pytest.mark.parametrize("number", range(len(CHANGES)))
def test_every_operation_has_one_that_undoes_it(number: int) -> None:
    """Each line is kept alone, then taken back by its counterpart; nothing is left of it."""
    done = CHANGES[number]
    held = Rules.of(done.keep)
    kind = done.keep[0].kind
    undone = {
        "channel": lambda: changes.reset_channels(held, None),
        "content": lambda: changes.reset_channels(held, None),
        "log": lambda: changes.report_in(None),
        "model": lambda: changes.permit("model", "big", "501", remove=True),
        "pixels": lambda: changes.limit_size("501", None),
        "weight": lambda: (
            changes.weigh_role("501", None) if done.target else Change("", drop=[Rule("weight")])
        ),
        "allowance": lambda: (
            changes.allow_role("501", None) if done.target else changes.allow_server(None)
        ),
        "style": lambda: changes.remove_style(held, "HOUSE"),
        "word": lambda: changes.remove_words(held, ["Apple"]),
        "state": lambda: changes.set_state("open"),
        "off": lambda: changes.switch_model("big", on=True),
    }[kind]()
    assert after(done.keep, undone) == []


def test_everything_about_a_role_is_forgotten_and_nothing_about_another() -> None:
    other = changes.permit("speed", "turbo", "502")
    lines = [rule for change in (*CHANGES[4:8], other) for rule in change.keep]
    held = Rules.of(lines)
    assert after(lines, changes.forget_roles(held, "501")) == list(other.keep)
    assert after(lines, changes.forget_roles(held, None)) == []


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda: changes.set_style(Rules(), "raw", "x"), PromptError, "begins with a letter"),
        (lambda: changes.set_style(Rules(), "9lives", "x"), PromptError, "begins with a letter"),
        (lambda: changes.set_style(Rules(), "anime", "x"), PromptError, "style `anime` everywhere already"),
        (lambda: changes.remove_style(Rules(), "house"), NotFound, "no style `house`"),
        (lambda: changes.list_words(Rules(), "block", []), PromptError, "at least one word"),
        (lambda: changes.list_words(Rules(), "block", ["…"]), PromptError, "no letters or digits"),
        (lambda: changes.remove_words(Rules(), ["pear"]), NotFound, "None of these words"),
    ],
)  # fmt: skip
def test_what_cannot_be_kept_is_refused_with_the_reason(make: object, error: type, said: str) -> None:
    with pytest.raises(error, match=said):
        make()  # type: ignore[operator]


def test_a_server_keeps_so_many_words_and_styles_and_no_more() -> None:
    full = Rules(
        blocked=tuple(f"w{number}" for number in range(changes.MOST_WORDS)),
        styles={f"s{number}": "x" for number in range(changes.MOST_STYLES)},
    )
    with pytest.raises(LimitError, match="at most 500 words"):
        changes.list_words(full, "allow", ["new"])
    with pytest.raises(LimitError, match="at most 50 styles"):
        changes.set_style(full, "new", "x")
    # what is listed already takes no more room
    assert changes.list_words(full, "allow", ["w1"]).keep == [Rule("word", "allow", "w1")]
    assert changes.set_style(full, "s1", "y").keep == [Rule("style", "s1", value="y")]
