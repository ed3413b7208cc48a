"""What the settings table says; knows words only."""

from __future__ import annotations

from collections.abc import Sequence

from engine.prompt import Given
from engine.prompt.flags import Flag, FlagType

SETTINGS = "Your settings, for prompts that say nothing else. Green is on; a flag in the prompt wins."
MODEL_PLACEHOLDER = "Model"
ALL = "All settings"
BACK = "Back"
RESET = "Reset settings"
PLACEHOLDER = "Change a setting"
LABEL = "The value; leave it empty for the usual one"
HEAD = "What holds for your prompts here that say nothing else, and who chose it. A flag in a prompt wins."
WHO = {"settings": "you", "suffix": "your suffix", "server": "this server"}
WIDEST = 32


def title(name: str) -> str:
    """Return the title of the dialog for one flag."""
    return f"--{name}"


def example(flag: Flag) -> str:
    """Return what may be typed for a flag."""
    if flag.kind in (FlagType.INT, FlagType.NUMBER):
        return f"{flag.range}, such as {flag.example}"
    return f"such as {flag.example}" if flag.example else ""


def table(rows: Sequence[tuple[Flag, Given | None]]) -> str:
    """Return the table: each flag, its value here, and who chose it (nobody: as usual)."""
    lines = [("flag", "value", "chosen by")]
    for flag, given in rows:
        if given is None:
            lines.append((f"--{flag.name}", flag.default, "–"))
            continue
        value = given.plain()
        shown = {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)
        shown = shown.replace("`", "'")
        shown = shown if len(shown) <= WIDEST else shown[: WIDEST - 1] + "…"
        lines.append((f"--{flag.name}", shown, WHO.get(given.source, given.source)))
    first = max(len(line[0]) for line in lines)
    second = max(len(line[1]) for line in lines)
    body = "\n".join(f"{one:<{first}}  {two:<{second}}  {who}".rstrip() for one, two, who in lines)
    return f"{HEAD}\n```\n{body}\n```"
