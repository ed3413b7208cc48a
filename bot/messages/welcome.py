"""Words for newcomers: the host's rules, three starters, what a button does; refuses to know discord.py."""

from __future__ import annotations

from collections.abc import Mapping

from bot.messages.text import CONTENT_LIMIT, to_copy
from engine.words import Sentence, say

ACCEPT = Sentence("Accept")
BEFORE = Sentence("**Before your first picture**")
HELLO = Sentence(
    "**Welcome!** Type `/imagine` and say what to draw, or press one of these to see how it "
    "goes. `/help` fits one screen."
)
GO_ON = Sentence(
    "**Thank you, and welcome!** Draw what you were about to, or one of the others to see how it goes:"
)
ONCE = Sentence("-# This is told once.")

_VARY = Sentence(
    "**Vary** draws four more like it: subtle keeps how it is laid out, strong keeps only the idea."
)
_ZOOM = Sentence("**Zoom Out** draws what lies around the picture, and the picture itself stays as it is.")
_PAN = Sentence("**The arrows** draw more of the scene on that side.")
HINTS: Mapping[str, tuple[str, str]] = {
    "u": ("u", Sentence("**U1–U4** post that picture alone, with all that can be made of it.")),
    "v": (
        "v",
        Sentence(
            "**V1–V4** draws four more like it: subtle keeps how it is laid out, strong keeps only the idea. "
            "`/settings` says which V1–V4 do."
        ),
    ),
    **dict.fromkeys(("vs", "vm"), ("vary", _VARY)),
    "r": ("r", Sentence("**🔄** draws the same prompt again: four other pictures.")),
    "vr": ("vr", Sentence("**Vary (Region)** repaints a part: mark it, then say what should be there.")),
    "s2": ("s2", Sentence("**Upscale (Subtle)** makes it twice as large and changes nothing else.")),
    "s4": ("s4", Sentence("**Upscale (4x)** makes it four times as large and changes nothing else.")),
    "sc": ("sc", Sentence("**Upscale (Creative)** makes it larger and draws new details into it.")),
    "rm": ("rm", Sentence("**Remaster** draws the picture again with another model.")),
    **dict.fromkeys(("z20", "z15"), ("zoom", _ZOOM)),
    "sq": (
        "sq",
        Sentence("**Make Square** draws what is missing to a square, and the picture stays as it is."),
    ),
    **dict.fromkeys(("pl", "pr", "pu", "pd"), ("pan", _PAN)),
}
"""What a button does, by its code on the wire: told the first time it is pressed, and noted as this word."""


def rules(text: str, typed: str | None) -> tuple[str, bool]:
    """Return the rules to accept, and what was typed, to draw then. False: that must come as a file."""
    shown = f"{say(BEFORE)}\n{text}"[: CONTENT_LIMIT - 10]
    if not typed:
        return shown, True
    block = to_copy(typed, limit=CONTENT_LIMIT - len(shown) - 20)
    return (shown, False) if block is None else (f"{shown}\n{block}", True)


def welcome(line: str | None = None) -> str:
    """Return what is said once the rules were accepted. ``line``: what somebody was about to draw."""
    block = None if line is None else to_copy(line)
    return say(HELLO) if block is None else f"{say(GO_ON)}\n{block}"
