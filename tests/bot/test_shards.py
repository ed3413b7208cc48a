"""One line to Discord or several: a server on each, a broken one comes back alone, nothing is missed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from bot import client
from bot.demo.driver import BotProcess, Discord
from bot.demo.seed_data import ELSEWHERE_ID, GENERAL_ID, GUILD_ID, LOBBY_ID
from bot.demo.shapes import Message
from tests.bot.conftest import is_grid, is_picture
from tests.bot.publish.test_delivery import all_kept

MakeBot = Callable[..., BotProcess]

pytestmark = pytest.mark.e2e

OTHER_GUILD, OTHER_ROOM = str(int(GUILD_ID) + (1 << 22)), str(int(LOBBY_ID) + (1 << 22))
ROOMS = {(int(guild) >> 22) % 2: room for guild, room in ((GUILD_ID, GENERAL_ID), (OTHER_GUILD, OTHER_ROOM))}
"""A channel by the shard of its server, as Discord's documentation counts it."""


@pytest.fixture
async def two(request: pytest.FixtureRequest) -> AsyncIterator[Discord]:
    """A Discord that recommends two shards, with the bot in a server of each; both may log in at once."""
    async with Discord(shards=2, max_concurrency=getattr(request, "param", 2)) as discord:
        world = discord.world
        made = ((world.guilds, OTHER_GUILD, ELSEWHERE_ID), (world.channels, OTHER_ROOM, LOBBY_ID))
        for table, new, old in made:
            copied = json.dumps(table[old]).replace(ELSEWHERE_ID, OTHER_GUILD).replace(LOBBY_ID, OTHER_ROOM)
            table[new] = json.loads(copied)
        world.channels[OTHER_ROOM]["name"] = "other"
        world.messages[OTHER_ROOM] = {}
        world.members[OTHER_GUILD] = {
            user: {**member, "roles": []} for user, member in world.members[GUILD_ID].items()
        }
        yield discord
        assert discord.checker.violations == []
        assert "too soon" not in discord.transcript(4000)


@pytest.fixture
async def far(two: Discord, data: Path, tmp_path: Path, make_bot: MakeBot) -> AsyncIterator[BotProcess]:
    bot = make_bot(step_seconds=0.02)
    bot.standin = two
    bot.environment |= two.environment
    async with bot:
        await two.until(lambda: two.world.online == 2, "both shards")
        yield bot


async def drawn(discord: Discord, room: str, prompt: str, after: Message | None = None) -> Message:
    await discord.user("alice").slash("imagine", channel=room, prompt=prompt)
    return await discord.wait_for_message(is_grid, channel=room, after=after)


@pytest.mark.parametrize("two", [1], indirect=True, ids=["logged_in_one_after_another"])
async def test_two_shards_serve_a_server_each_and_come_back_alone(
    two: Discord, far: BotProcess, data: Path
) -> None:
    alice = two.user("alice")
    grids = {shard: await drawn(two, room, f"a red apple {shard}") for shard, room in ROOMS.items()}
    for shard, room in ROOMS.items():  # buttons go the same way
        await alice.click(grids[shard], "U1")
        await two.wait_for_message(is_picture, channel=room)
    # one line is cut, with a request on its way and another sent while it is down: it asks for what it missed
    resumed, logins = two.gateway.resumes, two.gateway.identifies
    first = alice.person.slash(ROOMS[1], "imagine", {"prompt": "before the cut"})
    two.act("drop_gateway", shard=1)
    await two.until(lambda: two.world.online == 1, "the cut")
    second = alice.person.slash(ROOMS[1], "imagine", {"prompt": "during the cut"})
    await drawn(two, ROOMS[0], "the other line never noticed", grids[0])
    await two.until(
        lambda: sum(is_grid(one) for one in two.messages(ROOMS[1])) == 3, "all that was asked", 60
    )
    assert (two.gateway.resumes, two.gateway.identifies) == (resumed + 1, logins)
    assert not first.failed
    assert not second.failed
    assert [sum(is_grid(one) for one in two.messages(room)) for _, room in sorted(ROOMS.items())] == [2, 3]
    assert {state for _, state, _ in await all_kept(two, data, 7)} == {"sent"}
    direct = two.world.person("alice").dm()["id"]
    await drawn(two, direct, "a direct message is shard 0's")


async def test_one_shard_meets_an_event_it_cannot_read_and_goes_on(two: Discord, far: BotProcess) -> None:
    resumed, logins = two.gateway.resumes, two.gateway.identifies
    guild = two.world.channels[ROOMS[1]]["guild_id"]
    two.world.dispatch("CHANNEL_UPDATE", {"guild_id": guild}, guild)
    await two.until(lambda: two.gateway.resumes > resumed and two.world.online == 2, "the shard")
    for room in ROOMS.values():
        await drawn(two, room, "a red apple")
    assert two.gateway.identifies == logins
    assert "the connection to Discord broke (shard 1)" in far.output(10**6)
    two.act("invalid_session")  # nothing can be asked for any more: each logs in anew
    await two.until(lambda: two.gateway.identifies == logins + 2 and two.world.online == 2, "both")
    for room in ROOMS.values():
        await drawn(two, room, "a red apple", two.messages(room)[-1])
    assert far.process is not None
    assert far.process.returncode is None


async def test_of_one_line_where_to_connect_is_asked_again_and_what_cannot_be_read_ends_nothing(
    discord: Discord, make_bot: MakeBot
) -> None:
    fault = discord.faults.add("reset_before", "GET", r"/gateway/bot$", times=2)
    async with make_bot() as bot:
        assert fault.hits == 2
        discord.world.dispatch("CHANNEL_UPDATE", {"guild_id": GUILD_ID}, GUILD_ID)
        await discord.until(lambda: discord.gateway.resumes and discord.world.online, "the bot")
        await drawn(discord, GENERAL_ID, "a red apple")
        assert discord.gateway.identifies == 1
        assert bot.process is not None
        assert bot.process.returncode is None
    assert "the connection to Discord broke" in bot.output(10**6)


async def test_fewer_shards_than_discord_wants_are_one_clear_line(two: Discord, make_bot: MakeBot) -> None:
    bot = make_bot()
    bot.environment |= two.environment | {"LIMNER_DISCORD_SHARDS": "1"}
    await bot.start(wait=False)
    assert bot.process is not None
    assert await bot.process.wait() == 2
    assert f"limner: {client.TOO_FEW_SHARDS}" in bot.output()
