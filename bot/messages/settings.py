"""What the settings table says; knows words only."""

from __future__ import annotations

from collections.abc import Sequence

from engine.prompt import Given
from engine.prompt.flags import Flag, FlagType
from engine.words import Sentence, say

SETTINGS = Sentence(
    "Your settings, for prompts that say nothing else. Green is on; a flag in the prompt wins."
)
MODEL_PLACEHOLDER = Sentence("Model")
ALL = Sentence("All settings")
BACK = Sentence("Back")
RESET = Sentence("Reset settings")
PLACEHOLDER = Sentence("Change a setting")
LABEL = Sentence("The value; leave it empty for the usual one")
HEAD = Sentence(
    "What holds for your prompts here that say nothing else, and who chose it. A flag in a prompt wins."
)
WHO = {"settings": Sentence("you"), "suffix": Sentence("your suffix"), "server": Sentence("this server")}
WIDEST = 32


def title(name: str) -> str:
    """Return the title of the dialog for one flag."""
    return f"--{name}"


def example(flag: Flag) -> str:
    """Return what may be typed for a flag."""
    if flag.kind in (FlagType.INT, FlagType.NUMBER):
        return say("{range}, such as {example}", range=say(flag.range), example=flag.example)
    return say("such as {example}", example=flag.example) if flag.example else ""


def table(rows: Sequence[tuple[Flag, Given | None]]) -> str:
    """Return the table: each flag, its value here, and who chose it (nobody: as usual)."""
    lines = [(say("flag"), say("value"), say("chosen by"))]
    for flag, given in rows:
        if given is None:
            lines.append((f"--{flag.name}", say(flag.default), "–"))
            continue
        value = given.plain()
        shown = {True: say("on"), False: say("off")}[value] if isinstance(value, bool) else str(value)
        shown = shown.replace("`", "'")
        shown = shown if len(shown) <= WIDEST else shown[: WIDEST - 1] + "…"
        lines.append((f"--{flag.name}", shown, say(WHO.get(given.source, given.source))))
    first = max(len(line[0]) for line in lines)
    second = max(len(line[1]) for line in lines)
    body = "\n".join(f"{one:<{first}}  {two:<{second}}  {who}".rstrip() for one, two, who in lines)
    return f"{say(HEAD)}\n```\n{body}\n```"
