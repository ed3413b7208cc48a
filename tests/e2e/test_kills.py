"""kill -9 wherever it hurts: of the worker, of the bot before a send, of the bot between send and booking.

Each cycle must end with every promised message in the channel exactly once. ``LIMNER_RELIABILITY_CYCLES``
sets how many cycles of each kind are run (10; ``make reliability`` runs 200).
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections import Counter
from pathlib import Path

import psutil
import pytest

from bot.demo import permissions as perm
from bot.demo.driver import Answer, BotProcess, Discord, faces
from bot.demo.seed_data import APP_ID, GENERAL_ID
from bot.demo.shapes import Message
from tests import ROOT
from tests.e2e.conftest import MakeBot

CYCLES = int(os.environ.get("LIMNER_RELIABILITY_CYCLES", "10"))
POST = rf"^/channels/{GENERAL_ID}/messages$"
FOR_EVER = 3600.0

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600 + 60 * CYCLES)]


def is_grid(message: Message) -> bool:
    return "U1" in faces(message)


def job_of(message: Message) -> str:
    found = re.search(r"l1:\w+:([0-9a-z]{10})", str(message.data["components"]))
    assert found
    return found[1]


def grids(discord: Discord) -> Counter[str]:
    return Counter(job_of(message) for message in discord.messages() if is_grid(message))


def workers(bot: BotProcess) -> list[psutil.Process]:
    assert bot.process is not None
    children = psutil.Process(bot.process.pid).children(recursive=True)
    return [child for child in children if "engine.workers.worker" in " ".join(child.cmdline())]


async def delivered(discord: Discord, count: int, answer: Answer) -> None:
    """Wait until the bot has booked the ``count``-th grid: its progress message goes then."""
    await discord.until(lambda: len(grids(discord)) >= count, f"{count} grids")
    messages = discord.world.messages[GENERAL_ID]
    await discord.until(lambda: answer.interaction.original not in messages, "the booking")
    found = grids(discord)
    assert len(found) == count, f"lost: {count - len(found)}"
    assert set(found.values()) == {1}, f"doubled: {found}"


async def test_worker_killed_while_rendering(discord: Discord, make_bot: MakeBot) -> None:
    alice = discord.user("alice")
    bot = make_bot(fake={"step_seconds": 0.02})
    async with bot:
        for cycle in range(CYCLES):
            answer = await alice.slash("imagine", prompt=f"cycle {cycle}")
            running = await discord.until(lambda: workers(bot), "a worker")
            await asyncio.sleep(0.01 * (cycle % 20))  # another step each time
            for worker in running:
                worker.kill()
            await delivered(discord, cycle + 1, answer)


async def _restarted_in_the_middle(
    discord: Discord, make_bot: MakeBot, *, stored: bool, forget: bool, readable: bool
) -> None:
    """Kill the bot while a grid's POST hangs, before or after Discord stored it, then start it again."""
    if not readable:  # only the nonce is left to tell that the message is there
        discord.world.overwrite(GENERAL_ID, APP_ID, deny=perm.READ_MESSAGE_HISTORY)
    alice = discord.user("alice")
    bot = make_bot(fake={}, warm=True)
    async with bot:
        for cycle in range(CYCLES):
            discord.faults.clear()
            hanging = discord.faults.add("stall", "POST", POST, seconds=FOR_EVER, stored=stored)
            answer = await alice.slash("imagine", prompt=f"cycle {cycle}")
            await discord.until(lambda: hanging.hits, "the send")  # noqa: B023
            if stored:
                await discord.until(lambda: len(grids(discord)) == cycle + 1, "the message")  # noqa: B023
            await bot.kill()
            if forget:
                discord.world.forget_nonces()
            await bot.start()
            await delivered(discord, cycle + 1, answer)


async def test_bot_killed_between_render_and_delivery(discord: Discord, make_bot: MakeBot) -> None:
    await _restarted_in_the_middle(discord, make_bot, stored=False, forget=True, readable=True)


async def test_bot_killed_between_send_and_booking(discord: Discord, make_bot: MakeBot) -> None:
    await _restarted_in_the_middle(discord, make_bot, stored=True, forget=False, readable=False)


async def test_bot_killed_between_send_and_booking_with_nonces_forgotten(
    discord: Discord, make_bot: MakeBot
) -> None:
    await _restarted_in_the_middle(discord, make_bot, stored=True, forget=True, readable=True)


SUICIDE = """
import asyncio, os, sys
from bot.demo.driver import BotProcess, Discord
async def main():
    async with Discord() as discord, BotProcess(discord) as bot:
        print(bot.process.pid, flush=True)
        os.kill(os.getpid(), 9)
asyncio.run(main())
"""


def runs(pid: int) -> bool:
    """Return whether a process lives; one that waits to be buried does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def test_a_killed_demo_leaves_no_bot_behind(tmp_path: Path) -> None:
    """Line and parent are gone in one moment: discord.py may swallow the cancellation; the bot ends."""
    fake = {"LIMNER_RENDERER": "engine.workers.fake:Renderer"}
    for turn in range(3):
        environment = os.environ | fake | {"LIMNER_DATA_DIR": str(tmp_path / str(turn))}
        demo = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", SUICIDE), stdout=asyncio.subprocess.PIPE, env=environment, cwd=ROOT
        )
        out, _ = await demo.communicate()
        for _ in range(3000):
            if not runs(int(out)):
                break
            await asyncio.sleep(0.1)
        else:
            os.kill(int(out), 9)
            raise AssertionError(f"turn {turn}: the bot is still there")


async def test_bot_stopped_while_sends_hang(discord: Discord, make_bot: MakeBot) -> None:
    """SIGTERM is no reason to give a promise up: the next start keeps it, also those behind the first."""
    alice = discord.user("alice")
    bot = make_bot(fake={})
    async with bot:
        hanging = discord.faults.add("stall", "POST", POST, seconds=FOR_EVER, times=None, stored=True)
        answers = [await alice.slash("imagine", prompt=f"apple {number}") for number in range(3)]
        await discord.until(lambda: hanging.hits, "a send")
        await asyncio.sleep(1.0)  # until the others are drawn and wait their turn
        assert await bot.stop() == 0
        discord.faults.clear()
        await bot.start()
        for answer in answers:
            await delivered(discord, 3, answer)
