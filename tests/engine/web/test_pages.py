"""Pages for people come in their language, words of scripts and refusals with them."""

from __future__ import annotations

import json
import re

import httpx
import pytest

from engine.web.pages import IN_PAGE, PAGE, accepted, page, scripted
from engine.words import LANGUAGES, speaking
from tests.engine.web.conftest import Api

GERMAN = {"Accept-Language": "sv, de-AT;q=0.9, en;q=0.8"}
NAMES = ("draw", "gallery")


@pytest.mark.parametrize(
    ("header", "spoken"),
    [
        ("", None),
        ("en-GB,en;q=0.9,de;q=0.8", None),
        ("de", "de"),
        ("DE-ch", "de"),
        ("fr;q=0.3, ja;q=0.7", "ja"),
        ("fr;q=0, uk", None),
        ("es-MX", "es-419"),
        ("es-ES,es;q=0.9", "es-ES"),
        ("pt-PT", "pt-BR"),
        ("zh-Hans-CN", "zh-CN"),
        ("zh-Hant-TW, zh-TW;q=0.9, ja;q=0.5", "ja"),
        ("*, ;q=, de;q=2;x, \x00", None),
        ("de," * 50_000, "de"),
    ],
)
def test_the_language_a_browser_wants_most(header: str, spoken: str | None) -> None:
    assert accepted(header) == spoken


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("locale", [None, *LANGUAGES])
def test_a_page_is_whole_in_every_language(name: str, locale: str | None) -> None:
    with speaking(locale):
        text = bytes(page(name).body).decode()
    assert "{{" not in text
    assert f'<html lang="{locale or "en"}">' in text
    data = re.findall(r'<script type="application/json" id="words">(.*?)</script>', text, re.DOTALL)
    if locale is None:
        assert data == []
        return
    words = json.loads(data[0])
    assert set(words) == set(scripted(name))
    assert len(words) > 7
    html = (PAGE / f"{name}.html").read_text("utf-8")
    same = [key for key in (*IN_PAGE.findall(html),) if len(key) > 12 and f">{key}<" in text]
    assert same == []


def test_no_sentence_of_a_script_stands_outside_said() -> None:
    """A text of two words and more is an argument of ``said``, or no text for people."""
    for name in NAMES:
        script = re.sub(r"//[^\n]*", "", (PAGE / f"{name}.js").read_text("utf-8"))
        texts = re.findall(r"""(said\()?(["`])((?:(?!\2)[^\\\n]|\\.)*)\2""", script)
        loose = [text for told, _, text in texts if not told and re.search(r"[A-Za-z]{2} [a-z]{2}", text)]
        assert loose == []


async def test_refusals_are_said_in_the_language_of_the_page(api: Api) -> None:
    async with httpx.AsyncClient(base_url=api.url, headers=GERMAN, timeout=60) as client:
        gallery = await client.get("/gallery")
        assert "<h1>Deine Bilder</h1>" in gallery.text
        policy = gallery.headers["content-security-policy"]
        assert "unsafe" not in policy
        closed = (await client.get("/gallery/jobs")).json()["error"]["message"]
        assert closed.startswith("Deine Galerie wurde geschlossen")
        gone = await client.get("/draw/a.b.c")
        assert gone.status_code == 410
        assert "<title>Link verbraucht</title><p>Dieser Link ist" in gone.text
        spanish = await client.get("/draw/a.b.c?language=es-ES")  # whom the link was made for
        assert "<html lang=es-ES>" in spanish.text
        assert (
            (await client.get("/draw/a.b.c/about?language=en-US")).json()["error"].startswith("This link is")
        )
        # the API speaks English, whatever a client says it would like
        assert (await client.get("/api/v1/jobs")).json()["error"]["message"].startswith("missing")
