"""``/enhance``: a longer prompt from a language model on this machine, shown before it is drawn."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.demo.driver import BotProcess, Discord, faces
from engine.config import load
from engine.errors import ConfigError
from engine.service.enhancer import clean
from tests.bot.conftest import is_grid


@pytest.mark.parametrize(
    ("said", "prompt"),
    [
        ('"A red fox in deep snow, soft light."', "A red fox in deep snow, soft light."),
        ("**Prompt:** a red fox", "a red fox"),
        ("Enhanced prompt: a red fox", "a red fox"),
        ("<think>What is a fox?\nAn animal.</think>\n\na red fox\nin the snow", "a red fox in the snow"),
        ("<think>never ended", ""),
        ("a red fox --ar 3:2 — quick", "a red fox ar 3:2 — quick"),
        ("a fox::2", "a fox:2"),
        ("   ", ""),
        ("word " * 400, ("word " * 160).strip()),
        ("One is here. " * 100, ("One is here. " * 61).strip()),
    ],
)
def test_what_a_model_says_becomes_plain_words(said: str, prompt: str) -> None:
    assert clean(said) == prompt


@pytest.mark.parametrize("address", ["https://api.example.com/v1", "http://192.168.1.2:8080/v1", "http://example.pt"])
def test_only_this_machine_is_asked(address: str, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(f'[engine]\nenhancer = "{address}"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match="not on this machine"):
        load(tmp_path / "config.toml", {})


class Model:
    """A small server that speaks OpenAI's chat completions (platform.openai.com/docs/api-reference/chat)."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.says = "a red fox in deep snow at dawn, soft pink light, low angle"
        self.status = 200

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(await request.json())
        if self.status != 200:
            return web.json_response({"error": {"message": "no such model"}}, status=self.status)
        message = {"role": "assistant", "content": self.says, "refusal": None}
        return web.json_response(
            {
                "id": "chatcmpl-1",
                "object": "chat.completion",
                "created": 1,
                "model": self.asked[-1]["model"],
                "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18},
            }
        )


@pytest.fixture
async def model(tmp_path: Path) -> AsyncIterator[Model]:
    made = Model()
    app = web.Application()
    app.router.add_post("/v1/chat/completions", made.answer)
    async with TestServer(app, host="127.0.0.1") as server:
        (tmp_path / "config.toml").write_text(
            f'[engine]\nenhancer = "http://127.0.0.1:{server.port}/v1"\nenhancer_model = "small"\n',
            encoding="utf-8",
        )
        yield made


@pytest.mark.e2e
async def test_a_prompt_is_lengthened_shown_and_drawn_when_told_to(
    discord: Discord, model: Model, make_bot: Callable[..., BotProcess]
) -> None:
    async with make_bot() as bot:
        alice = discord.user("alice")
        asked = await alice.slash("enhance", prompt="a red fox --ar 3:2 --seed 7")
        await discord.until(lambda: faces(asked.message), "the longer prompt")
        line = f"{model.says} --ar 3:2 --seed 7"
        assert f"```\n{line}\n```" in asked.message.data["content"]
        assert faces(asked.message) == ["Draw this", "Change it first…"]
        assert asked.message.data["flags"] & 64
        [sent] = model.asked
        assert sent["model"] == "small"
        assert [message["role"] for message in sent["messages"]] == ["system", "user"]
        assert sent["messages"][1]["content"] == "a red fox", "flags are nothing to a language model"
        await bot.kill()
        await bot.start()
        dialog = await alice.click(asked.message, "Change it first…")
        [box] = [row["component"] for row in dialog.modal["components"]]
        assert box["value"] == line
        await alice.submit(dialog, {"prompt": "a red fox at noon"})
        grid = await discord.wait_for_message(is_grid)
        assert grid.data["content"].startswith(f"**a red fox at noon** - <@{alice.id}>")
        await alice.click(asked.message, "Draw this")
        drawn = await discord.wait_for_message(is_grid, after=grid)
        assert drawn.data["content"].startswith(f"**{line}** - ")
        # what it cannot do is said
        weighed = await alice.slash("enhance", prompt="a cat::2 a dog")
        await discord.until(lambda: "one plain text" in weighed.message.data["content"], "the refusal")
        model.status = 404
        silent = await alice.slash("enhance", prompt="a red fox")
        await discord.until(lambda: "does not answer" in silent.message.data["content"], "the refusal")
        assert len([one for one in discord.messages() if is_grid(one)]) == 2, "never on by itself"
        assert len(model.asked) == 2


def names(discord: Discord) -> set[str]:
    return {command["name"] for command in discord.world.all_commands()}


@pytest.mark.e2e
async def test_without_a_model_there_is_no_such_command(discord: Discord, bot: BotProcess) -> None:
    assert "shorten" in names(discord)
    assert "enhance" not in names(discord)
