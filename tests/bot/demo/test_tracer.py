"""An unmodified discord.py walks through the stand-in; its messages are judged by Discord's document."""

from __future__ import annotations

import pytest

from bot.demo.driver import BotProcess, Discord, NoAnswer, faces
from bot.demo.people import Refused
from bot.demo.seed_data import APP_ID
from bot.demo.shapes import Upload
from tests.bot.demo.tracer_dot import DOT

pytestmark = pytest.mark.usefixtures("tracer")


async def test_command_progress_picture_and_buttons(discord: Discord) -> None:
    alice, bob = discord.user("alice"), discord.user("bob")
    answer = await alice.slash("draw", prompt="an apple @everyone", picture_in=Upload("in.png", DOT))
    grid = await discord.wait_for_message(lambda message: message.attachments and not message.interaction)
    assert grid.content == f"<@{alice.id}> an apple @everyone {len(DOT)}"
    assert grid.pinged == [alice.id]
    assert grid.attachments[0]["width"] == grid.attachments[0]["height"] == 1
    assert grid.attachments[0]["description"] == "a dot"
    assert faces(grid) == ["ONE", "ASK", "CHANGE", "QUIET", "SILENT"]
    await discord.until(lambda: answer.message.content == "done", "the end")
    assert not answer.message.attachments

    pressed = await bob.click(grid, "ONE")
    assert pressed.message.content == "one by bob"
    assert pressed.message.data["message_reference"]["message_id"] == grid.id

    opened = await bob.click(grid, "ASK")
    assert opened.modal["title"] == "A question"
    words, files = (item["component"]["custom_id"] for item in opened.modal["components"])
    submitted = await bob.submit(opened, {words: "why", files: [Upload("f.txt", b"12345")]})
    assert submitted.message.content == "why [5]"
    assert submitted.message.viewer == bob.id
    seen = [message["id"] for message in discord.world.history(grid.channel_id, alice.id)]
    assert submitted.message.id not in seen

    quiet = await alice.click(grid, "QUIET")
    whisper = await discord.wait_for_message(lambda message: message.content == "whispered")
    assert whisper.viewer == alice.id
    assert quiet.message.id == grid.id

    await alice.click(grid, "CHANGE")
    assert (grid.content, faces(grid)) == ("changed", ["ASK"])


async def test_autocomplete_and_context_menu(discord: Discord) -> None:
    alice = discord.user("alice")
    choices = await alice.autocomplete("draw", "prompt", "red")
    assert [choice["value"] for choice in choices] == ["red a", "red b"]
    said = alice.say("hello there")
    looked = await alice.context_menu("Look", said)
    assert looked.message.content == "saw 'hello there'"
    assert looked.message.ephemeral


async def test_an_old_button_works_after_a_restart(discord: Discord, tracer: BotProcess) -> None:
    alice = discord.user("alice")
    await alice.slash("draw", prompt="p")
    grid = await discord.wait_for_message(lambda message: faces(message))
    await tracer.kill()
    with pytest.raises(NoAnswer, match="did not respond"):
        await alice.click(grid, "ONE")
    await tracer.start()
    assert (await alice.click(grid, "ONE")).message.content == "one by alice"


@pytest.mark.parametrize(
    ("how", "words"),
    [("long", "400 50035"), ("empty", "400 50006"), ("big", "413 40005"), ("twice", "400 40060")],
)
async def test_what_discord_refuses(discord: Discord, how: str, words: str) -> None:
    answer = await discord.user("alice").slash("fail", how=how)
    await discord.until(lambda: answer.message.content == words, words)
    discord.checker.violations = [line for line in discord.checker.violations if "(refused)" not in line]


async def test_an_answer_after_three_seconds_is_too_late(discord: Discord) -> None:
    with pytest.raises(NoAnswer, match="did not respond"):
        await discord.user("alice").slash("fail", how="late")
    await discord.wait_for_message(lambda message: message.content == "404 10062")


async def test_a_server_without_the_bot_has_only_the_token(discord: Discord) -> None:
    answer = await discord.user("alice").slash("anywhere", channel="lobby")
    await discord.until(lambda: answer.message.content == "5 then 40094", "five follow-ups")
    with pytest.raises(Refused, match="no command"):
        await discord.user("alice").slash("draw", prompt="x", channel="lobby")


async def test_components_of_the_new_layout(discord: Discord) -> None:
    answer = await discord.user("alice").slash("layout")
    shown = discord.world.render(answer.message)
    container = shown["components"][0]
    media = container["components"][1]["items"][0]["media"]
    assert media["url"] == shown["attachments"][0]["url"]
    assert (media["width"], media["height"]) == (1, 1)


async def test_threads_history_reactions_and_direct_messages(discord: Discord) -> None:
    alice = discord.user("alice")
    dm = alice.person.dm()["id"]
    await alice.slash("tour")
    told = await discord.wait_for_message(lambda message: message.author_id == APP_ID, channel=dm)
    assert told.content == "2 messages"
    await discord.wait_for_message(lambda message: message.content == "replied")
    await discord.until(
        lambda: "to be talked about" not in [message.content for message in discord.messages()], "the end"
    )


async def test_resume_after_a_cut_line(discord: Discord) -> None:
    discord.act("drop_gateway")
    await discord.until(lambda: discord.gateway.resumes == 1, "a resume")
    assert (await discord.user("alice").slash("draw", prompt="p")).interaction.answered == 5
