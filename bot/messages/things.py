"""What people read about the things the shipped models draw; refuses to know discord.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.messages.text import shown
from engine.pocket.knows import Thing
from engine.words import Sentence, language, say

TITLE = Sentence("What this model draws well")
INTRODUCTION = Sentence(
    "The small model that ships with Limner was taught these things, and little else. They "
    "can have a colour, a place and a look: `a red apple on a beach, watercolor`."
)
FIELD_LIMIT = 1024
"""Most characters of an embed field's value (Discord)."""
GROUPS: Mapping[str, tuple[str, ...]] = {
    Sentence("People"): ("person", "body", "hand"),
    Sentence("Faces"): ("face", "cat-face"),
    Sentence("Animals"): ("animal",),
    Sentence("Plants"): ("plant",),
    Sentence("Food and drink"): ("food", "drink"),
    Sentence("Travel"): ("transport",),
    Sentence("Sky and weather"): ("sky",),
    Sentence("Buildings"): ("place", "hotel"),
    Sentence("Music and sport"): ("musical", "music", "sport", "game", "event", "award"),
}
"""Headings, and how the names of the groups under them begin; all others are ``OTHERS``."""
OTHERS, PLACES = Sentence("Other things"), Sentence("Places")


def unknown(words: str, able: str | None = None) -> str:
    """Return the note under a grid whose subject was never taught; the near things stand on buttons.

    ``able``: the name of another model here that was taught it.
    """
    if able is not None:
        said = Sentence(
            "This small model never learned “{words}”; `--model {model}` did. Or take one of these, "
            "which it draws well."
        )
    elif language() is not None:  # perhaps it is only the language that it does not know
        said = Sentence(
            "This small model never learned “{words}”; it understands English only. It draws these well; "
            "`/help` lists more."
        )
    else:
        said = Sentence("This small model never learned “{words}”. It draws these well; `/help` lists more.")
    return say(said, words=shown(words, 60), model=able)


def sheet(things: Sequence[Thing], places: Mapping[str, Sequence[str]]) -> list[tuple[str, str]]:
    """Return everything that is drawn well, as (heading, names) that fit an embed's fields."""
    under: dict[str, list[str]] = {heading: [] for heading in (*GROUPS, say(OTHERS))}
    for thing in things:
        if thing.well:
            under[_heading(thing.group)].append(_bare(thing.prompt))
    under[say(PLACES)] = [_bare(alone[0]) for alone in places.values()]
    return [(say(heading), _joined(names)) for heading, names in under.items() if names]


def of(model: str, things: Sequence[Thing]) -> tuple[str, str]:
    """Return what one more model draws well, as one (heading, names)."""
    names = [_bare(thing.prompt) for thing in things if thing.well]
    return say("With `--model {model}`", model=model), _joined(names)


def _heading(group: str) -> str:
    return next((heading for heading, starts in GROUPS.items() if group.startswith(starts)), say(OTHERS))


def _bare(prompt: str) -> str:
    first, _, rest = prompt.partition(" ")
    return rest if first in ("a", "an", "the") and rest else prompt


def _joined(names: Sequence[str]) -> str:
    """Return the names with commas, as many as a field holds."""
    text = ", ".join(names)
    return text if len(text) <= FIELD_LIMIT else text[: text.rfind(",", 0, FIELD_LIMIT - 2)] + " …"
