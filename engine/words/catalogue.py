"""One language's sentences, read from a ``.po`` file; plural forms are those of Python's ``gettext``."""

from __future__ import annotations

import ast
import gettext
import re
import string
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path

FOLDER = Path(__file__).parent
LONGEST = 1000
"""Characters of a text beyond which it is not looked for among the sentences with fields."""
LETTERS_ALONE = 8
"""Letters of its own that a sentence needs to be known by; what stands in another's field needs one."""
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
class Template:
    """An English sentence with fields: ``pieces`` of text, and the name of the field after each but the last.

    ``key``: what it is translated by; ``n``: of one that counts things, 1 or more of them; ``letters``: how
    many letters are its own, not a field's.
    """

    key: str
    n: int | None
    pieces: tuple[str, ...]
    names: tuple[str, ...]
    letters: int

    @classmethod
    def of(cls, key: str, text: str, n: int | None) -> Template | None:
        """Return the template of a sentence; None where it has no fields, no words, or fields that touch."""
        pieces, names = [""], []
        for literal, name, _, _ in string.Formatter().parse(text):
            pieces[-1] += literal
            if name is None:
                continue
            if not name.isidentifier():  # braces that are no field
                return None
            names.append(name)
            pieces.append("")
        letters = sum(character.isalpha() for piece in pieces for character in piece)
        told = names and letters and all(pieces[1:-1])
        return cls(key, n, tuple(pieces), tuple(names), letters) if told else None

    def fields(self, text: str) -> dict[str, str] | None:
        """Return what stands in the fields of an English text; None where it is another sentence."""
        if not all(piece in text for piece in self.pieces):
            return None
        found = _pattern(self.pieces, self.names).fullmatch(text)
        return None if found is None else found.groupdict()

    def code(self) -> set[str]:
        """Return the fields that stand between backticks: names, and what people typed."""
        ticks, inside = 0, set()
        for piece, name in zip(self.pieces, self.names, strict=False):
            ticks += piece.count("`")
            if ticks % 2:
                inside.add(name)
        return inside


@cache
def _pattern(pieces: tuple[str, ...], names: tuple[str, ...]) -> re.Pattern[str]:
    parts, seen = [re.escape(pieces[0])], set[str]()
    for name, piece in zip(names, pieces[1:], strict=True):
        parts += [f"(?P={name})" if name in seen else f"(?P<{name}>.*?)", re.escape(piece)]
        seen.add(name)
    return re.compile("".join(parts), re.DOTALL)


class _Told(str):
    """A field as it was told, whatever format the sentence gives it."""

    def __format__(self, spec: str) -> str:
        return str(self)


@dataclass(frozen=True)
class Catalogue:
    """What is said in one language. ``form``: which plural form a number takes; ``templates`` of sentences
    with fields, the most telling first.
    """

    said: Mapping[str, Mapping[int, str]]
    form: Callable[[int], int]
    templates: Sequence[Template]

    @staticmethod
    @cache
    def of(name: str) -> Catalogue:
        """Return the catalogue of that file name, read once."""
        header, *entries = read((FOLDER / f"{name}.po").read_text(encoding="utf-8"))
        plural = _PLURAL.search(header.forms[0])
        # the rule of a .po file, by the function that the standard library reads .mo files with
        form = gettext.c2py(plural[1]) if plural else gettext.c2py("n != 1")
        templates = sorted(_templates(entries), key=lambda one: -one.letters)
        return Catalogue({entry.key: entry.forms for entry in entries}, form, templates)

    def find(self, key: str, n: int | None = None) -> str | None:
        """Return what is said for a key, of ``n`` things; None: it is not translated."""
        return self.said.get(key, {}).get(0 if n is None else self.form(n)) or None

    def again(self, text: str) -> str | None:
        """Return what is said for an English sentence kept as plain text; None: it is none of ours."""
        return _again(self, text, LETTERS_ALONE)

    def __hash__(self) -> int:
        return id(self)


def _templates(entries: Iterable[Entry]) -> Iterator[Template]:
    for entry in entries:
        counted = entry.many is not None
        for text, n in ((entry.key, 1 if counted else None), (entry.many, 2)):
            if text is not None and (made := Template.of(entry.key, text, n)) is not None:
                yield made


@lru_cache(maxsize=4096)
def _again(catalogue: Catalogue, text: str, letters: int) -> str | None:
    """Return a sentence with what stands in its fields, which may be sentences too; ``letters`` it needs."""
    if (found := catalogue.find(text)) is not None or len(text) > LONGEST:
        return found
    for one in catalogue.templates:
        if one.letters < letters:
            break
        if (fields := one.fields(text)) is None:
            continue
        n = one.n
        if n is not None and (shown := fields.get("n", "").replace(",", "")).isdecimal():
            n = int(shown)
        if (said := catalogue.find(one.key, n)) is not None:
            code = one.code()
            told = {
                name: _Told(what if name in code else _again(catalogue, what, 1) or what)
                for name, what in fields.items()
            }
            return said.format_map(told)
    return None
