"""The pages people look at, in their language: a page's sentences are said before it leaves. No build step.

In ``page/NAME.html`` a sentence stands between double braces, in ``page/NAME.js`` it is what ``said`` is
called with; both are keys of the catalogues. Those of the script go along with the page.
"""

from __future__ import annotations

import html
import json
import re
from functools import cache
from importlib import resources

from fastapi import Request
from fastapi.responses import HTMLResponse, Response

from engine.words import LANGUAGES, language, say, speak

PAGE = resources.files("engine.web") / "page"
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}
KINDS = {"js": "text/javascript", "css": "text/css"}
QUERY = "language"
"""The parameter of an address that names a language as Discord does, before what the browser asks for."""
IN_PAGE = re.compile(r"\{\{(.+?)\}\}")
IN_SCRIPT = re.compile(r'\bsaid\(("(?:[^"\\]|\\.)*")')
_PARTS = re.compile(r"\s*([A-Za-z]{2,3})((?:-[A-Za-z0-9]{2,8})*)\s*(?:;\s*q\s*=\s*([01](?:\.\d{0,3})?))?\s*")
_ONE_OF = {"es": "es-419", "pt": "pt-BR"}
"""What is spoken to somebody who reads another kind of the same language."""
_ELSEWHERE = ("-tw", "-hk", "-mo", "-hant")
"""Ends of names of a Chinese that is written otherwise."""


async def listen(request: Request) -> None:
    """Speak the language a page is asked for in: the address's, else the first of the browser's we speak."""
    named = request.query_params.get(QUERY)
    speak(named if named is not None else accepted(request.headers.get("accept-language", "")))


def accepted(header: str) -> str | None:
    """Return the language that an ``Accept-Language`` wants most, as Discord names it; None: English.

    >>> accepted("sv, de-AT;q=0.9, en;q=0.8"), accepted("en-GB, de;q=0.5"), accepted("zh-TW, pt;q=0.9")
    ('de', None, 'pt-BR')
    """
    wanted = [found for part in header[:1000].split(",") if (found := _PARTS.fullmatch(part)) is not None]
    for one in sorted(wanted, key=lambda found: -float(found[3] or 1)):
        if one[1].lower() == "en":
            return None
        if (spoken := _spoken(one[1].lower(), one[2].lower())) is not None and float(one[3] or 1):
            return spoken
    return None


def _spoken(first: str, rest: str) -> str | None:
    if first == "zh":
        return None if rest.endswith(_ELSEWHERE) else "zh-CN"
    names = {name.lower(): name for name in LANGUAGES}
    return names.get(first + rest) or _ONE_OF.get(first) or names.get(first)


def page(name: str) -> Response:
    """Return a page in the language being spoken."""
    text = (PAGE / f"{name}.html").read_text("utf-8")
    text = IN_PAGE.sub(lambda found: html.escape(say(html.unescape(found[1]))), text)
    if (spoken := language()) is not None:
        words = json.dumps({key: say(key) for key in scripted(name)}, ensure_ascii=False)
        data = words.replace("<", "\\u003c")  # so that nothing in it ends the element
        text = text.replace('lang="en"', f'lang="{spoken}"', 1)
        text = text.replace(
            "</head>", f'<script type="application/json" id="words">{data}</script>\n</head>', 1
        )
    return HTMLResponse(text, headers=HEADERS)


@cache
def scripted(name: str) -> tuple[str, ...]:
    """Return the sentences of a page's script."""
    return tuple(json.loads(found) for found in IN_SCRIPT.findall((PAGE / f"{name}.js").read_text("utf-8")))


def file(name: str, folder: str) -> Response:
    """Return a page's script or style, or the script that all pages say their sentences by; else 404."""
    stem, _, kind = name.partition(".")
    if kind not in KINDS or (stem != folder and name != "words.js"):
        return Response(status_code=404, headers=HEADERS)
    return Response((PAGE / name).read_bytes(), media_type=KINDS[kind], headers=HEADERS)
