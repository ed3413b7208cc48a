"""Draws lines with the shipped model, in this process: what a flag does is measured on real pictures."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from engine.config import EngineConfig, pocket
from engine.planning.plan import plan
from engine.pocket import FOLDER
from engine.prompt import parse
from engine.render.tools.encoder import Encoder
from engine.weights import find
from engine.workers.protocol import Done, Progress
from tests.acting.edits import Editor

Pictures = NDArray[np.float64]  # cells × height × width × 3, 0..1
Draw = Callable[..., list[Pictures]]
Note = Callable[[str, object], None]

HOUSE = "blue background"


@pytest.fixture(scope="session")
def draw() -> Iterator[Draw]:
    """Return a function that draws lines together and returns each grid's cells."""
    if find(pocket()) is None:
        pytest.skip("the shipped model's weights are not on this machine")
    # by its folder: pictures come as the model draws them, not enlarged, which no flag here is about
    model = pocket().model_copy(update={"source": str(FOLDER)})
    from engine.render import Renderer

    # the same weights, with a house style for --stylize to move toward
    housed = model.model_copy(
        update={"name": "housed", "aliases": (), "default": False, "house_style": HOUSE}
    )
    renderer = Renderer([model, housed], EngineConfig(device="cpu", preview_every=0, threads=1, max_rows=16))

    def drawn(
        lines: Sequence[str],
        steps: int = 5,
        films: list[bytes] | None = None,
        pictures: Mapping[str, bytes] = MappingProxyType({}),
        count: int = 4,
    ) -> list[Pictures]:
        names = {name: hashlib.sha256(data).hexdigest() for name, data in pictures.items()}
        inputs = {names[name]: data for name, data in pictures.items()}
        for index, line in enumerate(lines):
            prompt = parse(line, layers=(("server", f"--steps {steps} --seed 11"),)).prompt
            spec = plan(prompt, [model, housed], pictures=names).spec
            renderer.start(str(index), spec.model_copy(update={"count": count}), inputs)
        found: dict[str, Pictures] = {}
        for _ in range(5000):
            if not renderer.busy():
                break
            for event in renderer.tick():
                if isinstance(event, Done):
                    found[event.job] = np.stack([_array(data) for data in event.outcome.pictures])
                    if films is not None and event.outcome.film:
                        films.append(event.outcome.film)
                else:
                    assert isinstance(event, Progress), event
        return [found[str(index)] for index in range(len(lines))]

    yield drawn
    renderer.close()


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    """Return the encoder that ships."""
    return Encoder()


@pytest.fixture(scope="session")
def editor() -> Iterator[Editor]:
    """Return what draws with the shipped model and edits what it drew."""
    if find(pocket()) is None:
        pytest.skip("the shipped model's weights are not on this machine")
    editor = Editor()
    yield editor
    editor.close()


def _array(data: bytes) -> Pictures:
    with Image.open(io.BytesIO(data)) as picture:
        return np.asarray(picture.convert("RGB"), dtype=np.float64) / 255
