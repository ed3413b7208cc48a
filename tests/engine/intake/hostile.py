"""Files that mean harm, and files that only look strange; made the same each time from a number."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Callable, Iterator

from PIL import Image, PngImagePlugin

SECRET = "ANNA-WAS-HERE"
"""Written into the metadata of every file: it must not come out again."""


def scene(mode: str = "RGB", size: tuple[int, int] = (96, 64)) -> Image.Image:
    """Return a picture with something in it: a gradient, its first row red."""
    picture = Image.linear_gradient("L").resize(size).convert("RGB")
    picture.paste((255, 0, 0), (0, 0, size[0], 8))
    if mode == "I;16":
        return Image.frombytes("I;16", size, b"\x40\x9c" * (size[0] * size[1]))
    if mode == "P":
        return picture.quantize(16)
    if mode in ("RGBA", "LA"):
        cut = picture.convert(mode)
        cut.putalpha(Image.linear_gradient("L").rotate(90).resize(size))
        return cut
    return picture.convert(mode)


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    """Return a file with the secret in its metadata, as far as the format has any."""
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = SECRET  # ImageDescription
    if kind == "PNG":
        texts = PngImagePlugin.PngInfo()
        texts.add_text("Comment", SECRET)
        texts.add_itxt("limner", '{"job": "0000000000", "cell": 0, "who": "' + SECRET + '"}')
        options = {"pnginfo": texts, "exif": exif, **options}
    elif kind in ("JPEG", "WEBP"):
        options = {"exif": exif, **options}
    elif kind == "GIF":
        options = {"comment": SECRET.encode(), **options}
    picture.save(buffer, kind, **options)  # type: ignore[arg-type]
    return buffer.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    """Return a PNG chunk (PNG specification, third edition, 5.3)."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, depth: int, colour: int, data: bytes, *more: bytes) -> bytes:
    """Return a PNG put together by hand."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = b"".join(more) + chunk(b"IDAT", data)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body + chunk(b"IEND", b"")


Colorants = tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]

# published colorants of red, green and blue in XYZ at D50: sRGB, Apple's Display P3, Adobe RGB (1998)
SRGB: Colorants = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))
P3: Colorants = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))
ADOBE: Colorants = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
"""IEC 61966-2-1 as an ICC parametric curve of type 3."""


def profile(space: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    """Return a colour profile put together by hand (ICC.1:2010, clause 7)."""
    header = struct.pack(">I4sI4s4s4s", 0, b"\0" * 4, 0x04200000, b"mntr", space, connection)
    header += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", *map(_fixed, (0.9642, 1, 0.8249)))
    header += bytes(128 - len(header))
    at, table, body = 128 + 4 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, tag in tags.items():
        table += name + struct.pack(">2I", at + len(body), len(tag))
        body += tag + bytes(-len(tag) % 4)
    whole = header + table + body
    return struct.pack(">I", len(whole)) + whole[4:]


def matrix_profile(colorants: Colorants, curve: tuple[float, ...]) -> bytes:
    """Return the profile of a screen with these colorants; ``curve``: a gamma, or sRGB's five numbers."""
    tags = {
        name: b"XYZ " + bytes(4) + struct.pack(">3i", *map(_fixed, one))
        for name, one in zip((b"rXYZ", b"gXYZ", b"bXYZ"), colorants, strict=True)
    }
    return profile(b"RGB ", b"XYZ ", tags | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), _curve(curve)))


def grey_profile(gamma: float) -> bytes:
    """Return the profile of a grey scale with this gamma."""
    return profile(b"GRAY", b"XYZ ", {b"kTRC": _curve((gamma,))})


def press_profile(lightness: int) -> bytes:
    """Return the profile of a strange press: whatever the ink, it prints a grey of this L* (lut8Type)."""
    unity = struct.pack(">9i", *map(_fixed, (1, 0, 0, 0, 1, 0, 0, 0, 1)))
    head = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + unity
    grid = bytes([round(lightness * 2.55), 128, 128]) * 16
    return profile(b"CMYK", b"Lab ", {b"A2B0": head + bytes(range(256)) * 4 + grid + bytes(range(256)) * 3})


def _fixed(value: float) -> int:
    return round(value * 65536)


def _curve(curve: tuple[float, ...]) -> bytes:
    kind = 0 if len(curve) == 1 else 3
    return b"para" + bytes(4) + struct.pack(f">HH{len(curve)}i", kind, 0, *map(_fixed, curve))


def zeros(count: int) -> bytes:
    """Return a zlib stream of so many zero bytes, without ever holding them."""
    packer = zlib.compressobj(9)
    pieces = [packer.compress(bytes(1 << 20)) for _ in range(count >> 20)]
    return b"".join([*pieces, packer.compress(bytes(count & 0xFFFFF)), packer.flush()])


def harmless() -> dict[str, bytes]:
    """Return good files of every kind that is taken."""
    frames = [scene().rotate(turn) for turn in (90, 180)]
    return {
        **{f"png-{mode}": saved(scene(mode), "PNG") for mode in ("RGB", "RGBA", "L", "LA", "P", "1", "I;16")},
        "png-16bit": png(32, 32, 16, 2, zlib.compress((b"\0" + b"\xff\xff\x80\x00\0\0" * 32) * 32)),
        "png-animated": saved(scene(), "PNG", save_all=True, append_images=frames),
        "jpeg": saved(scene(), "JPEG"),
        "jpeg-grey": saved(scene("L"), "JPEG"),
        "jpeg-cmyk": saved(scene("CMYK"), "JPEG"),
        "jpeg-progressive": saved(scene(), "JPEG", progressive=True),
        "webp": saved(scene(), "WEBP"),
        "webp-lossless": saved(scene("RGBA"), "WEBP", lossless=True),
        "webp-animated": saved(scene(), "WEBP", save_all=True, append_images=frames),
        "gif": saved(scene("P"), "GIF"),
        "gif-animated": saved(scene("P"), "GIF", save_all=True, append_images=frames),
    }


