"""The whole way, nothing of ours replaced: real sockets, bot process, worker process and weights."""

from __future__ import annotations

import asyncio
import io
import itertools
import re
import time

import numpy as np
import pytest
from PIL import Image

from bot.demo.driver import BotProcess, Discord, faces
from bot.demo.shapes import Event, Json, Message
from tests.e2e.conftest import MakeBot

pytestmark = pytest.mark.e2e

GRID = ["U1", "U2", "U3", "U4", "🔄", "V1", "V2", "V3", "V4"]
STEPS = 20
CONFIG = f"""
[engine]
preview_every = 2
threads = 1
[[models]]
name = "pocket"
source = "pocket"
steps = {STEPS}
guidance_scale = 5.0
{{size}}
"""


def config() -> str:
    """Return the shipped model's configuration with few steps, its size as it is."""
    from engine.config import pocket

    model = pocket()
    size = f"width = {model.width}\nheight = {model.height}\nmultiple = {model.multiple}\nmax_ratio = 2.0"
    return CONFIG.format(size=size)


def picture(discord: Discord, message: Message) -> Image.Image:
    (file,) = message.attachments
    data = discord.world.file(file["id"])
    assert data is not None
    image = Image.open(io.BytesIO(data))
    image.load()
    return image.convert("RGB")


def is_grid(message: Message) -> bool:
    return faces(message) == GRID


def is_single(message: Message) -> bool:
    return bool(message.attachments) and "Vary (Subtle)" in faces(message)


def job_of(message: Message) -> str:
    found = re.search(r"l1:\w+:([0-9a-z]{10})", str(message.data["components"]))
    assert found
    return found[1]


async def test_from_a_prompt_to_an_old_button(discord: Discord, make_bot: MakeBot) -> None:
    alice, bob = discord.user("alice"), discord.user("bob")
    progress: list[str] = []
    previews: list[dict[str, object]] = []

    def note(event: object) -> None:
        data = getattr(event, "data", {}).get("message")
        if data and re.search(r"\(\d+%\)", data["content"]):
            progress.append(data["content"])
            previews.extend(data["attachments"])

    discord.world.subscribe(note)
    bot: BotProcess = make_bot(config=config())
    async with bot:
        began = time.monotonic()
        answer = await alice.slash("imagine", prompt="a red apple --ar 3:2 --seed 7")
        grid = await discord.wait_for_message(is_grid)
        assert grid.content.startswith("**a red apple --ar 3:2 --seed 7**")
        assert grid.pinged == [alice.id]
        # a message is edited at most every 2 s: a fast machine may be done before there is anything to show
        if progress and time.monotonic() - began > 6:
            assert previews, "no preview was shown"
        assert all(item["size"] < 60_000 for item in previews)  # discord.md, section 9
        whole = picture(discord, grid)
        # by hand: 128 x 128 pixels at 3:2 are 156.8 x 104.5, on steps of 8 160 x 104
        assert whole.width / whole.height == pytest.approx(3 / 2, rel=0.05)
        assert np.asarray(whole).std() > 5, "the grid is one flat colour"
        await discord.until(
            lambda: answer.interaction.original not in discord.world.messages[grid.channel_id],
            "progress to go",
        )

        # U2 is the second cell, for whoever pressed it
        await bob.click(grid, "U2")
        alone = await discord.wait_for_message(is_single, after=grid)
        assert alone.pinged == [bob.id]
        single = picture(discord, alone)
        cell = whole.crop((whole.width // 2, 0, whole.width, whole.height // 2))
        gap = np.asarray(single.resize((48, 32)), float) - np.asarray(cell.resize((48, 32)), float)
        assert np.abs(gap).mean() < 6, "U2 is not the second cell"

        # V3: four variations of the third cell; 🔄: four new pictures
        await alice.click(grid, "V3")
        varied = await discord.wait_for_message(is_grid, after=alone)
        await alice.click(grid, "🔄")
        again = await discord.wait_for_message(is_grid, after=varied)
        jobs = {job_of(message) for message in (grid, varied, again)}
        assert len(jobs) == 3
        first, second = (np.asarray(picture(discord, message), float) for message in (grid, again))
        assert np.abs(first - second).mean() > 5, "🔄 drew the same again"

        await bot.kill()
        await bot.start()
        await bob.click(grid, "U4")
        old = await discord.wait_for_message(is_single, after=again)
        assert old.pinged == [bob.id]
        assert job_of(old) == job_of(grid)
    log = bot.output(10**6)
    for interaction in discord.world.interactions.values():
        assert interaction.token not in log
    assert discord.world.token not in log


async def test_progress_is_edited_every_two_seconds_with_previews(
    discord: Discord, make_bot: MakeBot
) -> None:
    edits: list[tuple[float, Json]] = []

    def note(event: Event) -> None:
        if event.kind == "message_update" and "%)" in event.data["message"]["content"]:
            edits.append((time.monotonic(), event.data["message"]))

    discord.world.subscribe(note)
    async with make_bot(fake={"step_seconds": 0.3}, config="[engine]\npreview_every = 2\n"):
        answer = await discord.user("alice").slash("imagine", prompt="a red apple")
        assert answer.interaction.answered == 5
        await discord.wait_for_message(is_grid)
    times = [when for when, _ in edits]
    assert len(times) >= 2
    assert min(after - before for before, after in itertools.pairwise(times)) > 1.9
    percents = [int(re.search(r"\((\d+)%\)", message["content"])[1]) for _, message in edits]
    assert percents == sorted(percents)
    assert edits[-1][1]["attachments"], "no preview was shown"


MENTIONS = "<@1100000000000000012> <@&1100000000000000121> "
SHOWN = "a fox @everyone @here **b** `c` ~~d~~ ||e|| [f](g)"
HOSTILE = SHOWN.replace("**b**", f"{MENTIONS}**b**")
RIGHT_TO_LEFT = "a fox \u202egnorw"


async def test_a_hostile_prompt_shows_as_typed_and_pings_nobody(discord: Discord, make_bot: MakeBot) -> None:
    ada = discord.user("ada")
    async with make_bot(fake={}):
        await ada.slash("imagine", prompt=HOSTILE)
        grid = await discord.wait_for_message(is_grid)
        echo = re.match(r"\*\*(.*)\*\* - <@\d+>", grid.content)[1]
        assert re.sub(r"\\([^\w\s])", r"\1", echo) == SHOWN  # a backslash does not show
        assert "Mentions were left out" in grid.content
        assert not re.search(r"(?<!\\)[*`~|<@\[]", echo)
        await ada.slash("imagine", prompt=RIGHT_TO_LEFT)
        turned = await discord.wait_for_message(is_grid, after=grid)
        assert "**a fox gnorw**" in turned.content  # what turns the line is left out, and said
        assert "Invisible characters were left out" in turned.content
        for message in discord.messages():
            assert set(message.pinged) <= {ada.id}
            assert message.data["mention_everyone"] is False


async def test_commands_are_acknowledged_before_the_worker_is_ready(
    discord: Discord, make_bot: MakeBot
) -> None:
    async with make_bot(fake={"start_seconds": 5.0}):
        answers = await asyncio.gather(
            *(
                discord.user(name).slash("imagine", prompt=f"{name} {n}")
                for name in ("alice", "bob")
                for n in range(3)
            )
        )
        assert all(answer.interaction.answered == 5 for answer in answers)
        queue = await discord.user("ada").slash("queue")
        assert queue.interaction.answered
