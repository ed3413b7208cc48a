"""The words and things the pocket model is taught; it refuses to know pixels and networks."""

from __future__ import annotations

import re
from dataclasses import dataclass

from engine.pocket.train.more import MORE
from engine.pocket.train.world import WORLD


@dataclass(frozen=True)
class Concept:
    """One thing to draw: its noun as people write it, and the icon that shows it in each set.

    `article` is "a" for countable nouns ("a" turns into "an" where English wants it), "the" for unique
    things, "" for plurals. `colour` is the colour the icon has by nature, where a person would name one. The
    cartoon set draws `another` icon where one is named, so that one word means more than one drawing.
    """

    noun: str
    icon: str
    article: str = "a"
    colour: str | None = None
    other_nouns: tuple[str, ...] = ()
    another: str | None = None


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

EVERYDAY: tuple[Concept, ...] = (
    Concept("apple", "red-apple", colour="red"),
    Concept("car", "automobile", other_nouns=("automobile",)),
    Concept("cat", "cat-face", other_nouns=("kitten", "kitty"), another="cat"),
    Concept("dog", "dog-face", other_nouns=("puppy",), another="dog"),
    Concept("star", "star", colour="yellow"),
    Concept("pizza", "pizza", other_nouns=("slice of pizza",)),
    Concept("rocket", "rocket"),
    Concept("house", "house", another="house-with-garden"),
    Concept("tree", "deciduous-tree", colour="green"),
    Concept("smiling face", "smiling-face-with-smiling-eyes", other_nouns=("happy face", "smiley")),
    Concept("sad face", "frowning-face", other_nouns=("unhappy face",)),
    Concept("face with sunglasses", "smiling-face-with-sunglasses", other_nouns=("cool face",)),
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
    Concept("bee", "honeybee", other_nouns=("honeybee", "honey bee")),
    Concept("sunflower", "sunflower"),
    Concept("rose", "rose", colour="red"),
    Concept("cactus", "cactus", colour="green"),
    Concept("mushroom", "mushroom", other_nouns=("toadstool",)),
    Concept("strawberry", "strawberry", colour="red"),
    Concept("banana", "banana", colour="yellow"),
    Concept("pineapple", "pineapple"),
    Concept("watermelon", "watermelon"),
    Concept("carrot", "carrot", colour="orange"),
    Concept("hamburger", "hamburger", other_nouns=("burger",)),
    Concept("ice cream", "soft-ice-cream", other_nouns=("ice cream cone",)),
    Concept("donut", "doughnut", other_nouns=("doughnut",)),
    Concept("slice of cheese", "cheese-wedge", other_nouns=("cheese",)),
    Concept("egg", "egg"),
    Concept("bus", "bus"),
    Concept("train", "locomotive", other_nouns=("steam train", "locomotive")),
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
    Concept("cloud with rain", "cloud-with-rain", other_nouns=("rain cloud",)),
    Concept("lightning bolt", "high-voltage", other_nouns=("lightning",)),
    Concept("fire", "fire", other_nouns=("flame",)),
    Concept("mountain", "snow-capped-mountain"),
    Concept("key", "old-key"),
    Concept("lock", "locked", other_nouns=("padlock",)),
    Concept("light bulb", "light-bulb", other_nouns=("lightbulb", "bulb")),
    Concept("clock", "alarm-clock", other_nouns=("alarm clock",)),
    Concept("camera", "camera"),
    Concept("phone", "mobile-phone", other_nouns=("mobile phone", "smartphone")),
    Concept("laptop", "laptop", other_nouns=("computer",)),
    Concept("book", "closed-book"),
    Concept("pencil", "pencil"),
    Concept("scissors", "scissors", article=""),
    Concept("hammer", "hammer"),
    Concept("gift box", "wrapped-gift", other_nouns=("gift", "present")),
    Concept("balloon", "balloon", colour="red"),
    Concept("crown", "crown"),
    Concept("diamond ring", "ring", other_nouns=("ring",)),
    Concept("pair of glasses", "glasses", other_nouns=("eyeglasses",)),
    Concept("hat", "top-hat", other_nouns=("top hat",)),
    Concept("t-shirt", "t-shirt", other_nouns=("shirt",)),
    Concept("shoe", "running-shoe", other_nouns=("sneaker",)),
    Concept("backpack", "backpack"),
    Concept("robot", "robot"),
    Concept("alien", "alien"),
    Concept("ghost", "ghost"),
    Concept("skull", "skull"),
    Concept("unicorn", "unicorn"),
    Concept("dragon", "dragon", another="dragon-face"),
    Concept("dinosaur", "t-rex", other_nouns=("t-rex",)),
    Concept("turtle", "turtle", other_nouns=("tortoise",)),
    Concept("frog", "frog", colour="green"),
    Concept("owl", "owl"),
    Concept("duck", "duck"),
    Concept("horse", "horse-face", other_nouns=("pony",), another="horse"),
    Concept("cow", "cow-face", another="cow"),
    Concept("pig", "pig-face", colour="pink", another="pig"),
    Concept("rabbit", "rabbit-face", other_nouns=("bunny",), another="rabbit"),
    Concept("bear", "bear"),
    Concept("monkey", "monkey-face", another="monkey"),
    Concept("whale", "spouting-whale", another="whale"),
    Concept("crab", "crab", colour="red"),
    Concept("heart", "red-heart", colour="red"),
    Concept("trophy", "trophy", other_nouns=("gold cup",)),
    Concept("violin", "violin"),
    Concept("chair", "chair"),
    Concept("globe", "globe-showing-europe-africa"),
    Concept("flower", "hibiscus"),
    Concept("tulip", "tulip"),
    Concept("lemon", "lemon", colour="yellow"),
    Concept("cherry", "cherries"),
    Concept("grapes", "grapes", article="", colour="purple"),
    Concept("pear", "pear", colour="green"),
    Concept("bell", "bell"),
    Concept("fox", "fox"),
    Concept("panda", "panda"),
    Concept("tiger", "tiger-face", another="tiger"),
    Concept("snowflake", "snowflake"),
    Concept("cookie", "cookie"),
    Concept("chick", "front-facing-baby-chick", other_nouns=("baby chick",)),
)
"""The world of version 0: the hundred everyday things and a handful more."""

