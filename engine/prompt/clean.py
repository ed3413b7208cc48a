"""The first pass over a line: characters, wrapping, other programs' forms; then it is one plain line."""

from __future__ import annotations

import re
from collections.abc import Collection

from engine.prompt import foreign, links, markup
from engine.prompt.characters import storable, visible
from engine.prompt.tokens import noted
from engine.prompt.wrapping import unwrapped
from engine.words import Sentence

_BREAKS = re.compile("\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_CONTROL = re.compile("\x1b\\[[0-9;]{0,20}[A-Za-z]|[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")
_PASSES = 8
_SMART = str.maketrans({"“": '"', "”": '"', "„": '"', "‟": '"', "‘": "'", "’": "'", "‚": "'", "‛": "'"})


def clean(line: str, notes: list[str], models: Collection[str] = ()) -> str:
    """Return the line as it is meant: no characters that show nothing, no wrapping, flags for settings.

    What was changed is said in ``notes``. The result is what is stored and shown; cleaned again, it stays.
    ``models`` are the names a pasted block may mean.
    """
    for _ in range(_PASSES):  # what is taken out may have stood before something else, a block pasted twice
        before, line = line, _once(line, notes, models)
        if line == before:
            break
    return line


def _once(line: str, notes: list[str], models: Collection[str]) -> str:
    text = noted(notes, line, storable(line), Sentence("Broken characters were replaced."))
    text = _CONTROL.sub("", _BREAKS.sub("\n", text))
    text = noted(notes, text, visible(text), Sentence("Invisible characters were left out."))
    text = noted(notes, text, text.translate(_SMART), Sentence("Curly quotes were read as straight ones."))
    text = markup.without_mentions(unwrapped(markup.plain(text, notes), notes), notes)
    whole = noted(notes, text, links.whole(text), Sentence("`https://` was put before a picture's address."))
    text = links.plain(whole)
    if "](" in whole and "](" not in text:
        notes.append(Sentence("Links with a label were written out."))
    text = foreign.as_line(text, notes, models)
    return unwrapped(re.sub("[\t\n\x1f]", " ", text), notes)
