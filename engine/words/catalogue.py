"""One language's sentences, read from a ``.po`` file; plural forms are those of Python's ``gettext``."""

from __future__ import annotations

import ast
import gettext
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent
_KEYWORD = re.compile(r'(msgid|msgid_plural|msgstr)(?:\[(\d+)\])? (".*")')
_PLURAL = re.compile(r"plural=([^;\n]+)")


@dataclass
class Entry:
    """One sentence: its key, the key for more than one, and its translations, a form each."""

    key: str = ""
    many: str | None = None
    forms: dict[int, str] = field(default_factory=dict)


def read(text: str) -> list[Entry]:
    """Return the entries of a ``.po`` file, its header (key ``""``) first.

    Raises ValueError for a line that is none of gettext's format. Obsolete entries are comments here.
    """
    entries: list[Entry] = []
    part, number = "", 0
    for at, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        found = _KEYWORD.fullmatch(line)
        if found is not None:
            part, number = found[1], int(found[2] or 0)
            line = found[3]
            if part == "msgid":
                entries.append(Entry())
        if not (line.startswith('"') and line.endswith('"') and entries):
            raise ValueError(f"line {at} is not of a .po file: {line[:80]}")
        said, entry = str(ast.literal_eval(line)), entries[-1]
        if part == "msgid":
            entry.key += said
        elif part == "msgid_plural":
            entry.many = (entry.many or "") + said
        else:
            entry.forms[number] = entry.forms.get(number, "") + said
    return entries


@dataclass(frozen=True)
class Catalogue:
    """What is said in one language. ``form``: which plural form a number takes."""

    said: Mapping[str, Mapping[int, str]]
    form: Callable[[int], int]

    @staticmethod
    @cache
    def of(name: str) -> Catalogue:
        """Return the catalogue of that file name, read once."""
        header, *entries = read((FOLDER / f"{name}.po").read_text(encoding="utf-8"))
        plural = _PLURAL.search(header.forms[0])
        # the rule of a .po file, by the function that the standard library reads .mo files with
        form = gettext.c2py(plural[1]) if plural else gettext.c2py("n != 1")
        return Catalogue({entry.key: entry.forms for entry in entries}, form)

    def find(self, key: str, n: int | None = None) -> str | None:
        """Return what is said for a key, of ``n`` things; None: it is not translated."""
        return self.said.get(key, {}).get(0 if n is None else self.form(n)) or None
