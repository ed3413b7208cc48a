"""Two people side by side on one page, and what those in charge find in their channel."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from bot.demo.seed_data import ALICE_ID
from bot.demo.server import Standin
from tests.page.conftest import Open
from tests.page.stage import ScriptedBot

pytestmark = [pytest.mark.page, pytest.mark.asyncio(loop_scope="package")]

Scene = tuple[Standin, ScriptedBot]


async def test_two_people_are_played_side_by_side(scene: Scene, visit: Open) -> None:
    standin, _ = scene
    page = await visit(standin.url, viewport={"width": 1440, "height": 800})
    await page.get_by_role("button", name="Two people side by side").click()
    other = page.frame_locator("#beside")
    await expect(other.locator("#composer")).to_be_visible()
    await expect(page.locator(".me-button")).to_have_accessible_name(re.compile("You are Alice"))
    await other.locator("#composer").fill("good morning")
    await other.locator("#composer").press("Enter")
    said = page.locator(".message", has_text="good morning")
    await expect(said).to_contain_text("Bob")
    await page.fill("#composer", "and to you")
    await page.keyboard.press("Enter")
    await expect(other.locator(".message", has_text="and to you")).to_contain_text("Alice")
    # the first stays who they were, also after the other has gone
    await page.get_by_role("button", name="Two people side by side").click()
    await expect(page.locator("#beside")).to_have_count(0)
    await page.reload()
    await page.wait_for_selector("html[data-ready]")
    await expect(page.locator(".me-button")).to_have_accessible_name(re.compile("You are Alice"))


async def test_admins_find_their_steps(scene: Scene, visit: Open) -> None:
    standin, _ = scene
    page = await visit(standin.url)
    channel = page.locator(".channel", has_text=re.compile("admin"))
    await expect(page.locator(".channel", has_text="general")).to_be_visible()
    await expect(channel).to_have_count(0)
    await page.locator(".me-button").click()
    await (
        page.get_by_role("menuitemradio", name=re.compile("Ada"))
        .or_(page.get_by_role("menuitem", name=re.compile("Ada")))
        .click()
    )
    await channel.click()
    steps = page.locator(".welcome-prompt")
    await expect(steps).to_have_count(6)
    await expect(steps.first).to_contain_text("/admin log")


async def test_a_persons_discord_speaks_their_language(scene: Scene, visit: Open) -> None:
    standin, _ = scene
    page = await visit(standin.url)
    await page.locator(".me-button").click()
    await page.get_by_role("menuitemradio", name="Deutsch").click()
    await page.locator(".me-button").click()
    await expect(page.get_by_role("menuitemradio", name="Deutsch")).to_have_attribute("aria-checked", "true")
    assert standin.world.locales == {ALICE_ID: "de"}
    await page.keyboard.press("Escape")
    await page.reload()
    await page.locator(".me-button").click()
    await expect(page.get_by_role("menuitemradio", name="Deutsch")).to_have_attribute("aria-checked", "true")
    await page.get_by_role("menuitemradio", name="English").click()
