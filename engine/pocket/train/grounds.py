"""Paint the grounds of scenes: sea, mountains, roads, rooms, space; it refuses to know icons and captions."""

from __future__ import annotations

import random
from collections.abc import Callable
from math import cos

from PIL import Image, ImageDraw

from engine.pocket.train.places import Paint, disc, fade, vary


def _hex(text: str) -> Paint:
    return int(text[:2], 16), int(text[2:4], 16), int(text[4:], 16)


_SKIES: dict[str, tuple[Paint, Paint]] = {
    "day": ((120, 196, 250), (214, 238, 252)), "evening": ((112, 56, 132), (255, 176, 70)),
    "dark": ((12, 16, 50), (38, 50, 108)), "dawn": ((120, 150, 220), (255, 214, 150)),
    "savanna": ((250, 190, 90), (254, 232, 176)), "red": ((90, 20, 30), (240, 120, 50)),
    "mars": ((226, 160, 110), (246, 206, 160)), "void": ((6, 6, 16), (16, 14, 34)),
    "pink": ((255, 190, 224), (255, 232, 244)), "grey": ((176, 188, 206), (226, 234, 242)),
}  # fmt: skip


def ground_of(kind: str, size: tuple[int, int], rng: random.Random) -> Image.Image:
    """Paint one of our own grounds."""
    if kind.startswith("room"):
        return _room(size, rng, *(_hex(text) for text in kind.split()[1:]))
    painter, sky, colour = _GROUNDS[kind]
    top, bottom = _SKIES[sky]
    picture = fade(size, vary(top, rng), vary(bottom, rng))
    painter(picture, ImageDraw.Draw(picture), colour, rng)
    return picture


def _room(size: tuple[int, int], rng: random.Random, wall: Paint, floor: Paint) -> Image.Image:
    w, h = size
    picture = Image.new("RGB", size, vary(wall, rng))
    pen = ImageDraw.Draw(picture)
    line = h * rng.uniform(0.68, 0.74)
    pen.rectangle((0, line, w, h), fill=vary(floor, rng))
    pen.rectangle((0, line - h * 0.02, w, line), fill=(250, 248, 242))
    pen.ellipse((w * 0.18, line + h * 0.08, w * 0.82, h * 1.02), fill=vary((196, 90, 84), rng, 40))
    return picture


Pen = ImageDraw.ImageDraw


def _sea(picture: Image.Image, pen: Pen, colour: Paint, rng: random.Random) -> None:
    w, h = picture.size
    level = h * rng.uniform(0.5, 0.58)
    if colour[0] > 90:  # the evening's sea has a sun in it
        x, r = w * rng.uniform(0.35, 0.65), h * rng.uniform(0.15, 0.2)
        disc(pen, x, level, r, (255, 236, 130))
        pen.rectangle((0, level, w, h), fill=vary(colour, rng))
        for row in range(6):
            y, wide = level + h * (0.04 + 0.07 * row), r * (1.1 - 0.12 * row)
            pen.rectangle((x - wide, y, x + wide, y + h * 0.018), fill=(255, 200, 110))
        return
    pen.rectangle((0, level, w, h), fill=vary(colour, rng))
    for _ in range(16):
        x, y, long = rng.random() * w, level + rng.random() * (h - level), w * rng.uniform(0.04, 0.1)
        pen.arc((x, y, x + long, y + long * 0.5), 180, 360, fill=(214, 238, 250), width=4)


def _peaks(picture: Image.Image, pen: Pen, colour: Paint, rng: random.Random) -> None:
    w, h = picture.size
    low = h * rng.uniform(0.74, 0.8)
    for x, tall in ((0.2, 0.46), (0.8, 0.5), (0.5, 0.62)):
        at, top = w * (x + rng.uniform(-0.06, 0.06)), low - h * tall * rng.uniform(0.9, 1.1)
        reach = h * 0.42
        rock = vary(colour, rng, 12)
        pen.polygon([(at, top), (at - reach, low), (at + reach, low)], fill=rock)
        cap = 0.3 if colour[2] < 130 else 0.55
        pen.polygon(
            [
                (at, top), (at - reach * cap, top + (low - top) * cap), (at, top + (low - top) * cap * 0.75),
                (at + reach * cap, top + (low - top) * cap),
            ],
            fill=(250, 252, 255),
        )  # fmt: skip
    snowy = colour[2] >= 130
    pen.rectangle((0, low, w, h), fill=(238, 244, 252) if snowy else vary((104, 164, 84), rng))


