"""Draw the training pictures from icon sets and write their captions; it refuses to know networks."""

from __future__ import annotations

import gzip
import io
import json
import random
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm  # type: ignore[import-untyped]

from engine.pocket.train.concepts import (
    COLOURS,
    CONCEPTS,
    HELD_OUT_BACKGROUNDS,
    HELD_OUT_COLOURS,
    with_article,
)

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

PACKAGES = {
    "noto": "@iconify-json/noto@1.2.9",
    "fluent-emoji": "@iconify-json/fluent-emoji@1.2.7",
    "fluent-emoji-flat": "@iconify-json/fluent-emoji-flat@1.2.6",
}
"""Icon sets by name and pinned npm package; licences are recorded in NOTICE."""

STYLES = {"fluent-emoji": "3d style", "fluent-emoji-flat": "flat style", "noto": "cartoon style"}

SIZE = 64
RENDER = 160
PACK = "icons.json.gz"
_XLINK = 'xmlns:xlink="http://www.w3.org/1999/xlink"'


@dataclass(frozen=True)
class Picture:
    """What one training picture shows; captions are drawn from it anew each time it is used."""

    concept: int
    style: str
    colour: str | None
    background: str | None


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
            icon = data["icons"].get(concept.icon)
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
    work = size * 2
    extent = round(work * rng.uniform(0.78, 0.86))
    paint = COLOURS[background] if background else (255, 255, 255)
    if background:
        paint = tuple(max(0, min(255, channel + rng.randint(-6, 6))) for channel in paint)  # type: ignore[assignment]
    canvas = Image.new("RGBA", (work, work), (*paint, 255))
    reach = round(2 * work / 64)
    left = (work - extent) // 2 + rng.randint(-reach, reach)
    top = (work - extent) // 2 + rng.randint(-reach, reach)
    canvas.alpha_composite(icon.resize((extent, extent), Image.Resampling.LANCZOS), (left, top))
    return canvas.convert("RGB").resize((size, size), Image.Resampling.BOX)


def caption(picture: Picture, rng: random.Random) -> str:
    """Write what the picture shows the way people type it: article or not, style or not."""
    concept = CONCEPTS[picture.concept]
    noun = rng.choice(concept.other_nouns) if concept.other_nouns and rng.random() < 0.25 else concept.noun
    article = concept.article if noun == concept.noun else "a"
    colour = picture.colour
    if colour is None and concept.colour and rng.random() < 0.4:
        colour = concept.colour
    words = noun
    if colour:
        words = f"{colour} {noun}"
        article = "a" if article == "the" else article
    if article == "the" and rng.random() < 0.4:
        article = "a"
    text = words if rng.random() < 0.25 else with_article(words, article)
    if picture.background:
        shade = picture.background
        text += rng.choice(
            (
                f" on {with_article(shade + ' background', 'a')}",
                f", {shade} background",
                f" on {with_article(shade + ' background', 'a')}",
            )
        )
    elif rng.random() < 0.08:
        text += rng.choice((" on a white background", ", white background"))
    said = {"fluent-emoji": 0.25, "fluent-emoji-flat": 0.6, "noto": 0.6}[picture.style]
    if rng.random() < said:
        text += f", {STYLES[picture.style]}"
    return text


def plan(rng: random.Random, copies: int = 1) -> Iterator[Picture]:
    """List the pictures to draw: half plain, half recoloured; two in five on a coloured ground."""
    shades = list(COLOURS)
    for index, concept in enumerate(CONCEPTS):
        colours = [c for c in shades if (concept.noun, c) not in HELD_OUT_COLOURS and c != concept.colour]
        grounds = [c for c in shades if (concept.noun, c) not in HELD_OUT_BACKGROUNDS and c != "white"]
        for style in PACKAGES:
            for _ in range(copies):
                for _ in range(16):
                    yield Picture(index, style, None, None)
                for ground in grounds:
                    yield Picture(index, style, None, ground)
                for colour in colours:
                    yield Picture(index, style, colour, None)
                    if colour != "white":
                        yield Picture(index, style, colour, None)
                    yield Picture(index, style, colour, rng.choice([g for g in grounds if g != colour]))


def load_icons(pack: Path) -> dict[str, dict[str, str]]:
    """Read the pack: set name, then noun, then SVG text."""
    with gzip.open(pack, "rt", encoding="utf-8") as stream:
        icons: dict[str, dict[str, str]] = json.load(stream)
    return icons


def build(folder: Path, copies: int = 1, seed: int = 0) -> None:
    """Draw every planned picture to `pictures.npy` (n, 64, 64, 3) uint8, and list them in `pictures.json`."""
    icons = load_icons(fetch(folder))
    rng = random.Random(seed)
    rendered: dict[tuple[str, str, str | None], Image.Image] = {}
    shown: list[Picture] = []
    drawn: list[Bytes] = []
    for picture in tqdm(list(plan(rng, copies)), desc="drawing"):
        noun = CONCEPTS[picture.concept].noun
        if noun not in icons[picture.style]:
            continue
        key = (picture.style, noun, picture.colour)
        if key not in rendered:
            plain = rendered.setdefault((picture.style, noun, None), render(icons[picture.style][noun]))
            if picture.colour:
                rendered[key] = recolour(plain, picture.colour)
        drawn.append(np.asarray(compose(rendered[key], picture.background, rng)))
        shown.append(picture)
    np.save(folder / "pictures.tmp.npy", np.stack(drawn))
    (folder / "pictures.tmp.npy").replace(folder / "pictures.npy")
    rows = [[p.concept, p.style, p.colour, p.background] for p in shown]
    (folder / "pictures.json").write_text(json.dumps(rows), encoding="utf-8")


def load_plan(folder: Path) -> list[Picture]:
    """Read what each row of `pictures.npy` shows."""
    rows = json.loads((folder / "pictures.json").read_text(encoding="utf-8"))
    return [Picture(concept, style, colour, background) for concept, style, colour, background in rows]
