"""Pillow work on finished pictures: grids, sizes, masks, file formats. Pure; refuses to know jobs."""

from engine.images.canvas import extended, fitted, plain, rim, zoomed
from engine.images.encode import File, compressed, fit, jpeg, png, with_texts
from engine.images.grid import columns, enlarge, grid, opened, previewed
from engine.images.label import labelled
from engine.images.mask import (
    AREAS,
    COLUMNS,
    ROWS,
    MaskPolarity,
    chosen,
    feathered,
    is_empty,
    joined,
    overlay,
    read,
    readings,
    shaped,
    share,
    step,
    widened,
)

__all__ = [
    "AREAS",
    "COLUMNS",
    "ROWS",
    "File",
    "MaskPolarity",
    "chosen",
    "columns",
    "compressed",
    "enlarge",
    "extended",
    "feathered",
    "fit",
    "fitted",
    "grid",
    "is_empty",
    "joined",
    "jpeg",
    "labelled",
    "opened",
    "overlay",
    "plain",
    "png",
    "previewed",
    "read",
    "readings",
    "rim",
    "shaped",
    "share",
    "step",
    "widened",
    "with_texts",
    "zoomed",
]
