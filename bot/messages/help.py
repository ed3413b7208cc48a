"""The words of ``/help``, from the one table of flags; refuses to know discord.py and the database."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence

from engine.prompt.flags import Flag
from engine.words import Sentence, say

HELP_TITLE = Sentence("How to ask for pictures")
HELP = Sentence(
    "Type `/imagine` and say what to draw: `a red apple on a table`. You get a grid of "
    "pictures.\n**U1–U4** show one picture alone, **V1–V4** make variations of it, 🔄 draws "
    "the prompt again.\n`/queue` shows where your jobs stand, `/cancel` takes one back, "
    "`/show` posts an old result again.\nFlags go after the words, as in `a red apple --ar "
    "3:2 --seed 7`."
)
FIRST_HEADING = Sentence("Five flags to begin with")
FIRST: Mapping[str, str] = {
    "ar": Sentence("`--ar` shape, width to height: `--ar 3:2`"),
    "no": Sentence("`--no` leaves things out: `--no people, cars`"),
    "style": Sentence("`--style` a look: `--style pixel-art`; `/imagine style:` lists them"),
    "chaos": Sentence("`--chaos` four pictures that differ more: `--chaos 50`"),
    "seed": Sentence("`--seed` the same seed and words give the same pictures: `--seed 7`"),
}
"""The flags on the first screen, and what is said of each there."""
OPENED = Sentence("Open a section")
ONE_FLAG = Sentence("`/help flag:` tells everything about one flag.")
HERE = 2000
"""Characters that the list of names under one flag may take."""
THINGS = "things"
"""The topic that lists what the shipped model draws."""


SECTIONS = {
    "ar": Sentence("Shape"),
    "model": Sentence("Model"),
    "no": Sentence("What it shows"),
    "seed": Sentence("How it is drawn"),
    "repeat": Sentence("How many, how soon"),
    "iw": Sentence("Pictures to go by"),
}
"""Sections of ``/help``, by the flag of the table that each begins with."""


def flag_pages(flags: Iterable[Flag]) -> list[tuple[str, str]]:
    """Return every flag in few words, as fields of at most 1024 characters each, under their headings."""
    pages: list[tuple[str, str]] = []
    more = f" ({say('more')})"
    for flag in flags:
        line = f"`--{flag.name}` {textwrap.shorten(say(flag.meaning), 95, placeholder='…')}\n"
        heading = say(SECTIONS[flag.name]) if flag.name in SECTIONS else None
        if heading is None and pages:
            last, lines = pages[-1]
            if len(lines) + len(line) <= 1024:
                pages[-1] = (last, lines + line)
                continue
            heading = last if last.endswith(more) else last + more
        pages.append((heading or say("Flags"), line))
    return pages


def flag_details(flag: Flag, things: Mapping[str, Sequence[str]]) -> str:
    """Return all about one flag; ``things``: what it may name here, each with the words that call it."""
    names = " ".join(f"`--{name}`" for name in flag.names)
    lines = [
        say(flag.meaning),
        say("**Written** {names}", names=names),
        say("**Value** {range}", range=say(flag.range)),
        say("**Without it** {default}", default=say(flag.default)),
    ]
    if flag.example:
        lines.append(say("**Example** `--{name} {example}`", name=flag.name, example=flag.example))
    if things:
        here = ", ".join(called(f"`{name}`", words) for name, words in things.items())
        lines.append(say("**Here** {names}", names=textwrap.shorten(here, HERE, placeholder=" …")))
    return "\n".join(lines)


def called(name: str, words: Iterable[str]) -> str:
    """Return a model's or LoRA's name with the words that call what it was taught."""
    listed = ", ".join(words)
    return say("{name} (say: {listed})", name=name, listed=listed) if listed else name


def first_flags() -> str:
    """Return the flags of the first screen, a line each."""
    return "\n".join(map(say, FIRST.values()))


def section(topic: str, flags: Iterable[Flag]) -> list[tuple[str, str]]:
    """Return the pages of one section, as ``flag_pages`` has them."""
    heading = say(SECTIONS[topic])
    return [page for page in flag_pages(flags) if page[0] in (heading, f"{heading} ({say('more')})")]


def no_topic(topic: str) -> str:
    """Return the refusal of a topic that is not there."""
    return say(
        "There is no help about `{topic}`. `/help` lists the sections.", topic=topic[:30].replace("`", "")
    )
