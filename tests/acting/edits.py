"""Draws with the shipped model and edits what it drew, in this process, as the service asks for it."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine import images
from engine.config import EngineConfig, LimitsConfig, ModelConfig, pocket
from engine.jobs import JobSpec
from engine.planning.edits import CANVAS, EDITS, MASK, Derived, EditInput, painted
from engine.planning.plan import plan
from engine.prompt import parse
from engine.render import Renderer
from engine.service.acceptance import paint
from engine.workers.protocol import Done, Progress

Values = NDArray[np.float64]

MANY = (
    "a red apple", "a blue car", "a cat", "a yellow star on a blue background", "a green tree", "a rocket",
    "a penguin", "a guitar", "a purple flower", "a fish", "a pizza", "an owl", "a house", "a crown",
    "a boat on a blue background", "a mushroom", "a bicycle", "a dog", "a key", "an orange butterfly",
)  # fmt: skip
"""Twenty everyday prompts; the first four are the small count."""


class Editor:
    """The shipped model, and the specs of what is made of its pictures."""

    def __init__(self, model: ModelConfig | None = None) -> None:
        self.model = model or pocket()
        engine = EngineConfig(device="cpu", preview_every=0, threads=1, max_rows=16)
        self.renderer = Renderer([self.model], engine)
        self._parents: dict[tuple[str, int], Image.Image] = {}

    def close(self) -> None:
        self.renderer.close()

    def run(self, specs: Sequence[JobSpec], inputs: Mapping[str, Image.Image]) -> list[list[Image.Image]]:
        """Draw specs together; return the pictures of each. ``inputs``: by the name the specs give them."""
        held = {name: images.png(picture) for name, picture in inputs.items()}
        for index, spec in enumerate(specs):
            self.renderer.start(str(index), spec, {one.sha256: held[one.sha256] for one in spec.inputs})
        found = {}
        while self.renderer.busy():
            for event in self.renderer.tick():
                if isinstance(event, Done):
                    found[event.job] = [opened(data) for data in event.outcome.pictures]
                else:
                    assert isinstance(event, Progress), event
        return [found[str(index)] for index in range(len(specs))]

    def specs(
        self, lines: Iterable[str], steps: int, pictures: Mapping[str, str] = MappingProxyType({})
    ) -> list[JobSpec]:
        """Return the specs of lines, with one cell each; ``pictures``: the name of what each link means."""
        prompts = [parse(f"{line} --steps {steps} --seed 5").prompt for line in lines]
        made = [plan(prompt, [self.model], pictures=pictures).spec for prompt in prompts]
        return [spec.model_copy(update={"count": 1}) for spec in made]

    def parents(self, prompts: Sequence[str], steps: int) -> dict[str, Image.Image]:
        """Return what prompts alone give, each drawn once however many tests ask for it."""
        missing = [prompt for prompt in prompts if (prompt, steps) not in self._parents]
        if missing:
            found = self.run(self.specs(missing, steps), {})
            self._parents |= {(prompt, steps): one for prompt, [one] in zip(missing, found, strict=True)}
        return {prompt: self._parents[prompt, steps] for prompt in prompts}

    def derived(self, spec: JobSpec, name: str, picture: Image.Image, edit: str, **more: float) -> Derived:
        """Return what an edit draws of a picture (by the ``name`` it is given), as the buttons make it."""
        derive = EDITS[edit].derive
        assert derive is not None
        return derive(
            EditInput(
                said=spec,
                picture=name,
                size=picture.size,
                seed=77,
                model=self.model,
                limits=LimitsConfig(),
                before=spec,
                **more,  # type: ignore[arg-type]
            )
        )

    def varied(self, spec: JobSpec, name: str, picture: Image.Image, verb: str) -> JobSpec:
        """Return a variation's spec."""
        return one(self.derived(spec, name, picture, verb).spec)

    def enriched(self, spec: JobSpec, name: str, picture: Image.Image, scale: int = 2) -> JobSpec:
        """Return a creative upscale's spec."""
        return one(self.derived(spec, name, picture, "upscale_creative", factor=float(scale)).spec)

    def outward(
        self, spec: JobSpec, name: str, picture: Image.Image, verb: str, factor: float = 2.0
    ) -> tuple[JobSpec, dict[str, Image.Image]]:
        """Return the spec of a zoom or pan, with its canvas and mask by name."""
        made = self.derived(spec, name, picture, verb, factor=factor)
        assert made.canvas is not None
        canvas, mask = paint(picture, made.canvas)
        start, where = f"{name} {verb}", f"{name} {verb} mask"
        return one(painted(made.spec, {CANVAS: start, MASK: where})), {start: canvas, where: mask}


def one(spec: JobSpec, seed: int = 77) -> JobSpec:
    """Return the spec with one cell and a seed of its own."""
    return spec.model_copy(update={"count": 1, "seed": seed})


def opened(data: bytes) -> Image.Image:
    """Return a PNG's picture."""
    with Image.open(io.BytesIO(data)) as picture:
        return picture.convert("RGB")


def values(picture: Image.Image) -> Values:
    """Return a picture as numbers (height, width, 3), 0 to 1."""
    return np.asarray(picture, dtype=np.float64) / 255
