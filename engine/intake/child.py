"""Run by path in a process of its own: one hostile picture in, one clean PNG or one verdict out.

The process reads pictures from its standard input and answers on its standard output. Each picture is decoded
in a fork that may take little memory and time, open no file and no socket, and is gone afterwards: what a
decoder's bug could do is done to a process that has nothing and meets nobody else's picture. The fork server
imports once, so a picture costs milliseconds.

    to the process      4 bytes of length, 1 byte (``c``: clean it, ``v``: what does it say of its origin),
                        2 bytes of length and this host's certificates, the file
    from the process    4 bytes of length, JSON (``width``, ``height``, ``original``, ``recipe``; or
                        ``verdict``; or ``refusal``; the lengths ``png``, ``mask``), the PNG, the alpha's PNG
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import select
import signal
import struct
import sys
import time
from pathlib import Path

from PIL import Image, ImageOps
from PIL import MpoImagePlugin as _Mpo  # noqa: F401  Pillow imports it late, where a fork could not read it

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # each thread would set memory aside

from engine.intake.colours import as_rgb, srgb_profile
from engine.intake.decode import LATE
from engine.intake.loading import FORMATS, UNREADABLE, RejectedPicture, check_size, webp_size, whole
from engine.intake.mending import tidied
from engine.provenance import looking
from engine.provenance.reading import recipe_of

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

KEPT_PIXELS = 4_194_304
"""Larger pictures are made smaller: nothing here draws more."""
UPRIGHT = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x01\0\0\0\0\0\0"
"""An EXIF block that says: orientation 1."""
MEMORY = 900 * 2**20
CPU_SECONDS = 8
SECONDS = 60.0
"""By the clock: on a machine that is full, eight seconds of the processor's time take many more."""


def limit() -> None:
    """Give up memory, time, files and sockets, for good."""
    if resource is None:
        return
    for what, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_NOFILE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        with contextlib.suppress(ValueError, OSError):  # a system that knows no such limit
            resource.setrlimit(what, (most, most))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(int(SECONDS) + 5)  # also where whoever waits for us is gone


def answer(request: bytes) -> bytes:
    """Return what is sent back for a request; never raises."""
    length = int.from_bytes(request[1:3])
    data = request[3 + length :]
    png = mask = b""
    try:
        if request[:1] == b"v":
            facts: dict[str, object] = {"verdict": verdict(data, request[3 : 3 + length].decode() or None)}
        else:
            facts, png, mask = opened(data)
    except RejectedPicture as refused:
        facts = {"refusal": str(refused)}
    except MemoryError:
        facts = {"refusal": LATE}
    except BaseException:  # a decoder may raise anything
        facts = {"refusal": UNREADABLE}
    head = json.dumps({**facts, "png": len(png), "mask": len(mask)}).encode()
    return struct.pack(">I", len(head)) + head + png + mask


def opened(data: bytes) -> tuple[dict[str, object], bytes, bytes]:
    """Return facts, clean PNG and the alpha channel's PNG (empty where nothing is transparent).

    Raises RejectedPicture, or whatever Pillow raises.
    """
    Image.MAX_IMAGE_PIXELS = None  # the sizes are looked at here, and give a better sentence
    check_size(*webp_size(data))
    picture = whole(tidied(data))
    with contextlib.suppress(Exception):  # a broken EXIF block turns nothing
        picture = ImageOps.exif_transpose(picture)
    original = picture.size
    picture, alpha = as_rgb(picture)
    if original[0] * original[1] > KEPT_PIXELS:
        share = (KEPT_PIXELS / (original[0] * original[1])) ** 0.5
        size = (max(1, int(original[0] * share)), max(1, int(original[1] * share)))
        picture = picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
        alpha = None if alpha is None else alpha.resize(size, Image.Resampling.BOX)
    facts: dict[str, object] = {"width": picture.width, "height": picture.height, "original": original}
    if recipe := recipe_of(data):
        facts["recipe"] = recipe.as_json()
    return facts, _png(picture), b"" if alpha is None else _png(alpha)


def verdict(data: bytes, root: str | None) -> dict[str, object]:
    """Return what a file says of its origin, as plain values. Raises RejectedPicture or Pillow's errors."""
    Image.MAX_IMAGE_PIXELS = None
    check_size(*webp_size(data))
    return looking.looked_at(data, root, lambda: as_rgb(whole(tidied(data)))[0]).as_json()


def _png(picture: Image.Image) -> bytes:
    """Return PNG bytes of the pixels alone: no text, profile or time comes along."""
    bare = Image.new(picture.mode, picture.size)
    bare.paste(picture)
    buffer = io.BytesIO()
    bare.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


# ---------------------------------------------------------------------------------------- the fork server


def rehearse() -> None:
    """Open one harmless picture of each kind: what Pillow imports late, a fork could not read any more."""
    profile = srgb_profile()
    for kind in FORMATS:
        for mode in ("RGB",) if kind == "JPEG" else ("RGB", "RGBA", "P"):
            frames = [Image.new(mode, (16, 16), colour) for colour in (0, 1)]
            options: dict[str, object] = {} if kind == "GIF" else {"exif": UPRIGHT, "icc_profile": profile}
            if kind != "JPEG":
                options |= {"save_all": True, "append_images": frames[1:]}
            buffer = io.BytesIO()
            frames[0].save(buffer, kind, **options)
            opened(buffer.getvalue())
    for kind in ("PNG", "WEBP", "JPEG"):
        buffer = io.BytesIO()
        Image.new("RGB", (64, 64)).save(buffer, kind)
        looking.rehearse(buffer.getvalue())


def serve() -> None:
    """Answer pictures until the input ends."""
    rehearse()
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while len(head := source.read(4)) == 4:
        data = source.read(struct.unpack(">I", head)[0])
        reply = forked(data) if hasattr(os, "fork") else answer(data)
        sink.write(struct.pack(">I", len(reply)) + reply)
        sink.flush()
        del data, reply


def forked(data: bytes) -> bytes:
    """Return the answer of a fork; of one that died or was late, a refusal."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(ours)
            os.close(0)
            os.close(1)
            limit()
            left = memoryview(answer(data))
            while left:
                left = left[os.write(theirs, left) :]
            status = 0
        finally:
            os._exit(status)
    os.close(theirs)
    reply = _collected(ours, time.monotonic() + SECONDS)
    os.close(ours)
    if reply is None:
        os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    if reply and status == 0:
        return reply
    head = json.dumps({"refusal": LATE, "png": 0, "mask": 0}).encode()
    return struct.pack(">I", len(head)) + head


def _collected(pipe: int, until: float) -> bytes | None:
    """Return all that comes out of a pipe, None where it is not closed in time."""
    pieces: list[bytes] = []
    while True:
        left = until - time.monotonic()
        if left <= 0 or not select.select([pipe], [], [], left)[0]:
            return None
        piece = os.read(pipe, 1 << 20)
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)


if __name__ == "__main__":
    serve()
