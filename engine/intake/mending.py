"""Files with harmless damage, made readable: what is broken beside the pixels goes, a missing end is put on.

Works on bytes alone and decodes nothing; whether a picture is whole is seen from its pixels, in ``child``.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from PIL import PngImagePlugin

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_KEPT = frozenset({b"tRNS", b"iCCP", b"eXIf", b"sRGB", b"gAMA", b"cHRM", b"cICP"})
"""Chunks beside the critical ones that say something of the pixels, or of how they stand.

Those of films go: the first picture stands in IDAT, and a broken film still has it.
"""
_COLOUR_BYTES = {b"iCCP": None, b"sRGB": 1, b"gAMA": 4, b"cHRM": 32, b"cICP": 4}
"""Chunks that say what colours mean, and their lengths: they stand before PLTE and IDAT, each once (5.6)."""
_KEY_BYTES = {0: 2, 2: 6}
"""Length of tRNS where it names one colour, by colour type (PNG specification, third edition, 11.3.1.1)."""
_FILLERS = (b"\0" * 512, b"\xa5\x3c" * 256)
MOST_PROFILE = PngImagePlugin.MAX_TEXT_CHUNK
MOST_FILLED = 20 * 2**20


def tidied(data: bytes) -> bytes:
    """Return a PNG without what nobody needs to see it (texts, times) or what is broken beside the pixels.

    Other files come back as they are. A colour that means "transparent" (tRNS) is written as Pillow compares
    it: with 8 bits a channel, whatever the depth of the file. Only 16 bits of grey keep theirs.
    """
    if not data.startswith(SIGNATURE):
        return data
    kept, depth, colour = [SIGNATURE], 8, 3
    met: set[bytes] = set()
    for kind, body, sound in png_chunks(data):
        if kind == b"IHDR" and len(body) == 13:
            depth, colour = body[8], body[9]
        if kind[:1].islower():
            if kind not in _KEPT or not sound:
                continue
            if kind in _COLOUR_BYTES:
                if met & {kind, b"PLTE", b"IDAT"} or _COLOUR_BYTES[kind] not in (None, len(body)):
                    continue
                if kind == b"iCCP" and not _unpacks(body):
                    continue
            if kind == b"tRNS":
                key = _transparent(body, depth, colour)
                if key is None:
                    continue
                body = key
        met.add(kind)
        kept.append(_chunk(kind, body, sound))
    return b"".join(kept)


def png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bool]]:
    """Yield each chunk of a PNG: its kind, its bytes, whether its checksum is right; a cut one comes last."""
    at = len(SIGNATURE)
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + length]
        end = data[at + 8 + length : at + 12 + length]
        yield kind, body, len(end) == 4 and struct.unpack(">I", end)[0] == zlib.crc32(kind + body)
        at += 12 + length


def code_points(data: bytes) -> tuple[int, ...] | None:
    """Return the four numbers of a tidied PNG's cICP, of which Pillow knows nothing; None without one."""
    if data.startswith(SIGNATURE):
        for kind, body, _ in png_chunks(data):
            if kind == b"cICP":
                return tuple(body)
            if kind == b"IDAT":
                break
    return None


def _chunk(kind: bytes, body: bytes, sound: bool) -> bytes:
    checksum = zlib.crc32(kind + body) ^ (not sound)  # a wrong one stays wrong
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)


