"""JSON that ends, or begins, in the middle: as much of it as is certain. Knows no settings' meaning."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

_OBJECT = re.compile(r"(?:\"(\w[\w ]{0,60})\"\s*:\s*)?(?=\{)")
_PLAIN = re.compile(r"[^\s,:\[\]{}\"]+")
_TEXT = re.compile(r'"((?:[^"\\]|\\.)*+)"', re.DOTALL)
_HALF_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?$")
_CLOSING = {"{": "}", "[": "]"}
MOST_PIECES = 64


def closed(text: str, speaks: Callable[[str], bool]) -> str:
    """Return JSON that was cut as it stood before what was cut through: its last number, name or key goes.

    Of a text that was cut through, what is there stays where ``speaks`` says of its key that it is prose. The
    key of a list's members is that of the list.
    """
    stack: list[str] = []
    keys: list[str] = [""]
    good = at = 0  # nothing opens or closes between the last whole value and the end
    awaits_value = False
    while at < len(text):
        mark = text[at]
        if mark in "{[":
            stack.append(mark)
            keys.append(keys[-1] if mark == "[" else "")
            at += 1
            awaits_value = mark == "["
            good = at
        elif mark in "}]":
            if not stack or _CLOSING[stack[-1]] != mark:
                return text
            stack.pop()
            keys.pop()
            at += 1
            good = at
        elif mark == '"':
            whole = _TEXT.match(text, at)
            value = awaits_value or (bool(stack) and stack[-1] == "[")
            if whole is None:
                if value and speaks(keys[-1]):
                    text = _HALF_ESCAPE.sub("", text) + '"'
                    good = len(text)
                break
            at, awaits_value = whole.end(), False
            if value:
                good = at
            else:
                keys[-1] = whole[1]
        elif (plain := _PLAIN.match(text, at)) is not None:
            at, awaits_value = plain.end(), False
            if at < len(text):  # one that stands at the end may go on
                good = at
        else:
            awaits_value = mark == ":" or (awaits_value and mark.isspace())
            at += 1
    return text[:good] + "".join(_CLOSING[one] for one in reversed(stack))


def pieces(text: str) -> dict[str, Any]:
    """Return the whole objects in a text whose beginning is lost, under their names if they have any."""
    found: dict[str, Any] = {}
    decoder = json.JSONDecoder()
    at = tried = 0
    while tried < MOST_PIECES and (key := _OBJECT.search(text, at)) is not None:
        tried += 1
        at = key.end()
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            at += 1  # cut: what is whole stands in it
            continue
        name = key[1] or "object"
        found[name if name not in found else f"{name} {tried}"], at = value, end
    return found