def _lake(picture: Image.Image, pen: Pen, colour: Paint, rng: random.Random) -> None:
    w, h = picture.size
    _peaks(picture, pen, (112, 122, 126), rng)
    level = h * rng.uniform(0.62, 0.68)
    pen.rectangle((0, level - h * 0.05, w, h), fill=(92, 156, 80))
    pen.ellipse((-w * 0.1, level, w * 1.1, h * 1.25), fill=vary(colour, rng))
    for _ in range(6):
        x, y = rng.random() * w, h * rng.uniform(0.74, 0.95)
        pen.line((x, y, x + w * 0.12, y), fill=(190, 226, 246), width=4)


def _hills(picture: Image.Image, pen: Pen, colour: Paint, rng: random.Random) -> None:
    w, h = picture.size
    pen.ellipse((-w * 0.5, h * 0.62, w * 0.6, h * 1.6), fill=vary((140, 204, 96), rng))
    pen.ellipse((w * 0.45, h * 0.6, w * 1.5, h * 1.6), fill=vary((126, 192, 84), rng))
    pen.ellipse((w * 0.08, h * rng.uniform(0.6, 0.66), w * 0.92, h * 1.7), fill=vary(colour, rng))


def _flat(picture: Image.Image, pen: Pen, colour: Paint, rng: random.Random) -> None:
    w, h = picture.size
    pen.rectangle((0, h * rng.uniform(0.66, 0.72), w, h), fill=vary(colour, rng))


def _sunny(picture: Image.Image, pen: Pen, colour: Paint, rng: random.Random) -> None:
    w, h = picture.size
    disc(pen, w * rng.uniform(0.4, 0.6), h * 0.58, h * 0.17, (255, 238, 140))
    for x in (0.12, 0.5, 0.88):
        pen.polygon(
            [(w * x, h * 0.5), (w * (x - 0.36), h * 0.86), (w * (x + 0.36), h * 0.86)], fill=vary(colour, rng)
        )
    pen.rectangle((0, h * 0.8, w, h), fill=vary((96, 140, 90), rng))


def _trees(
    pen: Pen, size: tuple[int, int], leaves: tuple[Paint, ...], rng: random.Random, gap: float
) -> None:
    w, h = size
    for i in range(9):
        x = w * (i + 0.5) / 9 + rng.uniform(-0.03, 0.03) * w
        if abs(x / w - 0.5) < gap:
            continue
        tall, foot = h * rng.uniform(0.44, 0.6), h * rng.uniform(0.72, 0.84)
        pen.rectangle((x - h * 0.018, foot - tall * 0.6, x + h * 0.018, foot), fill=(96, 64, 42))
        for dx, dy in ((-0.05, 0.62), (0.05, 0.62), (0, 0.78), (0, 0.5)):
            disc(pen, x + dx * h, foot - tall * dy, h * 0.085, vary(rng.choice(leaves), rng, 14))


_AUTUMN: tuple[Paint, ...] = ((226, 110, 34), (214, 62, 40), (240, 176, 48), (190, 84, 36))
_GREENS: tuple[Paint, ...] = ((52, 128, 62), (72, 152, 70), (38, 108, 56))


def _autumn(picture: Image.Image, pen: Pen, colour: Paint, rng: random.Random) -> None:
    w, h = picture.size
    pen.rectangle((0, h * 0.72, w, h), fill=vary(colour, rng))
    _trees(pen, picture.size, _AUTUMN, rng, 0.0)
    for _ in range(24):
        disc(pen, rng.random() * w, h * rng.uniform(0.78, 1), h * 0.012, rng.choice(_AUTUMN))


def _path(picture: Image.Image, pen: Pen, colour: Paint, rng: random.Random) -> None:
    w, h = picture.size
    pen.rectangle((0, h * 0.6, w, h), fill=vary((86, 150, 70), rng))
    _trees(pen, picture.size, _GREENS, rng, 0.12)
    bend = rng.uniform(-0.12, 0.12)
    middle = w * (0.5 + bend)
    points = [
        (middle - w * 0.03, h * 0.6), (middle + w * 0.03, h * 0.6), (w * 0.58, h * 0.78),
        (w * 0.8, h), (w * 0.2, h), (w * 0.42, h * 0.78),
    ]  # fmt: skip
    pen.polygon(points, fill=vary(colour, rng))


def _road(picture: Image.Image, pen: Pen, colour: Paint, rng: random.Random) -> None:
    w, h = picture.size
    level = h * rng.uniform(0.54, 0.6)
    pen.rectangle((0, level, w, h), fill=vary((122, 188, 88), rng))
    pen.polygon([(w * 0.47, level), (w * 0.53, level), (w * 0.85, h), (w * 0.15, h)], fill=vary(colour, rng))
    for share in (0.2, 0.45, 0.75):
        y = level + (h - level) * share
        pen.rectangle((w * 0.49, y, w * 0.51, y + h * 0.05), fill=(250, 240, 200))


