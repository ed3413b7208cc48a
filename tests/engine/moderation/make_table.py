"""Makes table.jsonl: 1,000 ways to write harmless stand-in words in disguise, and 1,000 innocent prompts.

    python -m tests.engine.moderation.make_table

What each line is, is known from how it was made: nothing here imports the code that reads the table. The file
is stored as data, so that a change of this script shows.
"""

from __future__ import annotations

import itertools
import json
import random
import re
from collections.abc import Callable
from pathlib import Path

from tests import ROOT

TABLE = Path(__file__).with_name("table.jsonl")
SEED = 20261121

WORDS = [
    "teapot", "umbrella", "saxophone", "marmalade", "octopus", "lantern", "cathedral", "pineapple", "balloon",
    "penguin", "violin", "biscuit", "compass", "harbour", "trumpet", "pear", "owl", "hat", "rain", "bell",
    "kettle", "zebra", "ladder", "cabbage", "museum",
]  # fmt: skip
PHRASES = ["red square", "paper moon"]

FRAMES = [
    "{}",
    "a {} on a table",
    "{}, oil painting, soft light",
    "the big old {} of my dreams",
    "portrait of a knight holding the {}, 4k",
    "(({}:1.2)), masterpiece",
    "two friends and one {} by the sea",
    "{} in the style of a woodcut",
]

LEET = {"a": "4@", "e": "3", "i": "1!", "l": "1|", "o": "0", "s": "5$", "t": "7", "b": "8", "g": "9"}
ACCENTS = ["\u0300", "\u0301", "\u0302", "\u0303", "\u0308", "\u030a", "\u0327", "\u0336"]
WHOLE = {
    "a": "áàâäãåā", "e": "éèêëē", "i": "íìîïī", "o": "óòôöõø", "u": "úùûüū", "c": "çć", "n": "ñń",
    "s": "šś", "z": "žź", "l": "ł", "y": "ýÿ",
}  # fmt: skip
INVISIBLE = [
    "\u200b",
    "\u200c",
    "\u200d",
    "\u2060",
    "\u00ad",
    "\ufeff",
    "\u180e",
    "\u034f",
    "\u2063",
    "\u3164",
]
CYRILLIC = dict(zip("aeopcxyiskmthbnu", "аеорсхуіѕкмтнвпц", strict=True))
GREEK = dict(zip("aeoivpuktxnh", "αεοινρυκτχηη", strict=True))
STYLES = {
    "fullwidth": 0xFF41, "bold": 0x1D41A, "italic": 0x1D622, "script": 0x1D4EA, "fraktur": 0x1D51E,
    "double": 0x1D552, "monospace": 0x1D68A, "circled": 0x24D0, "boxed": 0x1F130, "dark circled": 0x1F150,
    "parenthesised": 0x249C, "sans": 0x1D5BA, "regional": 0x1F1E6,
}  # fmt: skip
SMALL = dict(zip("abcdefghijklmnoprtuvwyz", "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀᴛᴜᴠᴡʏᴢ", strict=True))
SEPARATORS = ["-", ".", "_", "*", "·", "•", "~", "+", "/", "\\", "'", "|", "^", "🍎", "—", "=", "`"]


def some(rng: random.Random, word: str, table: dict[str, str], share: float) -> str:
    """Replace about a share of the letters that can be, and at least one."""
    places = [i for i, letter in enumerate(word) if letter in table]
    chosen = {i for i in places if rng.random() < share} or ({rng.choice(places)} if places else set())
    return "".join(rng.choice(table[c]) if i in chosen else c for i, c in enumerate(word))


def leet(rng: random.Random, word: str) -> str:
    return some(rng, word, LEET, 0.7)


def accents(rng: random.Random, word: str) -> str:
    if rng.random() < 0.5:
        return some(rng, word, WHOLE, 0.8)
    return "".join(c + rng.choice(ACCENTS) for c in word)


def invisible(rng: random.Random, word: str) -> str:
    if rng.random() < 0.5:
        return rng.choice(INVISIBLE).join(word)
    at = rng.randrange(1, len(word))
    return word[:at] + rng.choice(INVISIBLE) * rng.randint(1, 3) + word[at:]


