"""Every key that the tests make, and the search for them in what is kept and said."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

from engine.rules import keys

MADE: set[str] = set()
"""The keys, whole."""
LOGGERS = ("limner", "engine", "bot", "uvicorn", "starlette", "fastapi", "asyncio")
"""Whose lines are searched: the server's; clients may log what they send."""
_LONG = len(keys.make()) - len(keys.PREFIX)
_RUN = re.compile(rb"(?<![0-9A-Za-z])[0-9A-Za-z]{%d,%d}(?![0-9A-Za-z])" % (_LONG, _LONG + 40))
"""What may be a key, with letters about it that an escape brings; longer runs are encoded pictures."""
_WEIGHTS = {".safetensors", ".bin", ".pt", ".ckpt", ".gguf"}


def made(secret: str) -> str:
    """Note a key, and return it."""
    MADE.add(secret)
    return secret


def found(data: bytes) -> Iterator[str]:
    """Yield each key of the tests that is in bytes, with or without what all keys begin with."""
    ends = {secret.removeprefix(keys.PREFIX).encode(): secret for secret in MADE}
    for match in _RUN.finditer(data):
        run = match.group()
        for start in range(len(run) - _LONG + 1):
            if secret := ends.get(run[start : start + _LONG]):
                yield secret


def found_under(folder: Path) -> list[str]:
    """Return the files below a folder that hold a key; weights, which no door writes, are not read."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix not in _WEIGHTS)
    return [str(path) for path in files if MADE and any(found(path.read_bytes()))]


class Everything(logging.Handler):
    """Writes all that a record holds to a file, before anything is taken out of it."""

    def __init__(self, file: Path) -> None:
        super().__init__(logging.DEBUG)
        self._out = file.open("a")

    def emit(self, record: logging.LogRecord) -> None:
        """Write it down."""
        self._out.write(f"{vars(record)} {record.getMessage()}\n")

    def close(self) -> None:
        """Close the file."""
        self._out.close()
        super().close()
