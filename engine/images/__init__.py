"""Pillow work on finished pictures: grids, sizes, file formats. Pure; refuses to know jobs."""

from engine.images.canvas import outward
from engine.images.encode import File, fit, jpeg, png
from engine.images.grid import columns, enlarge, grid, opened

__all__ = [
    "File",
    "columns",
    "enlarge",
    "fit",
    "grid",
    "jpeg",
    "opened",
    "outward",
    "png",
]
