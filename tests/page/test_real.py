"""The page with the real bot, worker and weights behind it; ``make docs`` keeps its pictures."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image, ImageStat
from playwright.async_api import Locator, expect

from bot.demo import playground, recording
from bot.demo.driver import BotProcess, Discord
from bot.demo.seed_data import GENERAL_ID
from tests.page.conftest import DOCS, PHONE, WRITE_DOCS, Open

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.page,
    pytest.mark.timeout(900),
    pytest.mark.asyncio(loop_scope="package"),
]
DRAWN_WITHIN = 150_000  # milliseconds; a slow core with everything else running on it


async def _shown(picture: Locator) -> None:
    """Wait until a picture is painted."""
    await expect(picture).to_have_js_property("complete", True)
    await expect(picture).not_to_have_js_property("naturalWidth", 0)


async def test_a_newcomer_draws_and_presses(visit: Open, tmp_path: Path) -> None:
    shots = DOCS if WRITE_DOCS else tmp_path
    shots.mkdir(parents=True, exist_ok=True)
    (tmp_path / "config.toml").write_text("")
    environment = {
        "LIMNER_CONFIG": str(tmp_path / "config.toml"),
        "LIMNER_DATA_DIR": str(tmp_path / "data"),
    }
    discord = Discord(rate_limits=False)
    playground.mount(discord.app, discord.world)
    async with discord:
        world = discord.world
        page = await visit(discord.url, color_scheme="dark", viewport={"width": 1280, "height": 860})
        await expect(page.locator(".presence")).to_contain_text("not connected")
        async with BotProcess(discord, environment=environment, log=tmp_path / "bot.log"):
            await expect(page.locator(".presence")).to_contain_text("Limner is here")

            # a welcome prompt: progress, then the grid that pings its owner
            await page.locator(".welcome-prompt").first.click()
            await expect(page.locator(".message .content").first).to_contain_text("(", timeout=60_000)
            grid = page.locator(".message", has=page.get_by_role("button", name="U1", exact=True))
            await expect(grid).to_have_count(1, timeout=DRAWN_WITHIN)
            await expect(grid.locator("button.button")).to_have_count(9)
            await expect(grid.locator(".mention.me")).to_have_text("@Alice")
            await _shown(grid.locator(".picture img"))
            await page.mouse.move(640, 30)
            await page.screenshot(path=shots / "channel.png")

            # what is on the page is what was drawn: four cells, none of them one flat colour
            (file,) = world.history(GENERAL_ID)[0]["attachments"]
            data = world.file(file["id"])
            assert data is not None
            with Image.open(io.BytesIO(data)) as image:
                half = (image.width // 2, image.height // 2)
                for x in (0, half[0]):
                    for y in (0, half[1]):
                        cell = image.convert("L").crop((x, y, x + half[0], y + half[1]))
                        assert ImageStat.Stat(cell).stddev[0] > 5

            # U2: that picture alone with its own row; Info: a note for the presser
            await grid.get_by_role("button", name="U2").click()
            single = page.locator(".message", has=page.get_by_role("button", name="Vary (Subtle)"))
            await expect(single).to_have_count(1, timeout=60_000)
            await expect(single.locator(".content")).to_contain_text("Image #2")
            await _shown(single.locator(".picture img"))
            await single.get_by_role("button", name="Info").click()
            # beside it, what U1–U4 do is told once
            note = page.locator(".message.ephemeral", has=page.locator(".embed"))
            await expect(note).to_contain_text("Only you can see this")
            await expect(note.locator(".embed")).to_contain_text("Seed")
            await page.screenshot(path=shots / "info.png")

            # a real modal, left again without sending it
            await single.get_by_role("button", name="Custom Zoom").click()
            dialog = page.get_by_role("dialog")
            await expect(dialog.get_by_role("button", name="Submit")).to_be_visible()
            await page.wait_for_timeout(300)  # it rises into place
            await page.screenshot(path=shots / "modal.png")
            await dialog.get_by_role("button", name="Cancel").click()
            await expect(dialog).to_have_count(0)

            # a thread under the grid: a word of one's own, and a command answered for oneself
            await grid.locator(".content").click(button="right")
            await page.get_by_role("menuitem", name="Open a thread").click()
            await expect(page.locator(".title")).not_to_contain_text("general")
            await page.keyboard.type("The second one is my favourite.")
            await page.keyboard.press("Enter")
            await expect(page.locator(".message .content").first).to_contain_text("favourite")
            await page.fill("#composer", "/queue")
            await page.keyboard.press("Enter")
            await page.keyboard.press("Enter")
            await expect(page.locator(".message.ephemeral")).to_have_count(1)
            await page.screenshot(path=shots / "thread.png")

            # in private: the bot's own suggestions while typing, a preview while it draws, the grid
            await page.get_by_role("button", name="Message Limner").click()
            await expect(page.locator(".title")).to_contain_text("Limner")
            await page.fill("#composer", "/imagine a penguin --steps 60")
            await page.locator(".pill-more").click()
            await page.locator(".suggest-row", has_text="style").click()
            await page.keyboard.type("a")
            await expect(page.locator(".suggest-row", has_text="anime")).to_be_visible()
            await page.screenshot(path=shots / "autocomplete.png")
            await page.locator(".suggest-row", has_text="anime").click()
            await page.keyboard.press("Enter")
            drawing = page.locator(".message", has=page.get_by_role("button", name="Cancel", exact=True))
            await expect(drawing.locator(".picture img")).to_have_count(1, timeout=DRAWN_WITHIN)
            await _shown(drawing.locator(".picture img"))
            await page.screenshot(path=shots / "preview.png")
            private = page.locator(".message", has=page.get_by_role("button", name="U1", exact=True))
            await expect(private).to_have_count(1, timeout=DRAWN_WITHIN)
            await _shown(private.locator(".picture img"))
            await page.screenshot(path=shots / "direct.png")

            # the same on a phone, and as a file that needs nobody
            phone = await visit(discord.url, **PHONE, color_scheme="dark")
            await phone.locator(".message", has=phone.get_by_role("button", name="U1", exact=True)).evaluate(
                "(node) => node.scrollIntoView({block: 'end'})"
            )
            await _shown(phone.locator(".message .picture img").first)
            await phone.screenshot(path=shots / "phone.png")
            recording.write(world, tmp_path / "talk.html")
        await expect(page.locator(".presence")).to_contain_text("not connected")
        record = await visit((tmp_path / "talk.html").as_uri())
        await _shown(record.locator(".message .picture img").first)
        assert discord.checker.violations == []
        assert discord.rest.unbuilt == []


async def test_a_mask_is_brought_as_a_file(visit: Open, tmp_path: Path) -> None:
    shots = DOCS if WRITE_DOCS else tmp_path
    (tmp_path / "config.toml").write_text("")
    environment = {
        "LIMNER_CONFIG": str(tmp_path / "config.toml"),
        "LIMNER_DATA_DIR": str(tmp_path / "data"),
        "LIMNER_RENDERER": "engine.workers.fake:Renderer",
    }
    mask = Image.new("L", (256, 256), 0)
    mask.paste(255, (0, 0, 128, 256))
    buffer = io.BytesIO()
    mask.save(buffer, "PNG")
    discord = Discord(rate_limits=False)
    playground.mount(discord.app, discord.world)
    async with discord, BotProcess(discord, environment=environment, log=tmp_path / "bot.log"):
        page = await visit(discord.url, color_scheme="dark", viewport={"width": 1280, "height": 860})
        await page.fill("#composer", "/imagine a red apple")
        await page.keyboard.press("Enter")
        await page.get_by_role("button", name="U2").click(timeout=60_000)
        await page.get_by_role("button", name="Vary (Region)").click(timeout=60_000)
        # the panel, not what is told once beside it
        panel = page.locator(".message.ephemeral", has=page.locator("img[alt*=marked], img[alt*=picture]"))
        await panel.get_by_role("button", name="Upload a mask…").click()
        dialog = page.get_by_role("dialog", name="Upload a mask")
        await dialog.locator("input[type=file]").set_input_files(
            {"name": "left-half.png", "mimeType": "image/png", "buffer": buffer.getvalue()}
        )
        await expect(dialog).to_contain_text("left-half.png")
        await page.wait_for_timeout(300)  # it rises into place
        await page.screenshot(path=shots / "upload.png")
        await dialog.get_by_role("button", name="Submit").click()
        await expect(dialog).to_have_count(0)

        # what was uploaded is read and shown over the picture: half of it is marked
        await expect(panel).to_contain_text("Is this the part that should change?")
        await expect(panel).to_contain_text("50%")
        await _shown(panel.locator("img[alt*=marked]"))
        await page.screenshot(path=shots / "mask.png")
        await panel.get_by_role("button", name="Cancel", exact=True).click()
        await expect(page.locator(".message.ephemeral", has_text="Nothing was painted")).to_have_count(1)
        assert discord.checker.violations == []
        assert discord.rest.unbuilt == []
