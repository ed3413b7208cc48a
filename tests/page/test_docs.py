"""/docs in headless Chromium: it asks nobody else for anything, runs nothing, can be read and unfolded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from engine.web import application
from engine.web.description import described
from tests.engine.web.conftest import Opened
from tests.engine.web.conftest import api_at as api_at
from tests.page.conftest import DOCS, PHONE, WRITE_DOCS, Open

pytestmark = [pytest.mark.page, pytest.mark.asyncio(loop_scope="package")]
AUDIT = (Path(__file__).parent / "audit.js").read_text()


async def test_the_description_is_read_and_unfolded(api_at: Opened, visit: Open, tmp_path: Path) -> None:
    shots = DOCS if WRITE_DOCS else tmp_path
    async with api_at() as api:
        document = described(application(api.service, None, api.doors))
        asked: list[str] = []
        page = await visit(f"{api.url}/docs", ready="main")
        page.on("request", lambda request: asked.append(request.url))
        await page.reload()
        assert asked == [f"{api.url}/docs", f"{api.url}/docs/style.css"]
        assert await page.locator("script, iframe, img, [onclick]").count() == 0
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                name = page.get_by_text(f"{method.upper()} {path}", exact=True)
                said = page.locator("summary").filter(has=name)
                await expect(said).to_have_count(1)
                await expect(said).to_contain_text(operation["summary"])
        await page.screenshot(path=shots / "docs.png")
        drawing = page.locator("details", has_text="POST /v1/generation/{engine_id}/text-to-image")
        await expect(drawing.locator("table").first).to_be_hidden()
        await drawing.locator("summary").focus()
        await page.keyboard.press("Enter")
        await expect(drawing.locator("table").first).to_be_visible()
        await expect(drawing.get_by_role("row", name="text_prompts (required)")).to_be_visible()
        await page.screenshot(path=shots / "docs-endpoint.png")
        assert await page.evaluate(AUDIT) == []


async def test_nothing_is_wider_than_a_phone(api_at: Opened, visit: Open, tmp_path: Path) -> None:
    async with api_at() as api:
        page: Page = await visit(f"{api.url}/docs", ready="main", **PHONE)
        for summary in await page.locator("summary").all():
            await summary.tap()
        wide: Any = await page.evaluate("document.documentElement.scrollWidth")
        await page.screenshot(path=(DOCS if WRITE_DOCS else tmp_path) / "docs-phone.png")
        assert wide <= 390
