"""What the shipped models were taught: words they do not know, near things they draw well; no torch here.

Each has its list, written from the training list by `python -m engine.pocket.train things` (and `--flow`).
"""

from __future__ import annotations

import difflib
import json
import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

FIRST = "pocket"
"""The shipped model that was taught most: `model` where nothing else is said."""
LISTS = {
    FIRST: Path(__file__).parent / "things.json",
    "pocket-flow": Path(__file__).parent / "things-flow.json",
}
"""By the source of a shipped model (`engine.config.ModelConfig`), what it was taught."""

_PLAIN = """
    a an the this that these those some any all both each every no not and or but nor so as than then of in
    on at to by for from with without into onto over under above below behind beside between through across
    around near next inside outside against along up down off out about after before during while is are was
    were be being been am it its he him his she her they them their i me my you your we us our who which
    what where when how there here one two three four five six seven eight nine ten many few several lots
    lot bunch pair group couple very really quite too more most less least much such only just also other
    another same own new old young big small large little tiny huge giant tall short long wide high low good
    best better nice great cool cute pretty beautiful gorgeous lovely amazing awesome stunning epic funny
    happy sad angry scary spooky creepy dark bright light deep pale vivid colorful colourful coloured
    colored shiny glowing glossy matte soft hard warm cold hot wet dry fresh simple complex detailed highly
    ultra super hyper extremely intricate realistic photorealistic realism surreal abstract minimal
    minimalist minimalistic modern vintage retro futuristic fantasy magic magical mystical epic ancient
    traditional classic style styled stylized stylised art artwork artistic picture image photo photograph
    photography portrait painting painted drawing drawn sketch illustration illustrated render rendered
    rendering digital concept poster logo icon emoji clipart wallpaper background foreground scene view
    closeup close shot wide angle macro bokeh cinematic dramatic lighting lit shadow shadows composition
    quality masterpiece trending artstation unreal octane engine hd uhd resolution sharp focus depth field
    aesthetic vibe mood atmosphere color colour colors colours palette tone toned black white looking
    standing sitting lying walking running flying jumping sleeping smiling wearing holding riding playing
    eating drinking reading driving doing having make made show showing draw please want like full body face
    front side top bottom left right center centre middle high res day time texture pattern line lines flat
    outline watercolor watercolour oil acrylic pastel ink pencil charcoal pixel vector cartoon comic anime
    manga disney pixar ghibli lego clay plush toy neon cyberpunk steampunk gothic baroque renaissance
    impressionist noir kawaii chibi lowpoly isometric
    """
"""Words about the manner and between the things; a note about them would help nobody."""


_KIN = {
    **dict.fromkeys(("person", "body", "hand", "hands"), "face"),
    "monkey": "animal",
    "music": "musical",
    "dishware": "drink",
    "flag": "place",
}
"""Groups that a model which knows less may have nothing of, and where it has something of the kind."""


@dataclass(frozen=True)
class Thing:
    """One thing that was taught: how to ask for it, its names, its group, and whether it is drawn well."""

    prompt: str
    names: tuple[str, ...]
    group: str
    well: bool


@dataclass(frozen=True)
class _Known:
    things: tuple[Thing, ...]
    places: dict[str, tuple[str, ...]]  # how each is asked for by itself
    words: frozenset[str]  # taught, of places, or about the manner
    hints: dict[str, tuple[str, ...]]
    by_prompt: dict[str, Thing]
    by_word: dict[str, Thing]  # names of one word
    in_places: frozenset[str]  # the words that places are asked for by


@lru_cache(maxsize=len(LISTS))
def _known(model: str) -> _Known:
    told = json.loads(LISTS[model].read_text(encoding="utf-8"))
    found = tuple(
        Thing(one["prompt"], tuple(one["names"]), one["group"], one["drawn"] == "well")
        for one in told["things"]
    )
    in_places = {word for alone, _ in told["places"].values() for text in alone for word in text.split()}
    return _Known(
        found,
        {name: tuple(alone) for name, (alone, _) in told["places"].items() if alone},
        frozenset(told["words"]).union(in_places, _PLAIN.split()),
        {word: tuple(prompts) for word, prompts in told["hints"].items()},
        {thing.prompt: thing for thing in found},
        {name: thing for thing in reversed(found) for name in thing.names if " " not in name},
        frozenset(in_places.difference(_PLAIN.split())),
    )


def things(model: str = FIRST) -> tuple[Thing, ...]:
    """Everything a model was taught, the everyday things first."""
    return _known(model).things


def places(model: str = FIRST) -> dict[str, tuple[str, ...]]:
    """How each place is asked for by itself, "a village"; not those that things can only stand in."""
    return _known(model).places


def _forms(word: str) -> Iterable[str]:
    """The word, and what it may be the plural or the possessive of."""
    yield word
    for ending, instead in (("'s", ""), ("ies", "y"), ("ves", "f"), ("es", ""), ("s", "")):
        if word.endswith(ending) and len(word) > len(ending) + 2:
            yield word.removesuffix(ending) + instead


