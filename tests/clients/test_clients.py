"""Other people's client libraries, unmodified, find a Discord here: what they agree on is well copied.

discord.py is walked through in ``tests/bot/demo``. hikari runs where it can be imported or ``LIMNER_HIKARI``
names a folder with it; discord.js where ``LIMNER_DISCORDJS`` names its ``node_modules``. ``make clients``
fetches both and runs this.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from pathlib import Path

import pytest

from bot.demo.driver import BotProcess, Discord, faces
from tests.bot.demo.tracer_dot import DOT

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
# read before the tests' own environment is cleared of LIMNER_ settings
HIKARI = os.environ.get("LIMNER_HIKARI", "")
MODULES = os.environ.get("LIMNER_DISCORDJS", "")

pytestmark = pytest.mark.e2e


def hikari_process(discord: Discord, log: Path) -> BotProcess:
    if not HIKARI and importlib.util.find_spec("hikari") is None:
        pytest.skip("hikari is not installed (make clients fetches it)")
    path = os.pathsep.join(part for part in (str(ROOT), HIKARI) if part)
    command = [sys.executable, str(HERE / "hikari_bot.py")]
    return BotProcess(discord, command=command, environment={"PYTHONPATH": path}, log=log)


def discordjs_process(discord: Discord, log: Path) -> BotProcess:
    node = shutil.which("node")
    if node is None or not (MODULES and Path(MODULES, "discord.js").is_dir()):
        pytest.skip("node or discord.js is not installed (make clients fetches it)")
    environment = {"NODE_PATH": MODULES, "DOT": DOT.hex()}
    return BotProcess(
        discord, command=[node, str(HERE / "discordjs_bot.js")], environment=environment, log=log
    )


@pytest.mark.parametrize("make", [hikari_process, discordjs_process])
async def test_another_library_finds_a_discord(make: object, tmp_path: Path) -> None:
    assert callable(make)
    async with Discord() as discord, make(discord, tmp_path / "client.log") as process:
        alice, bob = discord.user("alice"), discord.user("bob")
        used = await alice.slash("draw", prompt="an apple")
        picture = await discord.wait_for_message(faces)
        assert picture.content == f"<@{alice.id}> an apple"
        assert picture.pinged == [alice.id]
        assert picture.attachments[0]["size"] == len(DOT)
        await discord.until(lambda: used.message.content == "done", "the end")
        one = await bob.click(picture, "ONE")
        assert (one.message.content, one.message.viewer) == ("one by bob", bob.id)
        opened = await bob.click(picture, "ASK")
        assert opened.modal["title"] == "A question"
        said = await bob.submit(opened, {"words": "why"})
        assert said.message.content == "said why"
        discord.act("drop_gateway")
        await discord.until(lambda: discord.gateway.resumes == 1, f"a resume\n{process.output()}")
        assert (await alice.click(picture, "ONE")).message.viewer == alice.id
        assert discord.checker.violations == []
        assert discord.rest.unbuilt == []
