"""Pictures given to commands: attached, linked, named; fetched from the stand-in's own server."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import pytest
from PIL import Image

from bot.demo import permissions as perm
from bot.demo.driver import Actor, Answer, BotProcess, Discord
from bot.demo.seed_data import APP_ID, GENERAL_ID
from bot.demo.shapes import Message, Upload
from tests.bot.conftest import is_grid

pytestmark = pytest.mark.e2e


def upload(colour: str = "red", name: str = "a.png") -> Upload:
    buffer = io.BytesIO()
    Image.new("RGB", (60, 40), colour).save(buffer, "PNG")
    return Upload(name, buffer.getvalue())


async def facts(discord: Discord, message: Message, who: Actor) -> dict[str, str]:
    answer = await who.context_menu("Info", message)
    await discord.until(lambda: answer.message.data["embeds"], "the facts")
    return {field["name"]: field["value"] for field in answer.message.data["embeds"][0]["fields"]}


async def told(discord: Discord, words: str) -> Message:
    return await discord.wait_for_message(lambda m: words in m.data["content"])


async def newest(discord: Discord, after: Message | None = None) -> Message:
    return await discord.wait_for_message(is_grid, after=after)


def link(message: Message, discord: Discord) -> str:
    guild = discord.world.guild_of(message.channel_id)
    return f"https://discord.com/channels/{guild}/{message.channel_id}/{message.id}"


async def test_a_picture_for_imagine(discord: Discord, bot: BotProcess) -> None:
    alice, bob = discord.user("alice"), discord.user("bob")
    await alice.slash("imagine", prompt="a red apple --iw 2", image=upload())
    first = await newest(discord)
    name = re.match(r"\*\*(picture:[0-9a-f]{16}) a red apple --iw 2\*\*", first.data["content"])
    assert name is not None
    said = await facts(discord, first, alice)
    assert said["Pictures"] == "prompt × 2"

    # the same bytes have the same name, whoever sends them and whatever the file is called
    await bob.slash("imagine", prompt="a blue car", image=upload(name="b.webp"))
    second = await newest(discord, first)
    assert second.data["content"].startswith(f"**{name[1]} a blue car**")

    job = said["Job"].strip("`").split("`")[0]
    choices = await alice.autocomplete("imagine", "picture", "apple")
    assert [choice["value"] for choice in choices] == [f"{job}.{cell}" for cell in (1, 2, 3, 4)]
    await alice.slash("imagine", prompt="a pear", picture=choices[1]["value"])
    third = await newest(discord, second)
    await bob.slash("imagine", prompt="a pear", picture=f"{link(first, discord)} 2")
    fourth = await newest(discord, third)
    assert fourth.data["content"].split("**")[1] == third.data["content"].split("**")[1]
    hello = bob.say("look", uploads=[upload("green")])
    await bob.slash("imagine", prompt="a pear", picture=link(hello, discord))
    await told(discord, "of other people's messages it shows me none")
    named = bob.say(f"look <@{APP_ID}>", uploads=[upload("green")])
    await bob.slash("imagine", prompt="a pear", picture=link(named, discord))
    fifth = await newest(discord, fourth)
    assert fifth.data["content"] != fourth.data["content"]


async def test_what_is_no_picture_gives_the_prompt_back(discord: Discord, bot: BotProcess) -> None:
    alice = discord.user("alice")
    for options, words in (
        ({"image": Upload("a.png", b"\x89PNG\r\n\x1a\n not")}, "cannot be read as a picture"),
        ({"picture": "https://127.0.0.1/a.png"}, "no public server"),
        ({"picture": "http://example.com/a.png"}, "begin with `https://`"),
        ({"picture": "the other one"}, "names no picture"),
        ({"picture": "0000000000.1"}, "no such job"),
        ({"picture": f"https://discord.com/channels/1/{GENERAL_ID}/1"}, "no such message"),
    ):
        await alice.slash("imagine", prompt="a most unlikely apple", **options)  # type: ignore[arg-type]
        refusal = await told(discord, words)
        assert refusal.ephemeral
        assert "a most unlikely apple" in refusal.data["content"]
    await alice.slash("imagine", prompt="https://10.0.0.1/a.png a most unlikely apple")
    assert "10.0.0.1/a.png a most unlikely apple" in (await told(discord, "10.0.0.1")).data["content"]
    assert not any(map(is_grid, discord.messages()))


async def test_nobody_gets_at_pictures_of_a_channel_they_cannot_read(
    discord: Discord, bot: BotProcess
) -> None:
    alice, bob = discord.user("alice"), discord.user("bob")
    secret = discord.world.channel_id("gallery")
    await alice.slash("imagine", channel=secret, prompt="a secret")
    await discord.until(lambda: any(map(is_grid, discord.messages(secret))), "the grid")
    grid = next(filter(is_grid, discord.messages(secret)))
    job = (await facts_in(discord, grid, alice, secret))["Job"].strip("`").split("`")[0]
    discord.world.overwrite(secret, bob.id, deny=perm.VIEW_CHANNEL)
    # the change and the command travel through one gateway, one behind the other
    await bob.slash("imagine", prompt="a copy", picture=f"{link(grid, discord)} 1")
    await told(discord, "no such message that we both can read")
    await bob.slash("imagine", prompt="a copy", picture=f"{job}.1")
    await told(discord, "made where you cannot look")
    await alice.slash("imagine", prompt="a copy", picture=f"{job}.1")
    assert "a copy" in (await newest(discord)).data["content"]


async def facts_in(discord: Discord, message: Message, who: Actor, channel: str) -> dict[str, str]:
    answer: Answer = await who.context_menu("Info", message, channel=channel)
    await discord.until(lambda: answer.message.data["embeds"], "the facts")
    return {field["name"]: field["value"] for field in answer.message.data["embeds"][0]["fields"]}


async def test_blend(discord: Discord, bot: BotProcess) -> None:
    alice = discord.user("alice")
    await alice.slash("blend", image1=upload())
    await told(discord, "two to five pictures, and this one has 1")
    await alice.slash("blend", image1=upload(), image2=upload("blue"), dimensions="2:3")
    grid = await newest(discord)
    assert re.search(r"picture:\w{16} picture:\w{16} --ar 2:3\*\* - Blend by", grid.data["content"])
    said = await facts(discord, grid, alice)
    assert said["Pictures"] == "prompt × 0.5, prompt × 0.5"
    width, height = said["Size"].removesuffix(" px").split()[-3::2]
    assert int(width) < int(height)
    job = said["Job"].strip("`").split("`")[0]
    choices = await alice.autocomplete("blend", "pictures", f"{job}.1 pict")
    assert choices[1]["value"] == f"{job}.1 {job}.2"
    await alice.slash("blend", pictures=choices[1]["value"])
    again = await newest(discord, grid)
    assert "--ar 1:1** - Blend by" in again.data["content"]
    await alice.click(again, "🔄")
    assert "Blend by" in (await newest(discord, again)).data["content"]


async def test_a_style_by_chance_can_be_had_again(
    discord: Discord, make_bot: Callable[..., BotProcess]
) -> None:
    async with make_bot():
        alice = discord.user("alice")
        await alice.slash("imagine", prompt="a red apple --sref random --sw 300")
        grid = await newest(discord)
        code = re.search(r"--sref (\d{9}) --sw 300\*\*", grid.data["content"])
        assert code is not None
        assert f"`--sref {code[1]}` draws in this style again." in grid.data["content"]
        assert (await facts(discord, grid, alice))["Pictures"] == "style × 3"
