"""Looks at a file for all that it says of its origin. For the decoding process."""

from __future__ import annotations

from collections.abc import Callable

from PIL import Image

from engine.provenance import signature, watermark
from engine.provenance.keys import host_number
from engine.provenance.reading import recipe_of
from engine.provenance.texts import unreadable
from engine.provenance.values import Verdict


def looked_at(data: bytes, root: str | None, opened: Callable[[], Image.Image]) -> Verdict:
    """Return what a file says. ``root``: this host's own certificates; ``opened`` returns its pixels.

    Raises what ``opened`` raises, and nothing else of its own.
    """
    host = None if root is None else host_number(root)
    mark = watermark.detect(opened(), host)
    return Verdict(host, signature.read(data, root), mark, recipe_of(data), unreadable(data))


def rehearse(data: bytes) -> None:
    """Do once what a fork may not do first: import late, and build what every reading needs."""
    signature.read(data)
    recipe_of(data)
    watermark.rehearse()
