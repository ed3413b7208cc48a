"""The gallery in headless Chromium: the real listener, ten thousand pictures, by mouse, keys and touch."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.engine.web.conftest import Api, Opened
from tests.engine.web.conftest import api_at as api_at
from tests.page.conftest import DOCS, PHONE, WRITE_DOCS, Open

pytestmark = [pytest.mark.page, pytest.mark.asyncio(loop_scope="package")]
PROMPT = 'a lighthouse at dusk, "oil" & <3 &lt water --ar 3:2 --seed 7'


async def filled(api: Api) -> tuple[str, list[str]]:
    """Make a key with ten thousand pictures; return it and the ids of its jobs, newest first."""
    _, secret = await api.key(name="my program")
    async with api.client(secret) as client:
        return secret, await api.many(await api.drawn(client, PROMPT), 2499)


async def enter(page: Page, secret: str) -> None:
    await page.get_by_label("Key").fill(secret)
    await page.keyboard.press("Enter")
    await expect(page.locator("#pictures button")).to_have_count(32)


async def all_here(page: Page) -> None:
    """Wait until every small picture in view is there."""
    seen = (
        "() => [...document.querySelectorAll('#pictures img')].every((img) => img.classList.contains('here')"
        " || img.getBoundingClientRect().top > innerHeight)"
    )
    async with asyncio.timeout(60):
        while not await page.evaluate(seen):  # noqa: ASYNC110 - the policy lets nothing be evaluated in the page
            await asyncio.sleep(0.1)


async def test_by_mouse_and_keyboard(api_at: Opened, visit: Open, tmp_path: Path) -> None:
    shots = DOCS if WRITE_DOCS else tmp_path
    async with api_at() as api:
        secret, ids = await filled(api)
        page = await visit(f"{api.url}/gallery")
        await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        await page.screenshot(path=shots / "gallery-entry.png")
        await page.get_by_label("Key").fill("limner_wrong")
        await page.keyboard.press("Enter")
        await expect(page.locator("#wrong")).to_contain_text("Incorrect API key")
        await enter(page, secret)
        await all_here(page)
        await page.screenshot(path=shots / "gallery.png")
        # nothing of the key stays in the page or its address
        assert secret not in await page.content() + page.url
        kept = "document.cookie + JSON.stringify({...localStorage, ...sessionStorage})"
        assert await page.evaluate(kept) == "{}"

        await page.locator("#pictures button").nth(1).click()
        await expect(page.locator("#prompt")).to_have_text(PROMPT)  # as text: nothing of it is markup
        await expect(page.locator("#facts")).to_contain_text("8")  # the second picture's seed: 7 + 1
        await expect(page.locator("#large")).to_have_js_property("complete", True)
        await expect(page.locator("#large.small")).to_have_count(0)
        await page.screenshot(path=shots / "gallery-picture.png")
        await page.locator("#prompt").click()
        await expect(page.locator("#copied")).to_contain_text("copied")
        assert await page.evaluate("navigator.clipboard.readText()") == PROMPT
        await page.locator("#line").click()
        copied = "() => navigator.clipboard.readText()"
        assert str(await page.evaluate(copied)).endswith("--seed 8")
        for _ in range(31):
            await page.keyboard.press("ArrowRight")
        await expect(page.locator("#facts")).to_contain_text(f"{ids[8]}, picture 1")  # on the next page
        await page.keyboard.press("ArrowLeft")
        await expect(page.locator("#facts")).to_contain_text(f"{ids[7]}, picture 4")
        await page.keyboard.press("Escape")
        await expect(page.locator("#viewer")).to_be_hidden()

        await expect(page.locator("#newer")).to_be_disabled()
        await page.keyboard.press("PageDown")
        await expect(page).to_have_url(f"{api.url}/gallery?after={ids[7]}")
        await expect(page.locator("#newer")).to_be_enabled()
        await page.keyboard.press("ArrowRight")
        await page.keyboard.press("ArrowRight")
        await page.keyboard.press("Enter")
        await expect(page.locator("#facts")).to_contain_text(f"{ids[8]}, picture 2")
        await page.keyboard.press("Escape")
        await page.reload()  # the cookie opens it again, where it was
        await expect(page.locator("#pictures button").first).to_have_attribute("title", PROMPT)
        await page.go_back()
        await expect(page.locator("#newer")).to_be_disabled()
        await page.goto(f"{api.url}/gallery?after={ids[-2]}")
        await expect(page.locator("#pictures button")).to_have_count(4)
        await expect(page.locator("#older")).to_be_disabled()
        await page.get_by_role("button", name="Sign out").click()
        await expect(page.get_by_label("Key")).to_be_visible()
        await page.reload()
        await expect(page.get_by_label("Key")).to_be_visible()


async def test_on_a_phone(api_at: Opened, visit: Open, tmp_path: Path) -> None:
    shots = DOCS if WRITE_DOCS else tmp_path
    async with api_at() as api:
        secret, ids = await filled(api)
        page = await visit(f"{api.url}/gallery", **PHONE)
        await enter(page, secret)
        await all_here(page)
        await page.screenshot(path=shots / "gallery-phone.png")
        wide: Any = await page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 390
        sizes: Any = await page.evaluate(
            "[...document.querySelectorAll('button:not([hidden])')].map((b) => b.getBoundingClientRect())"
            ".filter((r) => r.width).map((r) => Math.min(r.width, r.height))"
        )
        assert min(sizes) >= 40  # wide enough for a thumb
        await page.locator("#pictures button").first.tap()
        await expect(page.locator("#large.small")).to_have_count(0)
        await page.screenshot(path=shots / "gallery-phone-picture.png")
        session = await page.context.new_cdp_session(page)
        for kind, x in (("touchStart", 300), ("touchMove", 180), ("touchMove", 80), ("touchEnd", None)):
            points = [] if x is None else [{"x": x, "y": 200}]
            await session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        await expect(page.locator("#facts")).to_contain_text(f"{ids[0]}, picture 2")


async def test_in_german(api_at: Opened, visit: Open, tmp_path: Path) -> None:
    """As the browser asks, with no word of English but what was typed."""
    async with api_at() as api:
        _, secret = await api.key(name="mein Programm")
        async with api.client(secret) as client:
            job = await api.drawn(client, "eine rote Katze --seed 7")
        page = await visit(f"{api.url}/gallery", locale="de-AT")
        await expect(page.locator("html")).to_have_attribute("lang", "de")
        await page.screenshot(path=tmp_path / "gallery-entry-german.png")
        await page.get_by_label("Schlüssel").fill("limner_wrong")
        await page.keyboard.press("Enter")
        await expect(page.locator("#wrong")).to_contain_text("Der API-Schlüssel ist falsch")
        await page.get_by_label("Schlüssel").fill(secret)
        await page.keyboard.press("Enter")
        await expect(page.locator("#pictures img.here")).to_have_count(4)
        await page.screenshot(path=tmp_path / "gallery-german.png")
        await page.get_by_role("button", name="Bild 2 von: eine rote Katze").click()
        facts = page.locator("#facts")
        for told in ("Modell", "Schritte", "Gezeichnet", f"{job.id}, Bild 2"):
            await expect(facts).to_contain_text(told)
        await page.locator("#prompt").click()
        await expect(page.locator("#copied")).to_have_text("Der Prompt ist kopiert.")
        await page.screenshot(path=tmp_path / "gallery-picture-german.png")
        await page.get_by_role("button", name="Schließen").click()
        await page.get_by_role("button", name="Abmelden").click()
        await expect(page.get_by_role("heading", name="Deine Bilder")).to_be_visible()


async def test_a_gallery_of_nothing_says_so(api_at: Opened, visit: Open) -> None:
    async with api_at(clock=time.time) as api:
        _, secret = await api.key()
        page = await visit(f"{api.url}/gallery")
        await page.get_by_label("Key").fill(secret)
        await page.keyboard.press("Enter")
        await expect(page.locator("#say")).to_contain_text("no pictures yet")
