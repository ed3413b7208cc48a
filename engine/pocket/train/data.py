"""Draw the training pictures from icon sets and write their captions; it refuses to know networks."""

from __future__ import annotations

import gzip
import io
import json
import multiprocessing
import random
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from tqdm import tqdm  # type: ignore[import-untyped]

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
    Concept,
    plural,
    with_article,
)
from engine.pocket.train.looks import LOOKS, outline, pixel, sticker, watercolour
from engine.pocket.train.places import FLOATING, PHRASES, place

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

PACKAGES = {
    "noto": "@iconify-json/noto@1.2.9",
    "fluent-emoji": "@iconify-json/fluent-emoji@1.2.7",
    "fluent-emoji-flat": "@iconify-json/fluent-emoji-flat@1.2.6",
}
"""Icon sets by name and pinned npm package; licences are recorded in NOTICE."""

STYLES = {"fluent-emoji": "3d style", "fluent-emoji-flat": "flat style", "noto": "cartoon style"}

NAMED = {"fluent-emoji": 0.2, "fluent-emoji-flat": 0.45, "noto": 0.3}
"""How often a caption names its set's manner."""

SIZES = ((128, 128), (160, 104), (104, 160), (168, 96), (96, 168))
"""Widths and heights of the pictures: about equal areas, 1:1 first, then 3:2 and 7:4 both ways."""

SIZE = 128
RENDER = 128
PACK = "icons.json.gz"
_XLINK = 'xmlns:xlink="http://www.w3.org/1999/xlink"'


@dataclass(frozen=True)
class Picture:
    """What one training picture shows; captions are drawn from it anew each time it is used.

    `size` is the picture's row in SIZES; `extent` is "small" or "big" where that is said. A second thing
    makes it a pair. `look` is a manner of LOOKS; `place` one of PHRASES.
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

    def noun(self) -> str:
        """The first thing's name."""
        return CONCEPTS[self.concept].noun

    def alone(self) -> bool:
        """Whether it shows one thing of usual size on a plain ground in its set's own manner."""
        return self.count == 1 and not (self.place or self.extent or self.look) and self.second is None

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


def fetch(folder: Path) -> Path:
    """Download the icon packages with npm and keep the icons we teach in one small pack; returns its path."""
    pack = folder / PACK
    if pack.exists():
        return pack
    folder.mkdir(parents=True, exist_ok=True)
    icons: dict[str, dict[str, str]] = {}
    for name, package in PACKAGES.items():
        subprocess.run(
            ["npm", "pack", "--silent", package], cwd=folder, check=True, stdout=subprocess.DEVNULL
        )
        version = package.rsplit("@", 1)[1]
        with tarfile.open(folder / f"iconify-json-{name}-{version}.tgz") as archive:
            member = archive.extractfile("package/icons.json")
            if member is None:
                raise FileNotFoundError(f"{package} has no icons.json")
            data = json.load(member)
        width, height = data.get("width", 16), data.get("height", 16)
        icons[name] = {}
        for concept in CONCEPTS:
            wanted = concept.another if name == "noto" and concept.another else concept.icon
            icon = data["icons"].get(data.get("aliases", {}).get(wanted, {}).get("parent", wanted))
            if icon is None:  # a set without this thing borrows the first set's
                icons[name][concept.noun] = icons["noto"][concept.noun]
                continue
            w, h = icon.get("width", width), icon.get("height", height)
            head = f'<svg xmlns="http://www.w3.org/2000/svg" {_XLINK} viewBox="0 0 {w} {h}">'
            icons[name][concept.noun] = f"{head}{icon['body']}</svg>"
    temporary = pack.with_suffix(".tmp")
    with gzip.open(temporary, "wt", encoding="utf-8") as stream:
        json.dump(icons, stream)
    temporary.replace(pack)
    return pack


def render(svg: str, size: int = RENDER) -> Image.Image:
    """Rasterise an SVG to a square RGBA picture, cropped to what it shows."""
    import resvg_py

    picture: Image.Image = Image.open(
        io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_string=svg, width=size, height=size)))
    )
    picture = picture.convert("RGBA")
    box = picture.getchannel("A").point(lambda a: 255 * (a > 8)).getbbox()
    if box is None:
        raise ValueError("the icon is empty")
    picture = picture.crop(box)
    side = max(picture.size)
    square = Image.new("RGBA", (side, side))
    square.paste(picture, ((side - picture.width) // 2, (side - picture.height) // 2))
    return square


# Oklab (Ottosson, 2020): equal steps look equal, so lightness can be kept while the hue is replaced.
_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    dtype=np.float32,
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ],
    dtype=np.float32,
)


