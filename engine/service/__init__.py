"""The application layer: the one front door that Discord, the command line and HTTP call."""

from engine.service.service import (
    OPTION,
    SETTINGS,
    SUFFIX,
    Action,
    Preview,
    Request,
    Service,
    Snapshot,
    Submitted,
    Verb,
    place,
    server,
)

__all__ = [
    "OPTION",
    "SETTINGS",
    "SUFFIX",
    "Action",
    "Preview",
    "Request",
    "Service",
    "Snapshot",
    "Submitted",
    "Verb",
    "place",
    "server",
]
