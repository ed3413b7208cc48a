"""Pillow work on finished pictures: grids, sizes, file formats. Pure; refuses to know jobs."""

from engine.images.encode import File, fit, jpeg, png
from engine.images.grid import columns, enlarge, grid, opened, split

__all__ = ["File", "columns", "enlarge", "fit", "grid", "jpeg", "opened", "png", "split"]
