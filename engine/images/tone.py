"""Light and colour of a drawn picture brought back to what it was made from. Pure; knows no models."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

CELLS = 32
"""Squares along each side whose mean colours are compared: fine enough for a ground, coarse for a thing."""
MOST = 16.0
"""Levels of 255 that a square is moved at most: what is farther off was meant."""

Values = NDArray[np.float32]


def evened(picture: Image.Image, truth: Image.Image, mask: Image.Image | None = None) -> Image.Image:
    """Return ``picture`` with the mean colours of its squares moved to those of ``truth``, of the same size.

    An autoencoder, and a model's own idea of plain white, shift a ground by a few levels, which shows where
    it meets the picture it continues. With a mask (``L``, black where ``truth`` holds) the squares under it
    move as the known ones do, each counting by the inverse cube of its distance (Shepard 1968).
    """
    drawn, wanted = (np.asarray(one.convert("RGB"), np.float32) for one in (picture, truth))
    kept = np.ones(drawn.shape[:2], np.float32)
    if mask is not None:
        kept *= np.asarray(mask) == 0
    known = _squares(kept)
    if not known.any():
        return picture
    rows, columns = np.divmod(np.arange(CELLS * CELLS), CELLS)
    squared = (rows[:, None] - rows) ** 2 + (columns[:, None] - columns) ** 2
    share = known.ravel() / (squared + 0.25) ** 1.5
    share /= share.sum(1, keepdims=True)
    moved = np.empty_like(drawn)
    for channel in range(3):
        off = _squares((wanted - drawn)[..., channel] * kept) / np.maximum(known, 1e-6)
        spread = (share @ off.ravel()).astype(np.float32).reshape(CELLS, CELLS).clip(-MOST, MOST)
        grown = Image.fromarray(spread).resize(picture.size, Image.Resampling.BILINEAR)
        moved[..., channel] = drawn[..., channel] + np.asarray(grown)
    return Image.fromarray(moved.round().clip(0, 255).astype(np.uint8))


def _squares(values: Values) -> Values:
    """Return the mean of each square (CELLS × CELLS) of values (height × width)."""
    return np.asarray(Image.fromarray(values).resize((CELLS, CELLS), Image.Resampling.BOX))
