"""Links to pictures in a text, with the marks that touch them. Fetches nothing, knows no flags."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

NUMBER = r"[+-]?(?:\d{1,6}(?:\.\d{0,6})?|\.\d{1,6})"
"""What a weight looks like."""
_ENDING = r"\.(?:png|gif|jpe?g|webp)"
_START = re.compile(
    r"https?://|(?<!\w)(?:blob:|data:image/|(?:ftp|file|attachment|sandbox|content)://)(?=[^\s<>])|(?<!\w)picture:[0-9a-f]{16}(?![0-9a-z])",
    re.IGNORECASE,
)
_BODY = re.compile(
    r"(?:https?://)?+"
    r"(?:(?!,(?:https?|blob|picture):|(?:(?<=\.png)|(?<=\.gif)|(?<=\.jpg)|(?<=\.jpeg)|(?<=\.webp))https?://)"
    r"[^\s<>\"`|«»‹›“”「」『』【】《》〈〉])*+",
    re.IGNORECASE,
)
_KEPT = re.compile(rf"picture:[0-9a-f]{{16}}(?:::(?:{NUMBER})?)?", re.IGNORECASE)
_ENDED = re.compile(rf"{_ENDING}(?=[^A-Za-z0-9?#/%&=+.:~_\-]|(?:--|—|–)[A-Za-z])", re.IGNORECASE)
"""An ending, and behind it what does not go on a link: marks, a flag, or words of a script without blanks."""
_CUT = re.compile(rf"(\S+?{_ENDING})(?:::({NUMBER}))?(?=\S)", re.IGNORECASE)
_BARE = re.compile(
    r"(?:(?<=::)|(?<![\w/.:@\\-]))(?:https?:/(?!/)|//)?((?:[\w-]{1,63}\.){1,5}[A-Za-z]{2,10}/[^\s<>\"'`|]{1,400}?"
    rf"{_ENDING}(?:\?[^\s<>\"'`|]{{0,2000}})?)(?=$|[\s<>\"'`|,;)\]*_~]|::|https?://)",
    re.IGNORECASE,
)
_PICTURE = re.compile(rf"{_ENDING}(?:[?#]\S*)?$", re.IGNORECASE)
_PICTURE_HOSTS = re.compile(
    r"https?://(?:cdn\.discordapp\.com|media\.discordapp\.net|s\.mj\.run|cdn\.midjourney\.com)/\S",
    re.IGNORECASE,
)
_WEIGHT = re.compile(rf"::({NUMBER})?$")
_GLUED_WEIGHT = re.compile(
    r"(::[+-]?(?:\d{1,6}(?:\.\d{0,6})?|\.\d{1,6})?)(?=https?://|blob:|picture:)", re.IGNORECASE
)
_MARKDOWN = re.compile(
    r"!?\[([^\[\]\n]{0,300})\]\(\s{0,9}<?((?:https?://|picture:)[^\s<>]{1,2000}?)>?"
    r"(?:\s{1,9}\"[^\"\n]{0,300}\")?\s{0,9}\)(?=$|[^)])",
    re.IGNORECASE,
)
_BEFORE = "*_~|\"'`([{<«‹“‘「『【《〈"
_AFTER = "*_~|\"'`)]}>»›”’」』】》〉,;.!?，。！？、；："
_PAIRS = {")": "(", "]": "[", "}": "{"}


@dataclass(frozen=True, slots=True)
class Link:
    """A link at ``start:end`` of a text, its marks and its ``::weight`` included.

    ``marked`` is what was left out around it: marks, and the weight's own text.
    """

    start: int
    end: int
    url: str
    weight: float | None = None
    marked: str = ""

    @property
    def is_picture(self) -> bool:
        """Say whether it leads to a picture, as far as a link tells."""
        fetched = self.url[:4].lower() == "http"
        return self.is_kept or (fetched and bool(_PICTURE.search(self.url) or _PICTURE_HOSTS.match(self.url)))

    @property
    def is_unsent(self) -> bool:
        """Say whether it leads to somebody's own machine: the picture was never sent."""
        return not self.is_kept and self.url[:4].lower() not in ("http", "ftp:")

    @property
    def parted(self) -> str | None:
        """Return a picture's link and what was written close behind it, with a blank between, or None."""
        cut = _CUT.match(self.url)
        return None if cut is None else f"{cut.group()} {self.url[cut.end() :].lstrip('/&=+.:~_-')}".strip()

    @property
    def is_kept(self) -> bool:
        """Say whether it names a picture that is kept here."""
        return self.url[:8].lower() == "picture:"


