"""Both doors of one bot: the API inside `limner run`, beside the stand-in for Discord."""

from __future__ import annotations

import asyncio
import base64
import io
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from PIL import Image

from bot.demo.driver import Discord
from tests import ROOT
from tests.e2e.conftest import MakeBot
from tests.e2e.test_kills import delivered

pytestmark = pytest.mark.e2e


def free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


async def limner(tmp_path: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "bot", *arguments, "--config", str(tmp_path / "config.toml")]
    env = {"PYTHONPATH": str(ROOT), "LIMNER_DATA_DIR": str(tmp_path / "data")}
    done = await asyncio.to_thread(
        lambda: subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    )
    return done.stdout.strip()


async def looked(url: str) -> httpx.Response:
    async with httpx.AsyncClient(timeout=None) as client:
        return await client.get(f"{url}/healthz")


async def test_programs_and_people_draw_side_by_side(
    discord: Discord, make_bot: MakeBot, tmp_path: Path
) -> None:
    alice, port = discord.user("alice"), free()
    config = f"[api]\nenabled = true\n\n[web]\nport = {port}\n"
    bot = make_bot(fake={"step_seconds": 0.02}, config=config)
    async with bot:
        key = await limner(tmp_path, "keys", "create", "beside")  # while the bot runs
        right = {"Authorization": f"Bearer {key}"}
        url = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=url, headers=right, timeout=120) as client:
            asking = asyncio.create_task(client.post("/sdapi/v1/txt2img", json={"prompt": "a cat"}))
            grid = await alice.slash("imagine", prompt="a red apple --steps 20")
            await delivered(discord, 1, grid)
            answer = await asking
            assert answer.status_code == 200
            with Image.open(io.BytesIO(base64.b64decode(answer.json()["images"][0]))) as picture:
                assert picture.size == (512, 512)
            listed = (await client.get("/api/v1/jobs")).json()["jobs"]
            assert [job["prompt"] for job in listed] == ["a cat"]  # nobody else's
            assert (await client.get("/healthz")).json() == {"status": "ok"}
            await limner(tmp_path, "keys", "revoke", "beside")
            assert (await client.get("/api/v1/jobs")).status_code == 401
        assert await bot.stop() == 0
        assert key not in bot.output()
        with pytest.raises(httpx.TransportError):
            await looked(url)


async def test_without_it_there_is_no_port(discord: Discord, make_bot: MakeBot, tmp_path: Path) -> None:
    port = free()
    async with make_bot(fake={}, config=f"[web]\nport = {port}\n"):
        with pytest.raises(httpx.ConnectError):
            await looked(f"http://127.0.0.1:{port}")
