"""Commands and buttons, pressed by people over real sockets."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable

import pytest

from bot.demo.driver import BotProcess, Discord, faces
from bot.demo.world import Event
from tests.bot.conftest import is_grid, is_picture

MakeBot = Callable[..., BotProcess]

pytestmark = pytest.mark.e2e

GRID = ["U1", "U2", "U3", "U4", "🔄", "V1", "V2", "V3", "V4"]


async def test_imagine_shows_progress_then_a_new_message_that_pings_its_owner(
    discord: Discord, make_bot: MakeBot
) -> None:
    edits: list[tuple[float, str, int]] = []
    loop = asyncio.get_running_loop()

    def note(event: Event) -> None:
        if event.kind == "message_update":
            message = event.data["message"]
            edits.append((loop.time(), message["content"], len(message["attachments"])))

    discord.world.subscribe(note)
    async with make_bot(step_seconds=0.3):
        alice = discord.user("alice")
        answer = await alice.slash("imagine", prompt="a red apple")
        grid = await discord.wait_for_message(is_grid, seconds=20)
        progress = list(edits)
        await discord.until(
            lambda: answer.interaction.original not in {message.id for message in discord.messages()},
            "the progress message to go",
        )
    assert grid.id != answer.interaction.original
    assert [user["id"] for user in grid.data["mentions"]] == [alice.id]
    assert faces(grid) == GRID
    [file] = grid.data["attachments"]
    assert file["description"] == "A grid of 4 pictures drawn from the prompt: a red apple"
    assert progress[0][1].endswith("(waiting to start)")
    assert any("%)" in content for _, content, _ in progress)
    assert any(pictures for _, _, pictures in progress), "a preview was shown"
    gaps = [after[0] - before[0] for before, after in itertools.pairwise(progress)]
    assert min(gaps) > 1.9


async def test_whoever_presses_owns(discord: Discord, bot: BotProcess) -> None:
    alice, bob = discord.user("alice"), discord.user("bob")
    await alice.slash("imagine", prompt="a red apple")
    grid = await discord.wait_for_message(is_grid)
    await bob.click(grid, "U2")
    one = await discord.wait_for_message(is_picture, after=grid)
    assert f"Image #2 <@{bob.id}>" in one.data["content"]
    assert [user["id"] for user in one.data["mentions"]] == [bob.id]
    assert one.data["message_reference"]["message_id"] == grid.id
    assert faces(one)[:4] == ["Vary (Subtle)", "Vary (Strong)", "🔄", "Info"]
    await bob.click(grid, "V3")
    varied = await discord.wait_for_message(is_grid, after=one)
    assert f"Variations of image #3 by <@{bob.id}>" in varied.data["content"]
    await bob.click(one, "Vary (Subtle)")
    subtle = await discord.wait_for_message(is_grid, after=varied)
    assert "Variations of image #2" in subtle.data["content"]
    await alice.click(grid, "🔄")
    again = await discord.wait_for_message(is_grid, after=subtle)
    assert again.data["content"] == grid.data["content"]
    assert again.data["attachments"][0]["size"] != grid.data["attachments"][0]["size"], "another seed"


async def test_old_buttons_work_after_a_restart(discord: Discord, make_bot: MakeBot) -> None:
    async with make_bot() as bot:
        await discord.user("alice").slash("imagine", prompt="a red apple")
        grid = await discord.wait_for_message(is_grid)
        await bot.kill()
        await bot.start()
        await discord.user("bob").click(grid, "U4")
        await discord.wait_for_message(is_picture, after=grid)


async def test_a_hostile_prompt_pings_nobody(discord: Discord, bot: BotProcess) -> None:
    alice, bob = discord.user("alice"), discord.user("bob")
    await alice.slash("imagine", prompt=f"@everyone @here <@{bob.id}> `x` **y** \u202eabc")
    grid = await discord.wait_for_message(is_grid)
    assert [user["id"] for user in grid.data["mentions"]] == [alice.id]
    assert not grid.data["mention_everyone"]
    assert "\\@everyone" in grid.data["content"]


async def test_cancel(discord: Discord, make_bot: MakeBot) -> None:
    async with make_bot(step_seconds=0.5):
        alice, bob = discord.user("alice"), discord.user("bob")
        answer = await alice.slash("imagine", prompt="a red apple")
        await discord.until(lambda: "Cancel" in faces(answer.message), "the cancel button")
        refused = await bob.click(answer.message, "Cancel")
        await discord.until(
            lambda: any("belongs to" in m.data["content"] for m in discord.messages()), "a refusal"
        )
        assert refused.interaction.answered == 6
        await alice.click(answer.message, "Cancel")
        await discord.until(lambda: "(cancelled)" in answer.message.data["content"], "the cancelled state")
        assert faces(answer.message) == []
        second = await alice.slash("imagine", prompt="a blue car")
        await discord.until(lambda: "Cancel" in faces(second.message), "the cancel button")
        told = await alice.slash("cancel")
        await discord.until(lambda: "Cancelled: " in told.message.data["content"], "the answer")
        again = await alice.slash("cancel")
        await discord.until(lambda: "no jobs" in again.message.data["content"], "the answer")
    assert not any(map(is_grid, discord.messages()))


async def test_looking_around(discord: Discord, bot: BotProcess) -> None:
    alice, bob = discord.user("alice"), discord.user("bob")
    await alice.slash("imagine", prompt="a red apple")
    grid = await discord.wait_for_message(is_grid)

    queue = await alice.slash("queue")
    await discord.until(lambda: queue.message.data["content"], "the queue")
    assert "0 jobs being drawn, 0 waiting." in queue.message.data["content"]

    info = await alice.slash("info")
    await discord.until(lambda: info.message.data["embeds"], "the info")
    assert "a red apple" in info.message.data["embeds"][0]["fields"][1]["value"]

    whole = await alice.context_menu("Info", grid)
    await discord.until(lambda: whole.message.data["embeds"], "the facts")
    names = [field["name"] for field in whole.message.data["embeds"][0]["fields"]]
    assert {"Job", "Model", "Seed", "Steps"} <= set(names)

    [choice] = await alice.autocomplete("show", "job", "red")
    await alice.slash("show", job=choice["value"])
    shown = await discord.wait_for_message(is_grid, after=grid)
    assert shown.data["content"] == grid.data["content"]
    refused = await bob.slash("show", job=choice["value"])
    await discord.until(lambda: "someone else" in refused.message.data["content"], "a refusal")

    help_ = await alice.slash("help")
    assert "`--ar`" in help_.message.data["embeds"][0]["fields"][0]["value"]
    one = await alice.slash("help", flag="--aspect")
    assert one.message.data["embeds"][0]["title"] == "--ar"


async def test_what_cannot_be_done_is_said_kindly(discord: Discord, bot: BotProcess) -> None:
    alice = discord.user("alice")
    answer = await alice.slash("show", job="0000000000")
    await discord.until(lambda: "no such job" in answer.message.data["content"], "a refusal")
    hello = alice.say("hello")
    wrong = await alice.context_menu("Info", hello)
    await discord.until(lambda: "not one of my results" in wrong.message.data["content"], "a refusal")


async def test_slash_options_become_flags(discord: Discord, bot: BotProcess) -> None:
    alice = discord.user("alice")
    assert [choice["value"] for choice in await alice.autocomplete("imagine", "aspect", "16")] == [
        "16:9",
        "9:16",
    ]
    assert [choice["value"] for choice in await alice.autocomplete("imagine", "model", "poc")] == ["pocket"]
    assert [choice["value"] for choice in await alice.autocomplete("imagine", "style", "pixel")] == [
        "pixel-art"
    ]
    await alice.slash("imagine", prompt="a red apple", aspect="3:2", seed=7)
    grid = await discord.wait_for_message(is_grid)
    assert grid.data["content"].startswith("**a red apple --ar 3:2 --seed 7** - ")
