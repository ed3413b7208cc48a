"""Draw the training pictures from icon sets and write their captions; it refuses to know networks."""

from __future__ import annotations

import json
import multiprocessing
import random
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from tqdm import tqdm  # type: ignore[import-untyped]

from engine.pocket.train import actions
from engine.pocket.train.actions import ACTIONS
from engine.pocket.train.concepts import (
    COLOURS,
    CONCEPTS,
    EVERYDAY,
    HELD_OUT_BACKGROUNDS,
    HELD_OUT_COLOURS,
    HELD_OUT_COUNTS,
    HELD_OUT_LOOKS,
    HELD_OUT_PAIRS,
    HELD_OUT_PLACES,
    PRIORITY,
    WILD,
)
from engine.pocket.train.icons import DRAWN, fetch, load_icons, recolour, render
from engine.pocket.train.looks import LOOKS, outline, pixel, sticker, watercolour
from engine.pocket.train.scenes import FLOATING, INDOORS, PHRASES, SCENES, TIMES, Icon, paint

Bytes = NDArray[np.uint8]

STYLES = {"fluent-emoji": "3d style", "fluent-emoji-flat": "flat style", "noto": "cartoon style"}

SIZES = ((128, 128), (160, 104), (104, 160), (168, 96), (96, 168))
"""Widths and heights of the pictures: about equal areas, 1:1 first, then 3:2 and 7:4 both ways."""


@dataclass(frozen=True)
class Picture:
    """What one training picture shows; captions are drawn from it anew each time it is used.

    `size` is the picture's row in SIZES; `extent` is "small" or "big" where that is said. A second thing
    makes it a pair, or what `action` is done to. `look` is a manner of LOOKS; `place` one of SCENES, and
    with no thing in it (a concept of -1) the picture is of the place itself, at a `time` of TIMES maybe.
    """

    concept: int
    style: str
    colour: str | None = None
    background: str | None = None
    size: int = 0
    place: str | None = None
    count: int = 1
    second: int | None = None
    second_colour: str | None = None
    extent: str | None = None
    look: str | None = None
    action: str | None = None
    time: str | None = None

    def noun(self) -> str:
        """The first thing's name; the place's where there is no thing."""
        return CONCEPTS[self.concept].noun if self.concept >= 0 else self.place or ""

    def alone(self) -> bool:
        """Whether it shows one thing of usual size on a plain ground in its set's own manner."""
        company = self.second is not None or self.count > 1
        return not (company or self.place or self.extent or self.look)

    def held_out(self) -> bool:
        """Whether evaluation asks for something of this picture that training must not show."""
        noun, colours = self.noun(), [(self.noun(), self.colour)]
        if self.second is not None:
            other = CONCEPTS[self.second].noun
            colours.append((other, self.second_colour))
            if frozenset((noun, other)) in HELD_OUT_PAIRS:
                return True
        return (
            any(pair in HELD_OUT_COLOURS for pair in colours)
            or (noun, self.background) in HELD_OUT_BACKGROUNDS
            or (noun, self.place) in HELD_OUT_PLACES
            or (noun, self.count) in HELD_OUT_COUNTS
            or (noun, self.look) in HELD_OUT_LOOKS
        )


def compose(
    icon: Image.Image, background: str | None, rng: random.Random, size: tuple[int, int] = SIZES[0]
) -> Image.Image:
    """Place the icon near the centre of a plain ground: scale .78-.86, shift to 2 px in 64; returns RGB."""
    layer = lay([(icon, 0.5, 0.5, rng.uniform(0.78, 0.86))], size, rng)
    ground = Image.new("RGBA", layer.size, (*ground_paint(background, rng), 255))
    ground.alpha_composite(layer)
    return ground.convert("RGB")


def ground_paint(background: str | None, rng: random.Random) -> tuple[int, int, int]:
    """The sRGB of a plain ground: white, or the named colour give or take a little."""
    if background is None:
        return (255, 255, 255)
    red, green, blue = (max(0, min(255, c + rng.randint(-6, 6))) for c in COLOURS[background])
    return red, green, blue


def lay(
    things: list[tuple[Image.Image, float, float, float]], size: tuple[int, int], rng: random.Random
) -> Image.Image:
    """Put icons on a transparent layer: centre x and y as shares of the sides, extent of the shorter side."""
    layer = Image.new("RGBA", size)
    short = min(size)
    reach = 0.03 * short
    for icon, x, y, extent in things:
        side = max(8, round(extent * short))
        left = round(x * size[0] - side / 2 + rng.uniform(-reach, reach))
        top = round(y * size[1] - side / 2 + rng.uniform(-reach, reach))
        part = Image.new("RGBA", size)
        part.paste(icon.resize((side, side), Image.Resampling.LANCZOS), (left, top))
        layer.alpha_composite(part)
    return layer


