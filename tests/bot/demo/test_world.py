"""The small Discord by itself: who sees what, who is pinged, what is remembered and what runs out."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.demo import followups, interactions
from bot.demo import permissions as perm
from bot.demo.errors import DiscordError
from bot.demo.people import Refused
from bot.demo.seed_data import ADMIN_ID, ALICE_ID, APP_ID, BOB_ID, GENERAL_ID, GUILD_ID
from bot.demo.shapes import Event, Upload
from bot.demo.world import World
from tests.bot.demo.tracer_dot import DOT

COMMAND = {
    "name": "draw",
    "description": "d",
    "options": [
        {"type": 3, "name": "prompt", "description": "d", "required": True, "max_length": 10},
        {"type": 4, "name": "count", "description": "d", "min_value": 1, "max_value": 4},
        {"type": 11, "name": "file", "description": "d"},
    ],
}


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def world(clock: Clock) -> World:
    world = World(clock=clock)
    world.put_commands(None, [COMMAND])
    return world


def pings(world: World, content: str, allowed: dict[str, object] | None) -> list[str]:
    return world.post(APP_ID, GENERAL_ID, content, allowed_mentions=allowed).pinged


def test_allowed_mentions(world: World) -> None:
    # the cases of Discord's reference, "Allowed Mentions Object"
    text = f"@everyone hi there, <@{ALICE_ID}> <@{BOB_ID}> <@&1100000000000000121>"
    world.overwrite(GENERAL_ID, APP_ID, allow=perm.MENTION_EVERYONE)
    assert pings(world, text, None) == [ALICE_ID, BOB_ID, "1100000000000000121", "everyone"]
    assert pings(world, text, {"parse": []}) == []
    assert pings(world, text, {"parse": ["users", "roles"], "users": []}) == [
        ALICE_ID,
        BOB_ID,
        "1100000000000000121",
    ]
    assert pings(world, text, {"parse": ["everyone"], "users": [BOB_ID]}) == [BOB_ID, "everyone"]
    assert pings(world, text, {"parse": [], "users": [int(ALICE_ID)]}) == [ALICE_ID]
    world.overwrite(GENERAL_ID, APP_ID)
    assert "everyone" not in pings(world, text, None)


def test_permissions_as_discord_computes_them(world: World) -> None:
    # role overwrites come after @everyone's, the member's own last; an administrator keeps everything
    bits = world.permissions(ALICE_ID, GENERAL_ID)
    assert bits & perm.SEND_MESSAGES
    assert not bits & perm.MANAGE_MESSAGES
    world.overwrite(GENERAL_ID, GUILD_ID, deny=perm.SEND_MESSAGES)
    assert not world.permissions(ALICE_ID, GENERAL_ID) & perm.SEND_MESSAGES
    world.overwrite(GENERAL_ID, ALICE_ID, allow=perm.SEND_MESSAGES)
    assert world.permissions(ALICE_ID, GENERAL_ID) & perm.SEND_MESSAGES
    assert not world.permissions(BOB_ID, GENERAL_ID) & perm.SEND_MESSAGES
    assert world.permissions(ADMIN_ID, GENERAL_ID) == perm.ALL
    world.overwrite(GENERAL_ID, BOB_ID, deny=perm.VIEW_CHANNEL)
    assert world.permissions(BOB_ID, GENERAL_ID) == 0
    assert GENERAL_ID not in [channel["id"] for channel in world.channels_for(BOB_ID)]


def test_commands_are_offered_by_place_and_right(world: World) -> None:
    world.put_commands(
        None,
        [
            {"name": "everywhere", "description": "d", "integration_types": [0, 1]},
            {"name": "here", "description": "d", "contexts": [0]},
            {"name": "adult", "description": "d", "nsfw": True},
            {"name": "admins", "description": "d", "default_member_permissions": "0"},
        ],
    )

    def names(user: str, channel: str) -> set[str]:
        return {command["name"] for command in world.person(user).commands(channel)}

    assert names("alice", "general") == {"everywhere", "here"}
    assert names("ada", "general") == {"everywhere", "here", "admins"}
    assert names("alice", "after-dark") == {"everywhere", "here", "adult"}
    assert names("alice", "lobby") == {"everywhere"}
    assert names("alice", world.person("alice").dm()["id"]) == {"everywhere", "adult", "admins"}


def test_a_client_refuses_what_the_command_does_not_take(world: World) -> None:
    alice = world.person("alice")
    for options, words in (
        ({}, "must be filled in"),
        ({"prompt": "x" * 11}, "1 to 10 characters|0 to 10 characters"),
        ({"prompt": "x", "count": 5}, "between 1 and 4"),
        ({"prompt": "x", "colour": "red"}, "no option"),
        ({"prompt": "x", "file": "name"}, "takes a file"),
    ):
        with pytest.raises(Refused, match=words):
            alice.slash("general", "draw", options)
    sent = alice.slash("general", "draw", {"prompt": "x", "count": 2, "file": Upload("a.png", DOT)})
    (attachment,) = sent.payload["data"]["resolved"]["attachments"].values()
    assert (attachment["width"], attachment["size"], attachment["ephemeral"]) == (1, len(DOT), True)


def test_deadlines_of_an_interaction(world: World, clock: Clock) -> None:
    seen: list[Event] = []
    world.subscribe(seen.append)
    alice = world.person("alice")
    late = alice.slash("general", "draw", {"prompt": "x"})
    clock.now += 2.9
    assert interactions.tick(world) == pytest.approx(0.1)
    clock.now += 0.2
    interactions.tick(world)
    assert [event.viewer for event in seen if event.kind == "interaction_failed"] == [ALICE_ID]
    with pytest.raises(DiscordError, match="10062"):
        interactions.answer(world, late.id, late.token, {"type": 5}, {})

    good = alice.slash("general", "draw", {"prompt": "x"})
    with pytest.raises(DiscordError, match="10015"):
        followups.by_token(world, APP_ID, good.token)
    interactions.answer(world, good.id, good.token, {"type": 5}, {})
    with pytest.raises(DiscordError, match="40060"):
        interactions.answer(world, good.id, good.token, {"type": 5}, {})
    clock.now += 15 * 60 - 1
    assert followups.by_token(world, APP_ID, good.token) is good
    clock.now += 2
    with pytest.raises(DiscordError, match="401 50027"):
        followups.by_token(world, APP_ID, good.token)


def test_the_first_follow_up_fills_a_deferred_answer(world: World) -> None:
    used = world.person("alice").slash("general", "draw", {"prompt": "x"})
    interactions.answer(world, used.id, used.token, {"type": 5, "data": {"flags": 64}}, {})
    first = followups.followup(world, used, {"content": "one"}, {})
    assert first.id == used.original
    assert first.viewer == ALICE_ID  # decided by the defer
    second = followups.followup(world, used, {"content": "two"}, {})
    assert second.viewer is None
    assert [entry["content"] for entry in world.history(GENERAL_ID, BOB_ID)] == ["two"]
    assert [entry["content"] for entry in world.history(GENERAL_ID, ALICE_ID)] == ["two", "one"]


def test_nonces_are_remembered_for_minutes(world: World, clock: Clock) -> None:
    message = world.post(APP_ID, GENERAL_ID, "x", nonce="n")
    world.remember(GENERAL_ID, "n", message)
    assert world.remembered(GENERAL_ID, "n") is message
    clock.now += 181
    assert world.remembered(GENERAL_ID, "n") is None


def test_commands_keep_their_ids_and_200_creates_are_the_most(world: World) -> None:
    before = world.commands[None][0]["id"]
    for _ in range(300):
        assert world.put_commands(None, [COMMAND])[0]["id"] == before
    world.put_commands(None, [{**COMMAND, "name": f"first{n}"} for n in range(100)])
    more = [{**COMMAND, "name": f"second{n}"} for n in range(100)]
    with pytest.raises(DiscordError, match="30034"):
        world.put_commands(None, more)


def test_the_world_is_kept_between_runs(tmp_path: Path) -> None:
    world = World(tmp_path)
    alice = world.person("alice")
    said = alice.say("general", "hello", [Upload("dot.png", DOT)])
    alice.react(said.id, "🎨")
    thread = alice.start_thread("general", "talk", said.id)
    whisper = world.post(APP_ID, GENERAL_ID, "secret", viewer=ALICE_ID)
    world.put_commands(None, [COMMAND])
    world.save()

    later = World(tmp_path)
    again = later.find_message(said.id)
    assert later.render(again, ALICE_ID)["reactions"][0]["me"] is True
    assert later.file(again.attachments[0]["id"]) == DOT
    assert later.channel(thread["id"])["name"] == "talk"
    assert later.commands == world.commands
    with pytest.raises(DiscordError):
        later.find_message(whisper.id)
    assert int(later.snowflake()) > int(whisper.id)


def test_an_unreadable_world_is_set_aside(tmp_path: Path) -> None:
    for text in ('{"messages": 1', "{}", '{"messages": {"1": [{"data": {}}]}}'):
        (tmp_path / "world.json").write_text(text)
        world = World(tmp_path)
        assert world.history(GENERAL_ID, ALICE_ID) == []
        assert (tmp_path / "world.unreadable").read_text() == text


def test_a_persons_language_and_a_fresh_token_go_with_each_interaction(world: World) -> None:
    world.locales[BOB_ID] = "de"
    alice, bob = (
        world.person(name).slash("general", "draw", {"prompt": "x"}).payload for name in ("alice", "bob")
    )
    assert (alice["locale"], bob["locale"]) == ("en-US", "de")
    assert alice["token"] != bob["token"]


def test_the_bot_hears_only_where_it_is(world: World) -> None:
    heard: list[str] = []
    world.on_dispatch(lambda name, data, guild: heard.append(f"{name} {data.get('content')}"))
    alice = world.person("alice")
    alice.say("general", "in the studio")
    alice.say("lobby", "elsewhere")
    alice.say(world.dm(ALICE_ID, BOB_ID)["id"], "to bob")
    alice.say(alice.dm()["id"], "to the bot")
    assert [line for line in heard if line.startswith("MESSAGE")] == [
        "MESSAGE_CREATE in the studio",
        "MESSAGE_CREATE to the bot",
    ]


def test_edits_keep_what_they_do_not_name(world: World) -> None:
    stored = [world.store(GENERAL_ID, Upload(name, DOT)) for name in ("a.png", "b.png")]
    message = world.post(APP_ID, GENERAL_ID, "x", attachments=stored)
    interactions.change(world, message, {"content": "y"}, {})
    assert [file["filename"] for file in message.attachments] == ["a.png", "b.png"]
    body = {"attachments": [{"id": stored[1]["id"]}, {"id": 0, "filename": "c.png"}]}
    interactions.change(world, message, body, {0: Upload("c.png", DOT)})
    assert [file["filename"] for file in message.attachments] == ["b.png", "c.png"]
    with pytest.raises(DiscordError, match="50006"):
        interactions.change(world, message, {"content": "", "attachments": []}, {})


def test_a_member_cannot_touch_what_is_not_theirs(world: World) -> None:
    message = world.post(APP_ID, GENERAL_ID, "x")
    with pytest.raises(Refused):
        world.person("alice").delete(message.id)
    whisper = world.post(APP_ID, GENERAL_ID, "x", viewer=BOB_ID)
    with pytest.raises(Refused):
        world.person("alice").click(whisper.id, "any")
    world.person("ada").delete(message.id)
    with pytest.raises(DiscordError, match="10008"):
        world.find_message(message.id)