def scripts(rng: random.Random, word: str) -> str:
    how = rng.choice(["cyrillic", "greek", "small", *STYLES])
    if how == "cyrillic":
        return some(rng, word, CYRILLIC, 0.6)
    if how == "greek":
        return some(rng, word, GREEK, 0.6)
    if how == "small":
        return "".join(SMALL.get(c, c) for c in word)
    shift = STYLES[how] - ord("a")
    return "".join(chr(ord(c) + shift) if rng.random() < 0.9 or how == "regional" else c for c in word)


def spacing(rng: random.Random, word: str) -> str:
    if rng.random() < 0.7 or len(word) < 5:
        return rng.choice([" ", "  ", "\u00a0", "\u2003", "\t"]).join(word)
    pieces = [word[i : i + 2] for i in range(0, len(word), 2)]
    return " ".join(pieces)


def separators(rng: random.Random, word: str) -> str:
    sign = rng.choice(SEPARATORS) * rng.choice([1, 1, 1, 2])
    how = rng.random()
    if how < 0.5:
        return sign.join(word)
    cut = rng.randrange(1, len(word))
    return word[:cut] + sign + word[cut:]


def repeated(rng: random.Random, word: str) -> str:
    if rng.random() < 0.3:
        return "".join(c * 3 for c in word)
    at = rng.randrange(len(word))
    return word[:at] + word[at] * rng.randint(3, 7) + word[at + 1 :]


def case(rng: random.Random, word: str) -> str:
    return rng.choice([word.upper(), word.title(), "".join(rng.choice((c, c.upper())) for c in word)])


def plain(rng: random.Random, word: str) -> str:
    return rng.choice(
        [f"{word}s", f'"{word}"', f"{word}!", f"{word}.", f"#{word}", f"{word}'s", f"**{word}**", f"{word}2"]
    )


WAYS: dict[str, Callable[[random.Random, str], str]] = {
    "plain": plain, "case": case, "leet": leet, "accents": accents, "invisible": invisible,
    "scripts": scripts, "spacing": spacing, "separators": separators, "repeated": repeated,
}  # fmt: skip
# the order in which two disguises can be laid over each other: letters first, then what stands between them
MIXED = [
    ("leet", "spacing"), ("leet", "separators"), ("leet", "invisible"), ("accents", "spacing"),
    ("accents", "separators"), ("accents", "invisible"), ("scripts", "invisible"), ("case", "separators"),
    ("case", "spacing"), ("leet", "accents"), ("repeated", "case"), ("accents", "case"), ("case", "leet"),
    ("repeated", "accents"),
]  # fmt: skip


def disguise(rng: random.Random, how: str, word: str) -> str:
    written = word
    for way in how.split("+"):
        written = WAYS[way](rng, written)
    return written


def forbidden(rng: random.Random) -> list[dict[str, str]]:
    rows = []
    share = {"plain": 3, "case": 3, "leet": 5, "accents": 4, "invisible": 4, "scripts": 5, "spacing": 3,
             "separators": 4, "repeated": 3}  # fmt: skip
    hows = [way for way, times in share.items() for _ in range(times)]
    for word in WORDS:
        rows += [(word, how) for how in hows]
        for _ in range(6):
            rows.append((word, "+".join(rng.choice(MIXED))))
    made = []
    frames = itertools.cycle(FRAMES)
    for word, how in rows[:980]:
        made.append({"word": word, "how": how, "text": next(frames).format(disguise(rng, how, word))})
    for n in range(1000 - len(made)):
        phrase = PHRASES[n % 2]
        first, second = phrase.split()
        how = rng.choice(["case", "leet", "accents", "scripts", "invisible"])
        between = rng.choice([" ", "  ", "-", ", ", "_"])
        written = f"{disguise(rng, how, first)}{between}{disguise(rng, how, second)}"
        made.append({"word": phrase, "how": f"phrase+{how}", "text": next(frames).format(written)})
    return made