def _arrange(
    picture: Picture, icons: list[Image.Image], size: tuple[int, int]
) -> list[tuple[Image.Image, float, float, float]]:
    """Where each icon goes: one fills the picture, two share it side by side, or one over the other."""
    w, h = size
    if picture.action:
        action = ACTIONS[picture.action]
        room = min(1.15, max(size) / min(size))
        both = [(icons[0], *action.actor), (icons[1], *action.thing)]
        both = [(icon, 0.5 + (x - 0.5) * min(1.0, h / w), y, extent * room) for icon, x, y, extent in both]
        return both[::-1] if action.actor_above else both
    first, second = {"small": (0.34, 0.62), "big": (0.62, 0.34)}.get(picture.extent or "", (0.53, 0.53))
    tall, long = h > w, max(size) / min(size)
    if picture.second is not None or picture.count == 2:
        room = min(1.6, long)
        spots = [((0.27, 0.5), first * room), ((0.73, 0.5), second * room)]
        return [
            (icon, y if tall else x, x if tall else y, extent)
            for icon, ((x, y), extent) in zip([icons[0], icons[-1]], spots, strict=True)
        ]
    if picture.count == 3:
        if long > 1.2:
            return [(icons[0], *((0.5, at) if tall else (at, 0.5)), 0.31 * long) for at in (0.18, 0.5, 0.82)]
        return [(icons[0], x, y, 0.45) for x, y in ((0.5, 0.27), (0.27, 0.73), (0.73, 0.73))]
    extent = {"small": 0.38, "big": 0.98}.get(picture.extent or "", 0.82)
    middle = 0.5
    if picture.place:
        extent, middle = extent * 0.88, 0.5 if picture.place in FLOATING else 0.57
    return [(icons[0], 0.5, middle, extent)]


def draw(picture: Picture, icons: list[Image.Image], rng: random.Random, icon: Icon) -> Image.Image:
    """Draw one picture from its recoloured icons (one, or two for a pair); returns RGB of its size.

    `icon` gives what stands about in places, by noun.
    """
    size = SIZES[picture.size]
    if picture.concept < 0:
        return paint(picture.noun(), size, rng, icon, picture.time)
    # turned round as often as not: four seeds of one prompt then differ
    if rng.random() < 0.5:
        icons = [one.transpose(Image.Transpose.FLIP_LEFT_RIGHT) for one in icons]
    if picture.alone() and rng.random() < 0.5:
        icons = [one.rotate(rng.uniform(-14, 14), Image.Resampling.BICUBIC) for one in icons]
    things = [
        (one, x, y, extent * rng.uniform(0.9, 1.05)) for one, x, y, extent in _arrange(picture, icons, size)
    ]
    layer = lay(things, size, rng)
    tint = ground_paint(picture.background, rng)
    if picture.look == "outline":
        return outline(layer)
    if picture.look == "pixel":
        return pixel(layer, tint)
    if picture.look == "sticker":
        return sticker(layer, tint if picture.background else (206, 212, 220))
    if picture.look == "watercolour":
        return watercolour(layer, rng)
    if picture.place:
        ground = paint(picture.place, size, rng, icon).convert("RGBA")
        if picture.place not in FLOATING:  # a soft shadow, or things seem to hover
            for _, x, y, extent in things:
                w, h, side = *size, extent * min(size)
                shade = Image.new("RGBA", size)
                foot = y * h + side * 0.47
                ImageDraw.Draw(shade).ellipse(
                    (x * w - side * 0.4, foot - side * 0.05, x * w + side * 0.4, foot + side * 0.07),
                    fill=(0, 0, 0, 70),
                )
                ground.alpha_composite(shade)
    else:
        ground = Image.new("RGBA", size, (*tint, 255))
    ground.alpha_composite(layer)
    return ground.convert("RGB")


SKY = frozenset(
    {
        "sun", "moon", "full moon", "rainbow", "cloud", "cloud with rain", "thunderstorm", "mountain",
        "bridge", "lightning bolt", "sun behind a cloud", "fireworks", "sparkles", "volcano", "island",
        "milky way", "sunrise", "sunrise over mountains", "city skyline", "city at dusk",
        "sunset over a city", "starry night", "foggy bridge", "national park", "desert scene", "campsite",
        "mount fuji", "half moon", "new moon", "waterfall", "village houses", "beach umbrella", "comet",
        "shooting star", "cyclone", "earth",
    }
)  # fmt: skip
"""Things that are half a scene themselves: not put into places."""