def unknown(prompt: str, model: str = FIRST) -> tuple[str, ...]:
    """Words of a prompt that a model was never taught, in their order, each once.

    Words about the manner, numbers and little words do not count; nor do flags (`--no hat`) and weights.
    """
    text = re.split(r"\s--\w", prompt.lower(), maxsplit=1)[0]
    found = re.findall(r"[^\W\d_]+(?:'s)?", text.replace("\u2019", "'"))
    known = _known(model).words
    strange = [word for word in found if len(word) > 2 and not any(form in known for form in _forms(word))]
    return tuple(dict.fromkeys(word.removesuffix("'s") for word in strange))


def subject(prompt: str, model: str = FIRST) -> str | None:
    """Return the words of a prompt that name its subject, where a model was never taught it, or None.

    What stands behind a taught thing is not the subject ("a castle on a hill"), and a word in front of one
    only says which kind it is ("a fluffy cat"): the taught thing is drawn, and a note would help nobody.
    """
    strange, known = set(unknown(prompt, model)), _known(model)
    phrase: list[str] = []
    for word in re.findall(r"[^\W\d_]+|[^\w\s]", prompt.lower().split(" --")[0]):
        if word in strange and not word.endswith("ing"):
            phrase.append(word)
        elif any(form in known.by_word or form in known.in_places for form in _forms(word)):
            return None
        elif phrase:
            break
    return " ".join(phrase) or None


def instead(line: str, words: str, thing: str) -> str:
    """Return a line with ``thing`` ("a fox") where ``words`` stand first, article and all; else as it is."""
    article = r"(?P<article>\b(?:an?|the)\s+)?"
    spaced = r"\s+".join(map(re.escape, words.split()))
    place = re.search(rf"{article}(?<!\w){spaced}(?!\w)", line, re.IGNORECASE)
    if place is None:
        return line
    # behind another word, as in "a big spaceship", the article stands there already
    bare = place["article"] is None and re.search(r"\w\s*$", line[: place.start()]) is not None
    named = re.sub(r"^(?:an?|the)\s+", "", thing) if bare else thing
    return line[: place.start()] + named + line[place.end() :]


def completions(typed: str, count: int = 25, model: str = FIRST) -> tuple[str, ...]:
    """Return the whole lines that what is being typed may become, its last thing completed.

    Only the words after the last article are completed: "a wolf in a fo" becomes "a wolf in a forest".
    """
    if re.search(r"(?:^|\s)--|\n", typed):
        return ()
    parts = re.split(r"(?:^|\s)(?=(?:an?|the)\s)", typed.lstrip(), flags=re.IGNORECASE)
    before = typed.lstrip().removesuffix(last := parts[-1])
    return tuple(before + one for one in suggest(last, count, model)) if last.count(" ") < 3 else ()


def _close(word: str, known: _Known) -> list[Thing]:
    """Things near to a word by keywords, then by spelling."""
    found = [known.by_prompt[prompt] for form in _forms(word) for prompt in known.hints.get(form, ())]
    return found + [known.by_word[name] for name in difflib.get_close_matches(word, known.by_word, 2, 0.78)]


def near(word: str, count: int = 3, model: str = FIRST) -> tuple[str, ...]:
    """Prompts of `count` things near to `word` (of several: the last) that a model draws well: "a wolf".

    By keywords first, then by spelling, then by the group of what was found; where nothing is near, everyday
    things, for one word always the same ones.
    """
    known, word = _known(model), (word.lower().split() or [""])[-1]
    close = _close(word, known)
    # what only the other model knows says at least which group the word is of
    more = _known(FIRST)
    named = [more.by_word[form] for form in _forms(word) if form in more.by_word] or _close(word, more)
    wider = [] if model == FIRST else [thing.group for thing in named[:2]]
    groups = dict.fromkeys([thing.group for thing in close[:2]] + wider)
    close += [thing for group in groups for thing in known.things if thing.group == group]
    kinds = {_KIN.get(kind := group.partition("-")[0], kind) for group in wider}
    close += [thing for thing in known.things if thing.group.partition("-")[0] in kinds]
    # a stranger's word: begin anywhere among the well drawn, and take one of each group
    well = [thing for thing in known.things if thing.well]
    start = zlib.crc32(word.encode()) % len(well)
    seen: set[str] = set()
    for thing in well[start:] + well[:start]:
        if thing.group not in seen:
            seen.add(thing.group)
            close.append(thing)
    close += well
    return tuple(dict.fromkeys(thing.prompt for thing in close if thing.well))[:count]


def suggest(start: str, count: int = 25, model: str = FIRST) -> tuple[str, ...]:
    """Prompts of things and places with a name that begins like `start`; well drawn ones first.

    An empty start gives everyday things.
    """
    begun = re.sub(r"^(an?|the)\s+", "", start.lower().strip())
    named = [(thing.names, thing.prompt, thing.well) for thing in things(model)]
    named += [
        (tuple(re.sub(r"^(an?|the) ", "", one) for one in alone), alone[0], True)
        for alone in places(model).values()
    ]
    named.sort(key=lambda one: not one[2])
    whole = [prompt for names, prompt, _ in named if any(name.startswith(begun) for name in names)]
    inside = [prompt for names, prompt, _ in named if any(f" {begun}" in f" {name}" for name in names)]
    return tuple(dict.fromkeys(whole + inside))[:count]
