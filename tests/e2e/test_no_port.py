"""Without ``[api]`` and ``[web]`` the bot listens nowhere, and brings nothing of a web framework along."""

from __future__ import annotations

import re
import subprocess
import sys

import psutil
import pytest

from bot.demo.driver import Discord
from tests import ROOT
from tests.e2e.conftest import MakeBot

pytestmark = pytest.mark.e2e
WEB = {"engine.web", "fastapi", "uvicorn", "starlette", "python_multipart"}


def listening(process: int) -> list[int]:
    """Return the ports that a process and its children listen on."""
    whole = [psutil.Process(process), *psutil.Process(process).children(recursive=True)]
    return [
        one.laddr.port
        for process in whole
        for one in process.net_connections(kind="inet")
        if one.status == psutil.CONN_LISTEN
    ]


def imported(log: str) -> set[str]:
    """Return the packages that a process and its workers imported, as ``-X importtime`` tells it."""
    lines = re.findall(r"^import time: +\d+ \| +\d+ \| +([\w.]+)$", log, re.MULTILINE)
    return set(lines) | {name.partition(".")[0] for name in lines}


async def test_a_port_is_opened_and_a_framework_brought_where_it_is_asked_for_alone(
    discord: Discord, make_bot: MakeBot
) -> None:
    ports, brought = {}, {}
    for name, environment in (("off", {}), ("on", {"LIMNER_API_ENABLED": "true", "LIMNER_WEB_PORT": "0"})):
        bot = make_bot(fake={}, PYTHONPROFILEIMPORTTIME="1", **environment)
        await bot.start()
        assert bot.process is not None
        ports[name] = listening(bot.process.pid)
        await bot.stop()
        brought[name] = imported(bot.log.read_text())
    assert ports["off"] == []
    assert len(ports["on"]) == 1
    assert {"discord", "engine.service"} <= brought["off"]
    assert brought["on"] >= WEB  # so that what is not there below would have been seen
    assert not brought["off"] & WEB


def test_the_bot_starts_without_the_web_framework() -> None:
    code = f"import sys, bot.client, bot.cli.main; print([m for m in {sorted(WEB)!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
