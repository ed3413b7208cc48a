"""Paint the places things stand in, a little different each time; it refuses to know icons and captions."""

from __future__ import annotations

import random

import numpy as np
from PIL import Image, ImageDraw

Paint = tuple[int, int, int]

PHRASES: dict[str, tuple[str, ...]] = {
    "beach": ("on the beach", "on a beach", "at the beach"),
    "night": ("at night", "at night", "in the night"),
    "snow": ("in the snow", "in snow"),
    "water": ("under water", "underwater", "under the sea"),
    "forest": ("in the forest", "in a forest", "in the woods"),
    "city": ("in the city", "in a city"),
    "space": ("in space", "in outer space"),
    "rain": ("in the rain", "in rain"),
    "sunset": ("at sunset", "in the sunset"),
    "desert": ("in the desert", "in a desert"),
    "grass": ("on the grass", "in a meadow", "in a field"),
}
"""Each place and how people say that something is there."""

FLOATING = frozenset({"water", "space"})
"""Places without ground under one's feet: things are drawn in their middle."""


def fade(size: tuple[int, int], top: Paint, bottom: Paint) -> Image.Image:
    """Return an RGB picture that goes from one paint at the top to another at the bottom."""
    share = np.linspace(0, 1, size[1], dtype=np.float32)[:, None, None]
    column = np.array(top, np.float32) * (1 - share) + np.array(bottom, np.float32) * share
    return Image.fromarray(np.broadcast_to(column, (size[1], size[0], 3)).round().astype(np.uint8), "RGB")


def vary(paint: Paint, rng: random.Random, reach: int = 10) -> Paint:
    """Return the paint a little lighter or darker, at most by `reach`, and a little off in hue."""
    shift = rng.randint(-reach, reach)
    red, green, blue = (max(0, min(255, c + shift + rng.randint(-4, 4))) for c in paint)
    return red, green, blue


def disc(pen: ImageDraw.ImageDraw, x: float, y: float, r: float, paint: Paint) -> None:
    """Fill a circle around (x, y) of radius `r` pixels."""
    pen.ellipse((x - r, y - r, x + r, y + r), fill=paint)


def place(name: str, size: tuple[int, int], rng: random.Random) -> Image.Image:
    """Paint the place at `size` (width, height) pixels; returns RGB."""
    double = (size[0] * 2, size[1] * 2)
    picture = _PAINTERS[name](double, rng)
    return picture.resize(size, Image.Resampling.BOX)


def _beach(size: tuple[int, int], rng: random.Random) -> Image.Image:
    w, h = size
    picture = fade(size, vary((120, 200, 250), rng), (205, 236, 252))
    pen = ImageDraw.Draw(picture)
    sea, sand = h * rng.uniform(0.36, 0.44), h * rng.uniform(0.56, 0.64)
    pen.rectangle((0, sea, w, h), fill=vary((30, 140, 205), rng))
    pen.rectangle((0, sand, w, h), fill=vary((242, 214, 150), rng))
    step, swell = w / rng.uniform(3.5, 5), h * 0.03
    for i in range(7):
        disc(pen, i * step, sand, swell, (240, 250, 252))
    pen.rectangle((0, sand + swell * 0.5, w, h), fill=picture.getpixel((1, h - 1)))
    if rng.random() < 0.6:
        disc(pen, w * rng.choice((0.14, 0.86)), h * 0.14, h * 0.08, (255, 226, 90))
    return picture


def _night(size: tuple[int, int], rng: random.Random) -> Image.Image:
    w, h = size
    picture = fade(size, vary((12, 16, 50), rng, 6), (38, 50, 108))
    pen = ImageDraw.Draw(picture)
    for _ in range(rng.randint(14, 22)):
        disc(pen, rng.random() * w, rng.random() * h * 0.7, rng.uniform(1.2, 2.6), (255, 250, 215))
    x, r = w * rng.choice((0.15, 0.85)), h * 0.085
    disc(pen, x, h * 0.15, r, (252, 242, 190))
    disc(pen, x + r * 0.55, h * 0.15 - r * 0.25, r * 0.9, (20, 26, 66))
    pen.rectangle((0, h * rng.uniform(0.78, 0.84), w, h), fill=vary((22, 42, 48), rng, 6))
    return picture