def _transparent(body: bytes, depth: int, colour: int) -> bytes | None:
    """Return tRNS as Pillow reads it, None where it means nothing."""
    if colour == 3:
        return body[:256]
    if len(body) != _KEY_BYTES.get(colour):
        return None
    if (colour == 0 and depth in (1, 8, 16)) or (colour == 2 and depth == 8):
        return body
    values = struct.unpack(f">{len(body) // 2}H", body)
    scaled = [value >> 8 if depth == 16 else value * 255 // (2**depth - 1) for value in values]
    return struct.pack(f">{len(body) // 2}H", *scaled)


def _unpacks(body: bytes) -> bool:
    """Tell whether a packed profile (11.3.2.3) can be unpacked, and has at most what Pillow takes."""
    packer = zlib.decompressobj()
    try:
        packer.decompress(body.partition(b"\0")[2][1:], MOST_PROFILE)
    except zlib.error:
        return False
    return packer.eof


def completed(data: bytes) -> tuple[bytes, ...]:
    """Return a file that ends too early with two different ends, none where that helps nothing.

    Where nothing of the picture is missing, both decode to the same pixels: what follows the last pixel is
    read by nobody. Where pixels are missing, they come out of the end that was put on, and so differ.
    """
    if data.startswith(SIGNATURE):
        return _completed_png(data)
    if data[:2] == b"\xff\xd8":
        cut = data.removesuffix(b"\xff")  # half a marker
        return tuple(cut + filler + b"\xff\xd9" for filler in _FILLERS)
    if data[:4] == b"GIF8":
        return tuple(data + filler + b"\0;" for filler in _FILLERS)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _completed_webp(data)
    return ()


def lacks_rows(data: bytes) -> bool:
    """Tell whether a sound PNG has fewer rows than its header says; Pillow leaves those empty in silence."""
    chunks = [*png_chunks(data)]
    needed = _rows_bytes(chunks[0][1])
    packer, left = zlib.decompressobj(), b"".join(body for kind, body, _ in chunks if kind == b"IDAT")
    while needed > 0 and left and not packer.eof:
        needed -= len(packer.decompress(left, 1 << 20))
        left = packer.unconsumed_tail
    return needed > 0


def without_end(data: bytes) -> bytes:
    """Return a JPEG as if it had been cut before its end: it may have one, and still lack its last rows."""
    at = 2
    while data[at : at + 1] == b"\xff" and data[at + 1] != 0xDA:  # up to the pixels (ITU-T T.81, B.1)
        at += 2 + int.from_bytes(data[at + 2 : at + 4])
    end = data.find(b"\xff\xd9", at)
    return data if end < 0 else data[:end]


def _completed_png(data: bytes) -> tuple[bytes, ...]:
    """Return a PNG packed anew whose pixels are all there, and whose packing alone ends early or wrong."""
    chunks = [*png_chunks(data)]
    if not chunks or chunks[0][0] != b"IHDR" or len(chunks[0][1]) != 13:
        return ()
    packed = b"".join(body for kind, body, _ in chunks if kind == b"IDAT")
    needed = _rows_bytes(chunks[0][1])
    if not 0 < needed <= MOST_ROWS:
        return ()
    try:
        rows = zlib.decompressobj(-15).decompress(packed[2:], needed)  # without the checksum behind them
    except zlib.error:
        return ()
    if len(rows) < needed:
        return ()
    kept = [_chunk(kind, body, sound) for kind, body, sound in chunks if kind not in (b"IDAT", b"IEND")]
    file = b"".join(
        [SIGNATURE, *kept, _chunk(b"IDAT", zlib.compress(rows, 1), True), _chunk(b"IEND", b"", True)]
    )
    return (file, file)


_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_WHOLE = ((0, 0, 1, 1),)
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""Where each pass begins, and its steps to the right and down (PNG specification, third edition, 8)."""
MOST_ROWS = 25_000_000 * 8


def _rows_bytes(header: bytes) -> int:
    """Return how many bytes all rows have, with the byte in front of each that names its filter."""
    width, height, depth, colour, _, _, lace = struct.unpack(">IIBBBBB", header)
    size = 0
    for left, top, right, down in _ADAM7 if lace else _WHOLE:
        across, rows = (width - left + right - 1) // right, (height - top + down - 1) // down
        if across > 0 and rows > 0:
            size += rows * (1 + (across * depth * _CHANNELS.get(colour, 0) + 7) // 8)
    return size


def _completed_webp(data: bytes) -> tuple[bytes, ...]:
    """Return a WebP without the cut chunk at its end, or with its pixels filled up (RFC 9649, 2.3)."""
    at = 12
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        if at + 8 + size + (size & 1) > len(data):
            break
        at += 8 + size + (size & 1)
    if data[at : at + 4] in (b"VP8 ", b"VP8L", b"ALPH", b"ANMF"):
        missing = at + 8 + size + (size & 1) - len(data)
        if missing > MOST_FILLED or len(data) < at + 8:
            return ()
        files = [data + (filler * (missing // 512 + 1))[:missing] for filler in _FILLERS]
    else:
        head = bytearray(data[:at])
        if head[12:16] == b"VP8X":
            head[20] &= 0xF3  # no EXIF, no XMP any more
        files = [bytes(head)] * 2
    return tuple(file[:4] + (len(file) - 8).to_bytes(4, "little") + file[8:] for file in files)
