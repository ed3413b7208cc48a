"""The stand-in on the wire, before a bare HTTP client: headers, refusals, faults, compression, resume."""

from __future__ import annotations

import asyncio
import json
import time
import zlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import zstandard

from bot.demo.driver import Discord
from bot.demo.gateway import MESSAGE_CONTENT
from bot.demo.seed_data import APP_ID, ELSEWHERE_ID, GENERAL_ID, GUILD_ID, LOBBY_ID
from bot.demo.server import CONTROL_HEADER
from bot.demo.shapes import Upload
from tests.bot.demo.tracer_dot import DOT

MESSAGES = f"/channels/{GENERAL_ID}/messages"


class Client:
    """A bot's HTTP side without a library: `call` gives status, headers and JSON."""

    def __init__(self, discord: Discord, session: aiohttp.ClientSession) -> None:
        self.discord = discord
        self.session = session

    async def call(
        self, method: str, path: str, body: Any = None, *, token: str | None = None, **more: Any
    ) -> tuple[int, Any, Any]:
        headers = {"Authorization": f"Bot {token or self.discord.world.token}"}
        url = f"{self.discord.url}/api/v10{path}"
        async with self.session.request(method, url, json=body, headers=headers, **more) as response:
            raw = await response.read()
            return response.status, response.headers, json.loads(raw) if raw else None


@pytest.fixture
async def client(discord: Discord) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession() as session:
        yield Client(discord, session)


async def test_the_content_type_is_exactly_json(client: Client) -> None:
    _, headers, me = await client.call("GET", "/users/@me")
    assert headers["Content-Type"] == "application/json"
    assert me["id"] == APP_ID


async def test_a_wrong_token_is_401(client: Client) -> None:
    status, _, body = await client.call("GET", "/users/@me", token="wrong")
    assert (status, body["code"]) == (401, 0)
    assert client.discord.rest.invalid == 1


async def test_the_bucket_empties_and_says_when_it_fills(client: Client) -> None:
    for left in ("4", "3", "2", "1", "0"):
        _, headers, _ = await client.call("POST", MESSAGES, {"content": "x"})
        assert headers["X-RateLimit-Remaining"] == left
    status, headers, body = await client.call("POST", MESSAGES, {"content": "x"})
    assert status == 429
    assert 0 < body["retry_after"] <= 5
    assert body["global"] is False
    assert "Via" in headers  # without it clients take a 429 for a ban
    assert int(headers["Retry-After"]) >= body["retry_after"]
    assert len(client.discord.messages()) == 5


async def test_a_nonce_gives_back_the_message_it_made(client: Client) -> None:
    body = {"content": "x", "nonce": "n", "enforce_nonce": True}
    first, second = [(await client.call("POST", MESSAGES, body))[2] for _ in range(2)]
    assert first["id"] == second["id"]
    client.discord.act("forget_nonces")
    assert (await client.call("POST", MESSAGES, body))[2]["id"] != first["id"]
    await client.call("POST", MESSAGES, {"content": "x", "nonce": "n"})  # not enforced
    assert len(client.discord.messages()) == 3


async def test_where_the_bot_may_not_go(client: Client) -> None:
    for path, code in ((LOBBY_ID, 50001), ("1", 10003)):
        _, _, body = await client.call("POST", f"/channels/{path}/messages", {"content": "x"})
        assert body["code"] == code
    client.discord.act("lose_permissions", channel="general")
    assert (await client.call("POST", MESSAGES, {"content": "x"}))[2]["code"] == 50013
    client.discord.act("restore_permissions", channel="general")
    assert (await client.call("POST", MESSAGES, {"content": "x"}))[0] == 200
    _, _, body = await client.call("PUT", f"/applications/{APP_ID}/guilds/{ELSEWHERE_ID}/commands", [])
    assert body["code"] == 50001
    alice = client.discord.user("alice")
    dm = alice.person.dm()["id"]
    client.discord.act("close_dms", user="alice")
    assert (await client.call("POST", f"/channels/{dm}/messages", {"content": "x"}))[2]["code"] == 50007
    said = alice.say("mine")
    assert (await client.call("PATCH", f"{MESSAGES}/{said.id}", {"content": "x"}))[2]["code"] == 50005
    assert (await client.call("DELETE", f"{MESSAGES}/{said.id}"))[2]["code"] == 50013


