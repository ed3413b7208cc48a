"""The words and things the pocket model is taught; it refuses to know pixels and networks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Concept:
    """One thing to draw: its noun as people write it, and the icon that shows it in each set.

    `article` is "a" for countable nouns ("a" turns into "an" where English wants it), "the" for unique
    things, "" for plurals. `colour` is the colour the icon has by nature, where a person would name one.
    """

    noun: str
    icon: str
    article: str = "a"
    colour: str | None = None
    other_nouns: tuple[str, ...] = ()


COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (222, 40, 44),
    "orange": (248, 134, 24),
    "yellow": (250, 210, 40),
    "green": (62, 164, 66),
    "blue": (44, 108, 230),
    "purple": (132, 64, 190),
    "pink": (250, 136, 192),
    "brown": (132, 82, 48),
    "black": (38, 38, 42),
    "white": (244, 244, 246),
    "grey": (146, 148, 154),
}
"""Colour words and what they mean in sRGB, for objects and for backgrounds."""

CONCEPTS: tuple[Concept, ...] = (
    Concept("apple", "red-apple", colour="red"),
    Concept("car", "automobile", other_nouns=("automobile",)),
    Concept("cat", "cat-face"),
    Concept("dog", "dog-face"),
    Concept("star", "star", colour="yellow"),
    Concept("pizza", "pizza", other_nouns=("slice of pizza",)),
    Concept("rocket", "rocket"),
    Concept("house", "house"),
    Concept("tree", "deciduous-tree", colour="green"),
    Concept("smiling face", "smiling-face-with-smiling-eyes", other_nouns=("happy face", "smiley")),
    Concept("sad face", "frowning-face"),
    Concept("face with sunglasses", "smiling-face-with-sunglasses"),
    Concept("bicycle", "bicycle", other_nouns=("bike",)),
    Concept("guitar", "guitar"),
    Concept("soccer ball", "soccer-ball", other_nouns=("football",)),
    Concept("cup of coffee", "hot-beverage", other_nouns=("coffee", "coffee cup")),
    Concept("birthday cake", "birthday-cake", other_nouns=("cake",)),
    Concept("penguin", "penguin"),
    Concept("elephant", "elephant"),
    Concept("lion", "lion"),
    Concept("fish", "fish"),
    Concept("octopus", "octopus"),
    Concept("butterfly", "butterfly"),
    Concept("bee", "honeybee"),
    Concept("sunflower", "sunflower"),
    Concept("rose", "rose", colour="red"),
    Concept("cactus", "cactus", colour="green"),
    Concept("mushroom", "mushroom"),
    Concept("strawberry", "strawberry", colour="red"),
    Concept("banana", "banana", colour="yellow"),
    Concept("pineapple", "pineapple"),
    Concept("watermelon", "watermelon"),
    Concept("carrot", "carrot", colour="orange"),
    Concept("hamburger", "hamburger", other_nouns=("burger",)),
    Concept("ice cream", "soft-ice-cream"),
    Concept("donut", "doughnut", other_nouns=("doughnut",)),
    Concept("slice of cheese", "cheese-wedge", other_nouns=("cheese",)),
    Concept("egg", "egg"),
    Concept("bus", "bus"),
    Concept("train", "locomotive"),
    Concept("airplane", "airplane", other_nouns=("plane",)),
    Concept("sailboat", "sailboat", other_nouns=("boat",)),
    Concept("helicopter", "helicopter"),
    Concept("bridge", "bridge-at-night"),
    Concept("castle", "castle"),
    Concept("tent", "tent"),
    Concept("lighthouse", "lighthouse"),
    Concept("snowman", "snowman-without-snow"),
    Concept("umbrella", "umbrella"),
    Concept("rainbow", "rainbow"),
    Concept("moon", "crescent-moon", article="the", other_nouns=("crescent moon",)),
    Concept("sun", "sun", article="the", colour="yellow"),
    Concept("cloud with rain", "cloud-with-rain"),
    Concept("lightning bolt", "high-voltage"),
    Concept("fire", "fire", other_nouns=("flame",)),
    Concept("mountain", "snow-capped-mountain"),
    Concept("key", "old-key"),
    Concept("lock", "locked"),
    Concept("light bulb", "light-bulb"),
    Concept("clock", "alarm-clock"),
    Concept("camera", "camera"),
    Concept("phone", "mobile-phone"),
    Concept("laptop", "laptop", other_nouns=("computer",)),
    Concept("book", "closed-book"),
    Concept("pencil", "pencil"),
    Concept("scissors", "scissors", article=""),
    Concept("hammer", "hammer"),
    Concept("gift box", "wrapped-gift", other_nouns=("gift", "present")),
    Concept("balloon", "balloon", colour="red"),
    Concept("crown", "crown"),
    Concept("diamond ring", "ring", other_nouns=("ring",)),
    Concept("pair of glasses", "glasses"),
    Concept("hat", "top-hat"),
    Concept("t-shirt", "t-shirt", other_nouns=("shirt",)),
    Concept("shoe", "running-shoe"),
    Concept("backpack", "backpack"),
    Concept("robot", "robot"),
    Concept("alien", "alien"),
    Concept("ghost", "ghost"),
    Concept("skull", "skull"),
    Concept("unicorn", "unicorn"),
    Concept("dragon", "dragon"),
    Concept("dinosaur", "t-rex"),
    Concept("turtle", "turtle"),
    Concept("frog", "frog", colour="green"),
    Concept("owl", "owl"),
    Concept("duck", "duck"),
    Concept("horse", "horse-face"),
    Concept("cow", "cow-face"),
    Concept("pig", "pig-face", colour="pink"),
    Concept("rabbit", "rabbit-face", other_nouns=("bunny",)),
    Concept("bear", "bear"),
    Concept("monkey", "monkey-face"),
    Concept("whale", "spouting-whale"),
    Concept("crab", "crab", colour="red"),
    Concept("heart", "red-heart", colour="red"),
    Concept("trophy", "trophy"),
    Concept("violin", "violin"),
    Concept("chair", "chair"),
    Concept("globe", "globe-showing-europe-africa", other_nouns=("earth",)),
    Concept("flower", "hibiscus"),
    Concept("tulip", "tulip"),
    Concept("lemon", "lemon", colour="yellow"),
    Concept("cherry", "cherries"),
    Concept("grapes", "grapes", article="", colour="purple"),
    Concept("pear", "pear", colour="green"),
    Concept("bell", "bell"),
    Concept("fox", "fox"),
    Concept("panda", "panda"),
    Concept("tiger", "tiger-face"),
    Concept("snowflake", "snowflake"),
    Concept("cookie", "cookie"),
    Concept("chick", "front-facing-baby-chick"),
)
"""The world of version 0: the hundred everyday things and a handful more."""

HELD_OUT_COLOURS: frozenset[tuple[str, str]] = frozenset(
    {
        ("banana", "purple"),
        ("pineapple", "blue"),
        ("elephant", "green"),
        ("elephant", "pink"),
        ("tree", "pink"),
        ("penguin", "yellow"),
        ("frog", "red"),
        ("frog", "purple"),
        ("whale", "orange"),
        ("rose", "black"),
        ("strawberry", "white"),
        ("carrot", "blue"),
        ("pizza", "green"),
        ("dog", "purple"),
        ("castle", "pink"),
        ("moon", "red"),
        ("lion", "blue"),
        ("heart", "green"),
        ("owl", "orange"),
        ("train", "purple"),
        ("crab", "white"),
        ("unicorn", "grey"),
        ("rocket", "green"),
        ("birthday cake", "blue"),
    }
)
"""Object and colour pairs kept out of training, so that evaluation can ask for something never shown."""

HELD_OUT_BACKGROUNDS: frozenset[tuple[str, str]] = frozenset(
    {("key", "blue"), ("heart", "yellow"), ("cow", "pink")}
)
"""Object and background pairs kept out of training, for the same reason."""


def with_article(words: str, article: str) -> str:
    """Put the article before `words`: ("orange car", "a") gives "an orange car"."""
    if article == "a":
        return f"{'an' if words[0] in 'aeiou' and not words.startswith('unicorn') else 'a'} {words}"
    return f"{article} {words}" if article else words
