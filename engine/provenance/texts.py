"""Texts in and out of picture files, byte for byte: PNG chunks, EXIF comments; decodes no pixels."""

from __future__ import annotations

import codecs
import itertools
import re
import struct
import zlib
from collections.abc import Iterator, Mapping

SIGNATURE = b"\x89PNG\r\n\x1a\n"
LONGEST = 1 << 20
"""Most bytes of one text that are unpacked; longer ones are passed over."""
for _name in ("utf-16-be", "utf-16-le"):
    codecs.lookup(_name)  # Python reads it from its file when it is first used, which a fork may not
MOST = 64
"""Most texts of a file that are looked at."""
FACT = re.compile(r'\s*([\w ./+\-]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')
"""AUTOMATIC1111's own expression for its last line (``modules/infotext_utils.py``)."""
_UNICODE, _ASCII = b"UNICODE\0", b"ASCII\0\0\0"
_EXIF_POINTER, _USER_COMMENT, _UNDEFINED, _LONG = 0x8769, 0x9286, 7, 4


def png_with(data: bytes, texts: Mapping[str, str]) -> bytes:
    """Return a PNG with these texts (iTXt, UTF-8) before its pixels. Raises ValueError for other files."""
    if not data.startswith(SIGNATURE) or data[12:16] != b"IHDR":
        raise ValueError("not a PNG")
    chunks = [
        _chunk(b"iTXt", key.encode("latin-1") + b"\0\0\0\0\0" + text.encode("utf-8", "replace"))
        for key, text in texts.items()
    ]
    return b"".join((data[:33], *chunks, memoryview(data)[33:]))


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))


def exif(comment: str) -> bytes:
    """Return a TIFF block with one EXIF UserComment, in UTF-16 as AUTOMATIC1111 has it (Exif 2.32, 4.6.5)."""
    text = _UNICODE + comment.encode("utf-16-be", "replace")
    head = b"MM\0*" + struct.pack(">I", 8)
    first = struct.pack(">HHHIII", 1, _EXIF_POINTER, _LONG, 1, 26, 0)
    second = struct.pack(">HHHIII", 1, _USER_COMMENT, _UNDEFINED, len(text), 44, 0)
    return head + first + second + text


def jpeg_with(data: bytes, comment: str) -> bytes:
    """Return a JPEG with an EXIF comment; too long a one (64 KiB) is left out."""
    block = b"Exif\0\0" + exif(comment)
    if len(block) > 65_533:
        return data
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + data[2:]


def webp_with(data: bytes, comment: str, size: tuple[int, int]) -> bytes:
    """Return a WebP of this size with an EXIF comment (RFC 9649, 2.7: VP8X, 2.7.1.5: EXIF)."""
    body = data[12:]
    if body[:4] == b"VP8X":
        flags = bytes([body[8] | 0x08])
        body = body[:8] + flags + body[9:]
    else:
        alpha = body[:4] == b"VP8L" and bool(body[12] & 0x10)
        sides = b"".join((side - 1).to_bytes(3, "little") for side in size)
        body = b"VP8X" + struct.pack("<I", 10) + bytes([0x08 | 0x10 * alpha]) + bytes(3) + sides + body
    block = exif(comment)
    body += b"EXIF" + struct.pack("<I", len(block)) + block + bytes(len(block) & 1)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def texts_of(data: bytes) -> dict[str, str]:
    """Return the texts in a PNG, or ``parameters`` from the EXIF comment of a JPEG or WebP. Never raises.

    Broken and overlong ones are passed over; XMP is not looked at.
    """
    if data.startswith(SIGNATURE):
        found: dict[str, str] = {}
        for key, text in _png_texts(data):
            if text is not None and key not in found:
                found[key] = text
            if len(found) >= MOST:
                break
        return found
    block = b""
    if data[:2] == b"\xff\xd8":
        block = _jpeg_exif(data)
    elif data[:4] + data[8:12] == b"RIFFWEBP":
        block = _webp_exif(data).removeprefix(b"Exif\0\0")
    comment = _comment(block)
    return {"parameters": comment} if comment else {}


