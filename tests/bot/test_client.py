"""Starting: quickly, without torch, registering only what changed; one clear line where it cannot."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import discord
import pytest

from bot import client
from bot.demo.driver import BotProcess, Discord
from bot.demo.seed_data import GUILD_ID
from engine import config as configuration
from engine.config import Config
from engine.errors import ConfigError
from engine.service import Service
from tests.bot.conftest import is_grid

MakeBot = Callable[..., BotProcess]


def test_importing_the_client_loads_no_torch() -> None:
    code = (
        "import sys, bot.client\n"
        "heavy = {'torch', 'diffusers', 'transformers', 'accelerate', 'fastapi'} & set(sys.modules)\n"
        "assert 'discord' in sys.modules\n"
        "print(sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_no_token_is_one_clear_line() -> None:
    with pytest.raises(ConfigError, match="LIMNER_TOKEN"):
        configuration.token(Config(), {"LIMNER_TOKEN": "  "})


@pytest.mark.parametrize(
    "environment",
    [
        {"LIMNER_DISCORD_API": "https://evil.example/api/v10", "LIMNER_DISCORD_GATEWAY": "ws://127.0.0.1:1/"},
        {"LIMNER_DISCORD_API": "http://127.0.0.1:1/api/v10", "LIMNER_DISCORD_GATEWAY": "wss://evil.example/"},
        {
            "LIMNER_DISCORD_API": "http://127.0.0.1@evil.example/api/v10",
            "LIMNER_DISCORD_GATEWAY": "ws://localhost/",
        },
        {"LIMNER_DISCORD_API": "http://127.0.0.1:1/api/v10"},
    ],
)
def test_the_token_is_shown_to_discord_or_to_this_machine_only(environment: dict[str, str]) -> None:
    with pytest.raises(ConfigError):
        client.point_to_loopback(environment)


def test_without_a_stand_in_discord_itself_is_meant() -> None:
    from discord.http import Route

    before = Route.BASE
    client.point_to_loopback({})
    assert before == Route.BASE == "https://discord.com/api/v10"


async def test_discord_tells_the_time_by_which_things_are_deleted(tmp_path: Path) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        told = len(answers) in (1, 2)
        date = b"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n" if told else b""  # RFC 9110, 5.6.7
        answers.append(date)
        writer.write(b"HTTP/1.1 200 OK\r\n" + date + b"Content-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    answers: list[bytes] = []
    config = Config(data_dir=tmp_path)
    async with (
        Service.open(config, renderer="engine.workers.fake:Renderer") as service,
        await asyncio.start_server(answer, "127.0.0.1", 0) as server,
    ):
        bot = client.Limner(config, service)
        assert bot.http.http_trace is not None
        port = server.sockets[0].getsockname()[1]
        async with aiohttp.ClientSession(trace_configs=[bot.http.http_trace]) as session:
            for traced in (1, 1, 0, 0):  # the second and third answer have a date, and no later one is traced
                async with session.get(f"http://127.0.0.1:{port}/"):
                    pass
                assert len(session.trace_configs) == traced
        assert len(answers) == 4
        assert 784111777 <= service.retention.clock.now() < 784111777 + 3600
        # Discord's own example of an id (API reference, Snowflakes): 2016-04-30 11:18:25.796 UTC
        at = discord.utils.snowflake_time(175928847299117063)
        pressed = SimpleNamespace(created_at=at, type=discord.InteractionType.component)
        await bot.on_interaction(cast("discord.Interaction[Any]", pressed))
        assert 1462015105 <= service.retention.clock.now() < 1462015105 + 3600


@pytest.mark.e2e
async def test_a_wrong_token_ends_with_one_line_and_code_2(discord: Discord, make_bot: MakeBot) -> None:
    bot = make_bot()
    bot.environment["LIMNER_TOKEN"] = "MTA5.Gwrong.token-that-nobody-issued-0000000000"
    await bot.start(wait=False)
    assert bot.process is not None
    assert await bot.process.wait() == 2
    lines = [line for line in bot.output().splitlines() if " INFO " not in line]
    assert lines == [f"limner: {client.WRONG_TOKEN}"]


@pytest.mark.e2e
async def test_started_before_its_line_is_up_it_logs_in_later(discord: Discord, make_bot: MakeBot) -> None:
    fault = discord.faults.add("reset_before", "GET", r"/users/@me$", times=2)
    async with make_bot():
        assert fault.hits == 2


@pytest.mark.e2e
async def test_ready_before_its_worker_is(discord: Discord, make_bot: MakeBot) -> None:
    # how soon, `make bench` says: a number of seconds is the machine's as much as the bot's
    async with make_bot(start_seconds=3600):
        queue = await discord.user("alice").slash("queue")
        await discord.until(lambda: queue.message.data["content"], "the queue")
        assert "Nothing is waiting." in queue.message.data["content"]


def names(commands: Iterable[dict[str, Any]], guild: str | None) -> set[str]:
    return {command["name"] for command in commands if command.get("guild_id") == guild}


@pytest.mark.e2e
async def test_commands_are_registered_where_they_changed(discord: Discord, make_bot: MakeBot) -> None:
    registered = []
    discord.world.subscribe(lambda event: registered.append(event) if event.kind == "commands" else None)
    every = {*("imagine", "info", "queue", "cancel", "show", "help"), *("Cancel job", "Info", "DM results")}
    async with make_bot() as bot:
        assert len(registered) == 1
        assert names(discord.world.all_commands(), None) >= every
        await bot.stop()
        await bot.start()
        assert len(registered) == 1, "nothing had changed"
        await bot.stop()
        # only this server from now on: it gets its own list, and the one for everywhere is emptied
        bot.environment["LIMNER_DISCORD_GUILDS"] = GUILD_ID
        await bot.start()
        await discord.until(lambda: len(registered) == 3, "two lists")
        assert names(discord.world.all_commands(), None) == set()
        assert names(discord.world.all_commands(), GUILD_ID) >= every
        await discord.user("alice").slash("imagine", prompt="a red apple")
        await discord.wait_for_message(is_grid)


@pytest.mark.e2e
async def test_a_deleted_database_registers_again(discord: Discord, make_bot: MakeBot, data: Path) -> None:
    registered = []
    discord.world.subscribe(lambda event: registered.append(event) if event.kind == "commands" else None)
    async with make_bot() as bot:
        await bot.stop()
        for file in data.glob("limner.db*"):
            file.unlink()
        await bot.start()
        assert len(registered) == 2


@pytest.mark.e2e
async def test_stopping_is_orderly_and_logs_no_token(discord: Discord, make_bot: MakeBot) -> None:
    async with make_bot() as bot:
        answer = await discord.user("alice").slash("imagine", prompt="a red apple")
        await discord.wait_for_message(is_grid)
        assert await bot.stop() == 0
    said = bot.output(10**7)
    assert discord.world.token not in said
    assert answer.interaction.token not in said
    assert "Traceback" not in said


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("method", "path", "status", "said"),
    [
        ("GET", r"^/users/@me$", 429, "limner: Discord refuses the login: too many requests (HTTP 429)."),
        ("GET", r"^/users/@me$", 403, "limner: Discord refuses the login: "),
        ("PUT", r"/commands$", 400, "limner: Discord refuses the bot's commands: "),
    ],
)
async def test_what_discord_refuses_for_good_is_one_line_and_no_traceback(
    discord: Discord, make_bot: MakeBot, method: str, path: str, status: int, said: str
) -> None:
    discord.faults.add("status", method, path, status=status, times=None, via=False)
    bot = make_bot()
    await bot.start(wait=False)
    assert bot.process is not None
    assert await bot.process.wait() == 2
    assert said in bot.output()
    assert "Traceback" not in bot.output()
