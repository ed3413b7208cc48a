"""File formats that doors hand out, and from PNG to them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from PIL.Image import Image

from engine import images

FORMATS: Mapping[str, str] = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}
"""Formats by name, and their media types."""
USUAL = 95
"""The quality of a JPEG or WebP where none is asked for."""


async def encoded(picture: Image, png: bytes, kind: str, quality: int = USUAL) -> bytes:
    """Return a picture in a format; ``png`` is it already."""
    if kind == "png":
        return png
    return await asyncio.to_thread(images.compressed, picture, kind, quality)
