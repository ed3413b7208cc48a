"""Sentences for people, and the language they are said in: English in the source, others in ``.po`` files.

A sentence is written in English where it belongs, with ``{named}`` fields; that text is also its key in the
catalogues beside this file, one a language, in gettext's format. ``say`` returns it in the language that is
being spoken, ``Sentence`` keeps it to be said later: as a plain string it is English, so logs, the command
line and the HTTP API read English whoever asked.

What is kept with a job or comes from another process is plain English text: ``say`` knows its sentence again,
fields and all.

The language is set once, where a request comes in (``speaking``); tasks started from there keep it. What a
catalogue lacks is said in English.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from functools import reduce
from typing import Any, Self

from engine.words.catalogue import Catalogue

LANGUAGES: Mapping[str, str] = {
    "es-ES": "es",
    "es-419": "es",
    "pt-BR": "pt_BR",
    "de": "de",
    "fr": "fr",
    "ja": "ja",
    "zh-CN": "zh_CN",
}
"""Discord's name of each language that is spoken beside English, to its catalogue."""

_spoken: ContextVar[str | None] = ContextVar("language", default=None)


def language() -> str | None:
    """Return the language being spoken, as Discord names it; None: English."""
    return _spoken.get()


def speak(locale: str | None) -> None:
    """Speak this language (Discord's name) from here on in this task; English where there is no catalogue."""
    _spoken.set(locale if locale in LANGUAGES else None)


@contextlib.contextmanager
def speaking(locale: str | None) -> Iterator[None]:
    """As ``speak``, while inside."""
    token = _spoken.set(locale if locale in LANGUAGES else None)
    try:
        yield
    finally:
        _spoken.reset(token)


class Sentence(str):
    """A sentence to be said later, perhaps in another language; as a string it is English.

    ``fields`` fill the ``{named}`` places of ``template``; without any, it is taken as it stands. A field
    that is a Sentence is said in the same language.
    """

    template: str
    many: str | None
    fields: Mapping[str, Any]

    def __new__(cls, template: str, /, **fields: Any) -> Self:
        """Make it."""
        return cls._make(template, None, fields)

    @classmethod
    def counted(cls, n: int, one: str, many: str, /, **fields: Any) -> Self:
        """Return a sentence about ``n`` things, which is also its field ``{n}``: ``one`` for 1 of them."""
        return cls._make(one, many, {"n": n, **fields})

    @classmethod
    def _make(cls, template: str, many: str | None, fields: Mapping[str, Any]) -> Self:
        english = template if many is None or fields["n"] == 1 else many
        made = super().__new__(cls, english.format_map(fields) if fields else english)
        made.template, made.many, made.fields = template, many, fields
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return Sentence._make, (self.template, self.many, dict(self.fields))

    def said(self) -> str:
        """Return it in the language being spoken."""
        locale = _spoken.get()
        if locale is None:
            return str(self)
        n = self.fields["n"] if self.many else None
        catalogue = Catalogue.of(LANGUAGES[locale])
        found = catalogue.find(self.template, n)
        if found is None:  # a note or an error that was kept as plain text
            return (None if self.fields else catalogue.again(str(self))) or str(self)
        fields = {name: one.said() if isinstance(one, Sentence) else one for name, one in self.fields.items()}
        return found.format_map(fields) if fields else found


def all_of(things: Sequence[str]) -> str:
    """Return a list of things with "and" between them."""
    return reduce(lambda before, one: Sentence("{before} and {one}", before=before, one=one), things)


def one_of(things: Sequence[str]) -> str:
    """Return a list of things with "or" between them."""
    return reduce(lambda before, one: Sentence("{before} or {one}", before=before, one=one), things)


def translated(text: str, locale: str) -> str | None:
    """Return a sentence without fields in a language (Discord's name); None: it is not translated."""
    return Catalogue.of(LANGUAGES[locale]).find(text) if locale in LANGUAGES else None


def said(error: BaseException) -> str:
    """Return what an error says, in the language being spoken; ``str(error)`` is always English."""
    first = error.args[0] if error.args else None
    return say(first) if isinstance(first, str) else str(error)


def say(text: str, /, **fields: Any) -> str:
    """Return a sentence in the language being spoken; ``fields`` as for ``Sentence``."""
    if fields or not isinstance(text, Sentence):
        text = Sentence(text, **fields)
    return text.said()


def counted(n: int, one: str, many: str, /, **fields: Any) -> str:
    """Return a sentence about ``n`` things in the language being spoken, as ``Sentence.counted``."""
    return Sentence.counted(n, one, many, **fields).said()