NATURAL_COLOURS = {
    "square": "red",
    "circle": "red",
    "tomato": "red",
    "polar bear": "white",
    "peach": "pink",
    "eggplant": "purple",
    "corn": "yellow",
    "broccoli": "green",
    "crocodile": "green",
    "palm tree": "green",
    "pine tree": "green",
    "leaf": "green",
    "clover": "green",
    "flamingo": "pink",
    "lobster": "red",
    "ladybug": "red",
    "fire truck": "red",
    "taxi": "yellow",
}


_ENTRY = re.compile(
    r"(?P<noun>[^=:]+?)(?: = (?P<icon>[a-z0-9:/-]+)(?:\|(?P<another>[a-z0-9:/-]+))?)?(?: : (?P<others>.*))?"
)


def _read(text: str) -> tuple[Concept, ...]:
    found = []
    for entry in filter(str.strip, re.split(r"[;\n]", text)):
        told = _ENTRY.fullmatch(entry.strip())
        if told is None:
            raise ValueError(f"not an entry of the world: {entry!r}")
        noun = told["noun"]
        article = "" if noun.endswith("~") else "the" if noun.startswith("the ") else "a"
        noun = noun.removesuffix("~").removeprefix("the ")
        found.append(
            Concept(
                noun,
                told["icon"] or noun.replace(" ", "-"),
                article,
                NATURAL_COLOURS.get(noun),
                tuple(other.strip() for other in (told["others"] or "").split(",") if other.strip()),
                told["another"],
            )
        )
    return tuple(found)


CONCEPTS: tuple[Concept, ...] = EVERYDAY + _read(WORLD) + _read(MORE)
"""Everything the model is taught, in the order of the numbers in `pictures.json`."""

WILD = len(EVERYDAY) + len(_read(WORLD))
"""Where the things of version 2 begin."""

PRIORITY: frozenset[str] = frozenset(
    {
        "old man", "old woman", "young woman", "young man", "woman with red hair", "man with a beard",
        "bald man", "girl with curly hair", "boy", "girl", "man", "woman", "baby", "child", "king", "queen",
        "princess", "prince", "knight", "wizard", "witch", "pirate", "mermaid", "vampire", "zombie", "ninja",
        "superhero", "fairy", "elf", "angel", "little angel", "firefighter", "police officer", "doctor",
        "chef", "farmer", "scientist", "teacher", "bride", "groom", "santa claus", "astronaut", "clown",
        "cowboy", "detective", "singer", "dancer", "artist", "woman with blonde hair", "samurai",
        "mounted knight", "skateboard", "motorcycle", "spaceship", "pirate ship", "sports car",
        "treasure chest", "sword", "magic potion", "hot air balloon", "windmill", "submarine", "wolf",
        "jellyfish", "black cat", "phoenix", "cup of tea", "bowl of noodles", "chocolate cake", "campfire",
        "lamp", "vase", "tank", "drum", "honey", "crystal ball", "race car", "piano", "truck", "ufo",
        "haunted house", "cottage", "waterfall", "volcano", "island", "shark", "snake", "spider", "bird",
        "eagle", "mouse", "sheep", "goat", "deer", "chicken", "palm tree", "pine tree", "dragon", "planet",
        "earth", "candle", "sunglasses", "bed", "sofa", "table", "television", "tractor", "ship", "sandwich",
        "sushi", "open book", "teddy bear", "gorilla", "kangaroo", "camel", "dolphin", "swan", "peacock",
        "flamingo",
    }
)  # fmt: skip
"""What newcomers ask for most, beside the everyday things."""

