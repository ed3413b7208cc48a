"""The shipped bot and an untouched discord.py by Discord's real host names, over TLS, up to the pictures."""

from __future__ import annotations

import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from bot.demo.driver import BotProcess, Discord, faces
from bot.demo.server import API_HOST, CDN_HOST, GATEWAY_HOST
from tests import ROOT

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Make a throwaway certificate for Discord's names and return certificate and key."""
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    names = ",".join(f"DNS:{host}" for host in (API_HOST, GATEWAY_HOST, CDN_HOST))
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
    ]
    command += ["-days", "2", "-subj", "/CN=stand-in", "-addext", f"subjectAltName={names}"]
    try:
        subprocess.run([*command, "-out", certificate, "-keyout", key], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    return certificate, key


async def test_real_names_over_tls(authority: tuple[Path, Path], tmp_path: Path) -> None:
    certificate, key = authority
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    async with Discord(tls=context) as discord:
        bot = BotProcess(
            discord,
            command=[sys.executable, "-m", "tests.e2e.far", "run", "--attached"],
            environment={
                "LIMNER_DATA_DIR": str(tmp_path / "data"),
                "LIMNER_RENDERER": "engine.workers.fake:Renderer",
                "SSL_CERT_FILE": str(certificate),
                "PORT": str(discord.port),
            },
            cwd=ROOT,
            log=tmp_path / "bot.log",
        )
        # nothing points the bot here: it asks for Discord's own names
        for name in ("LIMNER_DISCORD_API", "LIMNER_DISCORD_GATEWAY", "DISCORD_OPENAPI"):
            bot.environment.pop(name, None)
        async with bot:
            alice = discord.user("alice")
            await alice.slash("imagine", prompt="an apple")
            grid = await discord.wait_for_message(lambda message: "U1" in faces(message))
            shown = discord.world.render(grid)
            assert shown["attachments"][0]["url"].startswith(f"https://{CDN_HOST}/attachments/")
            await alice.click(grid, "U2")
            await discord.wait_for_message(lambda message: "Vary (Subtle)" in faces(message))
            discord.act("drop_gateway")
            await discord.until(lambda: discord.gateway.resumes == 1, "a resume by the real name")
        assert discord.checker.violations == []
        assert discord.rest.unbuilt == []
