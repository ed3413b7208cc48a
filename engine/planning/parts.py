"""What words ask to be marked in a picture: which are looked for, and whether they name a part. Pure."""

from __future__ import annotations

import re

SMALL_WORDS = frozenset({"a", "an", "the", "of", "in", "on", "at", "and", "with", "its", "his", "her"})
"""Words that mean no thing."""
MOST_OF_PART = 0.2
"""Share of a picture that a part is hardly ever: more than this is the whole thing, as a rule."""
_NAMES = """
    arm arms beak beard belt boot boots bow button buttons chimney claw claws collar cuff door doors ear
    ears earring earrings eye eyes eyebrow eyebrows finger fingers fin fins foot feet glasses glove
    gloves hand hands handle hat headlight headlights helmet hoof hooves horn horns knee knees lip lips
    logo mane moustache mouth mustache nail nails neck necklace nose paw paws pocket ring scarf shoe
    shoes snout sock socks stem sunglasses tail teeth tie toe toes tongue tooth tusk tusks watch wheel
    wheels whiskers window windows
    """
_PARTS = frozenset(_NAMES.split())


def looked_for(words: str) -> list[str]:
    """Return the words that a locator looks for: all but the small ones, where there are others."""
    return [word for word in words.split() if word.lower() not in SMALL_WORDS] or words.split()


def part(words: str, share: float) -> str | None:
    """Return the part that was asked for where so large a share of the picture was marked that it is more.

    None: no part was named, or it may well be one.
    """
    if share <= MOST_OF_PART:
        return None
    named = re.split(r"\s(?:of|on|in)\s", words.lower())[0]  # "the eyes of the cat" are eyes
    last = re.findall(r"[a-z]+", named)[-1:]
    return last[0] if last and last[0] in _PARTS else None
