"""Where files go: is there room, and can they be written there, before anything is drawn for it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile

from engine.errors import ConfigError


def free_bytes(folder: Path) -> int:
    """Return the free space of the disk a folder is on, or will be on."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def require_space(folder: Path, least: int, remedy: str) -> None:
    """Raise ConfigError where the disk of a folder has less than so many MB left."""
    free = free_bytes(folder.absolute())
    if free < least * 2**20:
        raise ConfigError(
            f"The disk of `{folder}` has {free / 2**20:,.0f} MB left, less than `min_free_mb` ({least:,}). "
            f"Free some space, or {remedy}."
        )


@contextmanager
def writable(folder: Path) -> Iterator[None]:
    """Make a folder and try to write into it; at the end what was made and not used is gone again.

    Raises ConfigError, with the place in it.
    """
    made = [one for one in (folder, *folder.parents) if not one.exists()]
    try:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with NamedTemporaryFile(dir=folder, prefix=".limner-"):
                pass
        except FileExistsError:
            raise ConfigError(f"`{folder}` is a file, not a folder. Name another.") from None
        except OSError as error:
            raise ConfigError(
                f"Nothing can be written to `{folder}`: {error.strerror}. Name another folder."
            ) from None
        yield
    finally:
        for one in made:
            if one.is_dir() and not any(one.iterdir()):
                one.rmdir()
