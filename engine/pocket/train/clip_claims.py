"""What a text claims about a picture, and whether that is false of it; refuses to know pixels and networks.

A claim is a pair such as ("colour", "red"). A picture has facts and a text makes claims: a text is false of a
picture where a claim contradicts a fact. That is how the encoder's training tells a wrong text from a right
one that happens to belong to another picture.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from engine.pocket.train.concepts import COLOURS, CONCEPTS, Concept, plural, with_article
from engine.pocket.train.data import STYLES, Picture
from engine.pocket.train.looks import LOOKS
from engine.pocket.train.scenes import PHRASES

Claims = Mapping[str, str]
"""Slot to value: object, colour, second, second_colour, count, extent, ground, place, manner."""

CONCEPT = {concept.noun: concept for concept in CONCEPTS}
MANNERS = (*STYLES, *LOOKS)
"""An icon set by its name, or a drawn manner."""

_VALUES: Mapping[str, Sequence[str]] = {
    "object": list(CONCEPT),
    "second": list(CONCEPT),
    "colour": list(COLOURS),
    "second_colour": list(COLOURS),
    "count": ("1", "2", "3"),
    "extent": ("small", "big"),
    "ground": list(COLOURS),
    "place": list(PHRASES),
    "manner": MANNERS,
}
_EXTENTS = {"small": ("small", "little", "tiny"), "big": ("big", "large", "huge")}


def facts(picture: Picture) -> dict[str, str]:
    """Return all that is known of a picture and can be said. Natural colours count, unnamed ones do not."""
    if picture.concept < 0:
        return {"place": picture.noun()}
    concept = CONCEPTS[picture.concept]
    known = {
        "object": concept.noun,
        "colour": picture.colour or concept.colour,
        "count": str(picture.count),
        "extent": picture.extent,
        "place": picture.place,
        "ground": None if picture.place else picture.background or "white",
        "manner": picture.look or picture.style,
    }
    if picture.look in ("outline", "watercolour"):
        known["ground"] = None  # they bring a paper of their own
    if picture.look == "outline":
        known["colour"] = None
    if picture.second is not None:
        other = CONCEPTS[picture.second]
        known |= {"second": other.noun, "second_colour": picture.second_colour or other.colour}
        known["count"] = None  # "a cat" is true of a cat and a dog, and so is "a dog"
    return {slot: value for slot, value in known.items() if value is not None}


def is_false(claims: Claims, known: Claims) -> bool:
    """Return whether a claim contradicts a fact; what is not known of a picture contradicts nothing."""
    things = {known["object"]: known.get("colour")} if "object" in known else {}
    if "second" in known:
        things[known["second"]] = known.get("second_colour")
    for slot, shade in (("object", "colour"), ("second", "second_colour")):
        if slot in claims:
            if claims[slot] not in things:
                return True
            colour = things[claims[slot]]
            if shade in claims and colour is not None and colour != claims[shade]:
                return True
    if "object" not in claims and "colour" in claims and known.get("colour") not in (None, claims["colour"]):
        return True
    if ("place" in claims and "ground" in known) or ("ground" in claims and "place" in known):
        return True
    plain = ("count", "extent", "ground", "place", "manner")
    return any(slot in claims and slot in known and known[slot] != claims[slot] for slot in plain)


def whole(picture: Picture, known: Claims, rng: random.Random) -> dict[str, str]:
    """Pick what a whole caption says; a white ground, the icon set, a natural colour maybe not."""
    said = dict(known)
    if picture.concept < 0:
        return said
    concept = CONCEPTS[picture.concept]
    if picture.colour is None and concept.colour and rng.random() < 0.5:
        said.pop("colour", None)
    if picture.second_colour is None and rng.random() < 0.6:
        said.pop("second_colour", None)
    if known.get("ground") == "white" and rng.random() < 0.85:
        said.pop("ground")
    if picture.look is None and rng.random() < 0.5:
        said.pop("manner")
    return said


def certain(picture: Picture, known: Claims) -> dict[str, str]:
    """Return what any caption of all the picture says: not its white ground, icon set or natural colours."""
    open_ones = {"manner"} if picture.look is None else set()
    open_ones |= {"ground"} if known.get("ground") == "white" else set()
    open_ones |= {"colour"} if picture.colour is None else set()
    open_ones |= {"second_colour"} if picture.second_colour is None else set()
    return {slot: value for slot, value in known.items() if slot not in open_ones}


def part(known: Claims, rng: random.Random) -> dict[str, str]:
    """Pick a part of what is known: the thing alone, with its colour, its ground ..., or the ground alone."""
    kinds: tuple[tuple[str, ...], ...] = (
        ("object",),
        ("object",),
        ("object",),
        ("object", "colour"),
        ("object", "colour", "count"),
        ("object", "ground", "place"),
        ("object", "manner"),
        ("second", "second_colour") if "second" in known else ("object", "count"),
        ("place", "ground"),
        ("manner",),
        ("colour",),
    )
    said = {slot: known[slot] for slot in rng.choice(kinds) if slot in known}
    if "second" in said:
        said = {"object": said["second"]} | (
            {"colour": said["second_colour"]} if "second_colour" in said else {}
        )
    first = "object" if "object" in known else "place"
    return said or {first: known[first]}


def spoil(claims: Claims, rng: random.Random) -> dict[str, str]:
    """Change one claim: the same thing in another colour, another thing, another place, number or manner."""
    slot = rng.choice([one for one in claims for _ in range(2 if one in ("object", "colour") else 1)])
    changed = {**claims, slot: rng.choice([value for value in _VALUES[slot] if value != claims[slot]])}
    if slot in ("ground", "place") and rng.random() < 0.3:
        del changed[slot]
        other = "place" if slot == "ground" else "ground"
        changed[other] = rng.choice(_VALUES[other])
    return changed


def named(rng: random.Random, count: int) -> list[dict[str, str]]:
    """Return claims that name one thing each, of up to `count` things."""
    nouns = list(CONCEPT)
    return [{"object": noun} for noun in (rng.sample(nouns, count) if count < len(nouns) else nouns)]


def _named(noun: str, colour: str | None, count: str, rng: random.Random) -> tuple[str, str]:
    concept: Concept = CONCEPT[noun]
    article = concept.article
    if concept.other_nouns and rng.random() < 0.35:
        noun = rng.choice(concept.other_nouns)
        article = "a" if article == "the" else article
    if count != "1":
        noun = plural(noun)
        article = rng.choice(({"2": "two", "3": "three"}[count],) * 4 + (count,))
    words = f"{colour} {noun}" if colour else noun
    return words, "a" if article == "the" and colour else article


def say(claims: Claims, rng: random.Random) -> str:
    """Put claims into words, the way people type them."""
    text, count, manner = "", claims.get("count", "1"), claims.get("manner")
    if "object" in claims:
        words, article = _named(claims["object"], claims.get("colour"), count, rng)
        if "extent" in claims and count == "1":
            words = f"{rng.choice(_EXTENTS[claims['extent']])} {words}"
        text = words if rng.random() < 0.2 and count == "1" else with_article(words, article)
        if "second" in claims:
            other, its_article = _named(claims["second"], claims.get("second_colour"), "1", rng)
            text += f" and {with_article(other, its_article)}"
        if manner in LOOKS:
            text = rng.choice(LOOKS[manner]).format(a=with_article(words, article), bare=words)
            if text.startswith("a ") and text[2] in "aeio":
                text = "an" + text[1:]
            manner = None
    elif "colour" in claims:
        text = rng.choice((f"something {claims['colour']}", claims["colour"]))
    if "place" in claims:
        text = f"{text} {rng.choice(PHRASES[claims['place']])}".strip()
    if "ground" in claims:
        shade = f"{claims['ground']} background"
        glue = rng.choice((" on a ", " on a ", ", "))
        text = f"{text}{glue}{shade}".replace(" on a orange", " on an orange") if text else shade
    if manner:
        words = STYLES.get(manner) or {"pixel": "pixel art", "outline": "outline drawing"}.get(manner, manner)
        text = f"{text}, {words}" if text else words
    return text
