"""The host's wildcards: text files whose lines stand for ``__name__`` in prompts."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import islice
from pathlib import Path

MOST_BYTES = 1 << 20
"""Larger files are not read."""
MOST_FILES = 100
"""Files that one name with a ``*`` stands for."""


def keeper(folder: str) -> Callable[[str], tuple[str, ...]]:
    """Return what gives the choices under a name: the lines of ``<folder>/<name>.txt``; none without it.

    A ``*`` in a name stands for any of a folder's files, ``**`` for those of its folders too. Blank lines and
    lines that begin with ``#`` are no choices. A file that was changed is read anew.
    """

    def choices(name: str) -> tuple[str, ...]:
        if not folder or any(part in ("", ".", "..") for part in name.split("/")):
            return ()
        if "*" in name:
            files = islice(sorted(Path(folder).glob(f"{name}.txt")), MOST_FILES)
            return tuple(line for file in files for line in _kept(file) or ())
        exact = _kept(Path(folder) / f"{name}.txt")
        return exact if exact is not None else _kept(Path(folder) / f"{name.lower()}.txt") or ()

    return choices


def _kept(path: Path) -> tuple[str, ...] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return _lines(path, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=256)
def _lines(path: Path, _changed: int, size: int) -> tuple[str, ...]:
    if size > MOST_BYTES:
        return ()
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        return ()
    lines = (line.strip() for line in text.splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))
