"""What the doctor finds: how it stands with one thing, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor: ``ok``, ``note`` (works, could be better) or ``wrong`` (does not work)."""

    state: Literal["ok", "note", "wrong"]
    topic: str
    text: str


ok = partial(Finding, "ok")
note = partial(Finding, "note")
wrong = partial(Finding, "wrong")