def unreadable(data: bytes) -> bool:
    """Tell whether a PNG has texts that are passed over: too long, broken, XML with entities."""
    if not data.startswith(SIGNATURE):
        return False
    return any(text is None or "<!ENTITY" in text for _, text in itertools.islice(_png_texts(data), MOST))


def _png_texts(data: bytes) -> Iterator[tuple[str, str | None]]:
    at = len(SIGNATURE)
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"IEND":  # what hangs behind is no part of it, and may be megabytes
            return
        if kind in (b"tEXt", b"zTXt", b"iTXt"):
            key, _, rest = data[at + 8 : at + 8 + min(length, 4 * LONGEST)].partition(b"\0")
            yield key.decode("latin-1"), _text(kind, rest) if length <= 4 * LONGEST else None
        at += 12 + length


def _text(kind: bytes, rest: bytes) -> str | None:
    """Return the text behind a keyword (PNG specification, 11.3.3), None where it is broken."""
    if kind == b"tEXt":
        return (
            rest[:LONGEST].decode("utf-8", "replace") if _is_utf8(rest) else rest[:LONGEST].decode("latin-1")
        )
    if kind == b"zTXt":
        packed = _unpacked(rest[1:])
        return None if packed is None else packed.decode("utf-8" if _is_utf8(packed) else "latin-1")
    parts = rest[2:].split(b"\0", 2)
    if len(rest) < 2 or len(parts) < 3:
        return None
    body = _unpacked(parts[2]) if rest[0] else parts[2]
    return body.decode("utf-8") if body is not None and len(body) <= LONGEST and _is_utf8(body) else None


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _unpacked(data: bytes) -> bytes | None:
    packer = zlib.decompressobj()
    try:
        text = packer.decompress(data, LONGEST)
    except zlib.error:
        return None
    return text if packer.eof else None


def _jpeg_exif(data: bytes) -> bytes:
    """Return the first EXIF block of a JPEG, empty where there is none before its pixels."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] not in (0xD9, 0xDA):
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if data[at + 1] == 0xE1 and data[at + 4 : at + 10] == b"Exif\0\0":
            return data[at + 10 : at + 2 + length]
        at += 2 + max(2, length)
    return b""


def _webp_exif(data: bytes) -> bytes:
    at = 12
    while at + 8 <= len(data):
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        if data[at : at + 4] == b"EXIF":
            return data[at + 8 : at + 8 + min(length, 4 * LONGEST)]
        at += 8 + length + (length & 1)
    return b""


def _comment(block: bytes) -> str | None:
    """Return the UserComment of a TIFF block, None where there is none or it is broken."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(block[:4])
    if order is None:
        return None
    try:
        pointer = _entry(block, struct.unpack_from(f"{order}I", block, 4)[0], _EXIF_POINTER, order)
        found = None if pointer is None else _entry(block, pointer[1], _USER_COMMENT, order)
    except struct.error:
        return None
    if found is None:
        return None
    raw = block[found[1] : found[1] + min(found[0], 2 * LONGEST)]
    if raw.startswith(_UNICODE):
        raw = raw[8:]
        # written in either order by different programs: letters of most prompts have an empty high byte
        even, odd = raw[0:400:2].count(0), raw[1:400:2].count(0)
        return raw.decode("utf-16-le" if odd > even else "utf-16-be", "replace").rstrip("\0") or None
    raw = raw.removeprefix(_ASCII)
    return raw.decode("utf-8", "replace").strip("\0 ") or None


def _entry(block: bytes, at: int, tag: int, order: str) -> tuple[int, int] | None:
    """Return (count, value or offset) of a tag in a TIFF directory."""
    (count,) = struct.unpack_from(f"{order}H", block, at)
    for number in range(min(count, 512)):
        found, _, length, value = struct.unpack_from(f"{order}HHII", block, at + 2 + 12 * number)
        if found == tag:
            return length, value
    return None