FINISHED: frozenset[str] = PRIORITY | frozenset(concept.noun for concept in EVERYDAY) | frozenset(
    {
        "angry face", "crying face", "laughing face", "winking face", "sleeping face", "surprised face",
        "face in love", "clown", "devil", "wolf", "mouse", "hedgehog", "koala", "polar bear", "bat",
        "shark", "dolphin", "snake", "snail", "spider", "ladybug", "giraffe", "zebra", "flamingo", "parrot",
        "crocodile", "teddy bear", "squirrel", "sheep", "chicken", "palm tree", "pine tree", "tomato",
        "avocado", "hot dog", "taco", "croissant", "cupcake", "lollipop", "french fries", "taxi",
        "fire truck", "motorcycle", "candle", "drum", "television", "piano", "door", "cloud", "planet",
        "pumpkin", "baby", "astronaut", "circle", "square", "thumbs up",
    }
)  # fmt: skip
"""What the last part of a short training keeps to: fewer things, drawn well."""

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


HELD_OUT_PLACES: frozenset[tuple[str, str]] = frozenset(
    {
        ("cat", "beach"),
        ("robot", "snow"),
        ("penguin", "night"),
        ("guitar", "water"),
        ("dinosaur", "city"),
        ("rocket", "forest"),
        ("rocket", "sunset"),
        ("bicycle", "space"),
        ("birthday cake", "space"),
        ("octopus", "sunset"),
        ("lighthouse", "rain"),
        ("unicorn", "desert"),
        ("unicorn", "night"),
        ("cup of coffee", "snow"),
    }
)
"""Object and place pairs kept out of training."""

HELD_OUT_COUNTS: frozenset[tuple[str, int]] = frozenset(
    {
        ("cat", 2),
        ("strawberry", 3),
        ("rocket", 2),
        ("penguin", 3),
        ("car", 2),
        ("star", 3),
        ("apple", 2),
        ("balloon", 3),
        ("frog", 2),
        ("green apple", 2),
    }
)
"""Object and count pairs kept out of training, in any colour."""

HELD_OUT_PAIRS: frozenset[frozenset[str]] = frozenset(
    frozenset(pair)
    for pair in (
        ("cat", "pizza"),
        ("dog", "balloon"),
        ("robot", "flower"),
        ("owl", "moon"),
        ("frog", "umbrella"),
        ("penguin", "ice cream"),
        ("bear", "guitar"),
        ("duck", "hat"),
        ("apple", "fish"),
        ("star", "house"),
    )
)
"""Two things kept out of training together, whichever comes first."""

HELD_OUT_LOOKS: frozenset[tuple[str, str]] = frozenset(
    {
        ("cat", "flat"),
        ("cat", "3d"),
        ("rabbit", "pixel"),
        ("horse", "outline"),
        ("elephant", "sticker"),
        ("whale", "watercolour"),
    }
)
"""Object and style pairs kept out: drawn styles are not drawn, icon sets are not named."""

_ODD_PLURALS = {
    "mouse": "mice",
    "computer mouse": "computer mice",
    "sheep": "sheep",
    "fish": "fish",
    "deer": "deer",
    "tropical fish": "tropical fish",
    "wolf": "wolves",
    "leaf": "leaves",
    "maple leaf": "maple leaves",
    "knife": "knives",
    "tooth": "teeth",
    "goose": "geese",
    "man": "men",
    "woman": "women",
    "policeman": "policemen",
    "snowman": "snowmen",
    "die": "dice",
    "dice": "dice",
    "octopus": "octopuses",
    "cactus": "cactuses",
    "bus": "buses",
    "face in love": "faces in love",
    "scarf": "scarves",
    "loaf of bread": "loaves of bread",
}


def plural(noun: str) -> str:
    """More than one of it: "cups of coffee", "strawberries", "wolves"."""
    if noun in _ODD_PLURALS:
        return _ODD_PLURALS[noun]
    for link in (" of ", " with ", " behind "):
        head, found, rest = noun.partition(link)
        if found:
            return plural(head) + found + rest
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    if noun.endswith(("s", "x", "ch", "sh")):
        return noun + "es"
    return noun + "s"


def with_article(words: str, article: str) -> str:
    """Put the article before `words`: ("orange car", "a") gives "an orange car"."""
    if article == "a":
        return f"{'an' if words[0] in 'aeiou' and not words.startswith(('unicorn', 'ufo')) else 'a'} {words}"
    return f"{article} {words}" if article else words