# words that have a stand-in inside, and words one letter away from one
INSIDE = [
    "steapot",
    "teapots-r-us?",
    "umbrellabird",
    "umbrellas?",
    "saxophonist",
    "marmaladefish",
    "lanternfish",
    "cathedralesque",
    "pineapples?",
    "ballooning",
    "penguinlike",
    "violinist",
    "biscuity",
    "compassion",
    "encompass",
    "harbourmaster",
    "trumpeter",
    "spear",
    "pearl",
    "appear",
    "bowl",
    "growl",
    "howl",
    "prowl",
    "fowl",
    "owlet",
    "that",
    "what",
    "chat",
    "hatch",
    "whatever",
    "somewhat",
    "shatter",
    "train",
    "brain",
    "grain",
    "terrain",
    "rainbow",
    "strain",
    "belly",
    "bellow",
    "label",
    "rebellion",
    "embellish",
    "kettledrum",
    "zebrafish",
    "stepladder",
    "bladder",
    "museums?",
    "multipear",
    "hatter",
    "chateau",
    "drainpipe",
    "ordained",
    "bellhop",
    "belligerent",
    "earthenware",
]
INSIDE = [word for word in INSIDE if not word.endswith("?")]
NEAR = [
    "teapoy",
    "umbel",
    "saxhorn",
    "marmoset",
    "octave",
    "octagon",
    "lectern",
    "cathode",
    "pining",
    "penguid",
    "bear",
    "dear",
    "gear",
    "tear",
    "wear",
    "year",
    "cat",
    "bat",
    "rat",
    "mat",
    "sat",
    "oil",
    "own",
    "awl",
    "hut",
    "hit",
    "hot",
    "cot",
    "ran",
    "rein",
    "raid",
    "bill",
    "ball",
    "bull",
    "tell",
    "well",
    "cell",
    "nettle",
    "mettle",
    "settle",
    "cobra",
    "zeal",
    "lather",
    "latter",
    "fodder",
    "madder",
    "rubbish",
    "cabin",
    "cabbie",
    "mausoleum",
    "muse",
    "baboon",
    "saloon",
    "dragoon",
    "pear-shaped?",
    "tempt",
    "trump",
    "crumpet",
    "strumpet",
    "compact",
    "harbinger",
    "barbour",
    "viola",
    "violet",
    "biscotti",
]
NEAR = [word for word in NEAR if not word.endswith("?")]
# words that hold one of the real lists' terms, or look like one, or are harmless by themselves
SCUNTHORPE = [
    "Scunthorpe",
    "Essex",
    "Sussex",
    "Middlesex",
    "Wessex",
    "Penistone",
    "Cockermouth",
    "Lightwater",
    "Clitheroe",
    "sextant",
    "sextet",
    "sexton",
    "Saskatchewan",
    "cockpit",
    "cockatoo",
    "peacock",
    "assassin",
    "class",
    "glass",
    "grass",
    "analysis",
    "analyst",
    "canal",
    "therapist",
    "document",
    "circumference",
    "titmouse",
    "titan",
    "constitution",
    "competition",
    "Dickens",
    "Hancock",
    "shuttlecock",
    "weathercock",
    "nudge",
    "denude",
    "kidney",
    "kidnapper",
    "skidmark",
    "kinder-egg",
    "kindness",
    "mankind",
    "boyhood",
    "boycott",
    "Boyle",
    "girlfriend",
    "girder",
    "girth",
    "tweenager",
    "babysitter",
    "babyblue",
    "teens",
    "canteen",
    "nineteen",
    "eighteen",
    "fourteenth",
    "velveteen",
    "steenbok",
    "menopause",
]

