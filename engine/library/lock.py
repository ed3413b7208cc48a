"""One Limner on a data folder: two would start each other's jobs. Refuses to know what is in the folder."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.errors import ConfigError


@contextmanager
def locked(path: Path, *, claim: bool = True) -> Iterator[None]:
    """Hold this file's lock, which ends with the process. Raises ConfigError where another holds it.

    ``claim``: write our process id into it, for ``holder``.
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise ConfigError(
            f"`{path.parent}` cannot be written ({error.strerror}). Give this user write access, "
            "free some disk space, or set another `data_dir`."
        ) from error
    try:
        try:
            if sys.platform == "win32":
                import msvcrt

                msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConfigError(
                f"Another Limner is using `{path.parent}`. Stop it, or set another `data_dir` for this one."
            ) from None
        if claim:
            os.ftruncate(handle, 0)
            os.write(handle, str(os.getpid()).encode())
        yield
    finally:
        os.close(handle)


def holder(path: Path) -> int | None:
    """Return the id of the process that holds this file's lock; None: nobody does."""
    try:
        with locked(path, claim=False):
            return None
    except ConfigError:
        text = path.read_text() if path.exists() else ""
        return int(text) if text.isdecimal() else None
