"""A recording is one file that shows the conversation anywhere, and asks nothing of anyone."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from bot.demo import recording
from bot.demo.seed_data import ALICE_ID, APP_ID, BOB_ID, GENERAL_ID
from bot.demo.shapes import Upload
from bot.demo.world import World
from tests.page.conftest import Open
from tests.page.stage import numbered, picture


def _world() -> World:
    world = World()
    grid = world.store(GENERAL_ID, Upload("grid.png", picture(128, cells=2), "four discs"))
    world.post(APP_ID, GENERAL_ID, "**a disc**", attachments=[grid], components=numbered())
    world.person("bob").say("general", "</script><script>window.hacked=1</script><!-- lovely")
    world.post(APP_ID, GENERAL_ID, "for Alice", viewer=ALICE_ID, flags=64)
    world.post(APP_ID, GENERAL_ID, "for Bob", viewer=BOB_ID, flags=64)
    return world


@pytest.mark.page
@pytest.mark.asyncio(loop_scope="package")
async def test_the_file_shows_everything_by_itself(visit: Open, tmp_path: Path) -> None:
    world = _world()
    path = tmp_path / "talk.html"
    recording.write(world, path)
    page = await visit(path.as_uri())
    await expect(page.locator(".message")).to_have_count(3)
    image = page.locator(".picture img")
    await expect(image).to_have_js_property("naturalWidth", 128)
    await expect(image).to_have_attribute("alt", "four discs")
    await expect(page.locator(".message", has_text="lovely")).to_contain_text(
        "</script><script>window.hacked=1"
    )
    await expect(page.get_by_text("for Bob")).to_have_count(0)
    assert await page.evaluate("window.hacked") is None
    await page.get_by_role("button", name="U1").click()
    await expect(page.locator(".toast")).to_contain_text("recording")
    await page.locator(".picture").click()
    await expect(page.get_by_role("dialog", name="Picture viewer")).to_be_visible()
    await page.screenshot(path=tmp_path / "recording.png")


def test_nothing_of_the_machine_is_in_the_file() -> None:
    world = _world()
    world.base_url = "http://127.0.0.1:54321"
    text = recording.conversation(world)
    assert "54321" not in text
    assert world.token not in text


def test_a_world_without_words_can_be_recorded() -> None:
    assert "<!doctype html>" in recording.conversation(World())