def plain(text: str) -> str:
    """Return the text with Markdown's links written out, and with a blank between a weight and a link.

    >>> plain("[a cat](https://a.b/x.png) cup::2https://a.b/y.png")
    'https://a.b/x.png a cat  cup::2 https://a.b/y.png'
    """
    if ":" not in text:
        return text
    return _GLUED_WEIGHT.sub(r"\1 ", _MARKDOWN.sub(_labelled, text))


def _labelled(link: re.Match[str]) -> str:
    label, url = link.groups()
    return f"{url} " if _START.match(label) else f"{url} {label} "


def whole(text: str) -> str:
    """Return the text with ``https://`` before pictures' addresses that lack it.

    >>> whole("www.a.b/x.png //a.b/y.jpg a cat")
    'https://www.a.b/x.png https://a.b/y.jpg a cat'
    """
    return _BARE.sub(r"https://\1", text) if "/" in text else text


def find(text: str) -> Iterator[Link]:
    """Yield the links of a text from left to right. Linear in the text's length.

    >>> [(link.url, link.weight) for link in find('"https://a.b/x.png", **https://a.b/y.png::2**')]
    [('https://a.b/x.png', None), ('https://a.b/y.png', 2.0)]
    """
    at = 0
    while (begin := _START.search(text, at)) is not None:
        link = _read(text, begin.start(), at)
        yield link
        at = max(link.end, begin.end())


def at(text: str, start: int) -> Link | None:
    """Return the link that stands at ``start``, marks in front of it aside, or None."""
    begin = start
    while text[begin : begin + 1] and text[begin] in _BEFORE:
        begin += 1
    return _read(text, begin, start) if _START.match(text, begin) else None


def _read(text: str, start: int, floor: int) -> Link:
    """Read the link that begins at ``start``; marks before it are looked for down to ``floor``."""
    body = _KEPT.match(text, start) or _BODY.match(text, start)
    assert body is not None  # the caller has seen its beginning
    whole = body.group()
    if (ended := _ENDED.search(whole)) is not None:
        whole = whole[: ended.end()]
    url, weight = _trimmed(whole), None
    while (weighed := _WEIGHT.search(url, max(0, len(url) - 20))) is not None:
        if weight is None and weighed[1]:
            weight = float(weighed[1]) + 0.0
        url = _trimmed(url[: weighed.start()])
    end = start + len(whole)
    if weight is None and (weighed := _WEIGHT_NEXT.match(text, end)) is not None and weighed[1]:
        weight, end = float(weighed[1]) + 0.0, weighed.end()
    while end < len(text) and text[end] in _AFTER:
        end += 1
    first = not text[floor:start].strip(_BEFORE + " \t\n")  # behind words, a weight apart is the words'
    if weight is None and first and (weighed := _WEIGHT_APART.match(text, end)) is not None:
        weight, end = float(weighed[1]) + 0.0, weighed.end()
    begin = start
    while begin > floor and text[begin - 1] in _BEFORE:
        begin -= 1
    if begin > floor and text[begin - 1] == "\\":
        begin += 1
    marked = text[min(begin, start) : start] + text[start + len(url) : end]
    return Link(min(begin, start), end, url.lower() if url[:8].lower() == "picture:" else url, weight, marked)


_WEIGHT_APART = re.compile(rf"\s{{1,3}}::({NUMBER})(?![\w.])")
_WEIGHT_NEXT = re.compile(rf">?::({NUMBER})?(?![\w.])")


def _trimmed(url: str) -> str:
    """Return a link without the marks at its end; a bracket stays where its partner is in the link."""
    end = len(url)
    spare = {close: url.count(close) - url.count(opening) for close, opening in _PAIRS.items()}
    while end:
        last = url[end - 1]
        if last in spare:
            if spare[last] <= 0:
                break
            spare[last] -= 1
        elif last not in _AFTER and last != ":":
            break
        end -= 1
    return url[:end]
