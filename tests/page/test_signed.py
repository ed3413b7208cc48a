"""Signed files open in a browser as any other."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import pytest
from PIL import Image
from playwright.async_api import Browser

from engine.provenance.keys import load_or_make
from engine.provenance.signature import MIME, Signer, kind_of
from engine.provenance.values import Disclosure

pytestmark = [pytest.mark.page, pytest.mark.asyncio(loop_scope="package")]  # one browser for all


async def test_signed_pictures_are_shown(browser: Browser, tmp_path: Path) -> None:
    signer = Signer(load_or_make(tmp_path), "1.2")
    page = await browser.new_page()
    for kind in ("PNG", "JPEG", "WEBP"):
        buffer = io.BytesIO()
        Image.new("RGB", (96, 64), (200, 30, 30)).save(buffer, kind)
        data = signer.sign(buffer.getvalue(), Disclosure("abcdefghjk"))
        link = f"data:{MIME[kind_of(data) or '']};base64,{base64.b64encode(data).decode()}"
        seen = await page.evaluate(
            """async (link) => {
                const image = new Image();
                image.src = link;
                await image.decode();
                const canvas = document.createElement("canvas");
                [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
                const pen = canvas.getContext("2d");
                pen.drawImage(image, 0, 0);
                return [canvas.width, canvas.height, ...pen.getImageData(48, 32, 1, 1).data.slice(0, 3)];
            }""",
            link,
        )
        assert seen[:2] == [96, 64]
        assert all(abs(had - want) <= 4 for had, want in zip(seen[2:], (200, 30, 30), strict=True))
    await page.close()