def oklab(rgb: NDArray[np.floating[Any]]) -> Floats:
    """sRGB in 0..1 (…, 3) to Oklab (…, 3)."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    lab: Floats = (np.cbrt(linear @ _TO_LMS.T) @ _TO_LAB.T).astype(np.float32)
    return lab


def srgb(lab: Floats) -> Floats:
    """Oklab (…, 3) to sRGB in 0..1 (…, 3), clipped into gamut."""
    linear = np.clip(((lab @ np.linalg.inv(_TO_LAB).T) ** 3) @ np.linalg.inv(_TO_LMS).T, 0, 1)
    rgb: Floats = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return rgb.astype(np.float32)


def recolour(icon: Image.Image, colour: str) -> Image.Image:
    """Repaint the icon's main colour, keeping its shading and its other colours (leaves, eyes, wheels).

    The main colour is the heaviest of 24 hue windows and two greys (light, dark); pixels near it move to the
    target's hue, and to its lightness by the difference between the two.
    """
    pixels = np.asarray(icon, dtype=np.float32) / 255
    lab, alpha = oklab(pixels[..., :3]), pixels[..., 3]
    light, chroma = lab[..., 0], np.hypot(lab[..., 1], lab[..., 2])
    hue = np.arctan2(lab[..., 2], lab[..., 1])
    best, mask = -1.0, np.zeros_like(light)
    for centre in np.arange(24) * (2 * np.pi / 24):
        distance = np.abs((hue - centre + np.pi) % (2 * np.pi) - np.pi)
        near = np.clip((0.95 - distance) / 0.2, 0, 1) * np.clip((chroma - 0.03) / 0.03, 0, 1)
        mass = float((near * alpha).sum())
        if mass > best:
            best, mask = mass, near
    grey = np.clip((0.06 - chroma) / 0.03, 0, 1)
    for near in (grey * np.clip((light - 0.5) / 0.15, 0, 1), grey * np.clip((0.6 - light) / 0.15, 0, 1)):
        mass = float((near * alpha).sum()) * 0.8
        if mass > best:
            best, mask = mass, near
    weight = mask * alpha
    body_light = float((light * weight).sum() / max(float(weight.sum()), 1e-6))
    target = oklab(np.array(COLOURS[colour], dtype=np.float32) / 255)
    offset = (light - body_light) * 0.75
    new_light = np.clip(target[0] + offset, 0.12, 0.98 if colour != "white" else 0.975)
    # highlights and deep shadows carry less chroma than the colour itself
    fade = np.clip(1.15 - 1.3 * np.abs(offset), 0.35, 1.0)
    painted = np.stack([new_light, target[1] * fade, target[2] * fade], axis=-1)
    mixed = srgb(lab + (painted - lab) * mask[..., None])
    out = np.dstack([np.clip(mixed, 0, 1), alpha])
    return Image.fromarray((out * 255 + 0.5).astype(np.uint8), "RGBA")


def compose(icon: Image.Image, background: str | None, rng: random.Random, size: int = SIZE) -> Image.Image:
    """Place the icon near the centre of a plain square: scale .78-.86, shift to 2 px in 64; returns RGB."""
    layer = lay([(icon, 0.5, 0.5, rng.uniform(0.78, 0.86))], (size, size), rng)
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


def draw(picture: Picture, icons: list[Image.Image], rng: random.Random) -> Image.Image:
    """Draw one picture from its recoloured icons (one, or two for a pair); returns RGB of its size."""
    size = SIZES[picture.size]
    if rng.random() < 0.15:
        icons = [icon.transpose(Image.Transpose.FLIP_LEFT_RIGHT) for icon in icons]
    things = [
        (icon, x, y, extent * rng.uniform(0.95, 1.05))
        for icon, x, y, extent in _arrange(picture, icons, size)
    ]
    layer = lay(things, size, rng)
    paint = ground_paint(picture.background, rng)
    if picture.look == "outline":
        return outline(layer)
    if picture.look == "pixel":
        return pixel(layer, paint)
    if picture.look == "sticker":
        return sticker(layer, paint if picture.background else (206, 212, 220))
    if picture.look == "watercolour":
        return watercolour(layer, rng)
    if picture.place:
        ground = place(picture.place, size, rng).convert("RGBA")
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
        ground = Image.new("RGBA", size, (*paint, 255))
    ground.alpha_composite(layer)
    return ground.convert("RGB")


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
    concept = CONCEPTS[picture.concept]
    words, article = _name(concept, picture.colour, rng, picture.count)
    if picture.extent and picture.count == 1:
        synonyms = {"small": ("small", "little", "tiny"), "big": ("big", "large", "huge")}
        words = f"{rng.choice(synonyms[picture.extent])} {words}"
        article = "a" if article == "the" else article
    bare = words
    text = words if rng.random() < 0.2 and picture.count == 1 else with_article(words, article)
    if picture.second is not None:
        other, its_article = _name(CONCEPTS[picture.second], picture.second_colour, rng)
        if picture.extent:
            other = f"{'big' if picture.extent == 'small' else 'small'} {other}"
            its_article = "a" if its_article == "the" else its_article
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
        if (
            named
            and rng.random() < {"fluent-emoji": 0.2, "fluent-emoji-flat": 0.45, "noto": 0.3}[picture.style]
        ):
            kind = rng.random()
            if kind < 0.35 and picture.count == 1 and picture.second is None:
                front = manner if rng.random() < 0.5 else manner.split()[0]
                text = with_article(f"{front} {bare}", "a" if article else "")
            elif kind < 0.5:
                return _ground(picture, text, rng) + f" in {manner}"
            else:
                return _ground(picture, text, rng) + f", {manner}"
    return _ground(picture, text, rng)


def _ground(picture: Picture, text: str, rng: random.Random) -> str:
    if picture.place:
        return f"{text} {rng.choice(PHRASES[picture.place])}"
    if picture.background:
        shade = with_article(picture.background + " background", "a")
        return text + rng.choice((f" on {shade}", f" on {shade}", f", {picture.background} background"))
    if picture.look is None and rng.random() < 0.08:
        return text + rng.choice((" on a white background", ", white background"))
    return text


SKY = frozenset(
    {
        "sun", "moon", "full moon", "rainbow", "cloud", "cloud with rain", "thunderstorm", "mountain",
        "bridge", "lightning bolt", "sun behind a cloud", "fireworks", "sparkles", "volcano", "island",
    }
)  # fmt: skip
"""Things that are half a scene themselves: not put into places."""

EVERYDAY_PICTURES, OTHER_PICTURES = 260, 60


def _one(index: int, size: int, rng: random.Random) -> Picture:
    """Draw lots for one picture of a thing: about half alone, the rest at a place or in company."""
    concept = CONCEPTS[index]
    shades = [*COLOURS]
    style = rng.choice(list(PACKAGES))
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
    """List the pictures to draw: more of the everyday things, three in ten not square, none held out."""
    for index in range(len(CONCEPTS)):
        for _ in range(copies * (EVERYDAY_PICTURES if index < len(EVERYDAY) else OTHER_PICTURES)):
            size = 0 if rng.random() < 0.7 else rng.randrange(1, len(SIZES))
            picture = _one(index, size, rng)
            while picture.held_out():
                picture = _one(index, size, rng)
            yield picture


def load_icons(pack: Path) -> dict[str, dict[str, str]]:
    """Read the pack: set name, then noun, then SVG text."""
    with gzip.open(pack, "rt", encoding="utf-8") as stream:
        icons: dict[str, dict[str, str]] = json.load(stream)
    return icons


def _draw_part(job: tuple[Path, int, list[tuple[int, Picture]]]) -> list[tuple[int, Bytes]]:
    pack, seed, part = job
    icons = load_icons(pack)
    rendered: dict[tuple[str, str, str | None], Image.Image] = {}

    def icon(style: str, noun: str, colour: str | None) -> Image.Image:
        plain, key = (style, noun, None), (style, noun, colour)
        if plain not in rendered:
            rendered[plain] = render(icons[style][noun])
        if key not in rendered and colour:
            rendered[key] = recolour(rendered[plain], colour)
        return rendered[key]

    drawn = []
    for row, picture in part:
        things = [icon(picture.style, picture.noun(), picture.colour)]
        if picture.second is not None:
            things.append(icon(picture.style, CONCEPTS[picture.second].noun, picture.second_colour))
        # each picture has its own lots, so that the order of drawing changes nothing
        drawn.append((row, np.asarray(draw(picture, things, random.Random(f"{seed}-{row}")))))
    return drawn


def file(folder: Path, kind: str, size: int) -> Path:
    """Where the pictures or latents of one row of SIZES lie."""
    return folder / f"{kind}-{SIZES[size][0]}x{SIZES[size][1]}.npy"


def build(folder: Path, copies: int = 1, seed: int = 0, processes: int = 1) -> None:
    """Draw every planned picture to `pictures-WxH.npy` (n, H, W, 3) uint8 and list them in `pictures.json`.

    The list keeps one row a picture, sizes one after the other, in the order of the files' rows.
    """
    pack = fetch(folder)
    rng = random.Random(seed)
    shown = sorted(plan(rng, copies), key=lambda picture: picture.size)
    rows = list(enumerate(shown))
    # pictures of the same thing go to the same process, which paints each colour of it once
    rows.sort(key=lambda pair: pair[1].concept)
    parts = [(pack, seed, rows[i : i + 256]) for i in range(0, len(rows), 256)]
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
