"""The drawing page in headless Chromium, by mouse, touch and keyboard, with the real bot behind it."""

from __future__ import annotations

import io
import socket
import sqlite3
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from playwright.async_api import Page, expect

from bot.demo import playground
from bot.demo.driver import BotProcess, Discord, faces
from bot.demo.forms import walk
from bot.demo.seed_data import BOB_ID
from bot.demo.shapes import Message, Upload
from tests.page.conftest import DOCS, PHONE, WRITE_DOCS, Open

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.page,
    pytest.mark.asyncio(loop_scope="package"),
]
SIZE = (480, 320)


def photo() -> Upload:
    """Return a landscape with something in its middle, as a file."""
    picture = Image.new("RGB", SIZE, (120, 170, 220))
    picture.paste((70, 120, 60), (0, 200, 480, 320))
    picture.paste((200, 40, 50), (200, 110, 290, 220))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return Upload("photo.png", buffer.getvalue())


def link(message: Message) -> str:
    """Return where the button of the drawing page leads."""
    [url] = [
        part["url"] for part in walk(message.data["components"]) if part.get("url") and part["type"] == 2
    ]
    return str(url)


async def marked(page: Page, x: float, y: float) -> bool:
    """Say whether a place of the picture (as shares of its sides) is marked on the page."""
    script = """([x, y]) => {
        const canvas = document.getElementById("mask");
        const at = [Math.floor(x * canvas.width), Math.floor(y * canvas.height), 1, 1];
        return canvas.getContext("2d").getImageData(...at).data[3] > 127;
    }"""
    return bool(await page.evaluate(script, [x, y]))


async def place(page: Page, x: float, y: float) -> tuple[float, float]:
    """Return where on the screen a place of the picture is."""
    box = await page.locator("#stage").bounding_box()
    assert box is not None
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


async def drag(page: Page, *path: tuple[float, float]) -> None:
    points = [await place(page, *point) for point in path]
    await page.mouse.move(*points[0])
    await page.mouse.down()
    for point in points[1:]:
        await page.mouse.move(*point, steps=6)
    await page.mouse.up()


async def touch(page: Page, *fingers: list[tuple[float, float]]) -> None:
    """Draw with one finger or more, each along its own path over the screen."""
    session: Any = await page.context.new_cdp_session(page)
    for step in range(len(fingers[0])):
        points = [
            {"x": path[step][0], "y": path[step][1], "id": number} for number, path in enumerate(fingers)
        ]
        kind = "touchStart" if step == 0 else "touchMove"
        await session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    await session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    await session.detach()


