"""Other programs' marks among the words: HTML, Discord's mentions and emoji, wide letters. Knows no flags."""

from __future__ import annotations

import re
import unicodedata

from engine.prompt.tokens import noted
from engine.words import Sentence

_ENTITY = re.compile(r"&(?:amp;)*(amp|quot|lt|gt|apos|nbsp|#0?39|#x27|#34);", re.IGNORECASE)
_ENTITIES = {"amp": "&", "quot": '"', "lt": "<", "gt": ">", "nbsp": " ", "#34": '"'}
_PICTURE = re.compile(
    r"<(?:a|img)\s[^<>]{0,400}?\b(?:href|src)\s?=\s?[\"']?(?P<html>(?:https?://|picture:)[^\s<>\"']{1,2000})[^<>]{0,400}>"
    r"|\[(?:url|img)=[\"']?(?P<board>https?://[^\s\[\]<>\"']{1,2000})[\"']?\]",
    re.IGNORECASE,
)
_TAG = re.compile(
    r"</?(?:a|b|blockquote|br|code|div|em|h[1-6]|hr|i|img|li|ol|p|pre|span|strong|sub|sup|u|ul)"
    r"(?:\s{1,3}[\w-]{1,30}\s?=\s?(?:\"[^<>\"]{0,400}\"|'[^<>']{0,400}'|[^\s<>\"']{1,400})){0,12}\s{0,3}/?>"
    r"|\[/?(?:img|url|quote|code|b|i)(?:=[^\[\]\s]{0,400})?\](?!\()",
    re.IGNORECASE,
)
_COMMAND = re.compile(r"</[\w-]{1,32}(?: [\w-]{1,32}){0,2}:\d{15,20}>(?:\s?prompt\s?:)?")
_EMOJI = re.compile(r"<a?:(\w{2,32}):\d{15,20}>")
_MENTION = re.compile(r"<(?:@[!&]?|#|id:)\w{1,20}>|<t:-?\d{1,15}(?::[a-zA-Z])?>")
_WIDE = re.compile(r"(?<=[-‐‑‒–—―−－])[Ａ-Ｚａ-ｚ]+")
_WIDE_WEIGHT = re.compile(r"[（(][^（）()：:\n]{1,200}[：:]\s?\d{1,2}(?:[.．]\d{1,3})?[）)]|：：")
"""Weights whose marks a wide keyboard wrote: ``（cat：1.2）``, ``cat：：2``."""
_USUAL = str.maketrans("（：．）", "(:.)")
_DASHES = str.maketrans({"﹣": "-", "⸺": "—", "⸻": "—"})


def plain(text: str, notes: list[str]) -> str:
    """Return the text without HTML; with the dashes and the flags' letters of wide keyboards as usual ones.

    >>> plain('<p>a &quot;cat&quot; <img src="https://a.b/x.png">', [])
    'a "cat" https://a.b/x.png '
    """
    text = _WIDE.sub(lambda wide: unicodedata.normalize("NFKC", wide.group()), text.translate(_DASHES))
    text = _WIDE_WEIGHT.sub(lambda weight: weight.group().translate(_USUAL), text)
    bare = _ENTITY.sub(lambda entity: _ENTITIES.get(entity[1].lower(), "'"), text)
    for _ in range(4):  # what stood in an entity may be a tag
        before, bare = bare, _PICTURE.sub(lambda tag: f"{tag['html'] or tag['board']} ", bare)
        bare = _TAG.sub("", bare)
        if bare == before:
            break
    return noted(notes, text, bare, Sentence("HTML was read as its text."))


def without_mentions(text: str, notes: list[str]) -> str:
    """Return the text without mentions of people, channels, commands and times; emoji become their names.

    >>> without_mentions("<@1100000000000000011> a <:red_cat:1100000000000000012>", [])
    ' a red cat'
    """
    bare = _EMOJI.sub(lambda emoji: emoji[1].replace("_", " "), _MENTION.sub("", _COMMAND.sub("", text)))
    said = Sentence("Mentions were left out; emoji of a server are read as their names.")
    return noted(notes, text, bare, said)
