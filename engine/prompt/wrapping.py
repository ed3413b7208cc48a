"""What stands around a pasted prompt: a bot's own message, code blocks, quotes, Markdown. Reads no flags."""

from __future__ import annotations

import re

from engine.prompt.tokens import PAIRS, quote
from engine.words import Sentence

_IMAGINE = re.compile(
    r"\s*+(?:[/!](?:imagine|dream|draw|paint|create|generate|txt2img)(?![\w/])"
    r"\s*+(?:prompt\s*+:\s*+|prompt(?=\s|$)\s*+)?"
    r"|[*_]{0,3}(?:(?:(?:imagine|positive)\s++)?prompt|positive(?=\s?:))[*_]{0,3}\s*+(?:(?::(?!:)|=)[*_]{0,3}\s*+|\n\s*+)"
    r"|(?:dream|invoke)>\s*+"
    r"|parameters(?:[ \t]*+:\s*+|[ \t]*+\n\s*+)"
    r"|a (?:picture|grid of \d{1,2} pictures) drawn from the prompt:\s*+)",
    re.IGNORECASE,
)
_MENTION = r"<@!?\d{1,20}>"
_STATE = r"\((?:[^()\n]|\([^()\n]{0,40}\)){1,80}\)"
_SPEED = (
    r"\((?:fast|relax(?:ed)?|turbo|\d{1,3}%|waiting[^()\n]{0,40}|starting|stopped|cancelled|done)"
    r"[^()\n]{0,30}\)"
)
_TITLE_END = re.compile(
    rf"\*\* (?:[-–—] (?:[^<>*\n]{{0,80}}?{_MENTION}(?:\s{_STATE}){{0,3}}"
    rf"|[^<>*\n]{{1,80}}?\s{_SPEED}|Image #\d\s\S{{1,40}})|{_MENTION}(?:\s{_STATE}){{0,3}})"
    r"|\*\*\sThis makes \d[^\n]{0,400}? Start\?"
)
"""How a message of this bot, or of Midjourney's, ends its first line."""
_TITLE_START = re.compile(
    r"(?:making variations for image #\d with prompt|re-?rolling"
    r"|upscaling (?:\([^()\n]{0,20}\) )?image #\d with|(?:zooming|panning|remixing)[^*\n]{0,40})\s*$",
    re.IGNORECASE,
)
"""What Midjourney says before the prompt of a job that waits."""
_HEADER = re.compile(
    r"\A(?:[^\n]{1,60}\n){0,2}[^\n]{0,60}[—–-][^\n]{0,30}\d{1,2}:\d{2}[^\n]{0,10}\n"
    r"|\A\[\d{1,2}:\d{2}[^\]\n]{0,4}\]\s?[^:\n]{1,40}:\s"
)
"""What Discord puts over a message that is copied from the screen: its author and its time."""
_COPIED_END = re.compile(
    rf"\s[-–—]\s(?:[^@<>\n]{{0,60}}?\s)?@[\w.\-]{{1,40}}(?:\s[\w.\-]{{1,40}})?\s{_SPEED}|"
    r"\s[-–—]\sImage #\d\s@[\w.\-]{1,40}"
)
"""The same, copied from the screen: without the asterisks, the mention as a name."""
_INSTRUCTION = re.compile(r'\AEdit: "(.+)"\Z', re.DOTALL)
"""How the title of what was changed by instruction names it."""
_STANDS = r"\((?:waiting|starting|\d{1,3}%|being drawn|done|failed|not drawn|cancelled)[^()\n]{0,60}\)"
_LISTED = re.compile(
    rf"`[0-9a-z]{{8,12}}`\s(?P<listed>[^\n]+)\s{_STANDS}(?=$|\s--)"
    rf"|(?P<worded>[^\n]+)\s{_STANDS}\s·\s`?[0-9a-z]{{8,12}}`?(?=$|\s--)"
    r"|\d\ufe0f?\u20e3\s(?P<numbered>[^\n]+)"
)
"""A line of `/queue` and `/info` (an older one, one of now), or one of `/describe`'s prompts."""
_NOTES = re.compile(r"(?:^|\s)-#\s(?:[^\n]*[.!…](?=\s|$)|[^\n]*)")
_DISARMED = re.compile(r"\\([\\`*_~|<@\[\]#:])")
_FENCE = re.compile(r"```(?:[a-z]{1,12}(?=\n))?(.*?)```|(?m:^)~~~[a-z]{0,12}\n(.*?)\n~~~(?=\s|$)", re.DOTALL)
_QUOTED_LINE = re.compile(r"(?m)^[ \t]*(?:>>>|>)[ \t]+(?=[^\s\\‐‑‒–—―−－-])|(?<=\n)[ \t]*>[ \t]+")
_MARKED_START = re.compile(r"(?:#{1,3}|-#|[-*+•‣◦▪●○·]|>>>|>)\s+(?=[^\s\\‐‑‒–—―−－-])")
_FLAG = re.compile(r"(?<![^\s(\[\"'`])(?:--|—|–)[A-Za-z]")
_MORE_FLAGS = re.compile(r"\s+(?:--|—|–)[A-Za-z]")
_ONLY_AROUND_FLAGS = frozenset("'([<「『【《〈（［")
"""Marks that mean something around words alone: an apostrophe, weights, a title."""

