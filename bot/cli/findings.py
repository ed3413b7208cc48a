"""What the doctor finds: how it stands with one thing, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor: ``ok``, ``note`` (works, could be better) or ``wrong`` (does not work)."""

    state: Literal["ok", "note", "wrong"]
    topic: str
    text: str


def ok(topic: str, text: str) -> Finding:
    """What is as it should be."""
    return Finding("ok", topic, text)


def note(topic: str, text: str) -> Finding:
    """What works and could be better."""
    return Finding("note", topic, text)


def wrong(topic: str, text: str) -> Finding:
    """What keeps the bot from working, and what to do."""
    return Finding("wrong", topic, text)