async def test_what_is_not_built_answers_501(client: Client) -> None:
    for path in ("/guilds/1/bans", "/voice/regions"):
        status, _, body = await client.call("GET", path)
        assert status == 501
        assert "no such route" in body["message"]
    assert (
        await client.call(
            "POST",
            MESSAGES,
            {"content": "x", "poll": {"question": {"text": "?"}, "answers": [{"poll_media": {"text": "!"}}]}},
        )
    )[0] == 501
    assert len(client.discord.rest.unbuilt) == 3
    client.discord.rest.unbuilt.clear()


async def test_links_to_files_are_signed_and_run_out(client: Client) -> None:
    world = client.discord.world
    stored = world.store(GENERAL_ID, Upload("dot.png", DOT))
    url = world.link(stored, GENERAL_ID)["url"]

    async def get(address: str) -> tuple[int, bytes]:
        async with client.session.get(address) as response:
            return response.status, await response.read()

    assert await get(url) == (200, DOT)
    assert (await get(url.replace("hm=", "hm=0")))[0] == 404
    assert (await get(url.split("?")[0]))[0] == 404
    later = world.clock() + 24 * 3600 + 1
    world.clock = lambda: later
    assert await get(url) == (404, b"This content is no longer available.")
    assert (await get(world.link(stored, GENERAL_ID)["url"]))[0] == 200


async def test_edits_of_old_messages_are_few(client: Client) -> None:
    world = client.discord.world
    _, _, sent = await client.call("POST", MESSAGES, {"content": "x"})
    later = world.clock() + 3601
    world.clock = lambda: later
    codes = [
        (await client.call("PATCH", f"{MESSAGES}/{sent['id']}", {"content": str(n)}))[2].get("code")
        for n in range(4)
    ]
    assert codes == [None, None, None, 30046]


@pytest.mark.parametrize("stored", [False, True])
async def test_resets_before_and_after_storing(client: Client, stored: bool) -> None:
    client.discord.faults.add("reset_after" if stored else "reset_before", "POST", "messages")
    with pytest.raises(aiohttp.ClientOSError) as error:
        await client.call("POST", MESSAGES, {"content": "x"})
    assert error.value.errno == 104
    assert len(client.discord.messages()) == stored


async def test_statuses_truncation_and_stalls(client: Client) -> None:
    faults = client.discord.faults
    faults.add("status", "POST", "messages", status=429, retry_after=None, via=False)
    status, headers, body = await client.call("POST", MESSAGES, {"content": "x"})
    assert status == 429
    assert "retry_after" not in body
    assert "Via" not in headers
    for number in (500, 502, 503, 504):
        faults.add("status", "POST", "messages", status=number, stored=number == 503)
    for number in (500, 502, 503, 504):
        headers = {"Authorization": f"Bot {client.discord.world.token}"}
        url = f"{client.discord.url}/api/v10{MESSAGES}"
        async with client.session.post(url, json={"content": str(number)}, headers=headers) as response:
            assert response.status == number
    assert [message.content for message in client.discord.messages()] == ["503"]
    faults.add("truncate", "GET", "/users/@me")
    with pytest.raises(aiohttp.ClientPayloadError):
        await client.call("GET", "/users/@me")
    faults.add("stall", "GET", "/users/@me", seconds=0.3)
    with pytest.raises(TimeoutError):
        await client.call("GET", "/users/@me", timeout=aiohttp.ClientTimeout(total=0.1))
    assert (await client.call("GET", "/users/@me"))[0] == 200


async def test_chance_is_seeded() -> None:
    from bot.demo.faults import Faults

    def hits(seed: int) -> list[bool]:
        faults = Faults(seed)
        faults.add("reset_before", chance=0.5, times=None)
        return [faults.strike("GET", "/") is not None for _ in range(50)]

    assert hits(1) == hits(1) != hits(2)
    assert 10 < sum(hits(1)) < 40


async def test_control_over_http(client: Client) -> None:
    base = f"{client.discord.url}/control"
    async with client.session.post(f"{base}/faults", json=[]) as response:
        assert response.status == 403  # a page elsewhere cannot send the header unasked
    headers = {CONTROL_HEADER: "1"}
    rule = [{"kind": "status", "path": "@me", "status": 503}]
    async with client.session.post(f"{base}/faults", json=rule, headers=headers) as response:
        assert (await response.json())["faults"] == [{"kind": "status", "path": "@me", "hits": 0}]
    async with client.session.get(f"{client.discord.url}/api/v10/users/@me") as response:
        assert response.status == 503
    for bad in ([{"kind": "status", "nonsense": 1}], {"what": "nonsense"}):
        where = "faults" if isinstance(bad, list) else "act"
        async with client.session.post(f"{base}/{where}", json=bad, headers=headers) as response:
            assert response.status == 400
    said = client.discord.user("alice").say("x")
    act = {"what": "delete_message", "message": said.id}
    async with client.session.post(f"{base}/act", json=act, headers=headers) as response:
        assert response.status == 200
    assert client.discord.messages() == []