def bombs() -> dict[str, Callable[[], bytes]]:
    """Return files that grow when they are opened, and files that are something else; made when called."""
    text = zeros(60 << 20)
    small = zlib.compress((b"\0" + bytes(96)) * 32)

    def gif(screen: bytes, corner: bytes) -> bytes:
        return b"GIF89a" + screen + b"\0\0\0," + corner + b"\xff\xff\xff\xff\0\x08\x01\0\0;"

    def webp() -> bytes:
        canvas = (16382).to_bytes(3, "little") * 2
        body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + canvas
        return b"RIFF" + struct.pack("<I", len(body)) + body + saved(scene(), "WEBP")[12:]

    return {
        "empty": lambda: b"",
        "png-13300": lambda: png(13300, 13300, 8, 0, zeros(13301 * 13300)),
        "png-60000": lambda: png(60000, 60000, 8, 2, zlib.compress(bytes(100))),
        "png-24-million": lambda: png(6000, 4000, 8, 6, zeros((6000 * 4 + 1) * 4000)),
        "png-thin": lambda: png(1, 9_000_000, 8, 0, zeros(18_000_000)),
        "png-one-pixel": lambda: png(1, 1, 8, 2, zlib.compress(bytes(4))),
        "png-no-size": lambda: png(0, 0, 8, 2, zlib.compress(bytes(4))),
        "png-text-bomb": lambda: png(32, 32, 8, 2, small, chunk(b"zTXt", b"Comment\0\0" + text)),
        "png-profile-bomb": lambda: png(32, 32, 8, 2, small, chunk(b"iCCP", b"sRGB\0\0" + text)),
        "png-data-bomb": lambda: png(32, 32, 8, 2, text),
        "png-exif-bomb": lambda: png(
            32, 32, 8, 2, small, chunk(b"eXIf", b"MM\0*\0\0\0\x08" + b"\xff\xff" + b"\x01\x12\0\x03" * 9000)
        ),
        "png-many-frames": lambda: png(32, 32, 8, 2, small, chunk(b"acTL", b"\x7f\xff\xff\xff" + bytes(4))),
        "gif-65535": lambda: gif(b"\xff\xff\xff\xff", bytes(4)),
        "gif-frame-outside": lambda: gif(b"\x20\0\x20\0", b"\xf0\xff\xf0\xff"),
        "gif-loop": lambda: b"GIF89a\x20\0\x20\0\0\0\0" + b"!\xfe\x01\0" * 200_000 + b";",
        "webp-16383": webp,
        "jpeg-65535": lambda: saved(scene(), "JPEG").replace(
            struct.pack(">HH", 64, 96), struct.pack(">HH", 65535, 65535), 1
        ),
        "jpeg-exif-loop": lambda: (
            b"\xff\xd8\xff\xe1\x00\x20Exif\0\0II*\0\x08\0\0\0\x01\0\x69\x87\x04\0\x01\0\0\0\x08\0\0\0"
            + saved(scene(), "JPEG")[2:]
        ),
        "too-large": lambda: saved(scene(), "PNG") + bytes(20 << 20),
        "noise": lambda: random.Random(1).randbytes(1 << 20),
        "zip-behind": lambda: saved(scene(), "PNG") + b"PK\x03\x04" + SECRET.encode() * 100,
        "page-before": lambda: b"<html><script>alert(1)</script>" + saved(scene(), "PNG"),
        "script-inside": lambda: png(32, 32, 8, 2, small, chunk(b"tEXt", b"x\0*/a()//" + SECRET.encode())),
        "svg": lambda: (
            b'<?xml version="1.0"?><!DOCTYPE s [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
            b'<svg xmlns="http://www.w3.org/2000/svg"><text>&x;</text></svg>'
        ),
        "postscript": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n(x) run\n",
        "pdf": lambda: b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\n",
        "bmp": lambda: _other("BMP"),
        "tiff": lambda: _other("TIFF"),
        "icon": lambda: _other("ICO"),
        "program": lambda: b"\x7fELF\x02\x01\x01" + bytes(500),
        "riff-of-nothing": lambda: b"RIFF\x04\0\0\0WEBP",
    }


def _other(kind: str) -> bytes:
    buffer = io.BytesIO()
    scene().save(buffer, kind)
    return buffer.getvalue()


def damaged(data: bytes, dice: random.Random) -> bytes:
    """Return a file with something done to it."""
    kind = dice.randrange(5)
    at = dice.randrange(len(data))
    if kind == 0:
        return data[:at]
    if kind == 1:
        return data[:at] + dice.randbytes(dice.randrange(1, 64)) + data[at:]
    changed = bytearray(data)
    if kind == 2:
        for _ in range(dice.randrange(1, 64)):
            changed[dice.randrange(len(changed))] = dice.randrange(256)
    elif kind == 3:  # the head, where sizes and counts are
        for _ in range(dice.randrange(1, 8)):
            changed[dice.randrange(min(64, len(changed)))] = dice.choice((0, 1, 127, 128, 255))
    else:
        end = min(len(changed), at + dice.randrange(1, 200))
        del changed[at:end]
    return bytes(changed)


def files(count: int) -> Iterator[tuple[str, bytes]]:
    """Yield ``count`` files: all bombs, then good ones with damage done to them."""
    made = 0
    for name, make in bombs().items():
        yield name, make()
        made += 1
    good = list(harmless().items())
    for number in range(count - made):
        name, data = good[number % len(good)]
        yield f"{name}, damage {number}", damaged(data, random.Random(number))