EVERYDAY_PICTURES, PRIORITY_PICTURES, WILD_PICTURES, OTHER_PICTURES = 50, 60, 14, 9
SCENE_PICTURES, ACTION_PICTURES = 48, 3600


def _scene_pictures(rng: random.Random, copies: int) -> Iterator[Picture]:
    """The places themselves, some at another time; then things that do something to others."""
    for name in SCENES:
        for _ in range(copies * SCENE_PICTURES):
            size = _size(rng)
            timed = name not in INDOORS and name in TIMED and rng.random() < 0.3
            time = rng.choice(list(TIMES)) if timed else None
            yield Picture(-1, rng.choice(DRAWN), size=size, place=name, time=time)
    numbers = {concept.noun: index for index, concept in enumerate(CONCEPTS)}
    for _ in range(copies * ACTION_PICTURES):
        action, who, thing = actions.choose(rng)
        colour = rng.choice(list(COLOURS)) if rng.random() < 0.12 else None
        where = rng.choice(list(PHRASES)) if rng.random() < 0.12 else None
        picture = Picture(
            numbers[who], rng.choice(DRAWN), colour, None, _size(rng), where, 1, numbers[thing], action=action
        )
        if not picture.held_out():
            yield picture


TIMED = frozenset(
    {
        "village", "lake", "river", "mountains", "hills", "castle hill", "farm", "park", "street", "road",
        "city", "palm beach", "tropical island", "forest path", "forest", "campsite", "harbour",
        "pyramid land", "garden",
    }
)  # fmt: skip
"""Places that may be seen at another time."""


def _size(rng: random.Random) -> int:
    return 0 if rng.random() < 0.85 else rng.randrange(1, len(SIZES))


def _one(index: int, size: int, rng: random.Random) -> Picture:
    """Draw lots for one picture of a thing: about half alone, the rest at a place or in company."""
    concept = CONCEPTS[index]
    shades = [*COLOURS]
    style = rng.choice(DRAWN)
    countable = concept.article != ""
    kind = rng.random()
    colour = rng.choice(shades) if rng.random() < 0.45 else None
    ground = rng.choice([s for s in shades if s not in ("white", colour)]) if rng.random() < 0.4 else None
    if colour == concept.colour:
        colour = None
    if kind < 0.46:
        return Picture(index, style, colour, ground, size)
    some = colour if rng.random() < 0.4 else None
    if kind < 0.66 and concept.noun not in SKY:
        return Picture(index, style, some, None, size, place=rng.choice(list(PHRASES)))
    if kind < 0.77 and countable:
        some_ground = ground if rng.random() < 0.5 else None
        return Picture(index, style, some, some_ground, size, count=rng.choice((2, 2, 3)))
    if kind < 0.89:
        # company comes from the everyday things mostly
        second = rng.randrange(len(EVERYDAY) if rng.random() < 0.7 else len(CONCEPTS))
        if second == index:
            return Picture(index, style, colour, ground, size)
        other = rng.choice(shades) if some else None
        extent = rng.choice(("small", "big")) if rng.random() < 0.25 else None
        return Picture(
            index, style, some, ground if rng.random() < 0.3 else None, size, None, 1, second, other, extent
        )
    if kind < 0.98:
        look = rng.choice(list(LOOKS))
        if look == "outline":
            return Picture(index, rng.choice(("fluent-emoji-flat", "noto")), size=size, look=look)
        if look == "watercolour":
            ground = None
        return Picture(index, style, some, ground if rng.random() < 0.3 else None, size, look=look)
    return Picture(index, style, some, None, size, extent=rng.choice(("small", "big")))


def plan(rng: random.Random, copies: int = 1) -> Iterator[Picture]:
    """List the pictures to draw: more of what people ask for most, few not square, none held out."""
    for index, concept in enumerate(CONCEPTS):
        many = EVERYDAY_PICTURES if index < len(EVERYDAY) else OTHER_PICTURES
        many = WILD_PICTURES if index >= WILD else many
        for _ in range(copies * (PRIORITY_PICTURES if concept.noun in PRIORITY else many)):
            size = _size(rng)
            picture = _one(index, size, rng)
            while picture.held_out():
                picture = _one(index, size, rng)
            yield picture
    yield from _scene_pictures(rng, copies)


PLAIN_PICTURES, PLAIN_STYLES = 64, ("fluent-emoji", "fluent-emoji-flat")
PLAIN_PLACES = tuple(PHRASES)[:11]


