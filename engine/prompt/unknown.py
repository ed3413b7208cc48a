"""What other programs' prompts may hold that is not done here: said in a note, or left out. No flags."""

from __future__ import annotations

import re

from engine.prompt.characters import visible
from engine.prompt.tokens import noted
from engine.words import Sentence

_EMBEDDING = re.compile(
    r"\(\s?embedding:\s?[\w./\-]{1,80}(?::[\d.]{1,6})?\s?\)"
    r"|(?<!\w)embedding:\s?[\w./\-]{1,80}(?::[\d.]{1,6})?|<[A-Za-z0-9][\w.\-]{2,60}>"
)
_COMMAS = re.compile(r"^[\s,]+|,(?=\s*,)|\s+(?=,)")
_UNTIL = re.compile(r"(?<!\\)\[([^\[\]:]{1,400})::\s?\d*\.?\d+\s?\]")
_FORMS = (
    (
        re.compile(r"(?<!\\)\[[^\[\]|]{0,400}\|[^\[\]]{0,400}\]"),
        Sentence(
            "`[a|b]` (a word at each step in turn) is not known here and was read as words; `{a|b}` "
            "picks one."
        ),
    ),
    (
        re.compile(
            r"(?<!\\)\[(?=[^\[\]]{0,400}[^\W\d])[^\[\]:]{0,400}:(?:[^\[\]:]{0,400}:)?\s?\d*\.?\d+\s?\]"
        ),
        Sentence("`[a:b:0.5]` (another word from half-way on) is not known here and was read as words."),
    ),
    (
        re.compile(r"\S\s+AND\s+\S"),
        Sentence("`AND` was read as a word; `a:: b` draws two texts together."),
    ),
    (
        re.compile(r"[\w)]\.(?:blend|swap|and)\("),
        Sentence(
            "`.blend()`, `.swap()` and `.and()` are not known here and were read as words; see `a::2 b`."
        ),
    ),
    (
        re.compile(r"\w{2}\+{2,}(?![\w+])|\)(?:[+\-]{1,5}|\d?\.\d{1,3})(?=[\s,]|$)"),
        Sentence("`word++` and `(words)1.2` are not known here and were read as words; write `(words:1.2)`."),
    ),
    (
        re.compile(r"(?<!\w)(?:ADDCOMM|ADDBASE|ADDCOL|ADDROW|TOPP)(?!\w)"),
        Sentence(
            "`ADDCOL` and the like (parts with words of their own) are not known here and were read as words."
        ),
    ),
    (
        re.compile(
            r"<(?:random|alternate|fromto|wildcard|segment|object|region|setvar|var|repeat|preset)[\[:]"
        ),
        Sentence(
            "`<random:…>` and tags like it are not known here and were read as words; `{a|b}` picks one."
        ),
    ),
    (
        re.compile(r"(?<![\w$])\$[A-Za-z]\w{0,40}="),
        Sentence("`${x=…}` is not known here and was read as words."),
    ),
)
"""A form, and what is said of it."""


def closed(text: str) -> str:
    """Return a list of words without the commas of what was taken out of it.

    >>> closed(" , a cat,  , red, ")
    'a cat, red'
    """
    return _COMMAS.sub("", text).rstrip(" ,")


def said_of(text: str, notes: list[str]) -> str:
    """Return the text without names of embeddings; what else another program would act on is said.

    >>> said_of("embedding:good, a cat", []), said_of("a [cat::0.5]", [])
    ('a cat', 'a cat')
    """
    bare = _EMBEDDING.sub(" ", text)
    if bare != text:
        notes.append(Sentence("Embeddings are not known here; their names were left out."))
        bare = closed(bare)
    stays = Sentence("`[a::0.5]` (a word up to half-way) is not known here; the word stays.")
    whole = noted(notes, bare, _UNTIL.sub(r"\1", bare), stays)
    notes.extend(said for form, said in _FORMS if form.search(whole) is not None)
    return whole if whole == text else visible(" ".join(whole.split()))