def _street(picture: Image.Image, pen: Pen, colour: Paint, rng: random.Random) -> None:
    w, h = picture.size
    pen.rectangle((0, h * 0.62, w, h), fill=(176, 178, 182))
    pen.rectangle((0, h * 0.72, w, h * 0.96), fill=vary(colour, rng))
    for x in (0.1, 0.4, 0.7):
        pen.rectangle((w * x, h * 0.83, w * (x + 0.16), h * 0.85), fill=(250, 240, 200))


def _river(picture: Image.Image, pen: Pen, colour: Paint, rng: random.Random) -> None:
    w, h = picture.size
    pen.rectangle((0, h * 0.5, w, h), fill=vary((104, 172, 84), rng))
    bend = rng.choice((-1, 1)) * 0.1
    points = [
        (w * 0.48, h * 0.5), (w * 0.54, h * 0.5), (w * (0.6 + bend), h * 0.68), (w * 0.82, h), (w * 0.2, h),
        (w * (0.4 + bend), h * 0.7),
    ]  # fmt: skip
    pen.polygon(points, fill=vary(colour, rng))
    for _ in range(5):
        x, y = w * rng.uniform(0.4, 0.6), h * rng.uniform(0.72, 0.96)
        pen.line((x, y, x + w * 0.1, y), fill=(200, 232, 250), width=4)


def _falls(picture: Image.Image, pen: Pen, colour: Paint, rng: random.Random) -> None:
    w, h = picture.size
    pen.rectangle((0, h * 0.2, w, h), fill=vary((96, 108, 92), rng))
    pen.rectangle((0, h * 0.14, w, h * 0.26), fill=vary((84, 152, 76), rng))
    wide = w * rng.uniform(0.15, 0.2)
    pen.rectangle((w / 2 - wide, h * 0.18, w / 2 + wide, h * 0.82), fill=vary((190, 226, 248), rng))
    for _ in range(9):
        x = w / 2 + rng.uniform(-wide, wide) * 0.9
        pen.line((x, h * rng.uniform(0.2, 0.4), x, h * rng.uniform(0.6, 0.8)), fill=(248, 253, 255), width=5)
    pen.ellipse((-w * 0.1, h * 0.74, w * 1.1, h * 1.2), fill=vary(colour, rng))
    for _ in range(8):
        disc(pen, w / 2 + rng.uniform(-1.2, 1.2) * wide, h * 0.79, h * 0.04, (246, 252, 255))


def _lights(picture: Image.Image, pen: Pen, colour: Paint, rng: random.Random) -> None:
    w, h = picture.size
    for _ in range(14):
        disc(pen, rng.random() * w, rng.random() * h * 0.4, rng.uniform(1, 2.4), (255, 250, 215))
    x = -w * 0.02
    while x < w:
        wide, tall = h * rng.uniform(0.13, 0.2), h * rng.uniform(0.3, 0.66)
        pen.rectangle((x, h * 0.82 - tall, x + wide, h * 0.82), fill=vary((34, 40, 76), rng, 8))
        pane = h * 0.03
        for row in range(int(tall / (pane * 2.2)) - 1):
            for column in range(int(wide / (pane * 2))):
                if rng.random() < 0.7:
                    left, top = x + pane * (0.7 + column * 1.9), h * 0.82 - tall + pane * (0.9 + row * 2.1)
                    pen.rectangle((left, top, left + pane, top + pane), fill=(255, 222, 110))
        x += wide + h * 0.01
    pen.rectangle((0, h * 0.82, w, h), fill=vary(colour, rng))


def _clouds(picture: Image.Image, pen: Pen, colour: Paint, rng: random.Random) -> None:
    w, h = picture.size
    for _ in range(5):
        x, y = rng.random() * w, h * rng.choice((0.14, 0.26, 0.74, 0.88))
        for shift in (-1, 0, 1):
            disc(pen, x + shift * h * 0.08, y, h * (0.06 + 0.03 * (shift == 0)), colour)


def _craters(picture: Image.Image, pen: Pen, colour: Paint, rng: random.Random) -> None:
    w, h = picture.size
    if colour[0] - colour[2] < 40:  # no stars over mars by day
        for _ in range(26):
            disc(pen, rng.random() * w, rng.random() * h * 0.6, rng.uniform(0.9, 2), (250, 250, 255))
    ground = vary(colour, rng)
    pen.ellipse((-w * 0.4, h * rng.uniform(0.6, 0.66), w * 1.4, h * 1.7), fill=ground)
    for _ in range(6):
        x, y, r = rng.random() * w, h * rng.uniform(0.74, 0.96), h * rng.uniform(0.03, 0.06)
        dark = (int(ground[0] * 0.8), int(ground[1] * 0.8), int(ground[2] * 0.8))
        pen.ellipse((x - r, y - r * 0.5, x + r, y + r * 0.5), fill=dark)


