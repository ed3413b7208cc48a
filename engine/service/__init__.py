"""The application layer: the one front door that Discord, the command line and HTTP call."""

from engine.rules.people import UNRULED
from engine.service.admin import DrainingError, RefusedError
from engine.service.browse import FAVORITES, GALLERY, HISTORY, Page
from engine.service.enhancer import lengthen
from engine.service.origin import FileOptions
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
from engine.service.settings import LABEL, LANGUAGE, OPTION, SETTINGS, SUFFIX
from engine.service.welcome import RulesError
from engine.store.browse import Search

__all__ = [
    "FAVORITES",
    "GALLERY",
    "HISTORY",
    "LABEL",
    "LANGUAGE",
    "OPTION",
    "SETTINGS",
    "SUFFIX",
    "UNRULED",
    "Ask",
    "Caller",
    "Describe",
    "DrainingError",
    "Draw",
    "Edit",
    "FileOptions",
    "Imagine",
    "Page",
    "Planned",
    "RefusedError",
    "RulesError",
    "Search",
    "Service",
    "Shorten",
    "Snapshot",
    "Submitted",
    "lengthen",
    "restored",
    "server",
    "stored",
]
