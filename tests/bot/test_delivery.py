"""What was promised is shown once: kills, broken lines, refusals and limits."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.demo import permissions as perm
from bot.demo.driver import BotProcess, Discord, faces
from bot.demo.world import Event, Message
from tests.bot.conftest import deliveries, is_grid, is_picture

CYCLES = int(os.environ.get("LIMNER_RELIABILITY_CYCLES", "10"))
MakeBot = Callable[..., BotProcess]

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(60 + 12 * CYCLES)]


async def all_kept(discord: Discord, data: Path, count: int) -> list[tuple[str, str, str | None]]:
    """Wait until ``count`` promises were made and none is open; return them."""
    for _ in range(600):
        rows = deliveries(data)
        if len(rows) == count and all(state != "pending" for _, state, _ in rows):
            return rows
        await asyncio.sleep(0.05)
    raise AssertionError(f"{deliveries(data)}\n{discord.transcript(60)}")


def posted(discord: Discord, wanted: Callable[[Message], bool] = is_grid) -> list[str]:
    return [message.id for message in discord.messages() if wanted(message)]


async def settled(discord: Discord) -> None:
    """Wait until no progress message is left."""
    await discord.until(
        lambda: not any("Cancel" in faces(message) for message in discord.messages()), "tidiness", 20
    )


@pytest.mark.parametrize("forget", [False, True], ids=["nonce remembered", "nonce forgotten"])
async def test_killed_between_sending_and_booking(
    discord: Discord, make_bot: MakeBot, data: Path, forget: bool
) -> None:
    bot = make_bot()
    struck = asyncio.Event()

    def strike(event: Event) -> None:
        # in the very moment Discord stores the grid: the bot never hears that it did
        if event.kind != "message_create" or struck.is_set():
            return
        rows = event.data["message"]["components"]
        if any(part.get("label") == "U1" for row in rows for part in row["components"]):
            assert bot.process is not None
            os.kill(bot.process.pid, signal.SIGKILL)
            struck.set()

    discord.world.subscribe(strike)
    async with bot:
        for cycle in range(CYCLES):
            struck.clear()
            await discord.user("alice").slash("imagine", prompt=f"a red apple {cycle}")
            await asyncio.wait_for(struck.wait(), 20)
            await bot.kill()
            if forget:
                discord.act("forget_nonces")
            await bot.start()
            rows = await all_kept(discord, data, cycle + 1)
            assert len(posted(discord)) == cycle + 1, discord.transcript(80)
        await settled(discord)
    assert [row[1] for row in rows] == ["sent"] * CYCLES
    assert [row[2] for row in rows] == posted(discord)


async def test_killed_between_rendering_and_delivery(discord: Discord, make_bot: MakeBot, data: Path) -> None:
    async with make_bot() as bot:
        for cycle in range(CYCLES):
            fault = discord.faults.add("reset_before", "POST", r"/channels/\d+/messages$", times=None)
            await discord.user("alice").slash("imagine", prompt=f"a red apple {cycle}")
            await discord.until(lambda fault=fault: fault.hits, "a send")
            await bot.kill()
            discord.faults.clear()
            await bot.start()
            rows = await all_kept(discord, data, cycle + 1)
            assert len(posted(discord)) == cycle + 1, discord.transcript(80)
        await settled(discord)
    assert [row[2] for row in rows] == posted(discord)


async def test_killed_at_any_moment(discord: Discord, make_bot: MakeBot, data: Path) -> None:
    seed = int(os.environ.get("LIMNER_RELIABILITY_SEED", "0")) or random.randrange(2**32)
    dice = random.Random(seed)
    accepted: set[str] = set()
    async with make_bot(step_seconds=0.02) as bot:
        for cycle in range(CYCLES):
            answer = await discord.user("alice").slash("imagine", prompt=f"a red apple {cycle}")
            # whoever reads this was promised a picture
            await discord.until(lambda answer=answer: answer.message.data["content"], "the progress message")
            accepted.add(f"a red apple {cycle}")
            await asyncio.sleep(dice.uniform(0.0, 1.2))
            await bot.kill()
            if dice.random() < 0.5:
                discord.act("forget_nonces")
            await bot.start()
        rows = await all_kept(discord, data, CYCLES)
        await settled(discord)
    grids = [message.data["content"] for message in discord.messages() if is_grid(message)]
    assert len(grids) == len(set(grids)) == CYCLES == len(accepted), f"seed {seed}\n{discord.transcript(80)}"
    assert {row[1] for row in rows} == {"sent"}, f"seed {seed}"


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("status", {"status": 503}),
        ("status", {"status": 503, "stored": True}),
        ("status", {"status": 429, "retry_after": 0.2}),
        ("reset_before", {}),
        ("reset_after", {}),
        ("truncate", {}),
    ],
    ids=["503", "503 though stored", "429", "reset before", "reset after it was stored", "half an answer"],
)
async def test_a_bad_line_neither_loses_nor_doubles(
    discord: Discord, bot: BotProcess, data: Path, kind: str, more: dict[str, object]
) -> None:
    discord.faults.add(kind, "POST", r"/channels/\d+/messages$", times=2, **more)  # type: ignore[arg-type]
    await discord.user("alice").slash("imagine", prompt="a red apple")
    rows = await all_kept(discord, data, 1)
    assert [row[2] for row in rows] == posted(discord), discord.transcript(60)


async def test_acknowledging_survives_a_bad_line(discord: Discord, bot: BotProcess, data: Path) -> None:
    for kind in ("reset_before", "reset_after"):
        fault = discord.faults.add(kind, "POST", r"/interactions/")  # type: ignore[arg-type]
        await discord.user("alice").slash("imagine", prompt=f"a red apple, {kind}")
        assert fault.hits == 1
    await all_kept(discord, data, 2)
    await settled(discord)
    assert len(posted(discord)) == 2


async def test_a_large_picture_falls_back_to_webp(discord: Discord, bot: BotProcess, data: Path) -> None:
    discord.world.upload_limit = 20_000
    await discord.user("alice").slash("imagine", prompt="a red apple")
    await all_kept(discord, data, 1)
    [grid] = [message for message in discord.messages() if is_grid(message)]
    [file] = grid.data["attachments"]
    assert file["filename"].endswith(".webp")
    assert file["size"] <= 20_000
    assert "WebP" in grid.data["content"]


async def test_a_channel_that_is_gone_is_given_up(discord: Discord, make_bot: MakeBot, data: Path) -> None:
    async with make_bot(step_seconds=0.05):
        await discord.user("alice").slash("imagine", prompt="a red apple", channel="general")
        discord.act("delete_channel", channel="general")
        rows = await all_kept(discord, data, 1)
    assert [row[1] for row in rows] == ["undeliverable"]


async def test_where_the_bot_may_not_write_the_answer_itself_shows_the_grid(
    discord: Discord, bot: BotProcess, data: Path
) -> None:
    discord.act("lose_permissions", channel="general", bits=perm.SEND_MESSAGES)
    answer = await discord.user("alice").slash("imagine", prompt="a red apple")
    await all_kept(discord, data, 1)
    assert is_grid(answer.message)
    pressed = await discord.user("bob").click(answer.message, "U2")
    await all_kept(discord, data, 2)
    assert is_picture(pressed.message)
    assert pressed.message.id != answer.message.id
