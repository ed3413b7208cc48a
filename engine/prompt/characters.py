"""Characters that cannot be seen or stored, taken out of what people type or paste. Knows no grammar."""

from __future__ import annotations

import re
import unicodedata

_SURROGATE = re.compile("[\ud800-\udfff]")
_HIDDEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""What shows nothing: Unicode's Default_Ignorable_Code_Point, and the braille pattern without dots."""
_FILLERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Characters that show as a blank."""
_JOINERS = "\u200c\u200d"
_FLAG = "\U0001f3f4"
_KEYCAP = "\u20e3"


def storable(text: str) -> str:
    """Return the text with halves of characters joined, or replaced by U+FFFD where the other half is lost.

    >>> storable("caf\\udce9"), storable("\\ud83d\\ude00") == "\\U0001f600"
    ('caf\ufffd', True)
    """
    if not _SURROGATE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def visible(text: str) -> str:
    r"""Return the text without characters that show nothing and mean nothing; fillers become blanks.

    Joiners stay inside emoji and inside words of scripts that are written with them, variation selectors
    behind what they vary, tags behind a flag.

    >>> visible("a cat --ar\u200b 16:9")
    'a cat --ar 16:9'
    """
    if _HIDDEN.search(text) is None:
        return text
    out: list[str] = []
    last = ""  # what was kept before
    at = 0
    for match in _HIDDEN.finditer(text):
        start, end = match.span()
        if start > at:
            out.append(text[at:start])
            last = text[start - 1]
        character, at = match.group(), end
        if character in _FILLERS:
            out.append(" ")
            last = " "
        elif _means(last, character, text[end : end + 1]):
            out.append(character)
            last = character
    out.append(text[at:])
    return "".join(out)


def _means(before: str, character: str, after: str) -> bool:
    """Say whether a character that shows nothing says something between its neighbours."""
    if character in _JOINERS:
        if before and unicodedata.category(before) in ("Mn", "Mc") and not _selects(before):
            return True  # a virama with its joiner, also at the end of a word
        return _joins(before) and _joins(after)
    if _selects(character):
        return bool(before) and not before.isspace() and (not before.isascii() or after == _KEYCAP)
    if "\U000e0020" <= character <= "\U000e007f":
        return before == _FLAG or "\U000e0020" <= before <= "\U000e007f"
    return False


def _selects(character: str) -> bool:
    return (
        "\ufe00" <= character <= "\ufe0f"
        or "\U000e0100" <= character <= "\U000e01ef"
        or ("\u180b" <= character <= "\u180d")
    )


def _joins(character: str) -> bool:
    """Say whether a character may stand beside a joiner: letters of other scripts, marks, emoji."""
    if not character or character.isascii():
        return False
    return unicodedata.category(character)[0] in "LM" or unicodedata.category(character) in ("So", "Sk")
