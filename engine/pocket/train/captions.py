"""Say what a picture shows, the way people type it; it refuses to know pixels."""

from __future__ import annotations

import random

from engine.pocket.train import actions
from engine.pocket.train.concepts import CONCEPTS, HELD_OUT_LOOKS, Concept, plural, with_article
from engine.pocket.train.data import STYLES, Picture
from engine.pocket.train.looks import LOOKS
from engine.pocket.train.scenes import PHRASES, SCENES, TIMES

NAMED = {"fluent-emoji": 0.2, "fluent-emoji-flat": 0.45, "noto": 0.3}
"""How often a caption names its set's manner."""

FRAMED = (
    "photo of {a}",
    "a photo of {a}",
    "a picture of {a}",
    "portrait of {a}",
    "an image of {a}",
    "{a}, realistic",
)
"""What people put around a thing without meaning another one; said of the shaded set."""

ADORNED = ("cute", "cute", "beautiful", "cool", "nice", "amazing", "pretty", "fantasy")
"""What people put before a thing."""


def _name(concept: Concept, colour: str | None, rng: random.Random, count: int = 1) -> tuple[str, str]:
    noun = rng.choice(concept.other_nouns) if concept.other_nouns and rng.random() < 0.25 else concept.noun
    article = concept.article if noun == concept.noun else "" if concept.article == "" else "a"
    if colour is None and concept.colour and rng.random() < 0.4:
        colour = concept.colour
    if count > 1:
        noun = plural(noun)
        article = rng.choice(({2: "two", 3: "three"}[count],) * 4 + (str(count),))
    words = f"{colour} {noun}" if colour else noun
    if article == "the" and (colour or rng.random() < 0.4):
        article = "a"
    return words, article


def caption(picture: Picture, rng: random.Random) -> str:
    """Write what the picture shows the way people type it: article or not, style or not."""
    if picture.concept < 0:
        return _scene(picture, rng)
    text = _caption(picture, rng)
    if (
        picture.look is None
        and picture.style == "fluent-emoji"
        and "style" not in text
        and rng.random() < 0.12
    ):
        return rng.choice(FRAMED).format(a=text)
    return text


def _caption(picture: Picture, rng: random.Random) -> str:
    concept = CONCEPTS[picture.concept]
    words, article = _name(concept, picture.colour, rng, picture.count)
    if picture.extent and picture.count == 1:
        synonyms = {"small": ("small", "little", "tiny"), "big": ("big", "large", "huge")}
        words = f"{rng.choice(synonyms[picture.extent])} {words}"
        article = "a" if article == "the" else article
    elif picture.count == 1 and rng.random() < 0.06:
        words = f"{rng.choice(ADORNED)} {words}"
        article = "a" if article == "the" else article
    bare = words
    text = words if rng.random() < 0.2 and picture.count == 1 else with_article(words, article)
    if picture.second is not None:
        other, its_article = _name(CONCEPTS[picture.second], picture.second_colour, rng)
        if picture.action:
            told = with_article(other, its_article) if its_article else other
            text = f"{text} {actions.say(picture.action, other, told, rng)}"
        elif picture.extent:
            other = f"{'big' if picture.extent == 'small' else 'small'} {other}"
            its_article = "a" if its_article == "the" else its_article
        if not picture.action:
            text = f"{text} and {with_article(other, its_article) if text != words else other}"
    if picture.look:
        whole = with_article(words, article)
        text = rng.choice(LOOKS[picture.look]).format(a=whole, bare=bare)
        if text.startswith("a ") and text[2] in "aeio":
            text = "an" + text[1:]
    else:
        # a set's manner is named before the thing or behind it, but never of things held out in that manner
        manner = STYLES[picture.style]
        named = (picture.noun(), manner.split()[0]) not in HELD_OUT_LOOKS
        if named and rng.random() < NAMED[picture.style]:
            kind = rng.random()
            if kind < 0.35 and picture.count == 1 and picture.second is None:
                front = manner if rng.random() < 0.5 else manner.split()[0]
                text = with_article(f"{front} {bare}", "a" if article else "")
            elif kind < 0.5:
                return _ground(picture, text, rng) + f" in {manner}"
            else:
                return _ground(picture, text, rng) + f", {manner}"
    return _ground(picture, text, rng)


def _scene(picture: Picture, rng: random.Random) -> str:
    text = rng.choice(SCENES[picture.noun()].alone)
    if rng.random() < 0.2:
        text = text.removeprefix("a ").removeprefix("an ").removeprefix("the ")
    return f"{text} {rng.choice(TIMES[picture.time])}" if picture.time else text


def _ground(picture: Picture, text: str, rng: random.Random) -> str:
    if picture.place:
        return f"{text} {rng.choice(PHRASES[picture.place])}"
    if picture.background:
        shade = with_article(picture.background + " background", "a")
        return text + rng.choice((f" on {shade}", f" on {shade}", f", {picture.background} background"))
    if picture.look is None and rng.random() < 0.08:
        return text + rng.choice((" on a white background", ", white background"))
    return text
