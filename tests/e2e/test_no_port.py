"""Without ``[api]`` and ``[web]`` the bot listens nowhere, and brings nothing of a web framework along."""

from __future__ import annotations

import subprocess
import sys

import psutil
import pytest

from bot.demo.driver import Discord
from tests import ROOT
from tests.e2e.conftest import MakeBot

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def listening(process: int) -> list[int]:
    """Return the ports that a process and its children listen on."""
    whole = [psutil.Process(process), *psutil.Process(process).children(recursive=True)]
    return [
        one.laddr.port
        for process in whole
        for one in process.net_connections(kind="inet")
        if one.status == psutil.CONN_LISTEN
    ]


async def test_a_port_is_opened_where_it_is_asked_for_alone(discord: Discord, make_bot: MakeBot) -> None:
    ports = {}
    for name, environment in (("off", {}), ("on", {"LIMNER_API_ENABLED": "true", "LIMNER_WEB_PORT": "0"})):
        bot = make_bot(fake={}, **environment)
        await bot.start()
        assert bot.process is not None
        ports[name] = listening(bot.process.pid)
        await bot.stop()
    assert ports["off"] == []
    assert len(ports["on"]) == 1


def test_the_bot_starts_without_the_web_framework() -> None:
    heavy = ("fastapi", "uvicorn", "starlette", "python_multipart")
    code = f"import sys, bot.client, bot.cli.main; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
