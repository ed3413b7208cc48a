"""The one way out of pictures: whatever leaves is marked, described and signed here, off the event loop."""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from engine import images, weights
from engine.config import LoraConfig, ModelConfig, ProvenanceConfig
from engine.errors import ConfigError
from engine.jobs import Job, JobSpec, Role
from engine.library.gallery import Gallery, recipe
from engine.service.settings import HostConfig

if TYPE_CHECKING:  # brings numpy and c2pa, for which the bot need not wait at its start
    from engine.provenance.keys import Identity
    from engine.provenance.publishing import ProvenanceWriter
    from engine.provenance.values import Disclosure

log = logging.getLogger(__name__)

REMEMBERED = 16 * 2**20
"""Bytes of files that are kept as they left: one that is sent again, or looked at, is not made again."""
FOR = 120.0
"""Seconds after which one that nobody wanted again is let go."""
THUMBNAIL_QUALITY = 90  # at which the mark of a small picture holds


@dataclass(frozen=True, slots=True)
class FileOptions:
    """What a file is to be that leaves: of at most ``limit`` bytes, a PNG, or WebP where a PNG is too large.

    A picture whose longer side is below ``least`` pixels is enlarged for showing, one above ``most`` made
    smaller. ``label``: a word for people in its corner. ``form``: as this kind of file instead, however
    large, a JPEG or WebP at a ``quality`` of 0 to 100.
    """

    limit: int | None = None
    least: int = 0
    label: str = ""
    form: images.Format | None = None
    quality: int = images.USUAL
    most: int = 0


