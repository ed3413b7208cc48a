"""Values of a prompt's flags, by type, and the line with flags changed that refusals offer to copy."""

from __future__ import annotations

from collections.abc import Mapping

from engine.prompt.prompt import Prompt


def integer(prompt: Prompt, name: str, default: int) -> int:
    """Return a flag's whole number, or ``default`` where nobody gave it."""
    value = prompt.get(name)
    return int(value) if isinstance(value, int | float) else default


def decimal(prompt: Prompt, name: str, default: float) -> float:
    """Return a flag's number, or ``default`` where nobody gave it."""
    value = prompt.get(name)
    return float(value) if isinstance(value, int | float) else default


def text(prompt: Prompt, name: str) -> str:
    """Return a flag's text; empty where nobody gave it."""
    value = prompt.get(name)
    return value if isinstance(value, str) else ""


def repaired(prompt: Prompt, changes: Mapping[str, int | str | tuple[str, ...] | None]) -> str:
    """Return the person's line with flags changed: the line to copy."""
    return prompt.with_flags(changes).to_line(("prompt",))
