"""What a ``.safetensors`` file says of itself: its header is read by hand, without torch; weights are not.

The format (huggingface.co/docs/safetensors): eight bytes of length, a JSON header of that length, then the
tensors without gaps. So a file that is cut, or is something else under that name, shows before it is loaded.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

_LARGEST_HEADER = 100_000_000  # bytes, as the safetensors library has it
# bytes of one value; types that are not here are packed (F4 and its like) and taken at their word
_BYTES = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0"), 1),
    **dict.fromkeys(("I16", "U16", "F16", "BF16"), 2),
    **dict.fromkeys(("I32", "U32", "F32"), 4),
    **dict.fromkeys(("I64", "U64", "F64", "C64"), 8),
}


class BrokenFileError(ValueError):
    """A file is not what its name says; the message goes on from its name: ``is cut short: …``."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a file holds: the shape of each tensor by name, and the words its maker left with them."""

    shapes: dict[str, tuple[int, ...]]
    metadata: dict[str, str]

    @property
    def values(self) -> int:
        """How many numbers it holds."""
        return sum(prod(shape) for shape in self.shapes.values())

    def has(self, *prefixes: str) -> bool:
        """Say whether any tensor's name begins with one of these."""
        return any(name.startswith(prefixes) for name in self.shapes)


def read(file: Path) -> Header:
    """Return the header of a ``.safetensors`` file that is whole. Raises BrokenFileError."""
    try:
        there = file.stat().st_size
        with file.open("rb") as opened:
            start = opened.read(8)
            size = int.from_bytes(start, "little")
            text = opened.read(size) if 0 < size <= min(_LARGEST_HEADER, there - 8) else b""
            if not text.startswith(b"{"):
                raise BrokenFileError(mistaken(start + opened.read(200), there))
    except OSError as error:
        gone = isinstance(error, FileNotFoundError)
        raise BrokenFileError(
            "is missing" if gone else f"cannot be read: {error.strerror or 'no reason given'}"
        ) from None
    try:
        entries = json.loads(text)
        metadata = entries.pop("__metadata__", None) or {}
        shapes = {name: tuple(entry["shape"]) for name, entry in entries.items()}
        end = _end(entries)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise BrokenFileError("is damaged: its header cannot be read") from None
    whole = 8 + size + end
    if there < whole:
        raise BrokenFileError(f"is cut short: {there:,} of its {whole:,} bytes are there")
    if there > whole:
        raise BrokenFileError(f"is damaged: {there - whole:,} bytes stand behind its last tensor")
    if not shapes:
        raise BrokenFileError("holds no weights")
    return Header(shapes, {str(key): str(value) for key, value in metadata.items()})


def mistaken(start: bytes, size: int) -> str:
    """Say what a file is instead, from its first bytes, or that it cannot be read."""
    if not size:
        return "is empty"
    if is_pointer(start):
        return "is a Git LFS pointer, not the file itself (`git lfs pull` in its folder fetches that)"
    if start.lstrip()[:1] == b"<":
        return "is a web page, not the file itself"
    if start[:2] in (b"PK", b"\x80\x02"):
        return "is a pickle under another name, which can run any program and is never opened"
    return "is no .safetensors file, or is damaged: its header cannot be read"


def is_pointer(start: bytes) -> bool:
    """Tell what Git LFS leaves in place of a file."""
    return start.startswith(b"version https://git-lfs")


def _end(entries: dict[str, Any]) -> int:
    """Return where the last tensor ends, counted from the header's end. Raises ValueError for gaps."""
    end = 0
    for entry in sorted(entries.values(), key=lambda entry: entry["data_offsets"]):
        begin, after = entry["data_offsets"]
        size = _BYTES.get(entry["dtype"])
        if begin != end or (size is not None and after - begin != size * prod(entry["shape"])):
            raise ValueError
        end = after
    return int(end)
