"""What every picture gets on its way out: mark, recipe and signature. Knows pictures and files, no places."""

from __future__ import annotations

import io
import logging
from dataclasses import replace

from PIL import Image, ImageSequence

from engine.config import ProvenanceConfig
from engine.errors import EngineError
from engine.provenance import watermark
from engine.provenance.keys import Identity
from engine.provenance.signature import Signer, Unsigned, kind_of
from engine.provenance.texts import jpeg_with, png_with, webp_with
from engine.provenance.values import Disclosure, Mark, job_number
from engine.words import Sentence

log = logging.getLogger(__name__)

ROOM, ROOM_EACH = 5120, 2048
"""Bytes that a signature takes at most, and each parent that is named in it."""
FILM_QUALITY = 90


class ProvenanceWriter:
    """Marks, describes and signs with one host's identity. All takes milliseconds: use a thread."""

    def __init__(self, settings: ProvenanceConfig, identity: Identity | None, version: str) -> None:
        self.settings = settings
        self.identity = identity
        self._signer = None
        if identity is not None and settings.sign:
            self._signer = Signer(identity, version, settings.timestamp_authority or None)

    def marked(self, picture: Image.Image, job: str) -> Image.Image:
        """Return the picture with the invisible mark, where marks are on."""
        return self.marked_each([picture], job)[0]

    def marked_each(self, pictures: list[Image.Image], job: str) -> list[Image.Image]:
        """Return the frames of a film with the invisible mark, where marks are on."""
        if not self.settings.mark or self.identity is None:
            return pictures
        mark = Mark(self.identity.host, job_number(job))
        try:
            return list(watermark.embed_each(pictures, mark))
        except (ValueError, ArithmeticError, MemoryError) as error:
            self._missing("marked", job, error)
            return pictures

    def room(self, leaving: Disclosure) -> int:
        """Return how many bytes ``finished`` adds to a file, at most."""
        texts = sum(2 * len(text.encode()) + len(key) + 64 for key, text in leaving.texts.items())
        return (texts if self.settings.recipe else 0) + (
            ROOM + ROOM_EACH * len(leaving.parents) if self._signer else 0
        )

    def finished(self, data: bytes, leaving: Disclosure) -> bytes:
        """Return an encoded file with its recipe and its signature. Raises EngineError if required."""
        try:
            described = self._described(data, leaving) if self.settings.recipe else data
        except (ValueError, OSError, IndexError) as error:
            log.warning("job %s: no recipe written (%s)", leaving.job, error)
            described = data
        if self._signer is None:
            return described
        told = leaving if self.settings.sign_prompt else replace(leaving, prompt=None)
        try:
            return self._signer.sign(described, told)
        except Unsigned as error:
            self._missing("signed", leaving.job, error)
            return described

    def film(self, data: bytes, leaving: Disclosure) -> bytes:
        """Return an animated WebP, each of its frames marked, with recipe and signature."""
        if self.settings.mark and self.identity is not None:
            data = self._marked_film(data, leaving.job)
        return self.finished(data, leaving)

    def _marked_film(self, data: bytes, job: str) -> bytes:
        with Image.open(io.BytesIO(data)) as film:
            frames, times = [], []
            for frame in ImageSequence.Iterator(film):
                frames.append(frame.convert("RGB"))
                times.append(int(frame.info.get("duration", 100)))
            loop = film.info.get("loop", 0)
        frames = self.marked_each(frames, job)
        buffer = io.BytesIO()
        frames[0].save(
            buffer, "WEBP", save_all=True, append_images=frames[1:], duration=times, loop=loop,
            quality=FILM_QUALITY, method=2,
        )  # fmt: skip
        return buffer.getvalue()

    def _described(self, data: bytes, leaving: Disclosure) -> bytes:
        parameters = leaving.texts.get("parameters", "")
        match kind_of(data):
            case "PNG":
                return png_with(data, leaving.texts)
            case "JPEG" if parameters:
                return jpeg_with(data, parameters)
            case "WEBP" if parameters:
                with Image.open(io.BytesIO(data)) as picture:
                    size = picture.size
                return webp_with(data, parameters, size)
        return data

    def _missing(self, what: str, job: str, error: Exception) -> None:
        """Log what a picture goes out without. Raises EngineError where the host requires it."""
        if self.settings.required:
            raise EngineError(
                f"job {job}: not {what}: {error}",
                Sentence(
                    "This picture could not be marked as made here, so it is not shown. The host has "
                    "been told."
                ),
            ) from error
        log.warning("job %s: goes out without being %s (%s)", job, what, error)
