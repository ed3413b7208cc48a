"""The loop as the renderer turns it, for tests that hold pictures in their hands."""

from __future__ import annotations

from collections.abc import Sequence

from engine.render.denoise import Picture, predict


def advance(pictures: Sequence[Picture], at_once: int | None = None, pad: bool = False) -> None:
    """Run the network once for all ``pictures`` and let each take its step."""
    answers = predict(pictures[0].family, pictures, at_once, pad)
    for picture, (prediction, seen) in zip(pictures, answers, strict=True):
        picture.step(prediction, seen)
