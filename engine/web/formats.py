"""File formats that doors hand out, and their media types."""

from __future__ import annotations

from collections.abc import Mapping

from engine.images import Format

FORMATS: Mapping[Format, str] = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}


def format_of(name: str) -> Format | None:
    """Return the format of a name, None where there is none."""
    return next((form for form in FORMATS if form == name), None)