_DEPTH = 100
"""How deeply wrapped a prompt may be."""

COPIED = Sentence("What stands around a copied message was left out.")
AROUND = Sentence("Marks around the whole prompt were left out.")


def unwrapped(text: str, notes: list[str]) -> str:
    """Return a prompt without what it was wrapped in: read again, the result stays as it is."""
    for _ in range(_DEPTH):
        before = text = text.strip()
        text = _message(text, notes)
        text = _block(text, notes)
        text = _start(text, notes)
        text = _around(text, notes)
        if text == before:
            break
    return text


def _say(notes: list[str], note: str) -> None:
    if note not in notes:
        notes.append(note)


def _message(text: str, notes: list[str]) -> str:
    """Take the prompt out of a message of this bot or of Midjourney's; words before and after it stay."""
    end = _TITLE_END.search(text)
    begin = -1 if end is None else text.find("**", 0, end.start())
    if end is not None and begin >= 0:
        said = _INSTRUCTION.sub(r"\1", _DISARMED.sub(r"\1", text[begin + 2 : end.start()]))
        if said.endswith("…"):
            _say(
                notes,
                Sentence(
                    "The copied message shows only the beginning of its prompt; its Info button has all."
                ),
            )
        _say(notes, COPIED)
        rest = _NOTES.sub(" ", text[end.end() :])
        before = _TITLE_START.sub("", _HEADER.sub("", text[:begin]))
        return f"{before}{said} {rest}".strip()
    if (line := _LISTED.match(text)) is not None:
        _say(notes, COPIED)
        said = _DISARMED.sub(r"\1", line["listed"] or line["worded"] or line["numbered"])
        return said + text[line.end() :]
    if (end := _COPIED_END.search(text)) is not None:
        rest = _NOTES.sub(" ", text[end.end() :]).strip()
        if not rest or rest.startswith(("--", "—")):
            _say(notes, COPIED)
            said = _INSTRUCTION.sub(r"\1", _TITLE_START.sub("", _HEADER.sub("", text[: end.start()])))
            return f"{said} {rest}".strip()
    return text


def _block(text: str, notes: list[str]) -> str:
    """Take the prompt out of a code block, or out of quoted lines."""
    if "```" in text or "~~~" in text:
        blocks = [*_FENCE.finditer(text)]
        if len(blocks) == 1 and (block := (blocks[0][1] or blocks[0][2] or "").strip()):
            after = text[blocks[0].end() :].strip()
            _say(notes, Sentence("Only what stands in the code block was read."))
            return f"{block} {after if after.startswith(('--', '—')) else ''}".strip()
    if text.startswith((">", ">>>")):
        bare = _QUOTED_LINE.sub("", text)
        if bare != text:
            _say(notes, Sentence("The marks of quoted lines were left out."))
            return bare
    return text


def _start(text: str, notes: list[str]) -> str:
    """Take what stands before a prompt off its start: ``/imagine prompt:``, a bullet, a heading's marks."""
    at = 0
    while (match := _IMAGINE.match(text, at)) is not None:
        at = match.end()
    if at:
        _say(notes, Sentence("{start} at the start was left out.", start=quote(text[:at].strip())))
    mark = _MARKED_START.match(text, at)
    if mark is not None and not (mark.group().startswith("*") and "*" in text[mark.end() :]):
        at = mark.end()
        _say(notes, Sentence("The mark of a list or a heading was left out."))
    return text[at:]


def _around(text: str, notes: list[str]) -> str:
    """Take marks off that stand around the whole text, or around all of it but flags at its end."""
    for opening, closing in PAIRS:
        if text.startswith(opening) and (end := text.find(closing, len(opening) + 1)) > 0:
            inner, rest = text[len(opening) : end], text[end + len(closing) :]
            if _MORE_FLAGS.match(rest) and _FLAG.search(inner) and not _closes_early(inner, opening, closing):
                _say(notes, AROUND)
                return inner + rest
        if not (text.startswith(opening) and text.endswith(closing) and len(text) > 2 * len(opening)):
            continue
        inner = text[len(opening) : -len(closing)]
        if opening == "__" and _is_name(inner):
            return text  # a wildcard alone
        holds = _FLAG.search(inner) is not None or (opening == "(" and "::" in inner)  # it weighs no parts
        if opening in _ONLY_AROUND_FLAGS and not holds:
            continue
        if _closes_early(inner, opening, closing) or not inner.strip():
            continue
        _say(notes, AROUND)
        return inner
    return text


def _is_name(text: str) -> bool:
    return re.fullmatch(r"[\w./*\-]{1,80}", text) is not None


def _closes_early(inner: str, opening: str, closing: str) -> bool:
    """Say whether the marks at both ends are not one pair: ``*a* and *b*``, ``(a) and (b)``."""
    if opening == closing:
        return opening[0] in (inner[0], inner[-1]) or opening in inner
    depth = 0
    for character in inner:
        depth += (character == opening) - (character == closing)
        if depth < 0:
            return True
    return depth != 0
