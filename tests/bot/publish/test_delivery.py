"""What was promised is shown once: kills at any moment, broken lines, refusals, limits, guests."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.demo import permissions as perm
from bot.demo.driver import BotProcess, Discord, faces
from bot.demo.shapes import Message
from tests.bot.conftest import deliveries, is_grid, is_picture

CYCLES = int(os.environ.get("LIMNER_RELIABILITY_CYCLES", "10"))
MakeBot = Callable[..., BotProcess]

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600 + 60 * CYCLES)]


async def all_kept(discord: Discord, data: Path, count: int) -> list[tuple[str, str, str | None]]:
    """Wait until ``count`` promises were made and none is open; return them."""
    for _ in range(6000):
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
        lambda: not any("Cancel" in faces(message) for message in discord.messages()), "tidiness"
    )


async def test_killed_at_any_moment(discord: Discord, make_bot: MakeBot, data: Path) -> None:
    seed = int(os.environ.get("LIMNER_RELIABILITY_SEED", "0")) or random.randrange(2**32)
    dice = random.Random(seed)
    async with make_bot(warm=True, step_seconds=0.02) as bot:
        life = 0.0  # seconds from the promise to the picture, on this machine
        for cycle in range(CYCLES):
            answer = await discord.user("alice").slash("imagine", prompt=f"a red apple {cycle}")
            # whoever reads this was promised a picture
            await discord.until(lambda answer=answer: answer.message.data["content"], "the progress message")
            began = time.monotonic()
            if cycle:
                await asyncio.sleep(dice.uniform(0.0, 1.2 * life))
                await bot.kill()
                if dice.random() < 0.5:
                    discord.act("forget_nonces")
                await bot.start()
            # each is killed once: three times, and a job is given up, which is another promise
            rows = await all_kept(discord, data, cycle + 1)
            life = life or time.monotonic() - began
        await settled(discord)
    grids = [message.data["content"] for message in discord.messages() if is_grid(message)]
    assert len(grids) == len(set(grids)) == CYCLES, f"seed {seed}\n{discord.transcript(80)}"
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


async def test_a_disk_that_stumbles_delays_a_picture_and_loses_none(
    discord: Discord, bot: BotProcess, data: Path
) -> None:
    alice = discord.user("alice")
    await alice.slash("imagine", prompt="a red apple")
    grid = await discord.wait_for_message(is_grid)
    files = [path for path in data.rglob("*.png") if path.is_file()]
    for path in files:  # a folder in a file's place cannot be read, whoever asks: EISDIR, not ENOENT
        path.rename(path.with_suffix(".aside"))
        path.mkdir()
    await alice.click(grid, "U2")
    while len(deliveries(data)) < 2:  # noqa: ASYNC110 (another process tells nobody)
        await asyncio.sleep(0.05)
    await asyncio.sleep(1.5)
    assert [state for _, state, _ in deliveries(data)] == ["sent", "pending"]
    for path in files:
        path.rmdir()
        path.with_suffix(".aside").rename(path)
    await all_kept(discord, data, 2)
    assert len(posted(discord, is_picture)) == 1


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


async def test_as_a_guest_the_answer_itself_shows_the_grid(
    discord: Discord, make_bot: MakeBot, data: Path
) -> None:
    # installed by a person, in a server that the bot is not in: only the interaction's token can speak
    alice = discord.user("alice")
    async with make_bot() as bot:
        answer = await alice.slash("imagine", prompt="a red apple", channel="lobby")
        await all_kept(discord, data, 1)
        assert is_grid(answer.message)
        one = await alice.click(answer.message, "U2")
        await all_kept(discord, data, 2)
        assert is_picture(one.message)
        await alice.slash("imagine", prompt="a {red, green} apple", channel="lobby")
        await discord.until(
            lambda: any("one job only" in m.data["content"] for m in discord.messages("lobby")), "a refusal"
        )
    assert answer.interaction.token not in bot.output(10**6)


async def test_a_guest_whose_token_is_over_is_given_up(
    discord: Discord, make_bot: MakeBot, data: Path
) -> None:
    async with make_bot(step_seconds=0.1) as bot:
        await discord.user("alice").slash("imagine", prompt="a red apple", channel="lobby")
        discord.act("expire_tokens")
        rows = await all_kept(discord, data, 1)
    assert [row[1] for row in rows] == ["undeliverable"]
    assert "Traceback" not in bot.output(10**6)


async def test_progress_through_an_expired_token_stops_and_the_grid_comes_all_the_same(
    discord: Discord, make_bot: MakeBot, data: Path
) -> None:
    async with make_bot(step_seconds=0.1) as bot:
        await discord.user("alice").slash("imagine", prompt="a red apple")
        discord.act("expire_tokens")
        rows = await all_kept(discord, data, 1)
        await settled(discord)
    assert [row[2] for row in rows] == posted(discord)
    assert "Traceback" not in bot.output(10**6)


async def test_results_are_brought_to_direct_messages(discord: Discord, bot: BotProcess, data: Path) -> None:
    alice = discord.user("alice")
    await alice.slash("imagine", prompt="a red apple")
    grid = await discord.wait_for_message(is_grid)
    await alice.context_menu("DM results", grid)
    await all_kept(discord, data, 2)
    direct = discord.world.dm(alice.id)["id"]
    [brought] = [message for message in discord.world.messages[direct].values() if is_grid(message)]
    await alice.click(brought, "U1")
    await all_kept(discord, data, 3)
    assert any(is_picture(message) for message in discord.world.messages[direct].values())


async def test_closed_direct_messages_are_given_up(discord: Discord, bot: BotProcess, data: Path) -> None:
    bob = discord.user("bob")
    discord.act("close_dms", user="bob")
    await bob.slash("imagine", prompt="a red apple")
    grid = await discord.wait_for_message(is_grid)
    await bob.context_menu("DM results", grid)
    rows = await all_kept(discord, data, 2)
    assert [row[1] for row in rows] == ["sent", "undeliverable"]


async def test_a_failure_says_why_and_gives_the_prompt_back(
    discord: Discord, make_bot: MakeBot, data: Path
) -> None:
    async with make_bot(memory="elephant"):
        alice = discord.user("alice")
        await alice.slash("imagine", prompt="an *elephant* --ar 3:2")
        rows = await all_kept(discord, data, 1)
        assert rows[0][0] == "failure"
        [told] = [message for message in discord.messages() if message.id == rows[0][2]]
        # 160 × 104 was too much: half its pixels in its shape are 113 × 73, and sides are multiples of 8
        assert "```\nan *elephant* --width 112 --height 72\n```" in told.data["content"]
        assert [user["id"] for user in told.data["mentions"]] == [alice.id]
        assert faces(told) == ["Draw in the nearest size", "Try again"]
        await settled(discord)