def listening(folder: Path) -> dict[str, str]:
    """Write a configuration with the listener on a free port; return the bot's environment."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (folder / "config.toml").write_text(
        f'[web]\nenabled = true\nport = {port}\npublic_url = "http://127.0.0.1:{port}/"\n'
    )
    return {
        "LIMNER_CONFIG": str(folder / "config.toml"),
        "LIMNER_DATA_DIR": str(folder / "data"),
        "LIMNER_RENDERER": "engine.workers.fake:Renderer",
    }


def painted(folder: Path) -> Image.Image:
    """Return the mask of the one job there is, white where it was repainted."""
    with sqlite3.connect(folder / "data" / "limner.db") as database:
        (spec,) = database.execute("SELECT json_extract(spec, '$.inputs[1].sha256') FROM job").fetchone()
    database.close()
    with Image.open(folder / "data" / "pictures" / spec[:2] / spec[2:4] / f"{spec}.png") as mask:
        return mask.convert("L")


async def test_a_part_is_marked_and_sent_by_keyboard_alone(visit: Open, tmp_path: Path) -> None:
    discord = Discord(rate_limits=False)
    playground.mount(discord.app, discord.world)
    async with discord, BotProcess(discord, environment=listening(tmp_path), log=tmp_path / "bot.log"):
        alice = discord.user("alice")
        opened = await alice.slash("inpaint", image=photo())
        await discord.until(lambda: "Draw it" in faces(opened.message), "the mask")
        page = await visit(link(opened.message), viewport={"width": 1100, "height": 800})
        # an arrow key is enough to get the frame; it begins over the middle, 35 % to 65 % both ways
        await page.keyboard.press("ArrowRight")
        await expect(page.locator("#frame")).to_be_focused()
        await expect(page.locator("#say")).to_contain_text("Enter marks what is in it")
        for key in ("ArrowRight", "ArrowRight", "Shift+ArrowDown"):
            await page.keyboard.press(key)
        await expect(page.locator("#say")).to_have_text("From 45% to 75% across, 35% to 70% down.")
        await page.screenshot(path=tmp_path / "draw-keyboard.png")
        await page.keyboard.press("Enter")
        assert await marked(page, 0.7, 0.65)
        assert not await marked(page, 0.4, 0.5)
        # it stays on the picture, and with Erase takes away: from 70 % on
        for key in ["e", *["ArrowRight"] * 9, "Space"]:
            await page.keyboard.press(key)
        await expect(page.locator("#say")).to_have_text("Pink is repainted. The rest stays as it is.")
        assert await marked(page, 0.69, 0.5)
        assert not await marked(page, 0.72, 0.5)
        await page.keyboard.press("Tab")
        await page.keyboard.type("a boat")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(page.locator("#say")).to_contain_text("The result comes in Discord")
        await discord.wait_for_message(lambda m: "**a boat** - Repaint" in m.data["content"])
        # 480 x 320: from 216 to 336 across, 112 to 224 down
        assert painted(tmp_path).getbbox() == (216, 112, 336, 224)


async def test_a_mask_is_drawn_undone_sent_and_painted(visit: Open, tmp_path: Path) -> None:
    shots = DOCS if WRITE_DOCS else tmp_path
    shots.mkdir(parents=True, exist_ok=True)
    environment = listening(tmp_path)
    discord = Discord(rate_limits=False)
    playground.mount(discord.app, discord.world)
    async with discord, BotProcess(discord, environment=environment, log=tmp_path / "bot.log"):
        alice = discord.user("alice")
        opened = await alice.slash("inpaint", image=photo())
        await discord.until(lambda: "Draw it" in faces(opened.message), "the mask")
        await alice.click(opened.message, "13")
        await discord.until(lambda: "5% of" in str(opened.message.data["components"]), "a marked square")
        chat = await visit(discord.url, color_scheme="dark", viewport={"width": 1000, "height": 1150})
        await expect(chat.locator(".message img").last).to_have_js_property("complete", True)
        await chat.screenshot(path=shots / "region.png")

        # by mouse: what was tapped is there; a lasso is undone, a rectangle and a stroke of the brush stay
        address = link(opened.message)
        page = await visit(address, viewport={"width": 1100, "height": 800})
        assert await marked(page, 0.5, 0.6)
        await page.get_by_role("button", name="Clear").click()
        await expect(page.locator("#send")).to_be_disabled()
        await page.get_by_role("radio", name="Lasso").click()
        await drag(page, (0.1, 0.1), (0.3, 0.1), (0.3, 0.4), (0.1, 0.4))
        assert await marked(page, 0.2, 0.25)
        await page.get_by_role("button", name="Undo").click()
        assert not await marked(page, 0.2, 0.25)
        await page.get_by_role("button", name="Redo").click()
        assert await marked(page, 0.2, 0.25)
        await page.keyboard.press("Control+z")
        await page.get_by_role("radio", name="Rectangle").click()
        await drag(page, (0.4, 0.3), (0.62, 0.72))
        await page.get_by_role("radio", name="Brush").click()
        await drag(page, (0.75, 0.2), (0.95, 0.2))
        await page.get_by_role("button", name="Zoom in").click()
        await drag(page, (0.5, 0.55), (0.5, 0.56))
        await page.get_by_role("button", name="Erase").click()
        await drag(page, (0.45, 0.5), (0.46, 0.5))
        await page.get_by_role("button", name="Fit").click()
        assert await marked(page, 0.55, 0.4)
        assert await marked(page, 0.85, 0.2)
        assert not await marked(page, 0.45, 0.5)
        assert not await marked(page, 0.1, 0.9)
        await page.get_by_label("What should be there?").fill("a red apple")
        await page.screenshot(path=shots / "draw.png")
        await page.get_by_role("button", name="Paint it").click()
        await expect(page.locator("#say")).to_contain_text("The result comes in Discord")

        grid = await discord.wait_for_message(lambda m: "U1" in faces(m))
        assert grid.data["content"].startswith(f"**a red apple** - Repaint by <@{alice.id}>")
        mask = painted(tmp_path)
        assert mask.size == SIZE
        assert [mask.getpixel(at) for at in ((264, 128), (408, 64), (48, 288))] == [255, 255, 0]

        # the link is used up, and a forged one opens nothing
        async with httpx.AsyncClient(timeout=None) as client:
            for url in (
                address,
                f"{address}/picture.png",
                address[:-1] + ("0" if address[-1] != "0" else "1"),
            ):
                assert (await client.get(url)).status_code == 410
            assert (await client.post(address, content=b"")).status_code == 410

        # by touch, on a phone: one finger draws, two zoom and draw nothing
        again = await alice.slash("inpaint", image=photo(), prompt="a boat")
        await discord.until(lambda: "Draw it" in faces(again.message), "the mask")
        phone = await visit(link(again.message), **PHONE)
        middle = [await place(phone, 0.4 + step / 50, 0.5) for step in range(6)]
        await touch(phone, middle)
        assert await marked(phone, 0.45, 0.5)
        before = await phone.locator("#stage").bounding_box()
        one = [(150.0 - 12 * step, 400.0) for step in range(6)]
        other = [(240.0 + 12 * step, 400.0) for step in range(6)]
        await touch(phone, one, other)
        after = await phone.locator("#stage").bounding_box()
        assert before is not None
        assert after is not None
        assert after["width"] > 1.5 * before["width"]
        await expect(phone.get_by_role("button", name="Redo")).to_be_disabled()
        await phone.get_by_role("button", name="Undo").click()
        await expect(phone.locator("#send")).to_be_disabled()
        await phone.get_by_role("button", name="Redo").click()
        await phone.get_by_role("button", name="Fit").click()
        await phone.screenshot(path=shots / "draw-phone.png")
        assert await phone.get_by_label("What should be there?").input_value() == "a boat"
        await phone.get_by_role("button", name="Paint it").tap()
        await expect(phone.locator("#say")).to_contain_text("The result comes in Discord")
        await discord.wait_for_message(lambda m: "**a boat** - Repaint" in m.data["content"])

        # somebody whose Discord is German reads German, whatever the browser's language
        discord.world.locales[BOB_ID] = "de"
        german = await discord.user("bob").slash("inpaint", image=photo())
        await discord.until(lambda: "Selbst zeichnen" in faces(german.message), "the mask")
        page = await visit(link(german.message), viewport={"width": 1100, "height": 800})
        await expect(page.locator("html")).to_have_attribute("lang", "de")
        await expect(page.get_by_role("radio", name="Pinsel")).to_be_visible()
        await expect(page.locator("#say")).to_have_text("Zeichne über das, was sich ändern soll.")
        await drag(page, (0.4, 0.3), (0.6, 0.5))
        await expect(page.locator("#say")).to_have_text("Rosa wird neu gemalt. Der Rest bleibt, wie er ist.")
        await page.screenshot(path=tmp_path / "draw-german.png")
        await page.get_by_role("button", name="Malen").click()
        nothing = "Schreib, was dort sein soll: Es wird in den markierten Teil gezeichnet."
        await expect(page.locator("#say")).to_have_text(nothing)
        assert discord.checker.violations == []
