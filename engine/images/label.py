"""A word in a picture's corner, to be read by people; refuses to know why."""

from __future__ import annotations

from PIL import Image, ImageDraw, ImageFont


def labelled(picture: Image.Image, word: str) -> Image.Image:
    """Return the picture with a word on a dark strip in its lower right corner, a thirtieth of it high."""
    size = max(9, min(picture.size) // 30)
    font = ImageFont.load_default(size)
    left, top, right, bottom = font.getbbox(word)
    width, height, edge = right - left, bottom - top, size // 2
    box = Image.new("RGB", (int(width) + 2 * edge, int(height) + 2 * edge))
    ImageDraw.Draw(box).text((edge - left, edge - top), word, (255, 255, 255), font)
    strip = Image.new("L", box.size, 150)
    strip.paste(255, mask=box.convert("L").point(lambda level: 255 if level > 96 else 0))
    shown = picture.copy()
    shown.paste(box, (picture.width - box.width, picture.height - box.height), strip)
    return shown
