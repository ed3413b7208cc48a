"""Whole models to break: a tiny Stable Diffusion as a folder and in one file, and its kind's small files."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from safetensors.torch import save_file

from tests.engine.render import tiny
from tests.engine.render.test_single_file import BASE, original


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with ``folder`` and ``one.safetensors`` in it, and a hub's cache, ``hub``."""
    root = tmp_path_factory.mktemp("whole")
    pipe = tiny.sd(root / "words")
    pipe.save_pretrained(root / "folder")
    save_file(original(pipe), root / "one.safetensors")
    snapshot = cached(root / "hub", BASE)
    for file in (root / "folder").rglob("*"):
        if file.suffix in (".json", ".txt"):
            copy = snapshot / file.relative_to(root / "folder")
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, copy)
    return root


def cached(hub: Path, name: str) -> Path:
    """Return the folder in which a hub's cache keeps a repository."""
    repository = hub / f"models--{name.replace('/', '--')}"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("1")
    return repository / "snapshots" / "1"
