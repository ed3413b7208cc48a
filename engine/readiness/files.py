"""One file of a model: is it there, whole, and what its name says; the words for what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine import checkpoint
from engine.checkpoint import BrokenFileError


@dataclass(frozen=True, slots=True)
class Trouble:
    """What keeps a file from being used: its name, ``is missing`` or the like, and what to do, if we know."""

    file: str
    what: str
    remedy: str = ""


def network(file: Path, shown: str, wanted: tuple[str, ...] = ()) -> list[Trouble]:
    """Look at a ``.safetensors`` file; ``wanted`` are parts that the names in it must have."""
    try:
        shapes = checkpoint.read(file).shapes
    except BrokenFileError as error:
        return [Trouble(shown, str(error))]
    return lacking(shown, shapes, wanted)


def lacking(shown: str, names: Iterable[str], wanted: tuple[str, ...]) -> list[Trouble]:
    """Look for the parts that the names of a network's tensors must have."""
    gone = next((part for part in wanted if not any(part in name for name in names)), None)
    if gone is None:
        return []
    what = f"has no tensor `{gone.rstrip('.')}`: it is not what the config.json beside it says"
    return [Trouble(shown, what)]


def settings(folder: Path, file: str, name: str = "") -> list[Trouble]:
    """Look at a small JSON file that a library will read."""
    shown = f"{name}/{file}" if name else file
    if trouble := small(folder / file):
        return [Trouble(shown, trouble)]
    try:
        sound = isinstance(json.loads((folder / file).read_text(encoding="utf-8")), dict)
    except (ValueError, RecursionError):
        sound = False
    return [] if sound else [Trouble(shown, "is damaged: it is no JSON object")]


def small(file: Path) -> str:
    """Say what is wrong with a small text file; empty where it is there and text."""
    try:
        with file.open("rb") as opened:
            start = opened.read(64)
    except OSError:
        return "is missing"
    if not start or checkpoint.is_pointer(start):
        return checkpoint.mistaken(start, len(start))
    if start.startswith(b"\xef\xbb\xbf"):
        return "begins with a byte-order mark; save it as UTF-8 without one"
    return ""


def read_json(file: Path) -> dict[str, Any]:
    """Return a JSON object that `settings` found sound."""
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found
