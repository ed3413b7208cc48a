"""Picture files on disk, named by their content; the one exit of pictures. Refuses to know people."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

from engine.errors import EngineError, NotFound
from engine.jobs import Job, JobSpec
from engine.prompt.flags import DIRECT, STYLIZE_DEFAULT
from engine.prompt.permutations import escape
from engine.prompt.prompt import shield
from engine.provenance.texts import png_with
from engine.words import Sentence

_WEIGHTED = re.compile(r":\s*[+-]?[\d.]+$")
"""A text's end that would be read as its weight."""


def recipe(job: Job, cell: int) -> dict[str, str]:
    """Return the text chunks of a picture: ``limner`` (JSON) and ``parameters`` (the form A1111 made common).

    Nothing about who asked or where: the spec, the job's id and the cell.
    """
    spec = job.spec
    record = {"job": job.id, "cell": cell, "spec": _plainly(spec)}
    return {
        "limner": json.dumps(record, ensure_ascii=False, sort_keys=True),
        "parameters": _parameters(spec, cell),
    }


@lru_cache(maxsize=32)
def _plainly(spec: JobSpec) -> dict[str, object]:
    """Return a spec as plain values: the same for every picture of a job."""
    return spec.model_dump(mode="json")


def _parameters(spec: JobSpec, cell: int) -> str:
    """Return the settings as AUTOMATIC1111 writes them; ``engine.prompt.foreign`` reads them back.

    What that program has no name for follows with the names of this bot's flags.
    """
    alone = len(spec.conditions) == 1 and (spec.conditions[0].weight != 1 or "AND" in spec.conditions[0].text)
    texts = []
    for one in spec.conditions:
        said = alone or one.weight != 1 or _WEIGHTED.search(one.text) is not None
        texts.append(escape(shield(one.text)) + (f" :{one.weight:g}" if said else ""))
    text = " AND ".join(texts)
    text += "".join(f" <lora:{lora.name}:{lora.weight:g}>" for lora in spec.loras)
    negative = f"\nNegative prompt: {escape(shield(spec.negative_prompt))}" if spec.negative_prompt else ""
    facts: dict[str, object] = {
        "Steps": spec.steps,
        "Sampler": spec.sampler,
        "CFG scale": f"{spec.guidance_scale:g}",
        "Seed": spec.seed_of(cell),
        "Size": "x".join(map(str, spec.fitted or (spec.width, spec.height))),
        "Model": spec.model,
    }
    if spec.fitted not in (None, (spec.width, spec.height)):
        facts["Drawn"] = f"{spec.width}x{spec.height}"
    if spec.few_steps:
        facts["Few-step weights"] = "yes"
    if spec.strength is not None:
        facts["Denoising strength"] = f"{spec.strength:g}"
    own = {flag.name.capitalize(): getattr(spec, flag.field) for flag in DIRECT} | {"Style": spec.style}
    facts |= {name: value for name, value in own.items() if value}
    if spec.style:
        facts["Style"] = json.dumps(spec.style, ensure_ascii=False) if "," in spec.style else spec.style
    if spec.stylize != STYLIZE_DEFAULT:
        facts["Stylize"] = spec.stylize
    if spec.stop != 100:
        facts["Stop"] = spec.stop
    if spec.tile:
        facts["Tiling"] = "True"
    if spec.film:
        facts["Film"] = "yes"
    if alone:
        facts["Texts"] = 1  # with its weight, and with `AND` as a word of it
    return f"{text}{negative}\n" + ", ".join(f"{name}: {value}" for name, value in facts.items())


class Gallery:
    """A folder of files named by their SHA-256, in 256 × 256 sub-folders. Safe to kill at any moment."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, sha256: str, suffix: str = ".png") -> Path:
        """Return where a file of this name stands."""
        return self.root / sha256[:2] / sha256[2:4] / f"{sha256}{suffix}"

    async def save(self, pictures: Sequence[bytes], job: Job) -> list[str]:
        """Keep a job's finished PNGs with their recipes; return their SHA-256. The one exit of pictures."""
        return await asyncio.to_thread(self._save, pictures, job)

    def _save(self, pictures: Sequence[bytes], job: Job) -> list[str]:
        return [self._keep(png_with(png, recipe(job, cell)), ".png") for cell, png in enumerate(pictures)]

    async def keep(self, data: bytes, suffix: str = ".png") -> str:
        """Keep bytes as they are (an uploaded input, a film); return their SHA-256."""
        return await asyncio.to_thread(self._keep, data, suffix)

    def _keep(self, data: bytes, suffix: str) -> str:
        sha256 = hashlib.sha256(data).hexdigest()
        path = self.path(sha256, suffix)
        if path.exists():
            with contextlib.suppress(OSError):
                os.utime(path)  # kept anew: whoever tidies up goes by the age of what no job names yet
            return sha256
        temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
            _sync(path.parent)
        except OSError as error:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise EngineError(
                f"{path}: {error}",
                Sentence("We could not keep the picture: our disk is full or broken. Please tell the host."),
            ).telling_host(f"A picture could not be kept: {error}. Free some space on that disk.") from error
        return sha256

    async def discard(self, files: Iterable[tuple[str, str]]) -> None:
        """Delete files, given as (SHA-256, ending); those that are gone already are passed over."""
        await asyncio.to_thread(self._discard, list(files))

    def _discard(self, files: Sequence[tuple[str, str]]) -> None:
        for sha256, suffix in files:
            self.path(sha256, suffix).unlink(missing_ok=True)

    async def folders(self) -> list[Path]:
        """Return the folders that files may be in, at most 256."""
        return await asyncio.to_thread(
            lambda: sorted(one for one in self.root.iterdir() if one.is_dir()) if self.root.exists() else []
        )

    async def files(self, folder: Path, before: float) -> list[tuple[str, str]]:
        """Return (SHA-256, ending) of what lies in such a folder unchanged since a time in Unix seconds.

        Files that a crash left half written are deleted on the way.
        """
        return await asyncio.to_thread(self._files, folder, before)

    def _files(self, folder: Path, before: float) -> list[tuple[str, str]]:
        found = []
        for path in folder.glob("*/*"):
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime >= before:
                    continue
                if path.suffix == ".tmp":
                    path.unlink()
                else:
                    found.append((path.stem, path.suffix))
        return found

    async def find(self, beginning: str) -> str | None:
        """Return the SHA-256 of the one PNG whose name begins so (8 characters or more), else None."""
        if len(beginning) < 8 or not set(beginning) <= set("0123456789abcdef"):
            return None
        folder = self.root / beginning[:2] / beginning[2:4]
        found = await asyncio.to_thread(lambda: [path.stem for path in folder.glob(f"{beginning}*.png")])
        return found[0] if len(found) == 1 else None

    async def load(self, sha256: str, suffix: str = ".png") -> bytes:
        """Return a file's bytes. Raises NotFound where it has been cleaned away."""
        return await asyncio.to_thread(self.read, sha256, suffix)

    def read(self, sha256: str, suffix: str = ".png") -> bytes:
        """As ``load``, for what runs in a thread already."""
        try:
            return self.path(sha256, suffix).read_bytes()
        except FileNotFoundError:
            raise NotFound(
                Sentence("This picture is no longer kept. Run the prompt again to remake it.")
            ) from None


def _sync(folder: Path) -> None:
    """Make a rename in this folder survive a power cut, where the system can."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
