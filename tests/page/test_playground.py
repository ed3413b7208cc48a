"""The page's server hides tokens and keeps other sites out."""

from __future__ import annotations

import ast
import io
import unicodedata
from pathlib import Path

import aiohttp
import pytest

from bot.demo import playground
from bot.demo.seed_data import ALICE_ID, APP_ID, GENERAL_ID
from bot.demo.server import Standin
from tests.page.stage import ScriptedBot


def test_tokens_are_hidden_wherever_they_stand() -> None:
    secret = "abc.def.ghi"
    line = {
        "text": "PATCH /webhooks/11/aW50ZXJhY3Rpb24abcdefghijk/messages/@original",
        "body": {"d": {"token": "t0k3n", "items": [f"Bot {secret}"], "session_id": "s"}, "flags": 64},
    }
    assert playground.redact(line, secret) == {
        "text": "PATCH /webhooks/11/[hidden]/messages/@original",
        "body": {
            "d": {"token": "[hidden]", "items": ["Bot [hidden]"], "session_id": "[hidden]"},
            "flags": 64,
        },
    }


@pytest.mark.asyncio(loop_scope="package")
async def test_a_file_over_discords_limit_is_refused_in_words(scene: tuple[Standin, ScriptedBot]) -> None:
    standin, _ = scene
    async with aiohttp.ClientSession() as client:
        async with client.post(
            f"{standin.url}/demo/upload?name=a.png", data=io.BytesIO(b"x" * 10 * 2**20)
        ) as answer:
            assert answer.status == 200
        async with client.post(
            f"{standin.url}/demo/upload?name=a.png", data=io.BytesIO(b"x" * (10 * 2**20 + 1))
        ) as answer:
            assert answer.status == 413
            assert (await answer.json())["error"] == "The file is over 10 MiB, Discord's limit."


@pytest.mark.asyncio(loop_scope="package")
async def test_other_sites_are_kept_out(scene: tuple[Standin, ScriptedBot]) -> None:
    standin, _ = scene
    async with aiohttp.ClientSession() as client:
        async with client.get(f"{standin.url}/demo/") as answer:
            assert answer.status == 200
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        async with client.get(f"{standin.url}/demo/", headers={"Host": "evil.example"}) as answer:
            assert answer.status >= 400
        async with client.get(f"{standin.url}/demo/../playground.py") as answer:
            assert answer.status == 404
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await client.ws_connect(f"{standin.url}/demo/ws", headers={"Origin": "https://evil.example"})
        async with client.ws_connect(f"{standin.url}/demo/ws") as socket:
            await socket.send_json({"op": "say", "id": 1, "channel": GENERAL_ID, "content": "x"})
            assert await socket.receive_json() == {
                "t": "REPLY",
                "id": 1,
                "ok": False,
                "error": "Say hello first.",
            }
            await socket.send_json({"op": "hello", "id": 2, "user": APP_ID})  # nobody may act as the bot
            snapshot = await socket.receive_json()
            assert snapshot["d"]["me"]["id"] == ALICE_ID
            await socket.send_str("nonsense")
            await socket.send_json({"op": "click", "id": 3})
            replies = [await socket.receive_json() for _ in range(2)]
            assert replies[-1] == {
                "t": "REPLY",
                "id": 3,
                "ok": False,
                "error": "The page sent something unreadable.",
            }


def test_every_emoji_the_bot_shows_alone_is_drawn_by_the_page() -> None:
    """On a machine without an emoji font a button must not show an empty box."""
    bot = Path(playground.__file__).parents[1]
    shown = set()
    for path in [path for path in bot.rglob("*.py") if "demo" not in path.parts]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                face = node.value.replace("\ufe0f", "")
                if len(face) == 1 and unicodedata.category(face) == "So":
                    shown.add(face)
    assert "🔄" in shown
    drawn = (playground.PAGE / "emoji.js").read_text()
    assert [face for face in sorted(shown) if f'"{face}":' not in drawn] == []
