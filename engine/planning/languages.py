"""What language a prompt is in, as far as its letters and whoever wrote it say."""

from __future__ import annotations

import re

_SCRIPTS: tuple[tuple[str, str], ...] = (
    ("ja", r"[\u3040-\u30ff]"),  # kana before the characters that Japanese shares with Chinese
    ("ko", r"[\uac00-\ud7af]"),
    ("zh", r"[\u4e00-\u9fff]"),
    ("th", r"[\u0e00-\u0e7f]"),
    ("hi", r"[\u0900-\u097f]"),
    ("he", r"[\u0590-\u05ff]"),
    ("ar", r"[\u0600-\u06ff]"),
    ("el", r"[\u0370-\u03ff]"),
    ("ru", r"[\u0400-\u04ff]"),
)
"""ISO 639-1 and the letters (Unicode blocks) that tell it."""
_SHARED: dict[str, frozenset[str]] = {"ru": frozenset({"uk", "bg"}), "zh": frozenset({"ja"})}
"""Languages whose letters are another's, too: what the person speaks decides."""


def language_of(text: str, spoken: str) -> str:
    """Return the language of a prompt (ISO 639-1), ``en`` where nothing says otherwise.

    ``spoken``: the language its writer has chosen in Discord (``pt-BR``), empty where unknown. Words in Latin
    letters are taken for it: who writes English there, too, gets English back.
    """
    own = spoken.split("-")[0].lower()
    for language, letters in _SCRIPTS:
        if re.search(letters, text):
            return own if own in _SHARED.get(language, frozenset()) else language
    latin = own and own not in {language for language, _ in _SCRIPTS}
    return own if latin and re.search(r"[^\W\d_]", text) else "en"