def _snow(size: tuple[int, int], rng: random.Random) -> Image.Image:
    w, h = size
    picture = fade(size, vary((150, 186, 220), rng), (205, 224, 240))
    pen = ImageDraw.Draw(picture)
    ground = h * rng.uniform(0.6, 0.68)
    pen.ellipse((-w * 0.4, ground, w * 0.8, h * 1.6), fill=(240, 246, 252))
    pen.ellipse((w * 0.3, ground + h * 0.02, w * 1.5, h * 1.6), fill=(250, 252, 255))
    for _ in range(rng.randint(26, 36)):
        disc(pen, rng.random() * w, rng.random() * h * 0.9, rng.uniform(2, 4.4), (255, 255, 255))
    return picture


def _water(size: tuple[int, int], rng: random.Random) -> Image.Image:
    w, h = size
    picture = fade(size, vary((60, 178, 222), rng), vary((10, 66, 140), rng))
    pen = ImageDraw.Draw(picture)
    ground = h * rng.uniform(0.86, 0.9)
    pen.rectangle((0, ground, w, h), fill=vary((206, 186, 130), rng))
    for _ in range(rng.randint(2, 4)):
        x = rng.choice((rng.uniform(0.02, 0.2), rng.uniform(0.8, 0.98))) * w
        tall = h * rng.uniform(0.15, 0.3)
        pen.ellipse((x - w * 0.02, ground - tall, x + w * 0.02, ground + 4), fill=vary((40, 140, 80), rng))
    for _ in range(rng.randint(9, 14)):
        x, y, r = rng.random() * w, rng.random() * ground, rng.uniform(2.5, 6)
        pen.ellipse((x - r, y - r, x + r, y + r), outline=(214, 242, 252), width=2)
    return picture


def _forest(size: tuple[int, int], rng: random.Random) -> Image.Image:
    w, h = size
    picture = fade(size, vary((176, 220, 196), rng), (206, 232, 200))
    pen = ImageDraw.Draw(picture)
    ground = h * rng.uniform(0.7, 0.76)
    pen.rectangle((0, ground, w, h), fill=vary((86, 150, 70), rng))
    step = h * 0.2
    for i in range(round(w / step) + 2):
        x, tall = (i + rng.uniform(-0.3, 0.1)) * step, h * rng.uniform(0.45, 0.68)
        wide, leaf = h * rng.uniform(0.1, 0.14), vary((34, 104, 56), rng, 14)
        pen.rectangle((x - h * 0.02, ground - tall * 0.3, x + h * 0.02, ground + h * 0.03), fill=(98, 66, 40))
        for k in range(3):
            top = ground - tall + k * tall * 0.22
            reach = wide * (0.6 + 0.2 * k)
            pen.polygon([(x, top), (x - reach, top + tall * 0.36), (x + reach, top + tall * 0.36)], fill=leaf)
    return picture


def _city(size: tuple[int, int], rng: random.Random) -> Image.Image:
    w, h = size
    picture = fade(size, vary((150, 200, 236), rng), (222, 236, 244))
    pen = ImageDraw.Draw(picture)
    ground, x = h * rng.uniform(0.78, 0.83), -w * 0.02
    while x < w:
        wide, tall = h * rng.uniform(0.15, 0.23), h * rng.uniform(0.35, 0.7)
        wall = vary(rng.choice(((120, 132, 156), (152, 140, 150), (96, 112, 142), (170, 164, 160))), rng)
        pen.rectangle((x, ground - tall, x + wide, ground), fill=wall)
        pane = h * 0.035
        for row in range(int(tall / (pane * 2.2)) - 1):
            for column in range(int(wide / (pane * 2))):
                left, top = x + pane * (0.7 + column * 1.9), ground - tall + pane * (0.9 + row * 2.1)
                pen.rectangle((left, top, left + pane, top + pane), fill=(250, 236, 168))
        x += wide + h * 0.012
    pen.rectangle((0, ground, w, h), fill=vary((88, 90, 98), rng))
    return picture


