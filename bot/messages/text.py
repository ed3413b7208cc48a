"""How text is shown in Discord: disarmed, shortened, quoted, counted; refuses to know jobs."""

from __future__ import annotations

import re

from engine.words import say

CONTENT_LIMIT = 2000
"""Most characters of a message's content (Discord, Create Message)."""
ALT_LIMIT = 1024
"""Most characters of a file's description (Discord, attachment object)."""
SHOWN_LIMIT = 700
"""Characters of a prompt shown above a picture; the Info button has all of it."""
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
# what Discord's markdown or mention reader would act on, if it stood alone
_SPECIAL = re.compile(r"[\\`*_~|<@\[\]#]|:(?=//|[A-Za-z0-9_+~-]+:)")
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\u200e\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufdff\ufe70-\ufefc]")
_ISOLATES = "\u2066\u2067\u2068"
_POP_ISOLATE = "\u2069"


def shown(text: str, limit: int = SHOWN_LIMIT) -> str:
    """Return ``text`` so that it shows as typed, formats nothing, links nothing and mentions nobody.

    Markdown, mentions and emoji codes are disarmed with backslashes, which Discord does not show. Text that
    turns the reading direction is wrapped in an isolate, so that it cannot reorder what stands beside it.
    """
    text = " ".join(CONTROL.sub("", text).split())
    if len(text) > limit:
        text = text[: limit - 1].rstrip() + "…"
    return _isolated(_SPECIAL.sub(lambda found: "\\" + found[0], text))


def _isolated(text: str) -> str:
    if not _RIGHT_TO_LEFT.search(text):
        return text
    depth, kept = 0, []
    for character in text:
        if character in _ISOLATES:
            depth += 1
        elif character == _POP_ISOLATE:
            if not depth:
                continue  # it would close our own isolate; alone it is invisible
            depth -= 1
        kept.append(character)
    return "\u2068" + "".join(kept) + _POP_ISOLATE * (depth + 1)


def quoted(text: str, limit: int = 200) -> str:
    """Return text in a code span; what would end the span is taken out."""
    text = " ".join(CONTROL.sub("", text).replace("`", "'").split())
    return f"`{text if len(text) <= limit else text[: limit - 1] + '…'}`"


def to_copy(text: str, limit: int = 1500) -> str | None:
    """Return ``text`` in a block that can be copied exactly, or None where a block cannot hold it."""
    text = CONTROL.sub("", text)
    if "```" in text or text.endswith("`") or len(text) > limit or not text.strip():
        return None
    return f"```\n{text}\n```"


def mention(owner: str) -> str:
    """Return what names this owner: a mention for a Discord id, else the plain word."""
    return f"<@{owner}>" if owner.isdecimal() else shown(owner)


def ordinal(number: int) -> str:
    """Return ``1st``, ``2nd``, ``3rd``, ``4th``, … ``11th``."""
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def about(seconds: float) -> str:
    """Return a length of time as one would guess it aloud: a moment, 25 s, 1 min 30 s, 12 min, 2 h."""
    if seconds < 3:
        return say("a moment")
    if seconds < 57.5:
        return f"{max(5, round(seconds / 5) * 5)} s"
    if seconds < 585:
        minutes, half = divmod(round(seconds / 30), 2)
        return f"{minutes} min" + (" 30 s" if half else "")
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{round(seconds / 3600)} h"


def no_number(text: str) -> str:
    """Return the refusal of a zoom that is no number."""
    return say("{said} is not a number. Write one above 1 and at most 2, such as `1.5`.", said=quoted(text))
