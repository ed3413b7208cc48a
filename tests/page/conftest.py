"""A headless browser for the page; without one these tests are skipped, and say so."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from bot.demo.server import Standin
from tests import ROOT
from tests.page.stage import ScriptedBot, stage

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}

DOCS = ROOT / "docs" / "screenshots"
WRITE_DOCS = os.environ.get("LIMNER_WRITE_DOCS") == "1"  # read here: tests run without LIMNER_* settings

PATIENCE = 30_000  # milliseconds; a busy machine is slow, not wrong
expect.set_options(timeout=PATIENCE)

Open = Callable[..., Awaitable[Page]]


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def browser() -> AsyncIterator[Browser]:
    """Give a headless Chromium."""
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip("no Chromium here (Debian and Ubuntu: apt-get install chromium)")
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield launched
        await launched.close()


@pytest_asyncio.fixture(loop_scope="package")
async def scene() -> AsyncIterator[tuple[Standin, ScriptedBot]]:
    """Give the stand-in with its page, and a scripted bot in it."""
    async with stage() as parts:
        yield parts


@pytest_asyncio.fixture(loop_scope="package")
async def visit(browser: Browser) -> AsyncIterator[Open]:
    """Open the page; afterwards nothing may have failed in it, and nothing may have asked elsewhere."""
    troubles: list[str] = []
    contexts: list[BrowserContext] = []

    async def visit(url: str, ready: str = "html[data-ready]", **more: Any) -> Page:
        context = await browser.new_context(**({"viewport": {"width": 1280, "height": 800}} | more))
        page = await context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: troubles.append(f"error in the page: {error}"))
        page.on(
            "request",
            lambda request: (
                None
                if urlsplit(request.url).scheme in ("data", "blob", "file")
                or urlsplit(request.url).netloc == urlsplit(url).netloc
                else troubles.append(f"asked elsewhere: {request.url}")
            ),
        )
        contexts.append(context)
        await page.goto(url)
        await page.wait_for_selector(ready)
        return page

    yield visit
    for context in contexts:
        await context.close()
    assert not troubles