class Origin:
    """Holds the host's identity and what is known of its weights; makes the files that leave."""

    def __init__(self, host: HostConfig, gallery: Gallery, models: Sequence[ModelConfig]) -> None:
        self._host = host
        self._models = models
        self._gallery = gallery
        self._folder = host.config.data_dir / "provenance"
        self._publisher: tuple[ProvenanceConfig, ProvenanceWriter] | None = None
        self._made: OrderedDict[Hashable, tuple[images.File, float]] = OrderedDict()  # and when it left last
        self._bytes = 0  # of these
        self._making: dict[Hashable, asyncio.Task[images.File]] = {}
        self._lock = asyncio.Lock()
        self.prepared = asyncio.Event()  # set when ``prepare`` has come to its end, however
        self.hashes: dict[str, str] = {}
        self.dates: dict[str, float] = {}
        """By model: when its weights were last changed, in Unix seconds."""
        self.version = importlib.metadata.version("limner")

    async def prepare(self) -> None:
        """Make keys where there are none, date and hash the weights; for the background. Never raises."""
        try:
            self.dates = await asyncio.to_thread(_dates, self._models)
            await self.publisher()
            self.hashes = await asyncio.to_thread(
                _hashes, self._models, self._host.config.loras, self._folder / "weights.json"
            )
        except Exception:
            log.exception("the origin of pictures cannot be prepared")
        finally:
            self.prepared.set()

    def check(self) -> None:
        """Raise ConfigError where the host's own certificates or key are of no use."""
        settings = self._host.config.provenance
        if settings.certificate or settings.key:
            _identity(settings, self._folder)

    async def publisher(self) -> ProvenanceWriter:
        """Return what marks and signs by the settings as they stand."""
        settings = self._host.config.provenance
        async with self._lock:
            if self._publisher is None or self._publisher[0] != settings:
                self._publisher = (
                    settings,
                    await asyncio.to_thread(_publisher, settings, self._folder, self.version),
                )
                self._made.clear()
                self._bytes = 0
            return self._publisher[1]

    async def picture(
        self, job: Job, cells: Sequence[str], cell: int | None, wanted: FileOptions
    ) -> images.File:
        """Return stored cells (by SHA-256) of a job as one file that leaves. Raises NotFound."""
        publisher = await self.publisher()

        def made() -> images.File:
            sheet = images.grid([images.opened(self._gallery.read(one)) for one in cells])
            shown = images.enlarge(sheet, wanted.least) if wanted.least else sheet
            if wanted.most:
                shown = shown.copy()
                shown.thumbnail((wanted.most, wanted.most))
            shown = images.labelled(shown, wanted.label) if wanted.label else shown
            leaving = self._leaving(job.id, job.spec, job.prompt, recipe(job, cell or 0), cell)
            return _sheet(publisher, shown, leaving, wanted)

        return await self._once((tuple(cells), job.id, cell, wanted, len(self.hashes)), made)

    async def thumbnail(self, job: Job, sha256: str, side: int) -> bytes:
        """Return a stored picture made small (WebP), marked as it leaves, and unsigned. Raises NotFound."""
        writer = await self.publisher()

        def made() -> images.File:
            picture = images.opened(self._gallery.read(sha256)).convert("RGB")
            picture.thumbnail((side, side))
            return images.encoded(writer.marked(picture, job.id), "webp", THUMBNAIL_QUALITY)

        return (await self._once((sha256, job.id, side), made)).data

    async def strips(self, job: Job, sha256: str, cell: int, limit: int) -> list[images.File]:
        """Return one stored picture as it leaves, in files of at most ``limit`` bytes that lose nothing.

        One file where one can hold it, else strips of its full width from top to bottom: marked as a whole,
        each with recipe and signature. Raises NotFound.
        """
        publisher = await self.publisher()

        def made() -> list[images.File]:
            leaving = self._leaving(job.id, job.spec, job.prompt, recipe(job, cell), cell)
            marked = publisher.marked(images.opened(self._gallery.read(sha256)), job.id)
            files = images.strips(marked, max(limit - publisher.room(leaving), limit // 2))
            return [replace(one, data=publisher.finished(one.data, leaving)) for one in files]

        return await asyncio.to_thread(made)

    async def film(self, job: Job, sha256: str) -> bytes:
        """Return a job's film as it leaves. Raises NotFound."""
        publisher = await self.publisher()

        def made() -> images.File:
            data = publisher.film(
                self._gallery.read(sha256, ".webp"),
                self._leaving(job.id, job.spec, job.prompt, recipe(job, 0), None),
            )
            return images.File(data, "webp", 0, 0)

        return (await self._once((sha256, job.id, len(self.hashes)), made)).data

    async def stored(self, sha256: str, limit: int | None) -> images.File:
        """Return a kept picture for showing, as it leaves where it was made here. Raises NotFound.

        Of a picture that people brought nothing is said.
        """
        publisher, data = await self.publisher(), await self._gallery.load(sha256)

        def made() -> images.File:
            job = _maker(data)
            if job is None:
                return _fitting(data, limit)
            return _sheet(publisher, images.opened(data), self._leaving(*job), FileOptions(limit))

        return await asyncio.to_thread(made)

    async def root(self) -> str | None:
        """Return the certificates that our own signatures are told by, None where there are none."""
        identity = (await self.publisher()).identity
        return None if identity is None else identity.root

    def let_go(self, seconds: float = FOR) -> None:
        """Forget the files that nobody wanted for so long."""
        long_ago = time.monotonic() - seconds
        while self._made and next(iter(self._made.values()))[1] <= long_ago:
            self._drop()

    def _drop(self) -> None:
        _, (oldest, _) = self._made.popitem(last=False)
        self._bytes -= len(oldest.data)

    async def _once(self, key: Hashable, made: Callable[[], images.File]) -> images.File:
        if key in self._made:
            self._made.move_to_end(key)
            file, _ = self._made[key]
            self._made[key] = file, time.monotonic()
            return file
        making = self._making.get(key)
        if making is None:  # asked for twice at once, it is still made once: two signatures would differ
            making = self._making[key] = asyncio.create_task(asyncio.to_thread(made))
            making.add_done_callback(lambda _: self._making.pop(key, None))
        file = await asyncio.shield(making)
        if key not in self._made:  # whoever waited with us may have kept it
            self._bytes += len(file.data)
        self._made[key] = file, time.monotonic()
        self._made.move_to_end(key)
        while self._bytes > REMEMBERED and len(self._made) > 1:
            self._drop()
        return file

    def _leaving(
        self, job: str, spec: JobSpec, prompt: str, texts: Mapping[str, str], cell: int | None
    ) -> Disclosure:
        from engine.provenance.recipe import as_written_elsewhere, record
        from engine.provenance.values import Disclosure

        skipped = next((model.clip_skip for model in self._models if model.name == spec.model), None)
        said = {
            "limner": record(texts["limner"], spec, self.hashes, self.version),
            "parameters": as_written_elsewhere(texts["parameters"], spec, self.hashes, self.version, skipped),
        }
        paths = [self._gallery.path(one.sha256) for one in spec.inputs if one.role is not Role.MASK]
        return Disclosure(job, said, cell, [path.read_bytes() for path in paths if path.exists()], prompt)


def _maker(png: bytes) -> tuple[str, JobSpec, str, Mapping[str, str], int] | None:
    """Return job, spec, prompt, texts and cell of a stored picture that was made here."""
    from engine.provenance.texts import texts_of

    texts = texts_of(png)
    try:
        said = json.loads(texts["limner"])
        return said["job"], JobSpec.model_validate(said["spec"]), "", texts, said["cell"]
    except (KeyError, ValueError):
        return None


def _sheet(
    publisher: ProvenanceWriter, picture: Image.Image, leaving: Disclosure, wanted: FileOptions
) -> images.File:
    marked = publisher.marked(picture, leaving.job)
    if wanted.form is not None:
        file = images.encoded(marked, wanted.form, wanted.quality)
        return replace(file, data=publisher.finished(file.data, leaving))
    room, limit = publisher.room(leaving), wanted.limit
    if limit is not None and room > limit / 2:  # the picture goes before what is said of it
        file = images.fit(marked, limit)
        log.warning("job %s: goes out without recipe and signature, in %d bytes", leaving.job, limit)
        return file
    file = images.fit(marked, None if limit is None else limit - room)
    return replace(file, data=publisher.finished(file.data, leaving))


def _fitting(png: bytes, limit: int | None) -> images.File:
    picture = images.opened(png)
    if limit is None or len(png) <= limit:
        return images.File(png, "png", *picture.size)
    return images.fit(picture, limit)


def _publisher(settings: ProvenanceConfig, folder: Path, version: str) -> ProvenanceWriter:
    from engine.provenance.publishing import ProvenanceWriter

    try:
        identity = _identity(settings, folder) if settings.sign or settings.mark else None
    except (ConfigError, OSError) as error:
        if settings.required:
            raise
        log.error("pictures go out neither marked nor signed: %s", error)
        identity = None
    return ProvenanceWriter(settings, identity, version)


def _identity(settings: ProvenanceConfig, folder: Path) -> Identity:
    from engine.provenance.keys import load_or_make

    own = [Path(name).expanduser() if name else None for name in (settings.certificate, settings.key)]
    return load_or_make(folder, *own)


def _dates(models: Sequence[ModelConfig]) -> dict[str, float]:
    found = {model.name: weights.find(model) for model in models}
    return {name: weights.changed(path) for name, path in found.items() if path is not None}


def _hashes(models: Sequence[ModelConfig], loras: Sequence[LoraConfig], cache: Path) -> dict[str, str]:
    from engine.provenance.hashes import of_weights

    found = {model.name: weights.find(model) for model in models}
    found |= {lora.name: weights.find_lora(lora) for lora in loras}
    return of_weights({name: path for name, path in found.items() if path is not None}, cache)