def _space(size: tuple[int, int], rng: random.Random) -> Image.Image:
    w, h = size
    picture = fade(size, vary((10, 8, 26), rng, 5), vary((34, 18, 58), rng, 8))
    pen = ImageDraw.Draw(picture)
    for _ in range(rng.randint(30, 44)):
        disc(pen, rng.random() * w, rng.random() * h, rng.uniform(0.9, 2.4), (250, 250, 255))
    x, y, r = w * rng.choice((0.13, 0.87)), h * rng.choice((0.15, 0.85)), h * rng.uniform(0.09, 0.13)
    ball = rng.choice(((220, 120, 80), (110, 150, 230), (190, 120, 210), (120, 190, 160)))
    disc(pen, x, y, r, ball)
    pen.ellipse((x - r * 1.7, y - r * 0.35, x + r * 1.7, y + r * 0.35), outline=(232, 214, 190), width=3)
    return picture


def _rain(size: tuple[int, int], rng: random.Random) -> Image.Image:
    w, h = size
    picture = fade(size, vary((104, 116, 136), rng), (164, 176, 190))
    pen = ImageDraw.Draw(picture)
    pen.rectangle((0, h * rng.uniform(0.8, 0.85), w, h), fill=vary((96, 108, 122), rng))
    step = h * 0.13
    for i in range(round(w / step) + 2):
        disc(pen, (i + rng.uniform(-0.2, 0.2)) * step, 0, h * rng.uniform(0.08, 0.12), (80, 88, 104))
    for _ in range(rng.randint(34, 46)):
        x, y, long = rng.random() * w * 1.1, rng.random() * h, h * rng.uniform(0.05, 0.09)
        pen.line((x, y, x - long * 0.3, y + long), fill=(196, 220, 244), width=3)
    return picture


def _sunset(size: tuple[int, int], rng: random.Random) -> Image.Image:
    w, h = size
    ground = h * rng.uniform(0.7, 0.76)
    picture = fade(size, vary((112, 56, 132), rng), vary((255, 196, 70), rng))
    sky = fade((w, int(ground)), vary((120, 60, 140), rng), vary((255, 168, 60), rng))
    picture.paste(sky, (0, 0))
    pen = ImageDraw.Draw(picture)
    disc(pen, w * rng.uniform(0.3, 0.7), ground, h * rng.uniform(0.2, 0.26), (255, 232, 120))
    pen.rectangle((0, ground, w, h), fill=vary((92, 44, 78), rng))
    return picture


def _desert(size: tuple[int, int], rng: random.Random) -> Image.Image:
    w, h = size
    picture = fade(size, vary((252, 214, 140), rng), (254, 236, 196))
    pen = ImageDraw.Draw(picture)
    far, near = h * rng.uniform(0.5, 0.56), h * rng.uniform(0.64, 0.7)
    pen.ellipse((-w * 0.5, far, w * 0.9, h * 1.7), fill=vary((232, 168, 96), rng))
    pen.ellipse((w * 0.2, near, w * 1.6, h * 1.7), fill=vary((220, 146, 76), rng))
    pen.rectangle((0, h * 0.85, w, h), fill=vary((220, 146, 76), rng, 4))
    disc(pen, w * rng.choice((0.15, 0.85)), h * 0.16, h * 0.08, (255, 246, 190))
    return picture


def _grass(size: tuple[int, int], rng: random.Random) -> Image.Image:
    w, h = size
    picture = fade(size, vary((134, 204, 250), rng), (216, 240, 252))
    pen = ImageDraw.Draw(picture)
    ground = h * rng.uniform(0.6, 0.68)
    pen.ellipse((-w * 0.5, ground, w * 1.1, h * 1.8), fill=vary((122, 196, 84), rng))
    pen.ellipse((w * 0.1, ground + h * 0.03, w * 1.6, h * 1.8), fill=vary((104, 182, 74), rng))
    pen.rectangle((0, h * 0.9, w, h), fill=vary((104, 182, 74), rng, 4))
    x, y = w * rng.uniform(0.1, 0.9), h * 0.13
    for shift in (-1, 0, 1):
        disc(pen, x + shift * h * 0.07, y, h * (0.05 + 0.02 * (shift == 0)), (255, 255, 255))
    return picture


_PAINTERS = {
    "beach": _beach, "night": _night, "snow": _snow, "water": _water, "forest": _forest, "city": _city,
    "space": _space, "rain": _rain, "sunset": _sunset, "desert": _desert, "grass": _grass,
}  # fmt: skip
