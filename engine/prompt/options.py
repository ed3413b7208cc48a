"""A person's own flags (``/prefer option set``) filled in where they stand. Knows no other flags' values."""

from __future__ import annotations

import re
from collections.abc import Mapping

from engine.errors import PromptError
from engine.prompt.flags import BY_NAME
from engine.words import Sentence

_OPTION = re.compile(r"(?<![\w\\-])(?:--|—|–)([A-Za-z0-9_]{1,40})(?![\w-])")


def expand_options(line: str, options: Mapping[str, str], length: int) -> str:
    """Return the line with the person's own flags replaced by what they stand for, also inside one another.

    Raises PromptError for one that stands for itself, and where the result would pass ``length`` characters.
    """
    own = {name.lower(): text for name, text in options.items() if name.lower() not in BY_NAME}
    if not own or _OPTION.search(line) is None:
        return line
    done: dict[str, str] = {}
    told = Sentence("With your own flags filled in, this prompt passes {length} characters. Shorten one.")
    told = Sentence(told, length=length)

    def whole(name: str, path: tuple[str, ...]) -> str:
        if name in path:
            loop = " → ".join(f"`--{step}`" for step in (*path[path.index(name) :], name))
            raise PromptError(
                Sentence(
                    "`--{name}` stands for itself: {loop}. Change it with `/prefer option set`.",
                    name=name,
                    loop=loop,
                )
            )
        if name not in done:
            done[name] = replaced(own[name], (*path, name))
        return done[name]

    def replaced(text: str, path: tuple[str, ...]) -> str:
        out: list[str] = []
        at = size = 0
        for match in _OPTION.finditer(text):
            name = match[1].lower()
            if name not in own:
                continue
            pieces = (text[at : match.start()], whole(name, path))
            size += len(pieces[0]) + len(pieces[1])
            if size > length:
                raise PromptError(told)
            out.extend(pieces)
            at = match.end()
        if size + len(text) - at > length:
            raise PromptError(told)
        return "".join([*out, text[at:]])

    return replaced(line, ())