def plain_plan(rng: random.Random, copies: int = 1) -> Iterator[Picture]:
    """List pictures of everyday things alone in two manners of one drawing, and at places: first lessons."""
    for index, concept in enumerate(EVERYDAY):
        made = 0
        while made < copies * PLAIN_PICTURES:
            colour = rng.choice(list(COLOURS)) if rng.random() < 0.45 else None
            colour = None if colour == concept.colour else colour
            grounds = [shade for shade in COLOURS if shade not in ("white", colour)]
            ground = rng.choice(grounds) if rng.random() < 0.4 else None
            style, size = rng.choice(PLAIN_STYLES), _size(rng)
            picture = Picture(index, style, colour, ground, size)
            if rng.random() < 0.3 and concept.noun not in SKY:
                picture = Picture(index, style, colour, None, size, rng.choice(PLAIN_PLACES))
            if not picture.held_out():
                made += 1
                yield picture


@lru_cache(maxsize=1)
def _icons(pack: Path) -> dict[str, dict[str, str]]:
    return load_icons(pack)


@lru_cache(maxsize=4096)
def _rendered(pack: Path, style: str, noun: str) -> Image.Image:
    # shaded icons take fifty milliseconds each, and places are full of them
    return render(_icons(pack)[style][noun])


def _draw_part(job: tuple[Path, int, bool, list[tuple[int, Picture]]]) -> list[tuple[int, Bytes]]:
    pack, seed, plain, part = job
    painted: dict[tuple[str, str, str], Image.Image] = {}

    def icon(style: str, noun: str, colour: str | None) -> Image.Image:
        plain = _rendered(pack, style, noun)
        if colour is None:
            return plain
        key = (style, noun, colour)
        if key not in painted:
            painted[key] = recolour(plain, colour)
        return painted[key]

    def about(style: str, noun: str) -> Image.Image:
        return icon(style, noun, None)

    drawn = []
    for row, picture in part:
        things = [icon(picture.style, picture.noun(), picture.colour)] if picture.concept >= 0 else []
        if picture.second is not None:
            things.append(icon(picture.style, CONCEPTS[picture.second].noun, picture.second_colour))
        # each picture has its own lots, so that the order of drawing changes nothing
        lots = random.Random(f"{seed}-{row}")
        made = (
            compose(things[0], picture.background, lots, SIZES[picture.size])
            if plain and not picture.place
            else draw(picture, things, lots, partial(about, picture.style))
        )
        drawn.append((row, np.asarray(made)))
    return drawn


def file(folder: Path, kind: str, size: int) -> Path:
    """Where the pictures or latents of one row of SIZES lie."""
    return folder / f"{kind}-{SIZES[size][0]}x{SIZES[size][1]}.npy"


def build(folder: Path, copies: int = 1, seed: int = 0, processes: int = 1, plain: bool = False) -> None:
    """Draw every planned picture to `pictures-WxH.npy` (n, H, W, 3) uint8 and list them in `pictures.json`.

    The list keeps one row a picture, sizes one after the other, in the order of the files' rows. ``plain``
    pictures are those of `plain_plan`, hardly moved or scaled.
    """
    pack = fetch(folder)
    rng = random.Random(seed)
    planned = plain_plan(rng, copies) if plain else plan(rng, copies)
    shown = sorted(planned, key=lambda picture: picture.size)
    rows = list(enumerate(shown))
    # pictures of the same thing go to the same process, which paints each colour of it once
    rows.sort(key=lambda pair: pair[1].concept)
    parts = [(pack, seed, plain, rows[i : i + 256]) for i in range(0, len(rows), 256)]
    counts = [sum(p.size == size for p in shown) for size in range(len(SIZES))]
    starts = np.cumsum([0, *counts])
    arrays = [np.empty((n, h, w, 3), np.uint8) for n, (w, h) in zip(counts, SIZES, strict=True)]
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        for drawn in tqdm(pool.imap_unordered(_draw_part, parts), total=len(parts), desc="drawing"):
            for row, pixels in drawn:
                size = shown[row].size
                arrays[size][row - starts[size]] = pixels
    for size, array in enumerate(arrays):
        path = file(folder, "pictures", size)
        temporary = path.with_suffix(".tmp.npy")
        np.save(temporary, array)
        temporary.replace(path)
    listed = folder / "pictures.tmp"
    listed.write_text(json.dumps([astuple(picture) for picture in shown]), encoding="utf-8")
    listed.replace(folder / "pictures.json")


def load_plan(folder: Path) -> list[Picture]:
    """Read what the pictures show: those of the first size, then of the second, and so on."""
    return [Picture(*row) for row in json.loads((folder / "pictures.json").read_text(encoding="utf-8"))]
