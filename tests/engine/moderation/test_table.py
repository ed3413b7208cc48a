"""All of 1,000 disguised words are read, and fewer than 2 % of 1,000 innocent prompts are refused."""

from __future__ import annotations

import json
import random

import pytest

from engine.moderation import BlockedError, adult, met, stop
from tests.engine.moderation.make_table import PHRASES, SEED, TABLE, WORDS, forbidden, innocent

ROWS = [json.loads(line) for line in TABLE.read_text("utf-8").splitlines()]
DISGUISED = [row for row in ROWS if row["word"]]
INNOCENT = [row for row in ROWS if not row["word"]]
LIST = (*WORDS, *PHRASES)


def refused(text: str) -> bool:
    """Say whether the strictest place, with all stand-ins on its list, would refuse this."""
    try:
        stop(text)
    except BlockedError:
        return True
    return bool(met(text, LIST) or adult(text))


def test_the_table_is_what_its_script_makes() -> None:
    rng = random.Random(SEED)
    assert [*forbidden(rng), *innocent(rng)] == ROWS
    assert (len(DISGUISED), len(INNOCENT)) == (1000, 1000)
    assert len({row["text"] for row in DISGUISED}) > 950, "few are written alike"


@pytest.mark.parametrize("how", sorted({row["how"].split("+")[0] for row in DISGUISED}))
def test_every_disguise_is_seen_through(how: str) -> None:
    rows = [row for row in DISGUISED if row["how"].split("+")[0] == how]
    assert [ascii(row) for row in rows if row["word"] not in met(row["text"], LIST)] == []


def test_fewer_than_two_in_a_hundred_innocent_prompts_are_refused() -> None:
    wrong = [row["text"] for row in INNOCENT if refused(row["text"])]
    assert len(wrong) < 0.02 * len(INNOCENT), wrong
