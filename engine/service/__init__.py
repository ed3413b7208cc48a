"""The application layer: the one front door that Discord, the command line and HTTP call."""

from engine.rules.people import UNRULED
from engine.service.admin import RefusedError
from engine.service.requests import (
    Ask,
    Caller,
    Describe,
    Draw,
    Edit,
    Imagine,
    Planned,
    Shorten,
    Snapshot,
    Submitted,
    restored,
    server,
    stored,
)
from engine.service.service import Service
from engine.service.settings import LABEL, OPTION, SETTINGS, SUFFIX

__all__ = [
    "LABEL",
    "OPTION",
    "SETTINGS",
    "SUFFIX",
    "UNRULED",
    "Ask",
    "Caller",
    "Describe",
    "Draw",
    "Edit",
    "Imagine",
    "Planned",
    "RefusedError",
    "Service",
    "Shorten",
    "Snapshot",
    "Submitted",
    "restored",
    "server",
    "stored",
]