async def test_only_loopback_names_are_answered(client: Client) -> None:
    async with client.session.get(client.discord.url, headers={"Host": "evil.example"}) as response:
        assert response.status == 421


class Line:
    """A gateway connection that reads whole payloads, whatever the compression."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, compress: str | None) -> None:
        self.socket = socket
        self._inflate: Any = {
            "zlib-stream": zlib.decompressobj,
            "zstd-stream": lambda: zstandard.ZstdDecompressor().decompressobj(),
        }.get(compress or "", lambda: None)()

    async def read(self) -> dict[str, Any]:
        message = await self.socket.receive()
        if message.type == aiohttp.WSMsgType.TEXT:
            payload: dict[str, Any] = json.loads(message.data)
        elif message.type == aiohttp.WSMsgType.BINARY:
            payload = json.loads(self._inflate.decompress(message.data))
        else:
            return {"closed": self.socket.close_code}
        return payload

    async def until(self, name: str) -> dict[str, Any]:
        while (payload := await self.read()).get("t") != name:
            assert "closed" not in payload, payload
        return payload

    async def identify(self, discord: Discord, **more: Any) -> dict[str, Any]:
        assert (await self.read())["op"] == 10
        data = {"token": discord.world.token, "intents": 1 | 1 << 9, "properties": {}, **more}
        await self.socket.send_json({"op": 2, "d": data})
        return await self.read()


async def connect(client: Client, compress: str | None = None) -> Line:
    more = f"&compress={compress}" if compress else ""
    return Line(
        await client.session.ws_connect(f"{client.discord.gateway_url}?v=10&encoding=json{more}"), compress
    )


@pytest.mark.parametrize("compress", [None, "zlib-stream", "zstd-stream"])
async def test_one_compression_context_for_all_frames(client: Client, compress: str | None) -> None:
    line = await connect(client, compress)
    ready = await line.identify(client.discord)
    assert ready["d"]["resume_gateway_url"] == client.discord.gateway_url
    assert [guild["id"] for guild in ready["d"]["guilds"]] == [GUILD_ID]
    created = await line.until("GUILD_CREATE")
    assert [member["user"]["id"] for member in created["d"]["members"]] == [APP_ID]  # no members intent
    for number in range(20):
        client.discord.user("alice").say(f"message {number}")
    numbers = [(await line.until("MESSAGE_CREATE"))["s"] for _ in range(20)]
    assert numbers == list(range(numbers[0], numbers[0] + 20))
    await line.socket.send_bytes(
        json.dumps({"op": 1, "d": numbers[-1]}).encode()
    )  # hikari sends binary frames
    assert (await line.read())["op"] == 11
    await line.socket.close()


async def test_content_is_only_for_those_who_may_read_it(client: Client) -> None:
    line = await connect(client)
    await line.identify(client.discord)
    alice = client.discord.user("alice")
    alice.say("secret")
    assert (await line.until("MESSAGE_CREATE"))["d"]["content"] == ""
    alice.say(f"<@{APP_ID}> for you")
    assert (await line.until("MESSAGE_CREATE"))["d"]["content"] == f"<@{APP_ID}> for you"
    await line.socket.close()
    refused = await connect(client)
    assert await refused.identify(client.discord, intents=1 | MESSAGE_CONTENT) == {"closed": 4014}


async def test_wrong_token_wrong_shard_unknown_opcode(client: Client) -> None:
    assert await (await connect(client)).identify(client.discord, token="x") == {"closed": 4004}
    assert await (await connect(client)).identify(client.discord, shard=[2, 2]) == {"closed": 4010}
    line = await connect(client)
    await line.identify(client.discord)
    await line.until("GUILD_CREATE")
    await line.socket.send_json({"op": 4, "d": {}})
    assert await line.read() == {"closed": 4001}


async def test_a_server_belongs_to_one_shard(client: Client) -> None:
    client.discord.gateway.max_concurrency = 2  # both may log in at once
    home = (int(GUILD_ID) >> 22) % 2
    lines = [await connect(client) for _ in range(2)]
    readies = [await line.identify(client.discord, shard=[n, 2]) for n, line in enumerate(lines)]
    assert [len(ready["d"]["guilds"]) for ready in readies] == [int(n == home) for n in range(2)]
    client.discord.user("alice").say("hi")
    await lines[home].until("MESSAGE_CREATE")
    await lines[1 - home].socket.send_json({"op": 1, "d": None})
    assert (await lines[1 - home].read())["op"] == 11  # nothing came before the acknowledgement
    for line in lines:
        await line.socket.close()


async def test_shards_log_in_one_after_another_and_are_as_many_as_wanted(client: Client) -> None:
    discord = client.discord
    discord.gateway.shards = discord.rest.shards = 2
    told = (await client.call("GET", "/gateway/bot"))[2]
    assert (told["shards"], told["session_start_limit"]["max_concurrency"]) == (2, 1)
    assert await (await connect(client)).identify(discord) == {"closed": 4011}
    first, soon = await connect(client), await connect(client)
    assert (await first.identify(discord, shard=[0, 2]))["t"] == "READY"
    assert await soon.identify(discord, shard=[1, 2]) == {"op": 9, "d": False}
    discord.world.clock = lambda: time.time() + 5.0  # Discord's wait between two logins
    later = await connect(client)
    assert (await later.identify(discord, shard=[1, 2]))["t"] == "READY"
    discord.act("drop_gateway", shard=1)
    while "closed" not in await later.read():
        pass
    await first.socket.send_json({"op": 1, "d": None})
    while (await first.read())["op"] != 11:
        pass
    await first.socket.close()


async def test_resume_replays_what_was_missed(client: Client) -> None:
    line = await connect(client)
    ready = await line.identify(client.discord)
    last = (await line.until("GUILD_CREATE"))["s"]
    client.discord.act("drop_gateway")
    assert "closed" in await line.read()
    await client.discord.until(lambda: client.discord.world.online == 0, "the cut")
    client.discord.user("alice").say("missed")
    again = await connect(client)
    await again.read()
    data = {"token": client.discord.world.token, "session_id": ready["d"]["session_id"], "seq": last}
    await again.socket.send_json({"op": 6, "d": data})
    assert (await again.read())["t"] == "MESSAGE_CREATE"
    assert (await again.read())["t"] == "RESUMED"
    client.discord.act("invalid_session")
    assert await again.read() == {"op": 9, "d": False}
    await again.socket.close()
    third = await connect(client)
    await third.read()
    await third.socket.send_json({"op": 6, "d": data})
    assert await third.read() == {"op": 9, "d": False}
    await third.socket.close()


async def test_doubled_and_lost_events(client: Client) -> None:
    line = await connect(client)
    await line.identify(client.discord)
    alice = client.discord.user("alice")
    client.discord.act("duplicate_dispatch")
    alice.say("twice")
    first, second = [await line.until("MESSAGE_CREATE") for _ in range(2)]
    assert first == second
    client.discord.act("lose_dispatch")
    alice.say("lost")
    kept = alice.say("kept")
    assert (await line.until("MESSAGE_CREATE"))["d"]["id"] == kept.id
    await asyncio.gather(line.socket.close())


async def test_events_that_overtake_each_other(client: Client) -> None:
    line = await connect(client)
    await line.identify(client.discord)
    alice = client.discord.user("alice")
    client.discord.act("swap_dispatch")
    first, second, third = [alice.say(text) for text in ("first", "second", "third")]
    seen = [(await line.until("MESSAGE_CREATE"))["d"]["id"] for _ in range(3)]
    assert seen == [second.id, first.id, third.id]
    await line.socket.close()


async def test_a_line_that_went_dead_answers_no_heartbeat_and_can_be_resumed(client: Client) -> None:
    line = await connect(client)
    ready = await line.identify(client.discord)
    await line.socket.send_json({"op": 1, "d": 1})
    while (await line.read())["op"] != 11:
        pass
    client.discord.act("mute_gateway")
    client.discord.user("alice").say("unheard")
    await line.socket.send_json({"op": 1, "d": 1})
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await line.read()
    again = await connect(client)
    await again.read()
    data = {"token": client.discord.world.token, "session_id": ready["d"]["session_id"], "seq": 2}
    await again.socket.send_json({"op": 6, "d": data})
    assert (await again.until("MESSAGE_CREATE"))["d"]["channel_id"] == GENERAL_ID
    await line.socket.close()
    await again.socket.close()
