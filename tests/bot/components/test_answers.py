"""Answers in words: a picture described, a prompt shortened, their buttons pressed, over real sockets."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from bot.demo.driver import BotProcess, Discord, faces
from bot.demo.files import Upload
from bot.demo.shapes import Message
from tests.bot.conftest import is_grid, is_picture

pytestmark = pytest.mark.e2e


def said(discord: Discord, words: str) -> bool:
    return any(words in message.data["content"] for message in discord.messages())


def is_answer(message: Message) -> bool:
    return "1" in faces(message)


async def test_a_picture_becomes_prompts_and_a_prompt_pictures(discord: Discord, bot: BotProcess) -> None:
    alice, bob = discord.user("alice"), discord.user("bob")
    await alice.slash("imagine", prompt="a red apple --ar 3:2")
    grid = await discord.wait_for_message(is_grid)
    await alice.click(grid, "U1")
    one = await discord.wait_for_message(is_picture, after=grid)
    await alice.context_menu("Describe", one)
    answer = await discord.wait_for_message(is_answer, after=one)
    assert faces(answer) == ["1", "2", "3", "4", "🔄", "Draw all"]
    assert "2\ufe0f\u20e3 3 discs on a plain ground" in answer.data["content"]
    assert [user["id"] for user in answer.data["mentions"]] == [alice.id]
    [file] = answer.data["attachments"]
    assert file["filename"].startswith("described-")
    opened = await bob.click(answer, "2")
    [box] = [row["component"] for row in opened.modal["components"]]
    assert box["value"] == "3 discs on a plain ground"
    await bob.submit(opened)
    drawn = await discord.wait_for_message(is_grid, after=answer)
    assert drawn.data["content"].startswith(f"**3 discs on a plain ground** - <@{bob.id}>")


async def test_all_prompts_are_drawn_and_a_description_made_again(discord: Discord, bot: BotProcess) -> None:
    alice = discord.user("alice")
    await alice.slash("imagine", prompt="a red apple")
    grid = await discord.wait_for_message(is_grid)
    await alice.context_menu("Describe", grid)
    answer = await discord.wait_for_message(is_answer, after=grid)
    await alice.click(answer, "🔄")
    again = await discord.wait_for_message(is_answer, after=answer)
    await alice.click(again, "Draw all")
    await discord.until(
        lambda: sum(is_grid(message) for message in discord.messages()) == 5, "four grids beside the first"
    )
    drawn = {message.data["content"].split("**")[1] for message in discord.messages() if is_grid(message)}
    assert drawn == {"a red apple", *(f"{count} discs on a plain ground" for count in (2, 3, 4, 5))}


async def test_an_attached_picture_is_described(discord: Discord, bot: BotProcess) -> None:
    alice = discord.user("alice")
    await alice.slash("describe")
    await discord.until(lambda: said(discord, "Which picture?"), "the question which")
    file = io.BytesIO()
    Image.new("RGB", (90, 60), "teal").save(file, "PNG")
    await alice.slash("describe", image=Upload("teal.png", file.getvalue()))
    answer = await discord.wait_for_message(is_answer)
    assert answer.data["attachments"][0]["width"] == 90


async def test_shorten_keeps_flags_and_refuses_several_texts(discord: Discord, bot: BotProcess) -> None:
    alice = discord.user("alice")
    await alice.slash("shorten", prompt="a very magnificent castle on a hill --ar 3:2")
    answer = await discord.wait_for_message(is_answer)
    assert faces(answer) == ["1", "2", "3", "4", "5"]
    marked = answer.data["content"].splitlines()[1]
    # the stand-in's words matter by their letters
    assert "**magnificent**" in marked
    assert "~~a~~" in marked
    # the shortest is still of its subject
    assert answer.data["content"].splitlines()[-1] == "5\ufe0f\u20e3 castle --ar 3:2"
    await alice.slash("shorten", prompt="a castle::2 a hill")
    await discord.until(lambda: said(discord, "one plain text"), "the refusal")
    assert said(discord, "a castle::2 a hill")
