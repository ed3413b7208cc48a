"""The words of ``/help``, from the one table of flags; refuses to know discord.py and the database."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from engine.prompt.flags import Flag

HELP_TITLE = "How to ask for pictures"
HELP = (
    "Type `/imagine` and say what to draw: `a red apple on a table`. You get a grid of pictures.\n"
    "**U1–U4** show one picture alone, **V1–V4** make variations of it, 🔄 draws the prompt again.\n"
    "`/queue` shows where your jobs stand, `/cancel` takes one back, `/show` posts an old result again.\n"
    "Flags go after the words, as in `a red apple --ar 3:2 --seed 7`."
)
FIRST_HEADING = "Five flags to begin with"
FIRST: Mapping[str, str] = {
    "ar": "`--ar` shape, width to height: `--ar 3:2`",
    "no": "`--no` leaves things out: `--no people, cars`",
    "style": "`--style` a look: `--style pixel-art`; `/imagine style:` lists them",
    "chaos": "`--chaos` four pictures that differ more: `--chaos 50`",
    "seed": "`--seed` the same seed and words give the same pictures: `--seed 7`",
}
"""The flags on the first screen, and what is said of each there."""
OPENED = "Open a section"
ONE_FLAG = "`/help flag:` tells everything about one flag."
HERE = 2000
"""Characters that the list of names under one flag may take."""
THINGS = "things"
"""The topic that lists what the shipped model draws."""


SECTIONS = {
    "ar": "Shape",
    "model": "Model",
    "no": "What it shows",
    "seed": "How it is drawn",
    "repeat": "How many, how soon",
    "iw": "Pictures to go by",
}
"""Sections of ``/help``, by the flag of the table that each begins with."""


def flag_pages(flags: Iterable[Flag]) -> list[tuple[str, str]]:
    """Return every flag in few words, as fields of at most 1024 characters each, under their headings."""
    pages: list[tuple[str, str]] = []
    for flag in flags:
        line = f"`--{flag.name}` {textwrap.shorten(flag.meaning, 95, placeholder='…')}\n"
        heading = SECTIONS.get(flag.name)
        if heading is None and pages:
            last, lines = pages[-1]
            if len(lines) + len(line) <= 1024:
                pages[-1] = (last, lines + line)
                continue
            heading = last if last.endswith(" (more)") else f"{last} (more)"
        pages.append((heading or "Flags", line))
    return pages


def flag_details(flag: Flag, things: Mapping[str, Sequence[str]] = MappingProxyType({})) -> str:
    """Return all about one flag; ``things``: what it may name here, each with the words that call it."""
    names = " ".join(f"`--{name}`" for name in flag.names)
    lines = [flag.meaning, f"**Written** {names}", f"**Value** {flag.range}"]
    lines.append(f"**Without it** {flag.default}")
    if flag.example:
        lines.append(f"**Example** `--{flag.name} {flag.example}`")
    if things:
        here = ", ".join(called(f"`{name}`", words) for name, words in things.items())
        lines.append(f"**Here** {textwrap.shorten(here, HERE, placeholder=' …')}")
    return "\n".join(lines)


def called(name: str, words: Iterable[str]) -> str:
    """Return a model's or LoRA's name with the words that call what it was taught."""
    listed = ", ".join(words)
    return f"{name} (say: {listed})" if listed else name


def first_flags() -> str:
    """Return the flags of the first screen, a line each."""
    return "\n".join(FIRST.values())


def section(topic: str, flags: Iterable[Flag]) -> list[tuple[str, str]]:
    """Return the pages of one section, as ``flag_pages`` has them."""
    heading = SECTIONS[topic]
    return [page for page in flag_pages(flags) if page[0] in (heading, f"{heading} (more)")]


def no_topic(topic: str) -> str:
    """Return the refusal of a topic that is not there."""
    return f"There is no help about `{topic[:30].replace('`', '')}`. `/help` lists the sections."
