"""A picture as a file that fits: PNG, or WebP where a limit of bytes asks for it; refuses to know jobs."""

from __future__ import annotations

import io
import math
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from PIL import Image, ImageChops

Format = Literal["png", "jpeg", "webp"]
USUAL = 95
"""The quality of a JPEG or WebP where none is asked for."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOUR_TYPE = {"L": 0, "RGB": 2, "RGBA": 6}  # in IHDR, 8 bits a sample (PNG specification, 11.2.1)
_UP = 2  # the filter that keeps each sample's difference from the one above it (9.2)
_STRIP = 64  # rows filtered at a time: what is done under Python's lock stays well below a millisecond

_WEBP_LONGEST = 16383  # pixels, from the format's 14-bit sizes


@dataclass(frozen=True, slots=True)
class File:
    """An encoded picture: its bytes, the ending of its name (``png``, ``webp``) and its size in pixels.

    ``exact``: no pixel is other than in the picture.
    """

    data: bytes
    extension: str
    width: int
    height: int
    exact: bool = True


def png(picture: Image.Image, level: int = 1) -> bytes:
    """Return PNG bytes of a picture in grey, RGB or RGBA; other modes as RGB. ``level``: zlib's, 0 to 9.

    Pillow's own writer holds Python's lock for as long as it takes to fill 64 KiB, which for a plain picture
    is all of it, and the event loop waits. This one takes half its time for a tenth more bytes: one filter,
    and the lock free while zlib works.
    """
    if picture.mode not in _COLOUR_TYPE:
        picture = picture.convert("RGB")
    width, height = picture.size
    row = width * len(picture.getbands())
    packer = zlib.compressobj(level)
    packed = []
    for top in range(0, height, _STRIP):
        end = min(height, top + _STRIP)
        # what crop() finds above the picture is zero, as the filter has it
        above = picture.crop((0, top - 1, width, end - 1))
        samples = ImageChops.subtract_modulo(picture.crop((0, top, width, end)), above).tobytes()
        rows = [samples[at : at + row] for at in range(0, len(samples), row)]
        packed.append(packer.compress(bytes([_UP]) + bytes([_UP]).join(rows)))
    packed.append(packer.flush())
    head = struct.pack(">IIBBBBB", width, height, 8, _COLOUR_TYPE[picture.mode], 0, 0, 0)
    # joined once: each copy of a large file takes milliseconds
    return b"".join((_SIGNATURE, *_chunk(b"IHDR", (head,)), *_chunk(b"IDAT", packed), *_chunk(b"IEND", ())))


def encoded(picture: Image.Image, form: Format, quality: int = USUAL) -> File:
    """Return the picture as a file; ``quality`` of a JPEG or WebP is 0 to 100."""
    if form == "png":
        return File(png(picture), form, *picture.size)
    return File(saved(picture.convert("RGB"), form, quality=quality), form, *picture.size)


def saved(picture: Image.Image, form: str, **options: Any) -> bytes:
    """Return a picture as Pillow writes it."""
    file = io.BytesIO()
    picture.save(file, form, **options)
    return file.getvalue()


def _chunk(kind: bytes, parts: Sequence[bytes]) -> list[bytes]:
    """Return the pieces of one chunk: length, four letters, content, checksum."""
    checksum = zlib.crc32(kind)
    for part in parts:
        checksum = zlib.crc32(part, checksum)
    return [struct.pack(">I", sum(map(len, parts))), kind, *parts, struct.pack(">I", checksum)]


def jpeg(picture: Image.Image, quality: int = 75) -> bytes:
    """Return JPEG bytes: for previews."""
    return saved(picture.convert("RGB"), "JPEG", quality=quality)


def strips(picture: Image.Image, limit: int) -> list[File]:
    """Return the picture in files of at most ``limit`` bytes that lose nothing.

    One file where one can hold it: PNG, else lossless WebP; else PNGs of its full width, from top to bottom.
    """
    whole = exact(picture, limit)
    if whole is not None:
        return [whole]
    count = 2
    while True:
        tall = math.ceil(picture.height / count)
        tops = range(0, picture.height, tall)
        files = [png(picture.crop((0, top, picture.width, min(top + tall, picture.height)))) for top in tops]
        if all(len(data) <= limit for data in files) or tall == 1:
            return [
                File(data, "png", picture.width, min(tall, picture.height - top))
                for top, data in zip(tops, files, strict=True)
            ]
        count += max(1, count // 2)


def exact(picture: Image.Image, limit: int | None = None) -> File | None:
    """Return a file within ``limit`` bytes of exactly these pixels, PNG or lossless WebP; None: none fits."""
    data = png(picture)
    if limit is None or len(data) <= limit:
        return File(data, "png", *picture.size)
    if max(picture.size) > _WEBP_LONGEST:
        return None
    # the least effort is a third smaller than a PNG already
    data = saved(picture, "WEBP", lossless=True, quality=0, method=0)
    return File(data, "webp", *picture.size) if len(data) <= limit else None


def fit(picture: Image.Image, limit: int | None = None) -> File:
    """Return the best file within ``limit`` bytes: one that loses nothing, else WebP from quality 95 down.

    A picture that even so is too large is made smaller.
    """
    whole = exact(picture, limit)
    if whole is not None or limit is None:
        return whole or File(png(picture), "png", *picture.size)
    if max(picture.size) > _WEBP_LONGEST:
        picture = picture.copy()
        picture.thumbnail((_WEBP_LONGEST, _WEBP_LONGEST))
    while True:
        for quality in (95, 90, 80, 65, 50):
            data = saved(picture, "WEBP", quality=quality, method=4)
            if len(data) <= limit or max(picture.size) <= 64:
                return File(data, "webp", *picture.size, exact=False)
        picture = picture.resize(
            (max(1, picture.width * 3 // 4), max(1, picture.height * 3 // 4)), Image.Resampling.LANCZOS
        )
