"""What it costs to say where a picture comes from: time and bytes a picture of 1024 × 1024."""

from __future__ import annotations

import io
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from bench import Row
from engine.config import ProvenanceConfig
from engine.provenance.keys import load_or_make
from engine.provenance.publishing import ProvenanceWriter
from engine.provenance.values import Disclosure

SIDE, TURNS = 1024, 9
TEXTS = {"limner": '{"job": "h4x7p0q2rs"}', "parameters": "a fox\nSteps: 20, Sampler: Euler, Seed: 1"}
LEAVING = Disclosure("h4x7p0q2rs", TEXTS, 0)


def _picture() -> Image.Image:
    """Return waves and a little noise: neither plain nor restless."""
    down, across = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    waves = 90 * np.sin(9 * down + 4 * across)[..., None] * np.array([1, 0.6, -0.8]) + 128
    noise = np.random.default_rng(0).normal(0, 4, (SIDE, SIDE, 3))
    return Image.fromarray(np.clip(waves + noise, 0, 255).astype(np.uint8))


def _encoded(picture: Image.Image, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind)
    return buffer.getvalue()


def _milliseconds(work: Callable[[], object]) -> list[float]:
    work()
    spent = []
    for _ in range(TURNS):
        began = time.process_time()
        work()
        spent.append(1000 * (time.process_time() - began))
    return spent


def _with(measure: Callable[[ProvenanceWriter, Image.Image], list[float]]) -> Callable[[], list[float]]:
    def row() -> list[float]:
        with tempfile.TemporaryDirectory() as folder:
            return measure(ProvenanceWriter(ProvenanceConfig(), load_or_make(Path(folder)), "1"), _picture())

    return row


def _signing(writer: ProvenanceWriter, picture: Image.Image) -> list[float]:
    data = _encoded(picture)
    return _milliseconds(lambda: writer.finished(data, LEAVING))


def _marking(writer: ProvenanceWriter, picture: Image.Image) -> list[float]:
    return _milliseconds(lambda: writer.marked(picture, LEAVING.job))


def _film(writer: ProvenanceWriter, picture: Image.Image) -> list[float]:
    frames = [picture.resize((512, 512), box=(4 * n, 0, 960 + 4 * n, 960)) for n in range(16)]
    return [one / len(frames) for one in _milliseconds(lambda: writer.marked_each(frames, LEAVING.job))]


def _bytes(writer: ProvenanceWriter, picture: Image.Image) -> list[float]:
    data = _encoded(picture)
    return [(len(writer.finished(data, LEAVING)) - len(data)) / 1024]


ROWS = (
    Row("recipe and signature of a 1024 × 1024 PNG", _with(_signing), 15, unit="ms"),
    Row("invisible mark in a 1024 × 1024 picture", _with(_marking), 60, unit="ms"),
    Row("invisible mark in a frame of a 512 × 512 film", _with(_film), 30, unit="ms"),
    Row("bytes that recipe and signature add", _with(_bytes), 8, unit="KiB"),
)
