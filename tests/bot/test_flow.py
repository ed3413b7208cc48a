"""Commands and buttons, pressed by people over real sockets."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bot.demo.driver import BotProcess, Discord, faces
from bot.demo.shapes import Message
from tests.bot.conftest import is_grid, is_picture

MakeBot = Callable[..., BotProcess]

pytestmark = pytest.mark.e2e

GRID = ["U1", "U2", "U3", "U4", "🔄", "V1", "V2", "V3", "V4"]


async def test_the_grid_is_a_new_message_that_pings_its_owner(discord: Discord, bot: BotProcess) -> None:
    alice = discord.user("alice")
    answer = await alice.slash("imagine", prompt="a red apple")
    grid = await discord.wait_for_message(is_grid)
    await discord.until(
        lambda: answer.interaction.original not in {message.id for message in discord.messages()},
        "the progress message to go",
    )
    assert grid.id != answer.interaction.original
    assert [user["id"] for user in grid.data["mentions"]] == [alice.id]
    assert faces(grid) == GRID
    [file] = grid.data["attachments"]
    assert file["description"] == "A grid of 4 pictures drawn from the prompt: a red apple"


async def test_whoever_presses_owns(discord: Discord, bot: BotProcess) -> None:
    alice, bob = discord.user("alice"), discord.user("bob")
    await alice.slash("imagine", prompt="a red apple")
    grid = await discord.wait_for_message(is_grid)
    await bob.click(grid, "U2")
    one = await discord.wait_for_message(is_picture, after=grid)
    assert f"Image #2 <@{bob.id}>" in one.data["content"]
    assert [user["id"] for user in one.data["mentions"]] == [bob.id]
    assert one.data["message_reference"]["message_id"] == grid.id
    assert faces(one)[:5] == ["Vary (Subtle)", "Vary (Strong)", "Vary (Region)", "🔄", "Info"]
    await bob.click(grid, "V3")
    varied = await discord.wait_for_message(is_grid, after=one)
    assert f"Variations (Strong) of image #3 by <@{bob.id}>" in varied.data["content"]
    await bob.click(one, "Vary (Subtle)")
    subtle = await discord.wait_for_message(is_grid, after=varied)
    assert "Variations (Subtle) of image #2" in subtle.data["content"]
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


async def test_the_menu_cancels_every_job_of_a_message(discord: Discord, make_bot: MakeBot) -> None:
    async with make_bot(step_seconds=0.5):
        alice = discord.user("alice")
        answer = await alice.slash("imagine", prompt="a {red, green, blue} apple")
        numbered = ["Cancel 1", "Cancel 2", "Cancel 3", "Cancel all"]
        await discord.until(lambda: faces(answer.message) == numbered, "the cancel buttons")
        lines = answer.message.data["content"].split("\n")
        assert lines[0] == f"**3 jobs** - <@{alice.id}> (0 done)"
        for number, (line, colour) in enumerate(zip(lines[1:], ("red", "green", "blue"), strict=True), 1):
            assert line.startswith(f"{number}. a {colour} apple (")
        told = await alice.context_menu("Cancel job", answer.message)
        await discord.until(lambda: told.message.data["content"], "the answer")
        assert told.message.data["content"].count("Cancelled: ") == 3
    assert not any(map(is_grid, discord.messages()))


async def test_one_button_cancels_every_job_of_a_request(discord: Discord, make_bot: MakeBot) -> None:
    async with make_bot(step_seconds=0.5):
        alice, bob = discord.user("alice"), discord.user("bob")
        alone = await alice.slash("imagine", prompt="a tree")
        await discord.until(lambda: faces(alone.message) == ["Cancel"], "the cancel button")
        answer = await alice.slash("imagine", prompt="a {red, green, blue} apple")
        await discord.until(lambda: "Cancel all" in faces(answer.message), "the button")
        refused = await bob.click(answer.message, "Cancel all")
        await discord.until(
            lambda: any("belongs to" in m.data["content"] for m in discord.messages()), "a refusal"
        )
        assert refused.interaction.answered == 6
        await alice.click(answer.message, "Cancel all")
        gone = answer.message.id
        await discord.until(lambda: gone not in {m.id for m in discord.messages()}, "the end of all three")
        # what was asked for by itself goes on
        assert "(cancelled)" not in alone.message.data["content"]
        left = await alice.slash("queue")
        await discord.until(lambda: "a tree (" in left.message.data["content"], "the queue")
        assert "apple" not in left.message.data["content"]


async def test_a_progress_message_says_how_long_it_takes(discord: Discord, make_bot: MakeBot) -> None:
    async with make_bot(step_seconds=0.2) as bot:
        alice = discord.user("alice")
        await alice.slash("imagine", prompt="a tree --steps 5")
        grid = await discord.wait_for_message(is_grid)
        await alice.slash("imagine", prompt="a tree --steps 5")
        await discord.wait_for_message(is_grid, after=grid)
        # the model was loaded when that began: now its speed is known, also after a restart
        await bot.kill()
        await bot.start()
        third = await alice.slash("imagine", prompt="a {red, blue} tree --steps 120")
        await discord.until(lambda: "0 done, about" in third.message.data["content"], "the time left")
        alone = await alice.slash("imagine", prompt="a house --steps 120")
        await discord.until(lambda: "left)" in alone.message.data["content"], "the time left")
        queue = await alice.slash("queue")
        await discord.until(lambda: "left)" in queue.message.data["content"], "the time left")
        await alice.click(third.message, "Cancel all")
        await alice.click(alone.message, "Cancel")


async def test_a_long_prompt_that_is_refused_comes_back_whole(discord: Discord, bot: BotProcess) -> None:
    alice = discord.user("alice")
    long = "a red apple, " * 300 + "--ar 1:2:3"
    await alice.slash("imagine", prompt=long)
    told = await discord.wait_for_message(lambda m: m.ephemeral and bool(m.data["attachments"]))
    assert told.data["attachments"][0]["filename"] == "prompt.txt"
    await alice.slash("imagine", prompt="\u200b\u2060 \u3164\u00ad")
    await discord.wait_for_message(lambda m: "nothing to draw yet" in m.data["content"], after=told)


async def test_looking_around(discord: Discord, bot: BotProcess) -> None:
    alice, bob = discord.user("alice"), discord.user("bob")
    await alice.slash("imagine", prompt="a red apple")
    grid = await discord.wait_for_message(is_grid)

    queue = await alice.slash("queue")
    await discord.until(lambda: queue.message.data["content"], "the queue")
    assert "Nothing is waiting." in queue.message.data["content"]

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
    refused = await alice.slash("imagine", prompt="a cat --ar 3:2:1")
    assert refused.message.ephemeral
    assert "```" in refused.message.data["content"], "a line to copy"
    for command in ("vary", "upscale", "describe"):
        refused = await alice.slash(command)
        assert refused.message.ephemeral
        assert "Which picture?" in refused.message.data["content"]
    refused = await alice.slash("blend")
    assert refused.message.ephemeral
    assert "two to five pictures" in refused.message.data["content"]
    assert all(message.ephemeral for message in discord.messages()), "others never saw any of it"
    hello = alice.say("hello")
    wrong = await alice.context_menu("Info", hello)
    await discord.until(lambda: "no picture in that message" in wrong.message.data["content"], "a refusal")


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


async def test_many_jobs_are_asked_about_first(discord: Discord, make_bot: MakeBot) -> None:
    async with make_bot() as bot:
        alice, bob = discord.user("alice"), discord.user("bob")
        asked = await alice.slash("imagine", prompt="a {red, green, blue, pink} apple")
        await discord.until(lambda: faces(asked.message) == ["Start", "Cancel"], "the question")
        assert "4 jobs with 16 pictures" in asked.message.data["content"]
        await bob.click(asked.message, "Start")
        await discord.until(
            lambda: any("too old" in m.data["content"] for m in discord.messages()), "a refusal"
        )
        await bot.kill()
        await bot.start()
        await alice.click(asked.message, "Start")
        await discord.until(lambda: sum(map(is_grid, discord.messages())) == 4, "four grids")
        await discord.until(
            lambda: asked.interaction.original not in {m.id for m in discord.messages()}, "tidiness"
        )
        left = await alice.slash("imagine", prompt="a {red, green, blue, pink} car")
        await discord.until(lambda: faces(left.message) == ["Start", "Cancel"], "the question")
        await alice.click(left.message, "Cancel")
        await discord.until(lambda: left.message.data["content"] == "Nothing was started.", "the end")
    assert sum(map(is_grid, discord.messages())) == 4
    said = {message.data["content"].split(" - ")[0] for message in discord.messages() if is_grid(message)}
    assert said == {f"**a {colour} apple**" for colour in ("red", "green", "blue", "pink")}


async def test_progress_goes_on_after_a_restart(discord: Discord, make_bot: MakeBot) -> None:
    async with make_bot(step_seconds=0.3) as bot:
        answer = await discord.user("alice").slash("imagine", prompt="a red apple")
        await discord.until(lambda: "%)" in answer.message.data["content"], "progress")
        await bot.kill()
        before = answer.message.data["edited_timestamp"]
        await bot.start()
        await discord.until(lambda: answer.message.data["edited_timestamp"] != before, "an edit")
        await discord.until(lambda: "%)" in answer.message.data["content"], "progress again")
        await discord.wait_for_message(is_grid)


async def test_remix_survives_a_restart_while_the_dialog_is_open(discord: Discord, make_bot: MakeBot) -> None:
    async with make_bot() as bot:
        alice = discord.user("alice")
        await alice.slash("imagine", prompt="a red apple")
        grid = await discord.wait_for_message(is_grid)
        told = await alice.slash("prefer remix")
        await discord.until(lambda: "Remix is on" in told.message.data["content"], "the answer")
        opened = await alice.click(grid, "V2")
        assert opened.modal["title"] == "Remix"
        await bot.kill()
        await bot.start()
        await alice.submit(opened, {"prompt": "a green pear"})
        varied = await discord.wait_for_message(is_grid, after=grid)
        assert varied.data["content"].startswith("**a green pear** - Variations (Strong) of image #2")
        again = await alice.click(grid, "🔄")
        await alice.submit(again, {"prompt": "a blue car"})
        fresh = await discord.wait_for_message(is_grid, after=varied)
        assert fresh.data["content"].startswith("**a blue car** - <@")


async def test_settings_and_preferences(discord: Discord, bot: BotProcess) -> None:
    alice = discord.user("alice")
    opened = await alice.slash("settings")
    await discord.until(lambda: "Raw" in faces(opened.message), "the panel")

    def green() -> set[str]:
        rows = opened.message.data["components"]
        return {part["label"] for row in rows for part in row["components"] if part.get("style") == 3}

    assert green() == {"High variation", "Fast"}
    for name in ("Raw", "Stylize High", "Low variation", "Relax", "Remix"):
        await alice.click(opened.message, name)
        await discord.until(lambda name=name: name in green(), name)
    assert green() == {"Raw", "Stylize High", "Low variation", "Relax", "Remix"}
    await alice.click(opened.message, "l1s:model:", ["pocket"])
    kept = ""
    # a click is answered before the choice is kept, and the panel looks the same with the usual model
    for _ in range(100):
        info = await alice.slash("info")
        await discord.until(lambda info=info: info.message.data["embeds"], "the info")
        if "--model pocket" in (kept := info.message.data["embeds"][0]["fields"][3]["value"]):
            break
    assert "--model pocket" in kept
    await alice.click(opened.message, "Reset settings")
    await discord.until(lambda: green() == {"High variation", "Relax"}, "the reset")

    told = await alice.slash("turbo")
    await discord.until(lambda: "ahead of others" in told.message.data["content"], "the answer")
    await alice.slash("imagine", prompt="a blue car")
    quick = await discord.wait_for_message(is_grid)
    assert quick.data["content"].startswith("**a blue car** - ")
    assert "(turbo)" in quick.data["content"]

    kept = await alice.slash("prefer option set", option="mine", value="in the snow --ar 3:2")
    await discord.until(lambda: "now stands for" in kept.message.data["content"], "the answer")
    listed = await alice.slash("prefer option list")
    await discord.until(
        lambda: "`--mine`: in the snow --ar 3:2" in listed.message.data["content"], "the list"
    )
    itself = await alice.slash("prefer option set", option="loop", value="a --loop2 --loop")
    await discord.until(lambda: itself.message.data["content"], "a refusal")
    assert (
        "stands for itself" in itself.message.data["content"]
        or "is a flag already" in itself.message.data["content"]
    )
    words = await alice.slash("prefer suffix", new_value="in oil")
    await discord.until(lambda: "Only flags can stand here" in words.message.data["content"], "a refusal")
    flags = await alice.slash("prefer suffix", new_value="--seed 7")
    await discord.until(lambda: "After each prompt: --seed 7" in flags.message.data["content"], "the answer")
    await alice.slash("imagine", prompt="a red apple --mine")
    grid = await discord.wait_for_message(is_grid, after=quick)
    facts = await alice.context_menu("Info", grid)
    await discord.until(lambda: facts.message.data["embeds"], "the facts")
    said = {field["name"]: field["value"] for field in facts.message.data["embeds"][0]["fields"]}
    assert said["Seed"] == "7"
    width, height = sides(said["Size"])
    assert width > height


async def test_the_table_behind_the_settings_panel(discord: Discord, bot: BotProcess) -> None:
    alice = discord.user("alice")
    opened = await alice.slash("settings")
    await discord.until(lambda: "All settings" in faces(opened.message), "the panel")
    kept = await alice.slash("prefer suffix", new_value="--chaos 5")
    await discord.until(lambda: "--chaos 5" in kept.message.data["content"], "the suffix")

    def row(name: str) -> list[str]:
        lines = opened.message.data["content"].splitlines()
        return next((line.split() for line in lines if line.startswith(f"--{name} ")), [])

    await alice.click(opened.message, "All settings")
    await discord.until(lambda: row("chaos") == ["--chaos", "5", "your", "suffix"], "the table")
    assert row("ar") == ["--ar", "1:1", "–"]
    asked = await alice.click(opened.message, "l1s:flag:", ["ar"])
    assert asked.modal["title"] == "--ar"
    # the table and its dialog outlive the bot
    await bot.kill()
    await bot.start()
    await alice.submit(asked, {"prompt": "3x2"})
    await discord.until(lambda: row("ar") == ["--ar", "3:2", "you"], "the ratio")
    await alice.click(opened.message, "l1s:flag:", ["tile"])
    await discord.until(lambda: row("tile") == ["--tile", "on", "you"], "the switch")
    # what no prompt could be drawn with is refused, and what was kept stays
    wrong = await alice.click(opened.message, "l1s:flag:", ["model"])
    await alice.submit(wrong, {"prompt": "dalle"})
    refusal = await discord.wait_for_message(lambda said: "dalle" in said.data["content"])
    assert "`dalle`" in refusal.data["content"]
    assert row("model") == ["--model", "the", "server's", "–"]
    await alice.click(opened.message, "l1s:flag:", ["tile"])
    await discord.until(lambda: row("tile") == ["--tile", "off", "–"], "the switch")
    await alice.slash("imagine", prompt="a red apple")
    grid = await discord.wait_for_message(is_grid)
    width, height = sides((await facts_of(discord, grid))["Size"])
    assert width > height
    await alice.click(opened.message, "Reset settings")
    await discord.until(lambda: row("ar") == ["--ar", "1:1", "–"], "the reset")
    await alice.click(opened.message, "Back")
    await discord.until(lambda: "Raw" in faces(opened.message), "the panel again")


async def test_upscaling_doubles_the_sides(discord: Discord, bot: BotProcess) -> None:
    alice = discord.user("alice")
    await alice.slash("imagine", prompt="a red apple --ar 3:2")
    grid = await discord.wait_for_message(is_grid)
    await alice.click(grid, "U1")
    one = await discord.wait_for_message(is_picture, after=grid)
    small = await facts_of(discord, one)
    await alice.click(one, "Upscale (Subtle)")
    big = await discord.wait_for_message(is_picture, after=one)
    assert faces(big)[-2:] == ["Redo Upscale (Creative)", "❤️"]
    assert "- Upscale (Subtle) by" in big.data["content"]
    width, height = sides(small["Size"])
    assert (await facts_of(discord, big))["Size"] == f"{2 * width} × {2 * height} px"
    await alice.click(big, "Redo Upscale (Creative)")
    creative = await discord.wait_for_message(is_picture, after=big)
    assert "- Upscale (Creative) by" in creative.data["content"]
    assert faces(creative)[-3:] == ["Redo Upscale (Subtle)", "Redo Upscale (Creative)", "❤️"]
    assert (await facts_of(discord, creative))["Upscaled"] == "2×, creative"


async def facts_of(discord: Discord, message: Message) -> dict[str, str]:
    answer = await discord.user("alice").context_menu("Info", message)
    await discord.until(lambda: answer.message.data["embeds"], "the facts")
    return {field["name"]: field["value"] for field in answer.message.data["embeds"][0]["fields"]}


async def test_zooming_and_panning(discord: Discord, bot: BotProcess) -> None:
    alice = discord.user("alice")
    await alice.slash("imagine", prompt="a red apple --ar 3:2")
    grid = await discord.wait_for_message(is_grid)
    await alice.click(grid, "U1")
    one = await discord.wait_for_message(is_picture, after=grid)
    width, height = await size_of(discord, one)
    assert width > height

    await alice.click(one, "Zoom Out 1.5x")
    zoomed = await discord.wait_for_message(is_grid, after=one)
    assert "- Zoom Out 1.5x of image #1 by" in zoomed.data["content"]
    await alice.click(zoomed, "🔄")
    again = await discord.wait_for_message(is_grid, after=zoomed)
    assert "- Zoom Out 1.5x by" in again.data["content"], "drawn again it is still a zoom"
    assert await size_of(discord, zoomed) == (width, height)

    await alice.click(one, "Make Square")
    square = await discord.wait_for_message(is_grid, after=again)
    assert "- Make Square of image #1 by" in square.data["content"]
    assert await size_of(discord, square) == (width, width)
    await alice.click(square, "U1")
    alone = await discord.wait_for_message(is_picture, after=square)
    assert "Make Square" not in faces(alone)
    await alice.click(alone, "⬅️")
    panned = await discord.wait_for_message(is_grid, after=alone)
    assert "- Pan left of image #1 by" in panned.data["content"]
    wide, high = await size_of(discord, panned)
    assert (wide > width, high) == (True, width)

    opened = await alice.click(one, "Custom Zoom")
    assert opened.modal["title"] == "Custom Zoom"
    await alice.submit(opened, {"prompt": "an orchard --ar 1:1", "factor": "1,2"})
    custom = await discord.wait_for_message(is_grid, after=panned)
    assert custom.data["content"].startswith("**an orchard --ar 1:1** - ")
    assert "- Zoom Out 1.2x of image #1 by" in custom.data["content"]
    side, other = await size_of(discord, custom)
    assert side == other
    again = await alice.click(one, "Custom Zoom")
    await alice.submit(again, {"prompt": "an orchard", "factor": "seven"})
    told = await discord.wait_for_message(lambda m: "is not a number" in m.data["content"], after=custom)
    assert "an orchard" in told.data["content"], "what was typed comes back"


async def size_of(discord: Discord, message: Message) -> tuple[int, int]:
    return sides((await facts_of(discord, message))["Size"])


def sides(fact: str) -> tuple[int, int]:
    """Return width and height of the file, which stand last: "drawn at 1 × 2, enlarged to 4 × 8 px"."""
    width, height = fact.removesuffix(" px").split()[-3::2]
    return int(width), int(height)
