"""The words the encoder reads whole, and the phrases it describes pictures with."""

from __future__ import annotations

import re

from engine.pocket.train import text
from engine.pocket.train.concepts import COLOURS, CONCEPTS, plural, with_article
from engine.pocket.train.data import STYLES
from engine.pocket.train.looks import LOOKS
from engine.pocket.train.scenes import PHRASES


def words() -> list[str]:
    """Every word that gets a token of its own: the diffusion model's, and all that captions may hold."""
    said = [*text.words(), "something", "two", "three"]
    said += [plural(noun) for concept in CONCEPTS for noun in (concept.noun, *concept.other_nouns)]
    said += [noun for concept in CONCEPTS for noun in concept.other_nouns]
    said += [phrase for phrases in (*PHRASES.values(), *LOOKS.values()) for phrase in phrases]
    said += ["small", "little", "tiny", "big", "large", "huge"]
    said += ["pixel", "art", "outline", "drawing", "watercolour", "style"]
    found = re.findall(r"[a-z]+", " ".join(said).lower().replace("{a}", "").replace("{bare}", ""))
    return sorted({word for word in found if len(word) > 1})


def vocabulary() -> dict[str, list[str]]:
    """Return phrases by slot: things (one, two, three of them), colours, grounds, places, manners."""
    return {
        "objects": [with_article(concept.noun, concept.article) for concept in CONCEPTS],
        "twos": [f"two {plural(concept.noun)}" if concept.article else "" for concept in CONCEPTS],
        "threes": [f"three {plural(concept.noun)}" if concept.article else "" for concept in CONCEPTS],
        "colours": list(COLOURS),
        "grounds": [f"on {with_article(f'{colour} background', 'a')}" for colour in COLOURS],
        "places": [phrases[0] for phrases in PHRASES.values()],
        "manners": [*STYLES.values(), "outline drawing", "pixel art", "sticker", "watercolour"],
    }
