"""List what a shipped model was taught, for `engine.pocket.knows`; it refuses to know pixels and networks.

Groups and hints come from emojibase-data (CLDR's keywords), where an icon is an emoji; a few hints are ours.
"""

from __future__ import annotations

import json
import re
import subprocess
import tarfile
from collections.abc import Container
from pathlib import Path
from typing import Any

from engine.pocket.train import more
from engine.pocket.train.concepts import COLOURS, CONCEPTS, EVERYDAY, WILD, Concept, with_article
from engine.pocket.train.data import STYLES
from engine.pocket.train.looks import LOOKS
from engine.pocket.train.same import SAME
from engine.pocket.train.scenes import PHRASES, SCENES
from engine.pocket.train.text import apart, nouns, words

PACKAGE = "emojibase-data@17.0.0"

_SECTIONS = {
    "person-fantasy": more.FOLK,
    "animal-mammal": more.BEASTS,
    "food-sweet": more.FOODS,
    "place-building": more.TRAVEL,
    "tool": more.OBJECTS,
}
"""The group of a thing of version 2 that is no emoji, by the part of the list it stands in."""

_HINTS = """
spiderman batman superman hulk ironman thor avenger deadpool hero: superhero, ninja, robot
goku naruto anime manga waifu: ninja, girl, boy
pikachu pokemon: mouse, rabbit, dragon
mario luigi sonic: boy, mushroom, game controller
warrior soldier fighter gladiator paladin crusader: ninja, superhero, prince
monster demon beast creature satan: devil, dragon, ghost
skeleton reaper death: skull, zombie, ghost
spaceship spacecraft starship shuttle spaceman cosmonaut: rocket, ufo, astronaut
ferrari lamborghini porsche bmw audi tesla mercedes supercar vehicle: race car, car, taxi
sea ocean underwater: whale, fish, octopus
lady wife girlfriend sister actress model: woman, princess, girl
guy husband boyfriend brother actor: man, boy, prince
grandpa grandfather: old woman, man, santa claus
capybara gopher guinea ferret chinchilla weasel: hamster, squirrel, hedgehog
corgi husky labrador pug bulldog dachshund retriever beagle: dog, wolf, fox
hawk falcon raven crow sparrow robin seagull bird: eagle, owl, parrot
lynx puma jaguar cougar leopard panther lioness: lion, tiger, cat
hippo rhino rhinoceros hippopotamus walrus: elephant, whale, giraffe
jellyfish seahorse starfish stingray: octopus, fish, dolphin
village town hamlet hut cottage mansion cabin barn building: house, castle, church
river lake pond waterfall creek: island, mountain, fish
pirate viking captain: sailboat, pirate flag, island
sword gun weapon knife spear rifle: crossed swords, shield, bow and arrow
cake dessert cheesecake brownie: birthday cake, cupcake, donut
tea latte espresso cappuccino: cup of coffee, teapot, bubble tea
tank jeep truck lorry: truck, bus, tractor
boat ship yacht canoe submarine galleon: sailboat, cruise ship, speedboat
knight knights: shield, castle, horse
mermaid siren: fish, dolphin, princess
landscape scenery nature: mountain, tree, rainbow
"""
"""Words that people type which no keyword explains, and what is near to them."""


def fetch(folder: Path) -> list[dict[str, Any]]:
    """Download the emoji list with npm; returns its entries."""
    archived = folder / f"{PACKAGE.replace('@', '-')}.tgz"
    if not archived.exists():
        subprocess.run(
            ["npm", "pack", "--silent", PACKAGE], cwd=folder, check=True, stdout=subprocess.DEVNULL
        )
    with tarfile.open(archived) as archive:
        kept = {}
        for name in ("data", "messages"):
            member = archive.extractfile(f"package/en/{name}.json")
            if member is None:
                raise FileNotFoundError(f"{PACKAGE} has no {name}.json")
            kept[name] = json.load(member)
    titles = {group["order"]: group["key"] for group in kept["messages"]["subgroups"]}
    return [{**entry, "subgroup": titles.get(entry.get("subgroup"), "")} for entry in kept["data"]]


def _slug(label: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", label.lower().replace("’", "")).strip("-")


def _vocabulary(tokenizer: Path) -> dict[str, int]:
    told = json.loads((tokenizer / "tokenizer.json").read_text(encoding="utf-8"))
    found: dict[str, int] = told["model"]["vocab"]
    return found


def taught(tokenizer: Path) -> tuple[Concept, ...]:
    """The things whose words the tokenizer in a folder holds whole: all, or those before version 2."""
    known = _vocabulary(tokenizer)
    whole = all(f"{word}</w>" in known for word in words())
    return CONCEPTS if whole else CONCEPTS[:WILD]


def listing(
    tokenizer: Path, folder: Path, well: Container[str], known: tuple[Concept, ...]
) -> dict[str, Any]:
    """What a list of `engine.pocket.knows` holds; `well` has the prompts of the things that are drawn well.

    `known`: what the model was taught (`taught`), or EVERYDAY for the one that was taught these alone.
    """
    entries = {_slug(entry["label"]): entry for entry in fetch(folder)}
    vocabulary = _vocabulary(tokenizer)
    named = {name for concept in CONCEPTS for name in nouns(concept)}
    things: list[dict[str, Any]] = []
    hints: dict[str, list[str]] = {}
    for concept in known:
        entry = entries.get(concept.icon) or entries.get(concept.noun.replace(" ", "-"), {})
        sections = (name for name, text in _SECTIONS.items() if re.search(rf"\b{concept.noun}\b", text))
        group = entry.get("subgroup") or next(sections, "other-object")
        prompt = with_article(concept.noun, concept.article)
        drawn = "well" if prompt in well else "fairly"
        names = nouns(concept)
        names += [word for word, meant in SAME.items() if meant in names and f"{word}</w>" in vocabulary]
        things.append({"prompt": prompt, "names": names, "group": group, "drawn": drawn})
        for tag in entry.get("tags", ()):
            # a word that names another thing is explained by that thing's group ("man" is no snowman)
            if tag not in named:
                hints.setdefault(tag, []).append(prompt)
    prompts = {concept.noun: with_article(concept.noun, concept.article) for concept in known}
    for line in _HINTS.strip().splitlines():
        strange, _, near = line.partition(": ")
        for word in strange.split():
            if found := [prompts[noun] for noun in near.split(", ") if noun in prompts]:
                hints[word] = found
    places = PHRASES if known is CONCEPTS else {name: PHRASES[name] for name in list(PHRASES)[:11]}
    all_known = {word for word in words() if f"{word}</w>" in vocabulary}
    if known is not CONCEPTS:
        # the tokenizer holds words that no caption of this model said
        said = [name for concept in known for name in nouns(concept)]
        said += [phrase for group in (*places.values(), *LOOKS.values()) for phrase in group]
        said += [*COLOURS, *STYLES.values(), "and two three small little tiny big large huge"]
        spoken = set(apart(said))
        all_known &= spoken | {word for word, meant in SAME.items() if meant in spoken}
    # a keyword of half the world says nothing
    strange = {
        word: near
        for word, near in sorted(hints.items())
        if len(near) <= 12 and re.fullmatch("[a-z]{3,}", word)
    }
    return {
        "things": things,
        # the one that knows everyday things alone has places behind them, and never by themselves
        "places": {
            name: [[] if known is EVERYDAY else list(SCENES[name].alone), list(phrases)]
            for name, phrases in places.items()
        },
        "words": sorted(all_known),
        "hints": {word: near[:4] for word, near in strange.items() if word not in all_known},
    }
