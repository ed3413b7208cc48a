"""SHA-256 of weights, worked out once and kept: files of gigabytes are not read at every start."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

_NETWORKS = ("unet", "transformer")


def of_weights(found: Mapping[str, Path], cache: Path) -> dict[str, str]:
    """Return the SHA-256 of each file by its name; for a folder, of its network's weights.

    ``cache`` holds what is known by path, size and time of change. What cannot be read is left out.
    """
    known: dict[str, str] = {}
    with contextlib.suppress(OSError, ValueError):
        known = json.loads(cache.read_text("utf-8"))
    hashes: dict[str, str] = {}
    fresh: dict[str, str] = {}
    for name, path in found.items():
        with contextlib.suppress(OSError):
            files = _files(path)
            stats = [file.stat() for file in files]
            key = "|".join(
                f"{file}:{stat.st_size}:{stat.st_mtime_ns}" for file, stat in zip(files, stats, strict=True)
            )
            if files:
                fresh[key] = hashes[name] = known.get(key) or _hash(files)
    if fresh != known:
        with contextlib.suppress(OSError):
            temporary = cache.with_suffix(".tmp")
            temporary.write_text(json.dumps(fresh), "utf-8")
            temporary.replace(cache)
    return hashes


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    for network in _NETWORKS:
        if files := sorted((path / network).glob("*.safetensors")):
            return files
    return sorted(path.glob("*.safetensors"))


def _hash(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as opened:
            while piece := opened.read(1 << 20):
                digest.update(piece)
    return digest.hexdigest()
