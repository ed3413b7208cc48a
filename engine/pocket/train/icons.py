"""Fetch the icon sets and draw their icons: raster, repaint; it refuses to know captions and layouts."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from engine.pocket.train.concepts import COLOURS, CONCEPTS

Floats = NDArray[np.float32]

PACKAGES = {
    "noto": "@iconify-json/noto@1.2.9",
    "fluent-emoji": "@iconify-json/fluent-emoji@1.2.7",
    "fluent-emoji-flat": "@iconify-json/fluent-emoji-flat@1.2.6",
    "twemoji": "@iconify-json/twemoji@1.2.5",
    "game-icons": "@iconify-json/game-icons@1.2.4",
}
"""Icon sets by name and pinned npm package; licences are recorded in NOTICE.

The first three are drawn in; a thing that they lack borrows from the others, or from DRAWINGS."""

DRAWINGS = Path(__file__).parent / "drawings"
"""This project's own drawings ("limner:pirate"): what people often ask for and no set draws plainly."""

DRAWN = ("noto", "fluent-emoji", "fluent-emoji-flat")
"""The sets whose manners are taught by name."""

RENDER = 128
PACK = "icons.json.gz"
_INK = "<!--ink:"
_XLINK = 'xmlns:xlink="http://www.w3.org/1999/xlink"'


def _read(folder: Path, name: str, package: str) -> dict[str, Any]:
    version = package.rsplit("@", 1)[1]
    archived = folder / f"iconify-json-{name}-{version}.tgz"
    if not archived.exists():
        subprocess.run(
            ["npm", "pack", "--silent", package], cwd=folder, check=True, stdout=subprocess.DEVNULL
        )
    with tarfile.open(archived) as archive:
        member = archive.extractfile("package/icons.json")
        if member is None:
            raise FileNotFoundError(f"{package} has no icons.json")
        data: dict[str, Any] = json.load(member)
    return data


def _find(sets: dict[str, dict[str, Any]], name: str, wanted: str) -> str:
    """Return the SVG of an icon: of its own set ("game-icons:well/grey"), or of `name`, or of any."""
    wanted, _, ink = wanted.partition("/")
    own, _, icon = wanted.rpartition(":")
    if own == "limner":
        return (DRAWINGS / f"{icon}.svg").read_text(encoding="utf-8")
    for chosen in (own,) if own else (name, *DRAWN):
        data = sets[chosen]
        found = data["icons"].get(data.get("aliases", {}).get(icon, {}).get("parent", icon))
        if found is not None:
            w, h = (
                found.get("width", data.get("width", 16)),
                found.get("height", data.get("height", 16)),
            )
            head = f'<svg xmlns="http://www.w3.org/2000/svg" {_XLINK} viewBox="0 0 {w} {h}">'
            note = f"{_INK}{ink}-->" if chosen == "game-icons" else ""
            return f"{note}{head}{found['body']}</svg>"
    raise KeyError(f"no icon set has {wanted}")


def fetch(folder: Path) -> Path:
    """Download the icon packages with npm and keep the icons we teach in one small pack; returns its path."""
    pack = folder / PACK
    if pack.exists():
        return pack
    folder.mkdir(parents=True, exist_ok=True)
    sets = {name: _read(folder, name, package) for name, package in PACKAGES.items()}
    icons: dict[str, dict[str, str]] = {name: {} for name in DRAWN}
    for name in DRAWN:
        for concept in CONCEPTS:
            wanted = concept.another if name == "noto" and concept.another else concept.icon
            icons[name][concept.noun] = _find(sets, name, wanted)
    temporary = pack.with_suffix(".tmp")
    with gzip.open(temporary, "wt", encoding="utf-8") as stream:
        json.dump(icons, stream)
    temporary.replace(pack)
    return pack


def _inked(shape: Image.Image, colour: str) -> Image.Image:
    """Paint a one-colour icon: strokes in a deep shade of `colour`, the gaps between them in a pale one."""
    alpha = shape.getchannel("A")
    reach = max(3, round(min(alpha.size) * 0.06)) | 1
    room = Image.new("L", (alpha.width + 2 * reach, alpha.height + 2 * reach))
    room.paste(alpha, (reach, reach))
    closed = room.filter(ImageFilter.MaxFilter(reach)).filter(ImageFilter.MinFilter(reach))
    outside = closed.point(lambda a: 255 * (a > 100))
    ImageDraw.floodfill(outside, (0, 0), 128)
    inside = outside.point(lambda a: 255 * (a != 128)).crop(
        (reach, reach, reach + alpha.width, reach + alpha.height)
    )
    paint = COLOURS[colour]
    painted = Image.new("RGBA", shape.size, (*(round(c * 0.35 + 255 * 0.65) for c in paint), 0))
    painted.putalpha(inside)
    strokes = Image.new("RGBA", shape.size, (*(round(c * 0.72) for c in paint), 0))
    strokes.putalpha(alpha)
    painted.alpha_composite(strokes)
    return painted


def render(svg: str, size: int = RENDER) -> Image.Image:
    """Rasterise an SVG to a square RGBA picture, cropped to what it shows."""
    import resvg_py

    ink = svg[len(_INK) :].partition("-->")[0] if svg.startswith(_INK) else ""
    picture: Image.Image = Image.open(
        io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_string=svg, width=size, height=size)))
    )
    picture = picture.convert("RGBA")
    box = picture.getchannel("A").point(lambda a: 255 * (a > 8)).getbbox()
    if box is None:
        raise ValueError("the icon is empty")
    picture = picture.crop(box)
    if ink:
        picture = _inked(picture, ink)
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


def load_icons(pack: Path) -> dict[str, dict[str, str]]:
    """Read the pack: set name, then noun, then SVG text."""
    with gzip.open(pack, "rt", encoding="utf-8") as stream:
        icons: dict[str, dict[str, str]] = json.load(stream)
    return icons
