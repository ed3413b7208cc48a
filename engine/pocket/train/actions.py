"""Two things that do something together: who does it to what, how it is said and how it is laid out."""

from __future__ import annotations

import random
from dataclasses import dataclass

Spot = tuple[float, float, float]
"""Centre x and y as shares of the sides, extent as a share of the shorter one."""


@dataclass(frozen=True)
class Action:
    """One verb: its ways of saying, the things it is done to, the two places, and which lies on top."""

    phrases: tuple[str, ...]  # {a} is the thing with its article, {bare} without
    objects: tuple[str, ...]
    actor: Spot
    thing: Spot
    actor_above: bool = False


ANIMALS = (
    "cat", "dog", "bear", "panda", "fox", "rabbit", "monkey", "penguin", "frog", "lion", "tiger", "pig",
    "cow", "owl", "duck", "elephant", "mouse", "koala", "dinosaur", "unicorn", "turtle", "wolf", "octopus",
    "chicken",
)  # fmt: skip
PEOPLE = (
    "robot", "astronaut", "alien", "wizard", "man", "woman", "girl", "boy", "old man", "princess", "king",
    "knight", "santa claus", "ninja", "superhero", "witch", "pirate", "clown", "chef", "fairy", "vampire",
    "queen", "baby", "zombie", "snowman", "skull", "ghost", "police officer", "man with a beard",
    "woman with red hair",
)  # fmt: skip

ACTIONS: dict[str, Action] = {
    "riding": Action(
        ("riding {a}", "riding {a}", "riding on {a}", "on {a}"),
        (
            "horse", "horse", "bicycle", "motorcycle", "skateboard", "skateboard", "elephant", "unicorn",
            "dragon", "scooter", "kick scooter", "dinosaur", "whale", "turtle", "rocket", "cow", "camel",
            "tiger",
        ),
        (0.5, 0.29, 0.52), (0.5, 0.66, 0.66), True,
    ),
    "driving": Action(
        ("driving {a}", "driving {a}", "in {a}"),
        ("car", "car", "bus", "truck", "taxi", "race car", "tractor", "train", "police car", "fire truck"),
        (0.5, 0.3, 0.48), (0.5, 0.66, 0.7),
    ),
    "holding": Action(
        ("holding {a}", "holding {a}", "with {a}", "carrying {a}"),
        (
            "balloon", "balloon", "umbrella", "umbrella", "flower", "heart", "sword", "gift box", "carrot",
            "key", "crystal ball", "magic wand", "trophy", "book", "rose", "candle", "fish", "star",
            "shield", "banana", "magic potion", "apple", "camera", "pumpkin", "bomb", "lantern", "kite",
        ),
        (0.38, 0.53, 0.7), (0.77, 0.56, 0.42),
    ),
    "playing": Action(
        ("playing {bare}", "playing the {bare}", "playing {a}", "with {a}"),
        (
            "guitar", "guitar", "guitar", "violin", "drum", "drum", "trumpet", "piano", "saxophone",
            "accordion",
        ),
        (0.5, 0.4, 0.72), (0.53, 0.72, 0.48),
    ),
    "sport": Action(
        ("playing {bare}", "playing with {a}", "with {a}"),
        ("soccer ball", "soccer ball", "basketball", "tennis ball", "american football", "volleyball"),
        (0.46, 0.42, 0.72), (0.72, 0.78, 0.34),
    ),
    "eating": Action(
        ("eating {a}", "eating {bare}", "with {a}"),
        (
            "pizza", "pizza", "hamburger", "ice cream", "donut", "honey", "carrot", "banana", "apple",
            "watermelon", "cookie", "sandwich", "birthday cake", "bowl of noodles", "hot dog",
            "slice of cheese", "taco", "cupcake",
        ),
        (0.47, 0.42, 0.72), (0.6, 0.76, 0.4),
    ),
    "drinking": Action(
        ("drinking {bare}", "drinking {a}", "with {a}"),
        ("cup of coffee", "cup of coffee", "beer", "glass of milk", "cup of tea", "bubble tea", "soda"),
        (0.45, 0.42, 0.72), (0.68, 0.74, 0.4),
    ),
    "reading": Action(
        ("reading {a}", "reading {a}", "with {a}"), ("book", "open book", "open book", "newspaper"),
        (0.5, 0.38, 0.7), (0.5, 0.77, 0.44),
    ),
    "hat": Action(
        ("wearing {a}", "with {a}", "in {a}"),
        ("hat", "hat", "crown", "cap", "helmet", "graduation cap", "sun hat"),
        (0.5, 0.6, 0.72), (0.5, 0.2, 0.44),
    ),
    "glasses": Action(
        ("wearing {bare}", "with {bare}", "wearing {a}"), ("sunglasses", "sunglasses", "pair of glasses"),
        (0.5, 0.52, 0.8), (0.5, 0.46, 0.5),
    ),
    "breathing": Action(("breathing {bare}", "breathing {bare}", "with {bare}"), ("fire",),
        (0.4, 0.5, 0.72), (0.8, 0.4, 0.36)),
}  # fmt: skip
"""Every action by name."""

SAID = {
    "sport": {"soccer ball": "soccer", "tennis ball": "tennis", "american football": "football"},
    "playing": {"drum": "drums"},
    "drinking": {"cup of coffee": "coffee", "cup of tea": "tea", "glass of milk": "milk"},
}
"""What people call the thing after the verb, where they do not name it."""

MOST = (
    "playing", "riding", "holding", "holding", "eating", "riding", "hat", "glasses", "sport", "drinking",
    "reading", "driving",
)  # fmt: skip
"""How often each is drawn."""


def choose(rng: random.Random) -> tuple[str, str, str]:
    """Draw lots for who does what to what: action, actor, thing."""
    if rng.random() < 0.02:
        return "breathing", "dragon", "fire"
    action = rng.choice(MOST)
    who = rng.choice(ANIMALS if rng.random() < (0.8 if action in ("hat", "glasses") else 0.5) else PEOPLE)
    thing = rng.choice(ACTIONS[action].objects)
    return (action, who, thing) if who != thing else choose(rng)


def say(action: str, thing: str, with_article: str, rng: random.Random) -> str:
    """The verb and its thing: "playing the guitar"."""
    called = SAID.get(action, {}).get(thing, thing)
    phrase = rng.choice(ACTIONS[action].phrases)
    if called != thing and "{bare}" not in phrase and rng.random() < 0.5:
        phrase = ACTIONS[action].phrases[0]
    return phrase.format(a=with_article, bare=called)
