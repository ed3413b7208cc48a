"""A picture larger than its model draws: overlapping tiles that are blended after every step.

Each tile is a picture in flight like any other, of the model's own size, so tiles share UNet calls with
everybody's work. They start from crops of one noised latent and take each step together; then their latents
are averaged, each counting less towards its edges (Bar-Tal et al., "MultiDiffusion", 2023). No seam can form,
since no tile's edge is ever taken alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

OVERLAP = 1 / 4
"""The least share of a tile's side that it has in common with its neighbour."""


def starts(length: int, window: int) -> list[int]:
    """Return where tiles of ``window`` begin so that they cover ``length`` evenly and overlap enough.

    >>> starts(64, 64), starts(128, 64), starts(100, 64)
    ([0], [0, 32, 64], [0, 36])
    """
    if length <= window:
        return [0]
    count = math.ceil((length - window) / (window * (1 - OVERLAP))) + 1
    return [round(index * (length - window) / (count - 1)) for index in range(count)]


@dataclass(frozen=True, eq=False)
class Tiles:
    """Where the tiles of a latent (1, channels, height, width) lie, and how much each pixel of one counts."""

    size: tuple[int, int]
    """Height and width of the whole."""
    window: tuple[int, int]
    corners: tuple[tuple[int, int], ...]
    """Top and left of each tile."""
    weight: Tensor
    """(1, 1, window height, window width), 1 in the middle, never 0."""

    @classmethod
    def over(cls, size: tuple[int, int], window: tuple[int, int]) -> Tiles:
        """Cover a latent of ``size`` with tiles of at most ``window``."""
        window = (min(window[0], size[0]), min(window[1], size[1]))
        corners = [(top, left) for top in starts(size[0], window[0]) for left in starts(size[1], window[1])]
        down, across = (_ramp(side) for side in window)
        return cls(size, window, tuple(corners), (down[:, None] * across[None])[None, None])

    def cut(self, whole: Tensor) -> list[Tensor]:
        """Return each tile's part of ``whole``."""
        high, wide = self.window
        return [whole[:, :, top : top + high, left : left + wide].clone() for top, left in self.corners]

    def joined(self, parts: Sequence[Tensor]) -> Tensor:
        """Return the whole that these parts make together: their weighted mean wherever they overlap."""
        if len(parts) == 1:
            return parts[0]
        high, wide = self.window
        weight = self.weight.to(parts[0].device)
        total = torch.zeros(1, parts[0].shape[1], *self.size, device=parts[0].device)
        counted = torch.zeros(1, 1, *self.size, device=parts[0].device)
        for (top, left), part in zip(self.corners, parts, strict=True):
            total[:, :, top : top + high, left : left + wide] += weight * part.float()
            counted[:, :, top : top + high, left : left + wide] += weight
        return (total / counted).to(parts[0].dtype)


def _ramp(side: int) -> Tensor:
    """Return weights that rise from the edges to the middle in a straight line."""
    at = torch.arange(side, dtype=torch.float32)
    return torch.minimum(at + 1, side - at) / math.ceil(side / 2)