PEOPLE = (
    """
a woman | an old man | two friends | a sailor | my neighbour | a baker | the postman | a farmer | three
dancers | a nurse | a child | some children | a girl | a boy | a baby | a teenager | my daughter | a
young couple | grandmother | the king
""".replace("\n", " ")
    .strip()
    .split(" | ")
)
DOES = (
    """
reading a newspaper | drinking coffee | waiting for the bus | painting a fence | playing chess | walking
a dog | repairing a bicycle | picking apples | feeding ducks | baking bread | singing loudly | looking
at the stars | building a sandcastle | carrying a basket | dancing in the street | asleep under a tree |
learning to swim | flying a kite
""".replace("\n", " ")
    .strip()
    .split(" | ")
)
WHERE = (
    """
in the kitchen | by the sea | on a mountain path | in a crowded market | at night | under a bridge | in
heavy snow | in a small boat | on the moon | in an old library | at the airport | in the garden | near a
lighthouse | on a rooftop
""".replace("\n", " ")
    .strip()
    .split(" | ")
)
STYLE = """
oil painting
35mm photo
watercolour
pixel art
charcoal sketch
isometric, 3d render
ukiyo-e print
studio light, 8k
--ar 3:2
low poly
in the style of a stamp
black and white
claymation
line art
--seed 42 --no text
""".strip().splitlines()
ODD = """
A.I. and I.T. people at the U.S. border
J. R. R. Tolkien at his desk
a B-52 and an F-16 over the bay
rock 'n' roll on Route 66
C++ and C# logos, side by side
4k, 8k, 16:9, 1080p, f/1.8, ISO 400
x y z axes of a graph
a b c d e f g, alphabet blocks
do re mi fa so la ti do
I II III IV V VI on a clock
H 2 O molecule
e = m c 2 on a blackboard
Mr. T. and Mrs. O. at sea
a 3 d printer at work
ha ha ha, he is so fun
to be or not to be
it is as it is, so be it
go to no. 9, or 10, or 11
tic-tac-toe on paper
hip-hop, tip-top, flip-flop
a state-of-the-art well-to-do mother-in-law
O o O o bubbles
no no no no
la la la
WW II poster
R 2 D 2 toy
S.O.S. in Morse code . . . - - - . . .
A4 paper, M8 screw, T-shirt
100% cotton, 20°C, 5 € and $3
www.example.org, contact@example.org
the year 2024, 7:30 am, 12/12
Ω α β γ in Greek
привет, красное яблоко на столе
un chat noir sur un toit
eine rote Teekanne auf dem Tisch
una casa azul junto al mar
uma maçã vermelha
un gatto sul tetto
czerwone jabłko na stole
赤いりんごとテーブル
빨간 사과와 아이스크림
桌子上的红苹果
ヌードルを食べる猫
a naked mole rat in its burrow
seen with the naked eye
bare trees in winter
a sphynx cat, hairless
grilled chicken breast on a plate
a robin with a red breast
blue tits feeding their chicks
the adult learning centre
Great Tit on a branch
a cock crowing at dawn
Dick Van Dyke on a stage
a pussy willow branch
hot cross buns
bald eagle, bare branches
a strip of paper
the bottom of the sea
a class of children painting
a boy with a kite and a cake
a family at breakfast, mum, dad and two kids
a newborn lamb
17 candles on a cake
a 12 year old whisky on a shelf
a kid goat on a rock
a mother with her baby
school children crossing the street
teenagers skateboarding
a 5 year old at the zoo
a little girl with a balloon animal
young woman in a summer dress
swimmers at the beach, sunny day
a sumo wrestler
a marble statue of a goddess
lipstick in nude tones
same sex couple at their wedding
""".strip().splitlines()
SENTENCES = [
    "a {} in the morning sun",
    "{}, watercolour",
    "the word {} on a poster",
    "an old photo of {}",
    "{} and a dog",
]


def evaluation() -> list[str]:
    lines = (ROOT / "engine/pocket/evaluate_prompts.txt").read_text("utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def holds_a_word(text: str) -> bool:
    """Say whether a stand-in stands in this text as it is: such a line is not innocent."""
    return any(re.search(rf"(?i)(?<![a-z]){word}(e?s)?(?![a-z])", text) for word in (*WORDS, *PHRASES))


def innocent(rng: random.Random) -> list[dict[str, str]]:
    rows = [("evaluation", text) for text in evaluation()]
    rows += [("odd", text) for text in ODD]
    for how, words in (("inside", INSIDE), ("near", NEAR), ("scunthorpe", SCUNTHORPE)):
        rows += [(how, rng.choice(SENTENCES).format(word)) for word in words]
        rows += [(how, rng.choice(SENTENCES).format(word.upper())) for word in rng.sample(words, 20)]
    seen = {text for _, text in rows}
    while len(rows) < 1200:
        text = f"{rng.choice(PEOPLE)} {rng.choice(DOES)} {rng.choice(WHERE)}, {rng.choice(STYLE)}"
        if text not in seen:
            seen.add(text)
            rows.append(("everyday", text))
    kept = [{"word": "", "how": how, "text": text} for how, text in rows if not holds_a_word(text)]
    return kept[:1000]


def main() -> None:
    rng = random.Random(SEED)
    rows = [*forbidden(rng), *innocent(rng)]
    TABLE.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


if __name__ == "__main__":
    main()
