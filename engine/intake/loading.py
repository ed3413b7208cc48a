"""From bytes to a loaded picture: which files are opened, of what size, and which of them are whole."""

from __future__ import annotations

import io

from PIL import Image

from engine.intake.colours import CODE_POINTS
from engine.intake.decode import MOST_PIXELS
from engine.intake.mending import SIGNATURE, code_points, completed, lacks_rows, without_end
from engine.words import Sentence

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
LEAST_SIDE = 16


class RejectedPicture(Exception):
    """The picture is not taken; the text says why, then what to do."""


UNREADABLE = Sentence("This file cannot be read as a picture. Save it again as PNG or JPEG, and send that.")
CUT = Sentence("This file is cut off, and part of the picture is missing. Send it again whole.")
STRANGE = Sentence("This is no PNG, JPEG, WebP or GIF. Save the picture as one of these.")
TOO_LARGE = Sentence(
    "This picture has {width} × {height} pixels, and {most} million are the most. Make it smaller first."
)
TOO_SMALL = Sentence(
    "This picture has {width} × {height} pixels, and {least} a side are the least. Send a larger one."
)


def whole(data: bytes) -> Image.Image:
    """Return the loaded picture (the first of a film), also of a file that ends too early but shows it all.

    Raises RejectedPicture where part of the picture is missing.
    """
    failure: Exception
    try:
        picture = _loaded(data)
        if not _ends_empty(picture):
            return picture
        if picture.format == "PNG":
            if lacks_rows(data):
                raise RejectedPicture(CUT)
            return picture
        data, failure = without_end(data), RejectedPicture(CUT)
    except RejectedPicture:
        if data[:4] + data[8:12] != b"RIFFWEBP":  # of which Pillow opens only whole ones
            raise
        failure = RejectedPicture(CUT)
    except OSError as error:
        failure = RejectedPicture(CUT) if "truncated" in str(error) else error
    ends = completed(data)
    if not ends:
        raise failure
    try:
        one, other = (_loaded(end) for end in ends)
    except (OSError, RejectedPicture) as error:
        raise RejectedPicture(CUT) from error
    if one.tobytes() != other.tobytes():
        raise RejectedPicture(CUT)
    return one


def _loaded(data: bytes) -> Image.Image:
    try:
        picture: Image.Image = Image.open(io.BytesIO(data), formats=FORMATS)
    except Exception as error:
        known = data.startswith((SIGNATURE, b"\xff\xd8", b"GIF8", b"RIFF"))
        raise RejectedPicture(UNREADABLE if known else STRANGE) from error
    check_size(*picture.size)
    picture.seek(0)
    picture.load()
    if points := code_points(data):
        picture.info[CODE_POINTS] = points
    return picture


def _ends_empty(picture: Image.Image) -> bool:
    """Tell whether a picture ends as decoders leave what is missing: PNG in zeros, JPEG in middle grey."""
    width, height = picture.size
    if picture.format == "PNG":  # of a picture that comes in passes the last holds every other row
        rows = (picture.crop((0, row, width, row + 1)).tobytes() for row in (height - 2, height - 1))
        return any(not any(row) for row in rows)
    if picture.format in ("JPEG", "MPO"):
        corner = picture.crop((width - 1, height - 1, width, height)).tobytes()
        return all(127 <= level <= 129 for level in corner)
    return False


def check_size(width: int, height: int) -> None:
    """Raise RejectedPicture for sizes that are not opened; (0, 0) is not known yet."""
    size = {"width": width, "height": height}
    if width * height > MOST_PIXELS:
        raise RejectedPicture(Sentence(TOO_LARGE, most=MOST_PIXELS // 1_000_000, **size))
    if (width or height) and min(width, height) < LEAST_SIDE:
        raise RejectedPicture(Sentence(TOO_SMALL, least=LEAST_SIDE, **size))


def webp_size(data: bytes) -> tuple[int, int]:
    """Return the canvas a WebP file declares, (0, 0) for other files: opening one already takes its memory.

    Layout: "WebP Container Specification" (developers.google.com/speed/webp), RFC 9649.
    """
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP" or len(data) < 30:
        return 0, 0
    kind = data[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        return int.from_bytes(data[26:28], "little") & 0x3FFF, int.from_bytes(data[28:30], "little") & 0x3FFF
    return 0, 0