def _swirl(picture: Image.Image, pen: Pen, colour: Paint, rng: random.Random) -> None:
    w, h = picture.size
    for step in range(150):
        share = step / 150
        angle, reach = share * 7 + rng.random() * 0.5, share * 0.52 * h
        for turn in (0.0, 3.1416):
            x = w / 2 + reach * 1.2 * cos(angle + turn)
            y = h / 2 + reach * 0.75 * cos(angle + turn - 1.5708)
            shade: Paint = (int(255 - 120 * share), int(210 - 120 * share), 255)
            disc(pen, x, y, h * 0.028 * (1.3 - share), vary(shade, rng, 20))
    disc(pen, w / 2, h / 2, h * 0.08, (255, 246, 224))
    for _ in range(34):
        disc(pen, rng.random() * w, rng.random() * h, rng.uniform(0.9, 2.2), (250, 250, 255))


def _cave(picture: Image.Image, pen: Pen, colour: Paint, rng: random.Random) -> None:
    w, h = picture.size
    pen.rectangle((0, 0, w, h), fill=vary(colour, rng))
    pen.ellipse((w * 0.16, h * 0.14, w * 0.84, h * 1.1), fill=vary((34, 30, 40), rng, 5))
    for x in (0.1, 0.28, 0.46, 0.66, 0.86):
        pen.polygon(
            [(w * (x - 0.06), 0), (w * (x + 0.06), 0), (w * x, h * rng.uniform(0.16, 0.34))],
            fill=vary(colour, rng),
        )
    pen.rectangle((0, h * 0.84, w, h), fill=vary((92, 80, 76), rng))


def _field(picture: Image.Image, pen: Pen, colour: Paint, rng: random.Random) -> None:
    w, h = picture.size
    for row in range(6):
        shade = colour if row % 2 else (colour[0] + 18, colour[1] + 16, colour[2] + 12)
        pen.rectangle((0, h * (0.5 + row * 0.09), w, h * (0.59 + row * 0.09)), fill=shade)
    pen.ellipse((w * 0.3, h * 0.72, w * 0.7, h * 0.9), outline=(250, 252, 250), width=4)


def _pool(picture: Image.Image, pen: Pen, colour: Paint, rng: random.Random) -> None:
    w, h = picture.size
    pen.rectangle((0, h * 0.3, w, h), fill=(226, 220, 206))
    pen.rectangle((w * 0.05, h * 0.38, w * 0.95, h * 0.95), fill=vary(colour, rng))
    for _ in range(14):
        x, y = w * rng.uniform(0.08, 0.84), h * rng.uniform(0.42, 0.92)
        pen.arc((x, y, x + w * 0.09, y + h * 0.05), 0, 180, fill=(226, 248, 255), width=4)


_GROUNDS: dict[str, tuple[Callable[[Image.Image, Pen, Paint, random.Random], None], str, Paint]] = {
    "sea": (_sea, "day", (28, 120, 196)), "evening sea": (_sea, "evening", (96, 52, 112)),
    "mountains": (_peaks, "day", (112, 118, 124)), "snowy mountains": (_peaks, "grey", (122, 140, 176)),
    "lake": (_lake, "day", (60, 140, 206)), "hills": (_hills, "day", (108, 178, 76)),
    "lava": (_flat, "red", (64, 40, 44)), "autumn": (_autumn, "day", (196, 140, 70)),
    "forest path": (_path, "day", (196, 156, 104)), "road": (_road, "day", (96, 98, 106)),
    "street": (_street, "day", (86, 88, 96)), "river": (_river, "day", (70, 150, 214)),
    "falls": (_falls, "day", (80, 164, 214)), "night city": (_lights, "dark", (26, 28, 48)),
    "sky": (_clouds, "day", (255, 255, 255)), "moon": (_craters, "void", (168, 168, 174)),
    "mars": (_craters, "mars", (196, 96, 56)), "galaxy": (_swirl, "void", (0, 0, 0)),
    "sunrise": (_sunny, "dawn", (108, 112, 150)), "savanna": (_flat, "savanna", (206, 158, 72)),
    "ice": (_flat, "grey", (206, 230, 244)), "cave": (_cave, "void", (88, 76, 74)),
    "field": (_field, "day", (82, 160, 74)), "pool": (_pool, "day", (64, 178, 222)),
    "candy": (_hills, "pink", (255, 176, 210)),
}  # fmt: skip
